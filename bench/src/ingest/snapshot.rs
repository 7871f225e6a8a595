//! A table as it is, read for the first time.

use std::path::Path;

use anyhow::{Result, ensure};
use sqlx::Connection;

use super::product::{Product, program, timed};
use crate::postgres::Postgres;
use crate::terminal::show;

const DATABASE: &str = "snapshot";
const NAME: &str = "large";
const ROWS_PER_SCALE: u64 = 100_000;

pub async fn run(cortex: &Path, postgres: &Postgres, scale: u32) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let product = Product { cortex, data: &data };
    postgres.create(DATABASE, None).await?;
    let rows = u64::from(scale) * ROWS_PER_SCALE;
    let scale = scale.to_string();
    timed(program(postgres, "pgbench", &["-i", "-q", "-s", &scale, DATABASE])?)?;
    let mut connection = postgres.connect(DATABASE).await?;
    sqlx::raw_sql("ALTER TABLE pgbench_accounts OWNER TO cortex")
        .execute(&mut connection)
        .await?;

    let copy = "COPY (SELECT * FROM pgbench_accounts) TO STDOUT (FORMAT binary)";
    let copied = || -> Result<_> { timed(program(postgres, "psql", &["-q", "-c", copy, DATABASE])?) };
    // The first has the pages of the table come into memory.
    copied()?;
    let peer = copied()?;
    product.add(&postgres.url(DATABASE), NAME, "pgbench_accounts")?;
    let ours = product.ingest()?;
    let arrived = product.number(&format!(
        "SELECT count(DISTINCT aid) FROM bronze.{NAME}__pgbench_accounts WHERE _op = 'snapshot'"
    ))?;
    ensure!(
        arrived.unsigned_abs() == rows,
        "{arrived} of {rows} rows are in the lake"
    );
    show("");
    show(&format!("the snapshot of {rows} rows: pgbench_accounts"));
    show(&format!(
        "  COPY … TO STDOUT (FORMAT binary), to nowhere:  {:>9.0} rows/s  ({:.1} s)",
        peer.per_second(rows),
        peer.took.as_secs_f64()
    ));
    show(&format!(
        "  cortex ingest run (into Delta, synced):        {:>9.0} rows/s  ({:.1} s, {} MiB at most)  = {:.0} % of that (bar 50 %)",
        ours.per_second(rows),
        ours.took.as_secs_f64(),
        ours.memory_bytes >> 20,
        100.0 * peer.took.as_secs_f64() / ours.took.as_secs_f64()
    ));
    connection.close().await?;
    Ok(())
}
