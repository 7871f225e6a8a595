//! Benchmarks of the real binary, each beside bare limits taken in the same run.
//!
//! Latencies are open-loop: requests are due at a fixed rate whatever the server does, and a request's latency counts
//! from the instant at which it was due, so that a stall is not hidden by the client waiting for it.

mod cpu;
mod erp;
mod flush;
mod ingest;
mod latency;
mod load;
mod postgres;
mod scenario;
mod server;
mod terminal;

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Bench {
    /// Import of a file of invoice lines, and how soon its changes are in Delta.
    Import,
    /// Online read of 20 features of one customer over HTTP.
    Online,
    /// Prediction for one customer over HTTP: features, model, decision.
    Predict,
    /// The ERP on a private PostgreSQL: posting, revaluing, reporting and reading, beside the database by itself.
    Erp,
    /// Another PostgreSQL into the lake: a backlog of changes beside `pg_recvlogical`, a snapshot beside `COPY`, changes that keep coming.
    Ingest,
}

/// Measures a cortex binary on this machine.
#[derive(Debug, Parser)]
pub struct Options {
    /// What to measure; everything where nothing is named.
    #[arg(value_enum)]
    benches: Vec<Bench>,
    /// The binary under test, in a release build.
    #[arg(long)]
    cortex: PathBuf,
    /// A file in the layout of the Online Retail data set (.csv or .csv.gz); generated where absent.
    #[arg(long)]
    input: Option<PathBuf>,
    /// A data folder that `cortex demo --data` has filled; made by a demo run where absent.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Requests due per second.
    #[arg(long, default_value_t = 200)]
    rate: u32,
    /// Seconds that each load runs.
    #[arg(long, default_value_t = 15)]
    seconds: u32,
    /// Connections that share the load.
    #[arg(long, default_value_t = 16)]
    connections: u32,
    #[command(flatten)]
    erp: erp::ErpOptions,
    #[command(flatten)]
    ingest: ingest::IngestOptions,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let wanted = |bench| options.benches.is_empty() || options.benches.contains(&bench);
    if wanted(Bench::Import) {
        scenario::import(&options)?;
    }
    if wanted(Bench::Online) || wanted(Bench::Predict) {
        scenario::serve(&options, wanted(Bench::Online), wanted(Bench::Predict)).await?;
    }
    if wanted(Bench::Erp) {
        erp::run(&options, options.benches.contains(&Bench::Erp)).await?;
    }
    if wanted(Bench::Ingest) {
        ingest::run(&options, options.benches.contains(&Bench::Ingest)).await?;
    }
    Ok(())
}
