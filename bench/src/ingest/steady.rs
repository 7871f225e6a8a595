//! Changes that keep coming: how soon each can be read in Delta, while the generator has its share of the same processors.

use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context, Result};
use serde_json::Value;

use super::product::{Product, own_tables, program};
use crate::postgres::Postgres;
use crate::server::Server;
use crate::terminal::show;

const DATABASE: &str = "steady";
const NAME: &str = "bank";
const SCALE: u32 = 10;
const CHANGES_PER_TRANSACTION: u32 = 4;
const CLIENTS: &str = "8";
/// What a stream that keeps up needs at most, from a commit there to one here.
const BAR: Duration = Duration::from_secs(2);
const SETTLES_WITHIN: Duration = Duration::from_secs(60);

pub async fn run(cortex: &Path, postgres: &Postgres, rates: &[u32], seconds: u32) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let product = Product { cortex, data: &data };
    own_tables(postgres, DATABASE, SCALE).await?;
    product.add(&postgres.url(DATABASE), NAME, "*")?;
    product.ingest()?;
    let server = Server::start(cortex, &data).await?;
    show("");
    show(&format!(
        "changes that keep coming, {seconds} s at each rate: pgbench (TPC-B), scale {SCALE}, on the same processors; from the \
         database's commit to the file of Delta's, each row counted as its file's oldest"
    ));
    for rate in rates {
        let before = commits(&data)?.len();
        let transactions = rate / CHANGES_PER_TRANSACTION;
        let (per_second, length) = (transactions.to_string(), seconds.to_string());
        let arguments = [
            "-n",
            "-M",
            "prepared",
            "-c",
            CLIENTS,
            "-j",
            "2",
            "-R",
            &per_second,
            "-T",
            &length,
            DATABASE,
        ];
        let mut generator = program(postgres, "pgbench", &arguments)?;
        generator.env("PGOPTIONS", "-c synchronous_commit=off");
        let generated = tokio::task::spawn_blocking(move || generator.output()).await??;
        let said = String::from_utf8_lossy(&generated.stdout).into_owned();
        let number = said
            .lines()
            .find_map(|line| line.strip_prefix("number of transactions actually processed: "));
        let processed = number
            .and_then(|rest| rest.split(['/', ' ']).next())
            .context("pgbench's count")?;
        let changes = processed.parse::<u64>()? * u64::from(CHANGES_PER_TRANSACTION);

        let mut arrived = Vec::new();
        let begun = std::time::Instant::now();
        while begun.elapsed() < SETTLES_WITHIN {
            arrived = commits(&data)?.split_off(before);
            if arrived.iter().map(|commit| commit.rows).sum::<u64>() >= changes {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let rows: u64 = arrived.iter().map(|commit| commit.rows).sum();
        arrived.sort_by_key(|commit| commit.waited);
        let generated = changes as f64 / f64::from(seconds);
        let p99 = percentile(&arrived, 0.99);
        show(&format!(
            "  {rate:>6} changes/s asked, {generated:>7.0} made: p50 {:>5} ms, p99 {:>5} ms, most {:>5} ms, {} commits; server {} MiB at most{}",
            percentile(&arrived, 0.5).as_millis(),
            p99.as_millis(),
            percentile(&arrived, 1.0).as_millis(),
            arrived.len(),
            server.memory_bytes_peak() >> 20,
            if rows == changes {
                String::new()
            } else {
                format!("; only {rows} of {changes} arrived")
            },
        ));
        if p99 > BAR || rows != changes || generated < 0.95 * f64::from(*rate) {
            show("  it does not keep up with more, or the generator makes no more");
            break;
        }
    }
    Ok(())
}

/// One commit of one table.
struct Commit {
    rows: u64,
    /// From the oldest of its rows' commits.
    waited: Duration,
}

/// Every commit of the source's tables, table by table and each in its order of time.
fn commits(data: &Path) -> Result<Vec<Commit>> {
    let mut found = Vec::new();
    for file in logs(data)? {
        let written = std::fs::metadata(&file)?.modified()?.duration_since(UNIX_EPOCH)?;
        let text = std::fs::read_to_string(&file)?;
        for line in text.lines() {
            let action: Value = serde_json::from_str(line)?;
            let Some(stats) = action["add"]["stats"].as_str() else {
                continue;
            };
            let stats: Value = serde_json::from_str(stats)?;
            let oldest = stats["minValues"]["_known_at"]
                .as_str()
                .context("the oldest row's time")?;
            let oldest = chrono::DateTime::parse_from_rfc3339(oldest)?.timestamp_micros();
            let oldest = Duration::from_micros(oldest.unsigned_abs());
            found.push((
                written,
                Commit {
                    rows: stats["numRecords"].as_u64().unwrap_or_default(),
                    waited: written.saturating_sub(oldest),
                },
            ));
        }
    }
    found.sort_by_key(|(written, _)| *written);
    Ok(found.into_iter().map(|(_, commit)| commit).collect())
}

fn logs(data: &Path) -> Result<Vec<PathBuf>> {
    let bronze = data.join("lake").join("main").join("bronze");
    let mut files = Vec::new();
    for table in std::fs::read_dir(&bronze)? {
        let table = table?.path();
        if !table
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with(NAME))
        {
            continue;
        }
        for file in std::fs::read_dir(table.join("_delta_log"))? {
            let file = file?.path();
            let is_commit = file.extension().is_some_and(|extension| extension == "json");
            if is_commit && !file.to_string_lossy().contains("checkpoint") {
                files.push(file);
            }
        }
    }
    Ok(files)
}

/// By rows; the commits stand in the order of how long they waited.
fn percentile(commits: &[Commit], part: f64) -> Duration {
    let rows: u64 = commits.iter().map(|commit| commit.rows).sum();
    let mut left = (rows as f64 * part).ceil();
    for commit in commits {
        left -= commit.rows as f64;
        if left <= 0.0 {
            return commit.waited;
        }
    }
    commits.last().map_or(Duration::ZERO, |commit| commit.waited)
}
