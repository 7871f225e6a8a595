use std::sync::Arc;

use cortex_types::{CancellationId, Timestamp};

use super::shelf::{Moving, Shelf, counterpart};
use super::sides::Sides;
use super::{Head, Posting};
use crate::limits::{MEMO_LENGTH_MAX, check_text};
use crate::postings::{Document, Postings};
use crate::{Account, Books, Cancel, Cancellation, Cost, DocumentKind, DocumentRef, ErpError};

/// Takes a document back as if it had never been. Its entries are undone at their own times, its goods move the other way, and
/// everything behind them is worth what it would have been without.
pub fn plan_cancellation(command: &Cancel, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    check_text("memo", &command.memo, MEMO_LENGTH_MAX)?;
    if !command.kind.is_cancelled() {
        let problem = format!("a {} cannot be cancelled", command.kind);
        return Err(ErpError::invalid("kind", problem));
    }
    let document = books.posted(command.kind, &command.number)?;
    let refused = |problem: String| Err(ErpError::invalid("number", problem));
    if let Some(cancellation) = &document.cancelled_by {
        return refused(format!("'{}' was cancelled already, by {cancellation}", command.number));
    }
    if let Some(other) = &document.needed_by {
        return refused(format!("{other} stands on '{}': cancel that first", command.number));
    }
    for entry in &document.entries {
        books.locks.check(entry.posted_at, false)?;
    }
    let (number, place) = books.number(DocumentKind::Cancellation, None)?;
    let id = CancellationId::new();
    let reference = DocumentRef {
        kind: DocumentKind::Cancellation,
        id: id.0,
    };
    let mut shelf = Shelf::new(books, reference);
    for (moved, _) in &document.moves {
        shelf.put(&Moving {
            product: books.product(&moved.product_code, moved.currency)?,
            location: &moved.location,
            quantity_micro: -moved.quantity_micro,
            reason: moved.reason,
            cost: Cost::Undone { of: moved.id },
            line_no: moved.line_no,
            at: moved.moved_at,
        });
    }
    let stocked = shelf.settle()?;
    let memo = format!("cancellation of {}", command.number);
    let mut posting = Posting::new(books, reference, place);
    for entry in &document.entries {
        let mut sides = Sides::default();
        for line in &entry.lines {
            sides.credit(Account::find(&line.account)?, line.debit_minor - line.credit_minor)?;
        }
        // The entry has the moves at what they were worth when they were posted.
        for ((moved, _), undone) in document.moves.iter().zip(&stocked.moves) {
            if moved.moved_at == entry.posted_at {
                let product = books.product(&moved.product_code, moved.currency)?;
                let since = undone.value_minor + moved.value_minor;
                sides
                    .debit(Account::INVENTORY, since)?
                    .credit(counterpart(moved.reason, product.valuation), since)?;
            }
        }
        posting.post(sides.into_draft(entry.currency, memo.as_str())?, entry.posted_at)?;
    }
    posting.post_consequences(&stocked, &memo)?;
    let cancellation = Cancellation {
        id,
        number: Arc::clone(&number),
        document: DocumentRef {
            kind: command.kind,
            id: document.id,
        },
        document_number: Arc::clone(&command.number),
        memo: command.memo.clone(),
        effective_at: document.at,
        cancelled_at: now,
    };
    let head = Head {
        number,
        currency: document.currency,
        amount_minor: document.amount_minor,
        at: document.at,
    };
    Ok(posting.into_postings(head, Document::Cancellation(cancellation), Some(stocked)))
}
