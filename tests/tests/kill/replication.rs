//! Another database is read, and whoever reads it dies: of `kill -9` at a random moment, or at any step towards durability. After each
//! death and the run that follows, the rows in the lake are those of the database; and in the end no change is there twice.
//!
//! `CORTEX_FAULTS=500:7` has five hundred deaths, drawn from that seed.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use cortex_tests::binary;
use cortex_tests::postgres::{self, Draw, Source};

const DRAWN: &str = "CORTEX_FAULTS";
const RUNS: u32 = 30;
const SEED: u64 = 1;
const ACCOUNTS: u32 = 20_000;
/// Every so many runs the tables are read anew.
const RUNS_PER_SNAPSHOT: u32 = 6;

/// What is made durable on the way from there to the lake, and how often a run gets there at most.
const STEPS: [(&str, u32); 12] = [
    ("replication::before-slot", 1),
    ("replication::after-slot", 1),
    ("replication::before-note", 4),
    ("replication::snapshot-read", 1),
    ("replication::before-confirm", 2),
    ("ingest::after-plan", 2),
    ("ingest::after-append", 4),
    ("ingest::before-committed", 2),
    ("ingest::before-acknowledge", 2),
    ("lake::before-commit", 4),
    ("lake::after-commit", 4),
    ("store::before-commit", 8),
];
const RUN: [&str; 2] = ["ingest", "run"];

#[test]
fn a_database_that_is_read_through_deaths_arrives_once() -> Result<()> {
    let Some(server) = postgres::server() else {
        return Ok(());
    };
    let drawn = std::env::var(DRAWN).unwrap_or_default();
    let (runs, seed) = drawn.split_once(':').unwrap_or_default();
    let (runs, seed) = (runs.parse().unwrap_or(RUNS), seed.parse().unwrap_or(SEED));
    let mut draw = Draw::from(seed);
    let mut source = Source::create(&server)?;
    source.run(&format!(
        "CREATE TABLE accounts (id int PRIMARY KEY, balance numeric(12, 2) NOT NULL, note text); \
         CREATE TABLE history (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account int, delta int); \
         INSERT INTO accounts SELECT n, 0, repeat('x', n % 50) FROM generate_series(1, {ACCOUNTS}) n"
    ))?;
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    binary::run(
        &data,
        &["ingest", "add", &source.url, "--name", "bank", "--slot", &source.name],
    )?;

    let mut deaths: BTreeMap<&str, u32> = BTreeMap::new();
    let mut life = Duration::from_millis(300);
    for run in 0..runs {
        if run % RUNS_PER_SNAPSHOT == RUNS_PER_SNAPSHOT - 1 {
            binary::run(&data, &["ingest", "resnapshot", "bank"])?;
        }
        source.trade(&mut draw)?;
        let step = draw.below(STEPS.len() as u64 * 2) as usize;
        let (fault, died) = match STEPS.get(step) {
            Some((step, hits)) => {
                let hit = draw.below(u64::from(*hits)) as u32 + 1;
                (*step, binary::run_and_crash(&data, &RUN, step, hit)?)
            }
            None => {
                let died = binary::run_and_kill(&data, &RUN, life)?;
                // The next one dies somewhere else.
                life = Duration::from_millis(100 + draw.below(if died { 1_200 } else { 500 }));
                ("kill -9", died)
            }
        };
        *deaths.entry(fault).or_default() += u32::from(died);
        binary::run(&data, &RUN)?;
        check(&data, &mut source).with_context(|| format!("run {run} of seed {seed}, after {fault}"))?;
    }
    let died: u32 = deaths.values().sum();
    eprintln!("{runs} runs of seed {seed}, {died} deaths: {deaths:?}");
    ensure!(died >= runs / 3, "only {died} of {runs} runs died");
    // No change is there twice.
    binary::run(&data, &["lake", "verify"])?;
    source.end(&data)
}

/// The lake has the rows that the database has.
fn check(data: &Path, source: &mut Source) -> Result<()> {
    for table in ["accounts", "history"] {
        let there = source.content(table)?;
        let columns = source.columns(table)?;
        let here = sql(data, &format!("SELECT {columns} FROM silver.bank__{table} ORDER BY id"))?;
        ensure!(
            here == there,
            "{table}: {} rows here, {} there",
            here.lines().count(),
            there.lines().count()
        );
    }
    Ok(())
}

fn sql(data: &Path, query: &str) -> Result<String> {
    let answer = binary::run(data, &["lake", "sql", query, "--format", "csv"])?;
    Ok(answer.split_once('\n').map_or("", |(_, rows)| rows).trim().to_owned())
}
