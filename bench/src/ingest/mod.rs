//! Another PostgreSQL into the lake, by the real binary: a backlog of changes, and the snapshot of a table, each beside what
//! PostgreSQL's own programs take to bring the same out of the same server.

mod backlog;
mod product;
mod snapshot;
mod steady;

use anyhow::{Result, bail};
use clap::Args;

use crate::postgres::{MISSING, Postgres};
use crate::terminal::show;
use crate::{Options, cpu};

#[derive(Debug, Args)]
#[command(next_help_heading = "Of `ingest`")]
pub struct IngestOptions {
    /// Changes of pgbench that wait when reading begins, four to a transaction. With 0 it is not measured.
    #[arg(long, default_value_t = 10_000_000)]
    backlog_changes: u64,
    /// Rows of the table whose snapshot is taken, in hundred thousands. With 0 it is not measured.
    #[arg(long, default_value_t = 50)]
    snapshot_scale: u32,
    /// Changes a second that keep coming, one rate after the other until it does not keep up.
    #[arg(long, value_delimiter = ',', default_value = "2000,5000,10000,20000")]
    steady_rates: Vec<u32>,
    /// Seconds of each of those. With 0 they are not measured.
    #[arg(long, default_value_t = 20)]
    steady_seconds: u32,
}

/// `named`: it was asked for by its name, so a machine that cannot is an error.
pub async fn run(options: &Options, named: bool) -> Result<()> {
    let settings = ["wal_level=logical", "max_wal_size=16GB", "checkpoint_timeout=30min"];
    let Some(postgres) = Postgres::start(&settings).await? else {
        if named {
            bail!(MISSING);
        }
        show(&format!("ingest: not measured, {MISSING}"));
        return Ok(());
    };
    // The server is no child of ours: whoever interrupts us does not reach it.
    tokio::select! {
        done = measure(options, &postgres) => done,
        _ = tokio::signal::ctrl_c() => bail!("interrupted"),
    }
}

async fn measure(options: &Options, postgres: &Postgres) -> Result<()> {
    show(
        "another PostgreSQL into the lake: a private server, wal_level=logical, on this machine's disk and processors",
    );
    if let Some(busy) = cpu::others_at_work() {
        show(&busy);
    }
    if options.ingest.backlog_changes > 0 {
        backlog::run(&options.cortex, postgres, options.ingest.backlog_changes).await?;
    }
    if options.ingest.snapshot_scale > 0 {
        snapshot::run(&options.cortex, postgres, options.ingest.snapshot_scale).await?;
    }
    if options.ingest.steady_seconds > 0 {
        let (rates, seconds) = (&options.ingest.steady_rates, options.ingest.steady_seconds);
        steady::run(&options.cortex, postgres, rates, seconds).await?;
    }
    Ok(())
}
