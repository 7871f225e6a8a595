//! Every read there is, at a rate that does not wait for the answers.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value};

use super::backdating::list;
use super::client::Client;
use crate::latency::Latencies;
use crate::load::{self, Shape, Volume};
use crate::terminal::show;

const RATE: u32 = 100;
const BAR: Duration = Duration::from_millis(50);
/// Different ones that a path with a number in it is asked for.
const FILLED: usize = 50;

/// A read as `/openapi.json` has it, with addresses that exist.
struct Read {
    template: String,
    paths: Vec<String>,
}

pub async fn run(address: SocketAddr, seconds: u32, connections: u32) -> Result<()> {
    let mut client = Client::connect(address).await?;
    let document = client.get("/openapi.json").await?;
    let (mut measured, mut empty): (Vec<(String, usize, Latencies)>, Vec<String>) = (Vec::new(), Vec::new());
    let paths = document["paths"].as_object().context("paths in /openapi.json")?;
    let reads = paths
        .iter()
        .filter(|(path, item)| path.starts_with("/erp/v1/") && !item["get"].is_null());
    for (template, _) in reads {
        let read = filled(&mut client, paths, template).await?;
        let Some(first) = read.paths.first() else {
            empty.push(read.template);
            continue;
        };
        // Once before, as a warm-up, and to see that it answers at all.
        let (status, answer) = client.send("GET", first, Default::default()).await?;
        ensure!(
            status == 200,
            "GET {first}: {status} {}",
            String::from_utf8_lossy(&answer)
        );
        let shape = Shape {
            method: "GET",
            paths: read.paths,
            bodies: vec![],
        };
        let volume = Volume {
            rate: RATE,
            seconds,
            connections,
        };
        let taken = load::run(address, Arc::new(shape), volume).await?;
        measured.push((read.template, answer.len(), taken));
    }
    measured.sort_by_key(|(_, _, taken)| std::cmp::Reverse(taken.quantile(0.95)));
    report(&measured, &empty, seconds);
    Ok(())
}

fn report(measured: &[(String, usize, Latencies)], empty: &[String], seconds: u32) {
    show("");
    show(&format!(
        "every read of the ERP at {RATE} requests/s, open loop, {seconds} s each ({} of them)",
        measured.len()
    ));
    show("     p50 ms    p95 ms    p99 ms   failed    KiB   read");
    for (template, bytes, taken) in measured {
        let ms = |share| taken.quantile(share).as_secs_f64() * 1e3;
        show(&format!(
            "  {:9.2} {:9.2} {:9.2} {:8} {:6.1}   {template}",
            ms(0.5),
            ms(0.95),
            ms(0.99),
            taken.failures,
            *bytes as f64 / 1024.0
        ));
    }
    for template in empty {
        show(&format!("  not measured, there is nothing to ask for: {template}"));
    }
    let slow = measured
        .iter()
        .filter(|(_, _, taken)| taken.quantile(0.95) > BAR || taken.failures > 0)
        .count();
    let met = if slow == 0 {
        "met by all".to_owned()
    } else {
        format!("MISSED by {slow}")
    };
    show(&format!(
        "  bar: {} ms at p95: {met} of {}",
        BAR.as_millis(),
        measured.len()
    ));
}

/// Fills in what is in braces: with what the list above it has, or by the document's examples where there is no list.
async fn filled(client: &mut Client, paths: &Map<String, Value>, template: &str) -> Result<Read> {
    let none = Vec::new();
    let parameters = paths[template]["get"]["parameters"].as_array().unwrap_or(&none);
    let example = |parameter: &Value| parameter["example"].as_str().map(str::to_owned);
    let asked = parameters
        .iter()
        .filter(|parameter| parameter["in"] == "query" && parameter["required"] == true)
        .filter_map(|parameter| Some(format!("{}={}", parameter["name"].as_str()?, example(parameter)?)));
    let query = asked.collect::<Vec<_>>().join("&");
    let mut path = template.to_owned();
    let listed = |above: &str| paths.get(above).is_some_and(|item| !item["get"].is_null());
    if path.split_once("/{").is_some_and(|(above, _)| !listed(above)) {
        let first = parameters.iter().find(|parameter| parameter["in"] == "path");
        let first = first.context("a parameter of the path")?;
        let name = first["name"].as_str().context("a parameter's name")?;
        let example = example(first).with_context(|| format!("{template} gives no example of {name}"))?;
        path = path.replace(&format!("{{{name}}}"), &example);
    }
    let paths = match path.split_once("/{") {
        None if query.is_empty() => vec![path],
        None => vec![format!("{path}?{query}")],
        Some((above, _)) => {
            // Some lists are short, and come whole: those take no limit.
            let page = match client.get(&format!("{above}?limit=500")).await {
                Ok(page) => page,
                Err(_) => client.get(above).await?,
            };
            let rows = list(&page).with_context(|| format!("GET {above} answers no list"))?;
            let newest_first = rows.iter().rev();
            newest_first.filter_map(|row| of_row(&path, row)).take(FILLED).collect()
        }
    };
    Ok(Read {
        template: template.to_owned(),
        paths,
    })
}

/// The address of a row of a list. What is within a row names it by its code: `/erp/v1/products/{product}/units`.
fn of_row(path: &str, row: &Value) -> Option<String> {
    let fields: BTreeMap<&str, &str> = row
        .as_object()?
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
        .collect();
    let code = fields.get("code").filter(|_| path.matches('{').count() == 1);
    let parts = path.split('/').map(|part| {
        let name = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
        name.map_or(Some(part), |name| fields.get(name).or(code).copied())
    });
    Some(parts.collect::<Option<Vec<_>>>()?.join("/"))
}
