//! Changes that waited, read as fast as they can be.

use std::path::Path;

use anyhow::{Result, ensure};
use sqlx::{Connection, PgConnection};

use super::product::{Product, own_tables, program, timed};
use crate::postgres::Postgres;
use crate::terminal::show;

const DATABASE: &str = "backlog";
/// What the source is called.
const NAME: &str = "bank";
/// Its publication, which both read.
const PUBLICATION: &str = "cortex_bank";
const PEER_SLOT: &str = "peer";
/// Hundred thousands of accounts.
const SCALE: u32 = 10;
const CHANGES_PER_TRANSACTION: u64 = 4;
const CLIENTS: u64 = 8;

pub async fn run(cortex: &Path, postgres: &Postgres, changes: u64) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let product = Product { cortex, data: &data };
    let mut connection = own_tables(postgres, DATABASE, SCALE).await?;
    product.add(&postgres.url(DATABASE), NAME, "*")?;
    product.ingest()?;
    let slot = format!("SELECT pg_create_logical_replication_slot('{PEER_SLOT}', 'pgoutput')::text");
    let _: String = sqlx::query_scalar(sqlx::AssertSqlSafe(slot))
        .fetch_one(&mut connection)
        .await?;

    let transactions = changes.div_ceil(CHANGES_PER_TRANSACTION * CLIENTS) * CLIENTS;
    let changes = transactions * CHANGES_PER_TRANSACTION;
    let (clients, each) = (CLIENTS.to_string(), (transactions / CLIENTS).to_string());
    let generator = ["-n", "-M", "prepared", "-c", &clients, "-j", "2", "-t", &each, DATABASE];
    let mut generate = program(postgres, "pgbench", &generator)?;
    // Nothing of it is to survive.
    generate.env("PGOPTIONS", "-c synchronous_commit=off");
    let generated = timed(generate)?;
    sqlx::raw_sql("CHECKPOINT").execute(&mut connection).await?;
    let end: String = sqlx::query_scalar("SELECT pg_current_wal_flush_lsn()::text")
        .fetch_one(&mut connection)
        .await?;
    show("");
    show(&format!(
        "a backlog of {changes} changes: pgbench (TPC-B), scale {SCALE}, {transactions} transactions in {:.0} s, the generator off",
        generated.took.as_secs_f64()
    ));

    let file = folder.path().join("peer");
    let publications = format!("publication_names={PUBLICATION}");
    let receive = [
        "--start",
        "--no-loop",
        "-d",
        DATABASE,
        "--slot",
        PEER_SLOT,
        "--endpos",
        &end,
        "-o",
        "proto_version=2",
        "-o",
        &publications,
        "-f",
    ];
    let mut receive = program(postgres, "pg_recvlogical", &receive)?;
    receive.arg(&file);
    let peer = timed(receive)?;
    let bytes = std::fs::metadata(&file)?.len();
    std::fs::remove_file(&file)?;
    let ours = product.ingest()?;
    check(&product, &mut connection, changes).await?;
    show(&format!(
        "  pg_recvlogical (pgoutput, into a file):  {:>9.0} changes/s  ({:.1} s, {} MiB of messages)",
        peer.per_second(changes),
        peer.took.as_secs_f64(),
        bytes >> 20
    ));
    show(&format!(
        "  cortex ingest run (into Delta, synced):  {:>9.0} changes/s  ({:.1} s, {} MiB at most)  = {:.0} % of that (bar 40 %, 1024 MiB)",
        ours.per_second(changes),
        ours.took.as_secs_f64(),
        ours.memory_bytes >> 20,
        100.0 * peer.took.as_secs_f64() / ours.took.as_secs_f64()
    ));
    show(
        "  both hold the same: the number of changes of each table, the sum of the history, the newest balance of every account",
    );
    connection.close().await?;
    Ok(())
}

/// What the lake has is what the database has.
async fn check(product: &Product<'_>, connection: &mut PgConnection, changes: u64) -> Result<()> {
    let of =
        |table: &str| format!("SELECT count(*) FROM bronze.{NAME}__pgbench_{table} WHERE _op IN ('insert', 'update')");
    let mut arrived = 0;
    for table in ["accounts", "branches", "tellers", "history"] {
        arrived += product.number(&of(table))?;
    }
    ensure!(
        arrived.unsigned_abs() == changes,
        "{arrived} of {changes} changes are in the lake"
    );
    let newest = format!("SELECT sum(abalance * (aid % 1000)) FROM silver.{NAME}__pgbench_accounts");
    let history = format!("SELECT sum(delta) FROM bronze.{NAME}__pgbench_history");
    for (here, there) in [
        (
            newest,
            "SELECT sum(abalance * (aid % 1000))::bigint FROM pgbench_accounts",
        ),
        (history, "SELECT sum(delta)::bigint FROM pgbench_history"),
    ] {
        let expected: i64 = sqlx::query_scalar(there).fetch_one(&mut *connection).await?;
        let found = product.number(&here)?;
        ensure!(found == expected, "{here}: {found}, but the database has {expected}");
    }
    Ok(())
}
