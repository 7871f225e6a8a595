//! `cortex erp`: history in, and the books checked.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Subcommand;
use cortex_erp::Party;
use cortex_erp::import::online_retail::{ImportReport, OnlineRetailOptions, Progress, import};
use cortex_types::{Frontier, RequestContext};
use tokio_util::sync::CancellationToken;

use super::{open, progress, say, values};
use crate::cli::Globals;
use crate::failure::{AppError, Failure};
use crate::platform::Platform;

#[derive(Debug, Subcommand)]
pub enum ErpCommand {
    /// Bring history in, through the same services as any other document
    #[command(subcommand)]
    Import(ImportCommand),
    /// Check the books: our own numbers are gapless, entries balance, stock is what its moves come to
    Verify,
    /// Make a party's personal fields unreadable for good, in every copy there is: books, change log, lake, backups
    ///
    /// Destroys the key that they are sealed under. Documents and amounts stay as they are.
    #[command(after_help = "Example:\n  cortex erp erase 17850 --yes")]
    Erase {
        /// Its code
        party: String,
        /// There is no way back
        #[arg(long, required = true)]
        yes: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum ImportCommand {
    /// The "Online Retail" file (UCI dataset 352)
    ///
    /// Bad lines are counted by reason and can be written to a file; the import goes on. Running it again adds nothing.
    #[command(after_help = "\
Examples:
  cortex erp import online-retail online-retail.csv.gz --rejects rejects.csv
  cortex erp import online-retail part.csv --strict")]
    OnlineRetail {
        /// A .csv or .csv.gz
        file: PathBuf,
        /// Stop at the first line that is refused
        #[arg(long)]
        strict: bool,
        /// Where to write refused lines, with line number and reason
        #[arg(long, value_name = "FILE")]
        rejects: Option<PathBuf>,
        /// Declare the history as known so long after each event
        #[arg(long, value_name = "SPAN", value_parser = values::span, default_value = "0s")]
        known_delay: Duration,
    },
}

impl ErpCommand {
    pub async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let (platform, ctx) = open(globals).await?;
        match self {
            Self::Import(ImportCommand::OnlineRetail {
                file,
                strict,
                rejects,
                known_delay,
            }) => {
                let options = OnlineRetailOptions {
                    strict,
                    rejects,
                    known_delay,
                    ..OnlineRetailOptions::default()
                };
                let (report, frontier, lag) = import_online_retail(&platform, &ctx, &file, &options).await?;
                say(report.to_string());
                say(format!(
                    "changes in Delta and in the online store up to {frontier}, {:.1} s after the last commit",
                    lag.as_secs_f64()
                ));
            }
            Self::Verify => verify(&platform, &ctx).await?,
            Self::Erase { party, yes: _ } => {
                let erased = platform.providers.sealer.erase(&ctx, &Party::subject(&party)).await?;
                say(match erased {
                    true => format!("the personal fields of '{party}' can be read no more"),
                    false => format!("'{party}' has no personal fields, or they were erased before"),
                });
            }
        }
        platform.close().await;
        Ok(())
    }
}

/// Posts the file while its changes already move on; returns when the last of them is in the lake and in the online store,
/// with how long that took after the last commit.
async fn import_online_retail(
    platform: &Platform,
    ctx: &RequestContext,
    file: &std::path::Path,
    options: &OnlineRetailOptions,
) -> Result<(ImportReport, Frontier, Duration), Failure> {
    let bar = progress::bar("posting", 0);
    let show = |at: Progress| {
        bar.set_length(at.entries as u64);
        bar.set_position(at.entries_done as u64);
    };
    let ingesting = CancellationToken::new();
    let ingest = tokio::spawn({
        let (ingest, finish) = (Arc::clone(&platform.services.ingest), ingesting.clone());
        async move { ingest.run(finish).await }
    });
    let report = import(&platform.services.erp, ctx, file, options, &show).await;
    let committed = Instant::now();
    bar.finish_and_clear();
    let caught_up = platform.services.ingest.catch_up().await;
    ingesting.cancel();
    ingest.await.map_err(|error| AppError::Unhealthy(error.to_string()))??;
    let (report, frontier) = (report?, caught_up?);
    Ok((report, frontier, committed.elapsed()))
}

async fn verify(platform: &Platform, ctx: &RequestContext) -> Result<(), Failure> {
    let findings = platform.services.records.verify(ctx).await?;
    for finding in &findings {
        say(format!(
            "{:<24} {:<28} {}",
            finding.rule, finding.subject, finding.problem
        ));
    }
    if findings.is_empty() {
        say("the books hold");
        return Ok(());
    }
    Err(AppError::BooksBroken(findings.len()).into())
}
