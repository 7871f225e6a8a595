//! Planning: what a command comes to, given the books. Plain functions over data — no I/O, and nothing is changed; the
//! only thing that is not decided by the input is the fresh ids.

mod credit_note;
mod fiscal;
mod invoice;
mod journal_entry;
mod master_data;
mod payment;
mod purchase_receipt;
mod reversal;
mod sales_lines;
mod shelf;
mod stock_adjustment;
#[cfg(test)]
mod tests;

pub use credit_note::plan_credit_note;
pub use fiscal::{plan_fiscal_year, plan_period_state, plan_year_closing};
pub use invoice::plan_invoice;
pub use journal_entry::plan_journal_entry;
pub use master_data::{plan_party, plan_product};
pub use payment::plan_payment;
pub use purchase_receipt::plan_purchase_receipt;
pub use reversal::plan_reversal;
pub use stock_adjustment::plan_stock_adjustment;

use cortex_types::{JournalEntryId, Timestamp};

use crate::journal::{DocumentRef, JournalDraft, PostedEntry};
use crate::limits::{check_currency, check_time};
use crate::postings::Postings;
use crate::{Advised, Books, Command, DocumentKind, ErpError};

/// Most lines that one document may have.
pub const LINES_MAX: usize = 5_000;

/// What `command` comes to at `now`. `advice` is what was advised when an invoice was entered; it is no part of the
/// command's body.
pub fn plan(command: &Command, books: &Books, now: Timestamp, advice: Option<Advised>) -> Result<Postings, ErpError> {
    let (field, given) = command.given_time();
    check_time(field, given)?;
    command.currency().map_or(Ok(()), check_currency)?;
    let postings = match command {
        Command::CreateParty(party) => plan_party(party, books, now),
        Command::CreateProduct(product) => plan_product(product, books, now),
        Command::PostInvoice(invoice) => plan_invoice(invoice, books, now, advice),
        Command::PostCreditNote(note) => plan_credit_note(note, books, now),
        Command::PostJournalEntry(entry) => plan_journal_entry(entry, books, now),
        Command::AdjustStock(adjustment) => plan_stock_adjustment(adjustment, books, now),
        Command::ReceiveGoods(receipt) => plan_purchase_receipt(receipt, books, now),
        Command::RecordPayment(payment) => plan_payment(payment, books, now),
        Command::ReverseEntry(reversal) => plan_reversal(reversal, books, now),
        Command::OpenFiscalYear(year) => plan_fiscal_year(year, books, now),
        Command::SetPeriodState(period) => plan_period_state(period, books, now),
        // Its entry is what closes the year, so it goes into a period that is closed.
        Command::CloseFiscalYear(closing) => return plan_year_closing(closing, books, now),
    }?;
    if postings.kind.is_posted() {
        books.locks.check(postings.at, command.is_adjusting())?;
    }
    Ok(postings)
}

fn check_line_count(count: usize) -> Result<(), ErpError> {
    match count {
        0 => Err(ErpError::invalid("lines", "a document needs at least one line")),
        count if count > LINES_MAX => Err(ErpError::invalid(
            "lines",
            format!("{count} lines are more than the {LINES_MAX} a document may have"),
        )),
        _ => Ok(()),
    }
}

fn line_number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX).saturating_add(1)
}

/// Posts a draft under the next number of the journal; a draft without amounts posts nothing.
fn post_entry(
    draft: JournalDraft,
    books: &Books,
    document: DocumentRef,
    at: Timestamp,
    drawn: &mut Vec<(DocumentKind, u64)>,
) -> Result<Vec<PostedEntry>, ErpError> {
    if draft.is_empty() {
        return Ok(Vec::new());
    }
    let (number, place) = books.number(DocumentKind::JournalEntry, None)?;
    let entry = draft.post(JournalEntryId::new(), number, document, at)?;
    drawn.extend(place.map(|place| (DocumentKind::JournalEntry, place)));
    Ok(vec![entry])
}
