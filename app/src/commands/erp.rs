//! `cortex erp`: history in, and the books checked.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Subcommand;
use cortex_erp::import::online_retail::{ImportReport, OnlineRetailOptions, Progress, import};
use cortex_erp::{Contact, Erp, ErpConfig, ErpError, Finding, Link, Party, Records};
use cortex_erp_store::SqlLedger;
use cortex_security::Sealer;
use cortex_store::{Database, DatabaseConfig};
use cortex_types::{Frontier, RequestContext};
use tokio_util::sync::CancellationToken;

use super::erp_files::{ExportFile, ImportFile};
use super::erp_report::ReportCommand;
use super::{open, progress, say, values};
use crate::cli::Globals;
use crate::failure::{AppError, Failure};
use crate::platform::Platform;

#[derive(Debug, Subcommand)]
pub enum ErpCommand {
    /// Bring history in, through the same services as any other document
    #[command(subcommand)]
    Import(ImportCommand),
    /// Check the books: our own numbers are gapless, entries balance and are as they were posted, stock is what its moves
    /// come to
    ///
    /// Prints the seal of the newest entry, and so of all before it. Keep it elsewhere: with it, a later check proves that
    /// nothing of them was changed, not even by somebody who makes all seals anew.
    #[command(after_help = "Example:\n  cortex erp verify --sealed 5b0c…")]
    Verify {
        /// A seal that an earlier check printed: it has to be in the chain still
        #[arg(long, value_name = "SEAL")]
        sealed: Option<Link>,
    },
    /// Write master data or documents to a file
    #[command(
        after_help = "Examples:\n  cortex erp export products products.csv\n  cortex erp export sales-invoices invoices.parquet"
    )]
    Export(ExportFile),
    /// Carry every command out again on empty books, and hold them against the ones that there are
    ///
    /// Every command is journalled with all that its outcome hung on. Made anew from them the books have to be the same, row by
    /// row and byte for byte; prints the digest of each table, which is the same on every database.
    #[command(after_help = "Examples:\n  cortex erp replay\n  cortex erp replay --keep books.db")]
    Replay {
        /// Where to leave the books that were made anew: a SQLite database, which must not be there yet
        #[arg(long, value_name = "FILE")]
        keep: Option<PathBuf>,
    },
    /// Print a financial statement
    #[command(
        subcommand,
        after_help = "Example:\n  cortex erp report balance-sheet --as-of 2011-06-30"
    )]
    Report(ReportCommand),
    /// Make a party's personal fields unreadable for good, in every copy there is: books, change log, lake, backups
    ///
    /// Destroys the key that they are sealed under, and with it what is personal of the party's contacts. Documents and amounts
    /// stay as they are.
    #[command(after_help = "Examples:\n  cortex erp erase 17850 --yes\n  cortex erp erase 17850 --contact ann --yes")]
    Erase {
        /// Its code
        party: String,
        /// Only one of its contacts, by its code
        #[arg(long, value_name = "CODE")]
        contact: Option<String>,
        /// There is no way back
        #[arg(long, required = true)]
        yes: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum ImportCommand {
    /// Master data or documents from a table
    ///
    /// What is refused is told with its row, and the others go in. The same file again adds nothing.
    #[command(after_help = "\
Examples:
  cortex erp import file products products.csv --dry-run
  cortex erp import file sales-invoices invoices.parquet")]
    File(ImportFile),
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
        ///
        /// A file that is there already is replaced only if it is empty or holds the refused lines of an import before; the
        /// imported file itself never is.
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
            Self::Import(ImportCommand::File(import)) => import.run(&platform, &ctx).await?,
            Self::Export(export) => export.run(&platform, &ctx).await?,
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
                    chart: platform.services.records.chart(&ctx).await?,
                    ..OnlineRetailOptions::default()
                };
                let (report, frontier, lag) = import_online_retail(&platform, &ctx, &file, &options).await?;
                say(report.to_string());
                say(format!(
                    "changes in Delta and in the online store up to {frontier}, {:.1} s after the last commit",
                    lag.as_secs_f64()
                ));
            }
            Self::Report(report) => report.run(&*platform.services.records, &ctx).await?,
            Self::Verify { sealed } => verify(&platform, &ctx, sealed).await?,
            Self::Replay { keep } => replay(&platform, &ctx, keep).await?,
            Self::Erase { party, contact, yes: _ } => {
                let (records, sealer) = (&*platform.services.records, &platform.providers.sealer);
                let (erased, whose) = match &contact {
                    None => (erase(records, sealer, &ctx, &party).await?, party),
                    Some(contact) => (
                        erase_contact(records, sealer, &ctx, (&party, contact)).await?,
                        Contact::number(&party, contact).to_string(),
                    ),
                };
                say(match erased {
                    true => format!("the personal fields of '{whose}' can be read no more"),
                    false => format!("'{whose}' has no personal fields, or they were erased before"),
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

/// Whether there was anything to erase. A code that nobody has is refused: the party that was meant keeps its name, and
/// whoever mistyped it must not believe otherwise.
async fn erase(records: &dyn Records, sealer: &Sealer, ctx: &RequestContext, party: &str) -> Result<bool, Failure> {
    let erased = sealer.erase(ctx, &Party::subject(party)).await?;
    // A key without a party is what a creation leaves that was refused at the last moment: it may go all the same.
    if !erased && records.party(ctx, party).await?.is_none() {
        return Err(ErpError::UnknownParty(party.into()).into());
    }
    Ok(erased)
}

/// As [`erase`], of one contact: its party and the others keep theirs.
async fn erase_contact(
    records: &dyn Records,
    sealer: &Sealer,
    ctx: &RequestContext,
    (party, contact): (&str, &str),
) -> Result<bool, Failure> {
    let erased = sealer.erase(ctx, &Contact::subject(party, contact)).await?;
    if !erased && records.contact(ctx, party, contact).await?.is_none() {
        let number = Contact::number(party, contact).to_string();
        return Err(ErpError::NotFound {
            kind: "contact",
            number,
        }
        .into());
    }
    Ok(erased)
}

async fn verify(platform: &Platform, ctx: &RequestContext, sealed: Option<Link>) -> Result<(), Failure> {
    let records = &platform.services.records;
    let mut findings = records.verify(ctx).await?;
    if let Some(seal) = sealed
        && !records.has_seal(ctx, seal).await?
    {
        findings.push(Finding {
            rule: "entry-is-as-posted".to_owned(),
            subject: "the journal".to_owned(),
            problem: format!("seal {seal} is not in its chain: entries it stood for were changed, and sealed anew"),
        });
    }
    for finding in &findings {
        say(format!(
            "{:<24} {:<28} {}",
            finding.rule, finding.subject, finding.problem
        ));
    }
    if findings.is_empty() {
        let (entries, seal) = records.sealed(ctx).await?;
        say(format!("the books hold: {entries} entries, sealed by {seal}"));
        return Ok(());
    }
    Err(AppError::BooksBroken(findings.len()).into())
}

async fn replay(platform: &Platform, ctx: &RequestContext, keep: Option<PathBuf>) -> Result<(), Failure> {
    let folder = tempfile::tempdir().map_err(|error| AppError::Unhealthy(error.to_string()))?;
    let file = keep.unwrap_or_else(|| folder.path().join("books.db"));
    if file.exists() {
        let problem = format!("{} is there already: name a file that is not", file.display());
        return Err(ErpError::invalid("--keep", problem).into());
    }
    let clock = &platform.providers.clock;
    let anew = Database::open(&DatabaseConfig::at(file), Arc::clone(clock)).await?;
    anew.migrate(&[cortex_erp_store::MIGRATIONS]).await?;
    let (there, ledger) = (
        SqlLedger::new(platform.providers.database.clone()),
        SqlLedger::new(anew.clone()),
    );
    let erp = Erp::start(Arc::new(ledger.clone()), Arc::clone(clock), &ErpConfig::default());
    let bar = progress::bar("commands", 0);
    let show = |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    };
    let replayed = there.replay(ctx, &ledger, &erp, &show).await;
    bar.finish_and_clear();
    erp.drain().await;
    anew.close().await;
    let replayed = replayed?;
    for table in &replayed.tables {
        say(format!("{:<24} {:>9} rows  {}", table.table, table.rows, table.digest));
        for difference in &table.differences {
            say(format!("  {difference}"));
        }
    }
    if replayed.is_same() {
        say(format!("the books are what {} commands come to", replayed.commands));
        return Ok(());
    }
    let differing = replayed.tables.iter().filter(|table| !table.differences.is_empty());
    Err(AppError::BooksBroken(differing.count()).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use cortex_erp::{Command, CreateParty, Erp, ErpConfig, IdempotencyKey, Known, MemoryLedger, PartyKind};
    use cortex_security::{MasterKey, MemorySubjectKeys};
    use cortex_types::{ErrorCode, SystemClock, TenantId};

    #[tokio::test]
    async fn erasing_a_code_that_nobody_has_is_refused_and_erases_nobody() {
        let ledger = MemoryLedger::default();
        let erp = Erp::start(Arc::new(ledger.clone()), Arc::new(SystemClock), &ErpConfig::default());
        let ctx = RequestContext::system(TenantId::new("main").unwrap());
        let secret = cortex_runtime::Secret::new("BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc".to_owned() + "=");
        let master = MasterKey::from_secret(&secret).unwrap();
        let sealer = Sealer::new(Arc::new(master), Arc::new(MemorySubjectKeys::default()));
        let party = CreateParty {
            code: "C1".into(),
            kind: PartyKind::Customer,
            country: "France".into(),
            name_sealed: None,
            terms: None,
            created_at: None,
        };
        let key = IdempotencyKey::new("k").unwrap();
        erp.execute(&ctx, Command::CreateParty(party), key, Known::ByClock)
            .await
            .unwrap();
        let subject = Party::subject("C1");
        let sealed = sealer.seal(&ctx, &subject, "name", "Ada").await.unwrap();

        let failure = erase(&ledger, &sealer, &ctx, "C11").await.unwrap_err();
        assert_eq!(failure.code(), ErrorCode::UnknownParty);
        assert!(failure.to_string().contains("'C11'"), "{failure}");
        assert_eq!(sealer.open(&ctx, &subject, "name", &sealed).await.unwrap(), "Ada");
        assert!(erase(&ledger, &sealer, &ctx, "C1").await.unwrap());
        assert!(
            !erase(&ledger, &sealer, &ctx, "C1").await.unwrap(),
            "once more is no error"
        );
    }

    #[tokio::test]
    async fn a_contact_is_erased_alone_and_one_that_nobody_has_is_refused() {
        let ledger = MemoryLedger::default();
        let ctx = RequestContext::system(TenantId::new("main").unwrap());
        let secret = cortex_runtime::Secret::new("BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc".to_owned() + "=");
        let master = MasterKey::from_secret(&secret).unwrap();
        let sealer = Sealer::new(Arc::new(master), Arc::new(MemorySubjectKeys::default()));
        let party = Party::subject("C1");
        let name = sealer.seal(&ctx, &party, "name", "Ada").await.unwrap();
        let contact = Contact::subject("C1", "ann");
        sealer.seal(&ctx, &contact, "name", "Ann").await.unwrap();

        let failure = erase_contact(&ledger, &sealer, &ctx, ("C1", "an")).await.unwrap_err();
        assert_eq!(failure.code(), ErrorCode::NotFound);
        assert!(failure.to_string().contains("C1/an"), "{failure}");
        assert!(erase_contact(&ledger, &sealer, &ctx, ("C1", "ann")).await.unwrap());
        assert_eq!(sealer.open(&ctx, &party, "name", &name).await.unwrap(), "Ada");
    }
}
