use cortex_types::{JournalEntryId, Timestamp};

use super::check_line_count;
use super::sales_lines::field;
use crate::limits::{MEMO_LENGTH_MAX, check_amount, check_currency, check_text, check_time};
use crate::postings::{Document, Postings};
use crate::{
    Books, DocumentKind, DocumentRef, ErpError, ItemSide, JournalDraft, JournalLineInput, PostJournalEntry, Role, ids,
};

/// A manual entry. The inventory account is refused: it is the sum of what the stock moves are worth, and nothing else
/// may move it.
pub fn plan_journal_entry(command: &PostJournalEntry, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    check_line_count(command.lines.len())?;
    check_text("memo", &command.memo, MEMO_LENGTH_MAX)?;
    let mut draft = JournalDraft::new(command.currency, command.memo.clone());
    for (index, line) in command.lines.iter().enumerate() {
        add_line(&mut draft, index, line, books)?;
    }
    let (id, at) = (JournalEntryId(ids::next()), command.posted_at.unwrap_or(now));
    let (number, drawn) = books.number_after(DocumentKind::JournalEntry, at, &[])?;
    let reference = DocumentRef {
        kind: DocumentKind::JournalEntry,
        id: id.0,
    };
    let entry = books.in_base(draft, at)?.post(id, number.clone(), reference, at)?;
    Ok(Postings {
        currency: command.currency,
        amount_minor: entry.amount_minor(),
        entries: vec![entry],
        drawn: vec![drawn],
        ..Postings::bare(DocumentKind::JournalEntry, id.0, number, at, Document::JournalEntry)
    })
}

pub(super) fn add_line(
    draft: &mut JournalDraft,
    index: usize,
    line: &JournalLineInput,
    books: &Books,
) -> Result<(), ErpError> {
    let refused = |name: &str, problem: String| Err(ErpError::invalid(field(index, name), problem));
    let account = books.chart.account(&line.account)?;
    if account.role == Some(Role::Inventory) {
        let problem = "inventory moves with stock only: adjust stock, or receive goods";
        return refused("account", problem.to_owned());
    }
    if account.blocked {
        return refused(
            "account",
            format!("'{}' is blocked: nothing more is posted to it", account.code),
        );
    }
    check_amount(&field(index, "debit"), line.debit_minor)?;
    check_amount(&field(index, "credit"), line.credit_minor)?;
    let minor = match (line.debit_minor, line.credit_minor) {
        (debit, 0) if debit > 0 => debit,
        (0, credit) if credit > 0 => -credit,
        _ => {
            let problem = "exactly one of debit and credit must be above zero, and the other zero";
            return refused("debit", problem.to_owned());
        }
    };
    let currency = line.currency.unwrap_or(draft.currency);
    check_currency(currency)?;
    match (line.base_minor, books.base()) {
        (None, _) => draft.debit_in(&account.code, currency, minor)?,
        (Some(_), None) => {
            let problem = "is in the company's currency, and the company has none: say it first";
            return refused("base", problem.to_owned());
        }
        (Some(_), Some(base)) if base == currency => {
            return refused(
                "base",
                format!("is for other currencies: this line is in {base} already"),
            );
        }
        (Some(base_minor), Some(_)) => {
            check_amount(&field(index, "base"), base_minor)?;
            // A credit may be told as what it is to the account, below zero.
            if base_minor == 0 || (base_minor < 0 && minor > 0) {
                return refused(
                    "base",
                    "must be above zero: it is on the same side as the amount".to_owned(),
                );
            }
            draft.debit_with_base(&account.code, currency, minor, base_minor.abs() * minor.signum())?
        }
    };
    if let Some(code) = &line.party {
        if !ItemSide::ALL.iter().any(|side| account.role == Some(side.role())) {
            return refused("party", "is for receivables and payables".to_owned());
        }
        draft.of_party(&books.party(code)?.code);
    }
    check_time(&field(index, "due_at"), line.due_at)?;
    if line.due_at.is_some() && line.party.is_none() {
        return refused(
            "due_at",
            "is for what a party owes or is owed: name the party".to_owned(),
        );
    }
    if let Some(code) = &line.cost_centre {
        draft.for_cost_centre(books.cost_centre(&field(index, "cost_centre"), code)?);
    }
    Ok(())
}
