//! The "Online Retail" file (UCI dataset 352): every invoice line of one UK gift wholesaler, as dirty as real ERP data.
//!
//! What each line becomes:
//!
//! | in the file | in the ledger |
//! |---|---|
//! | invoice number of digits, quantity and price above zero | line of a sales invoice |
//! | … price 0, with a customer or among priced lines | line of the invoice at 0: given away |
//! | … price 0, no customer, nothing priced on the number | stock found |
//! | price 0 and quantity below zero | stock written off |
//! | number `C…`, quantity below zero | credit note: code `D` a discount, service codes other, goods a return |
//! | number `A…` | bad debt, sign as given: a negative price writes a receivable off |
//! | `BANK CHARGES`, `AMAZONFEE` without a customer | our own expense, sign as given: a cancellation is a charge |
//! | service codes (postage, carriage, manual, samples, vouchers, …) | services: billed, never stocked |
//! | no CustomerID | cash sale to the walk-in party |
//! | a service at price 0 without a customer | nothing: counted as without effect |
//!
//! Rejected, with line number and reason: lines that do not parse or miss a value, a quantity of 0 or not whole, a
//! negative quantity with a price outside a cancellation, a positive quantity on one, a negative price outside a bad
//! debt, and lines whose customer contradicts the first line of their invoice.
//!
//! Codes are read case-insensitively (`85123a` is `85123A`). A line's net is quantity × price rounded to pence, halves
//! to even. Lines of one number make one document, wherever they stand in the file; it is dated by its earliest line.

mod catalogue;
mod documents;
mod fate;
mod file;
#[cfg(test)]
mod hostile;
mod line;
mod mapping;
mod posting;
mod rejects;
mod report;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cortex_types::RequestContext;

pub use documents::{Entry, EntryKind, LineKind, RetailHistory};
pub use posting::{Posted, Progress};
pub use rejects::Reject;
pub use report::{ImportReport, KindTotal};

use crate::{Chart, Erp, ErpError};

#[derive(Clone, Debug)]
pub struct OnlineRetailOptions {
    /// Stops at the first line or document that is refused; nothing after it is posted. Posts one document at a time.
    pub strict: bool,
    /// Where refused lines are written, as CSV with line number and reason. A file that is there already is replaced only
    /// where it is empty or holds the rejects of an import before.
    pub rejects: Option<PathBuf>,
    /// The history is declared as known so long after each event.
    pub known_delay: Duration,
    /// Commands that wait for their commit at one time; keep it below the queue's limit, so that others find room.
    pub in_flight_max: usize,
    /// The company's, which says what fees and bad debts are posted to.
    pub chart: Chart,
}

impl Default for OnlineRetailOptions {
    fn default() -> Self {
        Self {
            strict: false,
            rejects: None,
            known_delay: Duration::ZERO,
            in_flight_max: 512,
            chart: Chart::default(),
        }
    }
}

/// Imports a whole file (`.csv` or `.csv.gz`). `progress` is called now and then from the importing task.
pub async fn import(
    erp: &Erp,
    ctx: &RequestContext,
    file: &Path,
    options: &OnlineRetailOptions,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<ImportReport, ErpError> {
    // Before anything is posted: whoever has to correct the path must not have to import twice.
    if let Some(path) = &options.rejects {
        rejects::check_place(path, file)?;
    }
    let (path, strict) = (file.to_owned(), options.strict);
    let history = tokio::task::spawn_blocking(move || RetailHistory::read(&path, strict))
        .await
        .map_err(|error| ErpError::Import {
            file: file.display().to_string(),
            problem: error.to_string(),
        })??;
    let history = Arc::new(history);
    let posted = posting::post(erp, ctx, &history, history.entries(), options, progress).await?;
    if let Some(path) = &options.rejects {
        rejects::write(path, &history, history.rejects().iter().chain(&posted.rejects))?;
    }
    Ok(ImportReport::new(&history, &posted, options))
}

/// Posts a part of a history, such as one week of it; see [`RetailHistory::entries`].
pub async fn post_entries(
    erp: &Erp,
    ctx: &RequestContext,
    history: &RetailHistory,
    entries: &[Entry],
    options: &OnlineRetailOptions,
) -> Result<Posted, ErpError> {
    posting::post(erp, ctx, history, entries, options, &|_| {}).await
}
