//! Commands into the queue, many at a time, so that the sequencer commits them in groups.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use cortex_types::{Coded, ErrorCode, MoneyError, RequestContext};

use super::documents::{Entry, EntryKind, RetailHistory};
use super::rejects::Reject;
use super::{KindTotal, OnlineRetailOptions};
use crate::{Chart, Command, Erp, ErpError, IdempotencyKey, Known, Pending, Receipt};

/// How long to wait when others fill the queue.
const QUEUE_PAUSE: Duration = Duration::from_millis(2);
const PROGRESS_ENTRIES: usize = 100;

/// How far an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    pub entries_done: usize,
    pub entries: usize,
    pub lines_done: usize,
}

/// What came of the commands.
#[derive(Clone, Debug, Default)]
pub struct Posted {
    pub totals: BTreeMap<EntryKind, KindTotal>,
    /// Answered from an earlier run.
    pub repeated: u64,
    pub rejects: Vec<Reject>,
}

pub(super) async fn post(
    erp: &Erp,
    ctx: &RequestContext,
    history: &RetailHistory,
    entries: &[Entry],
    options: &OnlineRetailOptions,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Posted, ErpError> {
    let declared: Arc<str> = format!("event-time+{}s", options.known_delay.as_secs()).into();
    let mut posted = Posted::default();
    let mut waiting: VecDeque<(&Entry, Pending)> = VecDeque::new();
    let mut at = Progress {
        entries_done: 0,
        entries: entries.len(),
        lines_done: 0,
    };
    // What waits behind a refused document is committed all the same: a strict import lets nothing wait.
    let in_flight_max = if options.strict {
        1
    } else {
        options.in_flight_max.max(1)
    };
    let mut upcoming = entries.iter();
    let mut next = upcoming.next();
    while next.is_some() || !waiting.is_empty() {
        let room = waiting.len() < in_flight_max;
        if let Some(entry) = next.filter(|_| room) {
            let known = Known::Declared {
                at: entry.at.saturating_add(options.known_delay),
                by: Arc::clone(&declared),
            };
            let key = IdempotencyKey::new(entry.key.as_str())?;
            match erp.submit(ctx, with_codes(entry.command.clone(), &options.chart)?, key, known) {
                Ok(pending) => {
                    waiting.push_back((entry, pending));
                    next = upcoming.next();
                    continue;
                }
                Err(ErpError::Overloaded { .. }) if waiting.is_empty() => tokio::time::sleep(QUEUE_PAUSE).await,
                Err(ErpError::Overloaded { .. }) => {}
                Err(error) => posted
                    .refuse(history, entry, &error, options.strict)
                    .map(|()| next = upcoming.next())?,
            }
        }
        let Some((entry, pending)) = waiting.pop_front() else {
            continue;
        };
        match pending.answer().await {
            Ok(receipt) => posted.take(entry, &receipt)?,
            Err(error) => posted.refuse(history, entry, &error, options.strict)?,
        }
        at.entries_done += 1;
        at.lines_done += if is_document(entry.kind) {
            entry.records.len()
        } else {
            0
        };
        if at.entries_done.is_multiple_of(PROGRESS_ENTRIES) || at.entries_done == at.entries {
            progress(at);
        }
    }
    Ok(posted)
}

fn is_document(kind: EntryKind) -> bool {
    !matches!(kind, EntryKind::Party | EntryKind::Product)
}

/// The roles that a manual entry names, as the codes that the company has for them.
fn with_codes(mut command: Command, chart: &Chart) -> Result<Command, ErpError> {
    if let Command::PostJournalEntry(entry) = &mut command {
        for line in &mut entry.lines {
            line.account = chart.account(&line.account)?.code.to_string();
        }
    }
    Ok(command)
}

impl Posted {
    fn take(&mut self, entry: &Entry, receipt: &Receipt) -> Result<(), ErpError> {
        self.repeated += u64::from(receipt.repeated);
        let total = self.totals.entry(entry.kind).or_default();
        total.documents += 1;
        total.lines += entry.records.len() as u64;
        let ledger_minor = match entry.kind {
            EntryKind::CreditNote => -receipt.amount_minor,
            // An entry's amount is the sum of its debits; which way it goes was the file's sign.
            EntryKind::BadDebt | EntryKind::Fees => receipt.amount_minor * entry.value_minor.signum(),
            EntryKind::Invoice => receipt.amount_minor,
            EntryKind::Party | EntryKind::Product | EntryKind::WriteOff | EntryKind::Found => 0,
        };
        let sum = |one: i64, other| one.checked_add(other).ok_or(MoneyError::Overflow);
        total.file_minor = sum(total.file_minor, entry.value_minor)?;
        total.ledger_minor = sum(total.ledger_minor, ledger_minor)?;
        Ok(())
    }

    /// A refused document is rejected line by line and the import goes on; a failure of the store, or a strict import,
    /// ends it.
    fn refuse(
        &mut self,
        history: &RetailHistory,
        entry: &Entry,
        error: &ErpError,
        strict: bool,
    ) -> Result<(), ErpError> {
        let code = error.code();
        let there_already = matches!(code, ErrorCode::AlreadyExists | ErrorCode::IdempotencyConflict);
        if there_already && !is_document(entry.kind) {
            // Created by an earlier file, or by hand.
            self.repeated += 1;
            return Ok(());
        }
        if matches!(error, ErpError::Stopped | ErpError::Storage { .. }) {
            return Err(error.clone());
        }
        let reason = error.to_string();
        if strict {
            let line = entry.records.first().map_or(0, |record| history.line_of(*record));
            return Err(ErpError::StrictImport {
                file: history.file_name().to_owned(),
                line,
                reason,
            });
        }
        if is_document(entry.kind) {
            let reject = |record: &u32| Reject {
                record: *record,
                line: history.line_of(*record),
                reason: reason.clone(),
            };
            self.rejects.extend(entry.records.iter().map(reject));
        }
        Ok(())
    }
}
