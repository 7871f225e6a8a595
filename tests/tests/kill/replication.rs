//! `kill -9` at random points while another database is read: its tables in the lake are what they are there, and no change is
//! missing or there twice.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use cortex_tests::binary;
use cortex_tests::postgres::{self, Source};

const KILLS: u32 = 12;
const TRANSACTIONS: u32 = 3_000;

#[test]
fn a_database_that_is_read_through_kills_arrives_once() -> Result<()> {
    let Some(server) = postgres::server() else {
        return Ok(());
    };
    let mut source = Source::create(&server)?;
    source.run(
        "CREATE TABLE accounts (id int PRIMARY KEY, balance numeric(12, 2) NOT NULL, note text); \
         CREATE TABLE history (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account int, delta int); \
         INSERT INTO accounts SELECT n, 0, repeat('x', n % 50) FROM generate_series(1, 20000) n",
    )?;
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    binary::run(
        &data,
        &["ingest", "add", &source.url, "--name", "bank", "--slot", &source.name],
    )?;

    let arguments = ["ingest", "run"];
    let mut kills = 0;
    let mut life = Duration::from_millis(300);
    for round in 0..KILLS {
        source.trade(round, TRANSACTIONS / KILLS)?;
        let started = Instant::now();
        if binary::run_and_kill(&data, &arguments, life)? {
            kills += 1;
            life += Duration::from_millis(130);
        } else {
            life = started.elapsed().mul_f64(0.6);
        }
    }
    ensure!(kills >= KILLS / 2, "only {kills} kills hit a run");
    binary::run(&data, &arguments)?;

    for table in ["accounts", "history"] {
        let there = source.content(table)?;
        let here = current(&data, table)?;
        ensure!(
            here == there,
            "{table}: {} rows here, {} there",
            here.lines().count(),
            there.lines().count()
        );
    }
    // Each change of the history is there once: of the newest epoch, that is; what a broken snapshot left is of another.
    let twice = sql(
        &data,
        "SELECT count(*) FROM (SELECT _epoch, _commit, _seq FROM bronze.bank__history GROUP BY 1, 2, 3 HAVING count(*) > 1)",
    )?;
    ensure!(twice.trim() == "0", "{twice} positions are there twice");
    binary::run(&data, &["lake", "verify"])?;
    source.end(&data)
}

/// The rows as they are, in the order of their ids, as the lake has them.
fn current(data: &std::path::Path, table: &str) -> Result<String> {
    let columns = match table {
        "accounts" => "id, balance, note",
        _ => "id, account, delta",
    };
    let query = format!("SELECT {columns} FROM silver.bank__{table} ORDER BY id");
    sql(data, &query)
}

fn sql(data: &std::path::Path, query: &str) -> Result<String> {
    let answer = binary::run(data, &["lake", "sql", query, "--format", "csv"])?;
    let (_, rows) = answer.split_once('\n').context("a heading")?;
    Ok(rows.trim().to_owned())
}
