//! What PostgreSQL's own benchmark says of this machine.

use anyhow::{Result, ensure};

use crate::postgres::Postgres;
use crate::terminal::show;

const DATABASE: &str = "pgbench";

pub async fn run(postgres: &Postgres) -> Result<()> {
    let (Some(mut prepare), Some(mut measure)) = (postgres.client("pgbench"), postgres.client("pgbench")) else {
        show("pgbench (TPC-B): not measured, it is not on this machine");
        return Ok(());
    };
    postgres.create(DATABASE, None).await?;
    let prepared = prepare.args(["-i", "-s", "10", "-q", DATABASE]).output()?;
    ensure!(
        prepared.status.success(),
        "pgbench -i: {}",
        String::from_utf8_lossy(&prepared.stderr)
    );
    let measured = measure.args(["-c", "16", "-j", "2", "-T", "10", DATABASE]).output()?;
    let said = String::from_utf8_lossy(&measured.stdout);
    let rate = said.lines().find_map(|line| line.strip_prefix("tps = "));
    ensure!(
        measured.status.success() && rate.is_some(),
        "pgbench: {said} {}",
        String::from_utf8_lossy(&measured.stderr)
    );
    let rate = rate.and_then(|rest| rest.split_whitespace().next()).unwrap_or_default();
    show(&format!(
        "pgbench (TPC-B), scale 10, 16 clients, 10 s: {rate} transactions/s of 5 rows each"
    ));
    Ok(())
}
