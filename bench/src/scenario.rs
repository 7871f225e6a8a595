//! What is measured, on which data, beside which limit.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use hyper::body::Bytes;
use serde_json::json;

use crate::Options;
use crate::flush;
use crate::latency::Latencies;
use crate::load::{self, Shape, Volume};
use crate::server::{Server, memory_bytes_peak};
use crate::terminal::show;

/// Lines of the file that is generated where none is given: as many as nine months of a small wholesaler.
const LINES: usize = 320_000;
/// Features of the read that is measured.
const FEATURES: usize = 20;

/// Imports a file into an empty data folder; the limit beside it is reading the same file, decompressed, once.
pub fn import(options: &Options) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = match &options.input {
        Some(file) => file.clone(),
        None => generate(folder.path())?,
    };
    let data = folder.path().join("data");
    let started = Instant::now();
    let mut child = Command::new(&options.cortex)
        .args(["erp", "import", "online-retail"])
        .arg(&file)
        .arg("--data")
        .arg(&data)
        .stderr(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("{} does not start", options.cortex.display()))?;
    let mut memory = 0;
    let status = loop {
        memory = memory.max(memory_bytes_peak(child.id()));
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let wall = started.elapsed();
    ensure!(status.success(), "the import failed with {status}");
    let mut report = String::new();
    if let Some(mut out) = child.stdout.take() {
        std::io::Read::read_to_string(&mut out, &mut report)?;
    }
    show(&format!("import of {}", file.display()));
    show(&format!(
        "  wall {:.1} s   peak memory {} MiB",
        wall.as_secs_f64(),
        memory >> 20
    ));
    for line in report.lines() {
        show(&format!("  | {line}"));
    }
    Ok(())
}

/// Reads and predictions of a server on a data folder that a demo has filled, beside an empty handler of the same server.
pub async fn serve(options: &Options, online: bool, predict: bool) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = match &options.data {
        Some(data) => data.clone(),
        None => demo_data(options, folder.path())?,
    };
    let server = Server::start(&options.cortex, &data).await?;
    let known = customers(&server).await?;
    let customers = active(&server, &known).await?;
    ensure!(
        !customers.is_empty(),
        "nobody bought anything lately in {}: fill it with `cortex demo --data`",
        data.display()
    );
    show(&format!(
        "{} customers, {} of them active in the last 90 days",
        known.len(),
        customers.len()
    ));
    let volume = Volume {
        rate: options.rate,
        seconds: options.seconds,
        connections: options.connections,
    };
    let bare = measure(
        &server,
        "empty handler (GET /healthz)",
        Shape {
            method: "GET",
            paths: vec!["/healthz".to_owned()],
            bodies: vec![],
        },
        volume,
    )
    .await?;
    if online {
        let bodies = customers
            .iter()
            .map(|code| body(&json!({ "features": features(), "entities": { "customer_code": [code] } })));
        let shape = Shape {
            method: "POST",
            paths: vec!["/get-online-features".to_owned()],
            bodies: bodies.collect(),
        };
        let read = measure(&server, &format!("online read of {FEATURES} features"), shape, volume).await?;
        beside("the empty handler", &read, &bare);
    }
    if predict {
        let bodies = customers.iter().map(|code| body(&json!({ "entity_key": code })));
        let path = "/v2/cortex/models/repurchase-30d/predict-entity".to_owned();
        let shape = Shape {
            method: "POST",
            paths: vec![path],
            bodies: bodies.collect(),
        };
        let flushed = flush::run(&data, volume)?;
        show("append of 4 KiB, flushed to the same disk, open loop");
        show(&format!("  {flushed}"));
        let answered = measure(&server, "prediction for one customer, decision durable", shape, volume).await?;
        beside("the empty handler", &answered, &bare);
        beside("the bare flush", &answered, &flushed);
    }
    show(&format!(
        "server's peak memory: {} MiB",
        server.memory_bytes_peak() >> 20
    ));
    Ok(())
}

async fn measure(server: &Server, name: &str, shape: Shape, volume: Volume) -> Result<Latencies> {
    let shape = Arc::new(shape);
    let warm_up = Volume {
        seconds: 2,
        rate: volume.rate / 2 + 1,
        ..volume
    };
    load::run(server.http, Arc::clone(&shape), warm_up).await?;
    let latencies = load::run(server.http, shape, volume).await?;
    show(&format!("{name}, {} connections, open loop", volume.connections));
    show(&format!("  {latencies}"));
    ensure!(latencies.failures == 0, "{} requests failed", latencies.failures);
    Ok(latencies)
}

fn beside(what: &str, measured: &Latencies, bare: &Latencies) {
    let ratio = |share| measured.quantile(share).as_secs_f64() / bare.quantile(share).as_secs_f64().max(1e-9);
    show(&format!(
        "  beside {what}: p50 × {:.1}, p99 × {:.1}",
        ratio(0.5),
        ratio(0.99)
    ));
}

fn features() -> Vec<String> {
    let windows = [
        "spend_7d",
        "spend_30d",
        "spend_90d",
        "spend_365d",
        "orders_7d",
        "orders_30d",
        "orders_90d",
        "orders_365d",
        "units_30d",
        "units_90d",
        "units_365d",
        "lines_90d",
        "products_30d",
        "products_90d",
        "products_365d",
        "line_value_avg_90d",
        "line_value_max_90d",
        "order_value_90d",
        "recency_days",
        "tenure_days",
    ];
    windows
        .iter()
        .take(FEATURES)
        .map(|name| format!("customer_sales:{name}"))
        .collect()
}

fn body(value: &serde_json::Value) -> Bytes {
    Bytes::from(value.to_string())
}

/// Codes of all customers that the server knows, the walk-in party aside.
async fn customers(server: &Server) -> Result<Vec<String>> {
    let mut codes = Vec::new();
    let mut path = "/erp/v1/parties?limit=500".to_owned();
    loop {
        let (status, text) = load::fetch(server.http, "GET", &path, Bytes::new()).await?;
        ensure!(status == 200, "GET {path}: {status} {text}");
        let page: serde_json::Value = serde_json::from_str(&text)?;
        let parties = page["items"].as_array().context("a page of parties")?;
        let customers = parties.iter().filter(|party| party["kind"] == "customer");
        codes.extend(customers.filter_map(|party| party["code"].as_str().map(str::to_owned)));
        match page["next"].as_str() {
            Some(next) => path = format!("/erp/v1/parties?limit=500&after={next}"),
            None => return Ok(codes),
        }
    }
}

/// Customers whose windows hold something: an empty window costs nothing to read.
async fn active(server: &Server, codes: &[String]) -> Result<Vec<String>> {
    let mut active = Vec::new();
    for chunk in codes.chunks(500) {
        let request = json!({ "features": ["customer_sales:lines_90d"], "entities": { "customer_code": chunk } });
        let (status, text) = load::fetch(server.http, "POST", "/get-online-features", body(&request)).await?;
        ensure!(status == 200, "POST /get-online-features: {status} {text}");
        let answer: serde_json::Value = serde_json::from_str(&text)?;
        let values = answer["results"][1]["values"]
            .as_array()
            .context("a column of values")?;
        let lines = values.iter().map(|value| value.as_i64().unwrap_or(0));
        active.extend(
            chunk
                .iter()
                .zip(lines)
                .filter(|(_, lines)| *lines > 0)
                .map(|(code, _)| code.clone()),
        );
    }
    Ok(active)
}

fn demo_data(options: &Options, folder: &Path) -> Result<PathBuf> {
    let data = folder.join("data");
    show("no --data given: running the demo once to have something to serve");
    let mut command = Command::new(&options.cortex);
    command
        .arg("demo")
        .arg("--data")
        .arg(&data)
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if let Some(input) = &options.input {
        command.arg("--input").arg(input.canonicalize()?);
    }
    let status = command.status()?;
    ensure!(status.success(), "the demo failed with {status}");
    Ok(data)
}

/// A plain file of invoice lines, the same on every run.
fn generate(folder: &Path) -> Result<PathBuf> {
    use std::io::Write;
    let path = folder.join("generated.csv");
    let mut out = std::io::BufWriter::new(std::fs::File::create(&path)?);
    writeln!(
        out,
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
    )?;
    let mut state = 42_u64;
    let mut roll = |sides: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % sides
    };
    for line in 0..LINES {
        let invoice = line / 20;
        let (day, minute) = (invoice / 65, invoice % 65 * 9);
        let product = roll(3_500);
        writeln!(
            out,
            "{},{},PRODUCT {product},{},2011-{:02}-{:02} {:02}:{:02}:00,{}.{:02},{}.0,United Kingdom",
            540_000 + invoice,
            10_000 + product,
            1 + roll(24),
            1 + day / 28,
            1 + day % 28,
            8 + minute / 60,
            minute % 60,
            roll(12),
            1 + roll(99),
            12_000 + invoice * 7_919 % 4_000,
        )?;
    }
    out.flush()?;
    Ok(path)
}
