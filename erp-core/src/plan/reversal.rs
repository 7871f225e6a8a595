use cortex_types::{JournalEntryId, Timestamp};

use crate::limits::{MEMO_LENGTH_MAX, check_text};
use crate::postings::{Document, Postings};
use crate::{Books, DocumentKind, ErpError, JournalDraft, ReversalMethod, ReverseEntry, ids};

/// The entry that undoes a manual one. Documents are undone by documents: an invoice by a credit note.
pub fn plan_reversal(command: &ReverseEntry, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    let reversible = books.entries.get(&command.entry).ok_or_else(|| ErpError::NotFound {
        kind: "journal entry",
        number: command.entry.to_string(),
    })?;
    let entry = &reversible.entry;
    let refused = |problem: String| Err(ErpError::invalid("entry", problem));
    match entry.document.kind {
        DocumentKind::JournalEntry | DocumentKind::ExchangeRevaluation => {}
        kind @ (DocumentKind::StockRevaluation | DocumentKind::ExchangeDifference) => {
            return refused(format!(
                "{} is the {kind} that a document came to: undo that document instead",
                entry.number
            ));
        }
        kind => return refused(format!("{} belongs to a {kind}: undo that instead", entry.number)),
    }
    if entry.document.id != entry.id.0 {
        return refused(format!(
            "{} is a reversal itself: post a new entry instead",
            entry.number
        ));
    }
    if let Some(reversal) = &reversible.reversed_by {
        return refused(format!("{} was reversed already, by {reversal}", entry.number));
    }
    let memo = match &command.memo {
        Some(memo) => check_text("memo", memo, MEMO_LENGTH_MAX).map(|()| memo.clone())?,
        None => format!("reversal of {}", entry.number),
    };
    let mut draft = JournalDraft::new(entry.currency, memo);
    for line in &entry.lines {
        match command.method {
            ReversalMethod::CounterEntry => draft.counter(line)?,
            ReversalMethod::Storno => draft.storno(line)?,
        };
    }
    let at = command.posted_at.unwrap_or(match entry.document.kind {
        // What comes behind it is revalued as if it had never been.
        DocumentKind::ExchangeRevaluation => entry.posted_at,
        _ => now.max(entry.posted_at),
    });
    if at < entry.posted_at {
        let problem = format!("must not be before {}, the time of {}", entry.posted_at, entry.number);
        return Err(ErpError::invalid("posted_at", problem));
    }
    let id = JournalEntryId(ids::next());
    let (number, drawn) = books.number_after(DocumentKind::JournalEntry, at, &[])?;
    // It belongs to the entry that it undoes.
    let reversal = books.in_base(draft, at)?.post(id, number.clone(), entry.document, at)?;
    Ok(Postings {
        currency: entry.currency,
        amount_minor: reversal.amount_minor(),
        entries: vec![reversal],
        drawn: vec![drawn],
        ..Postings::bare(DocumentKind::JournalEntry, id.0, number, at, Document::JournalEntry)
    })
}
