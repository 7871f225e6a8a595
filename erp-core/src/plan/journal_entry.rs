use cortex_types::{JournalEntryId, Timestamp};

use super::check_line_count;
use super::sales_lines::field;
use crate::limits::{MEMO_LENGTH_MAX, check_amount, check_text};
use crate::postings::{Document, Postings};
use crate::{Account, Books, DocumentKind, DocumentRef, ErpError, JournalDraft, PostJournalEntry};

/// A manual entry. The inventory account is refused: it is the sum of what the stock moves are worth, and nothing else
/// may move it.
pub fn plan_journal_entry(command: &PostJournalEntry, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    check_line_count(command.lines.len())?;
    check_text("memo", &command.memo, MEMO_LENGTH_MAX)?;
    let mut draft = JournalDraft::new(command.currency, command.memo.clone());
    for (index, line) in command.lines.iter().enumerate() {
        let account = Account::find(&line.account)?;
        if account == Account::INVENTORY {
            let problem = "inventory moves with stock only: adjust stock, or receive goods";
            return Err(ErpError::invalid(field(index, "account"), problem));
        }
        check_amount(&field(index, "debit"), line.debit_minor)?;
        check_amount(&field(index, "credit"), line.credit_minor)?;
        match (line.debit_minor, line.credit_minor) {
            (debit, 0) if debit > 0 => draft.debit(account, debit)?,
            (0, credit) if credit > 0 => draft.credit(account, credit)?,
            _ => {
                let problem = "exactly one of debit and credit must be above zero, and the other zero";
                return Err(ErpError::invalid(field(index, "debit"), problem));
            }
        };
    }
    let (number, place) = books.number(DocumentKind::JournalEntry, None)?;
    let (id, at) = (JournalEntryId::new(), command.posted_at.unwrap_or(now));
    let reference = DocumentRef {
        kind: DocumentKind::JournalEntry,
        id: id.0,
    };
    let entry = draft.post(id, number.clone(), reference, at)?;
    Ok(Postings {
        currency: command.currency,
        amount_minor: entry.amount_minor(),
        entries: vec![entry],
        drawn: place
            .map(|place| (DocumentKind::JournalEntry, place))
            .into_iter()
            .collect(),
        ..Postings::bare(DocumentKind::JournalEntry, id.0, number, at, Document::JournalEntry)
    })
}
