use std::collections::BTreeMap;
use std::sync::Arc;

use cortex_types::{CancellationId, LineId, Timestamp};

use super::fulfilment::Fulfilment;
use super::shelf::{Moving, Shelf, Stocked, counterpart};
use super::sides::Sides;
use super::{Head, Posting};
use crate::limits::{MEMO_LENGTH_MAX, check_text};
use crate::postings::{Document, Postings};
use crate::{
    Books, Cancel, Cancellation, Cost, DocumentKind, DocumentRef, DocumentTax, ErpError, JournalDraft, JournalLine,
    PostedDocument, Role, ids,
};

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
    let moved = document.moves.iter().map(|(moved, _)| moved.moved_at);
    for at in document.entries.iter().map(|entry| entry.posted_at).chain(moved) {
        books.locks.check(at, false)?;
    }
    let (number, drawn) = books.number_after(DocumentKind::Cancellation, document.at, &[])?;
    let id = CancellationId(ids::next());
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
    let mut posting = Posting::new(books, reference, Some(drawn));
    if let Some(party) = &document.party {
        posting = posting.with(party, None);
    }
    for (at, draft) in undone(document, &stocked, books, &memo)? {
        posting.post_draft(draft, reference, at)?;
    }
    posting.taxes = taken_back(document, reference, &number);
    let mut fulfilment = Fulfilment::by(books, reference, &number, document.at);
    fulfilment.undo(&document.progress)?;
    posting.carry_on(fulfilment);
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

/// What the document's entries and moves did to the journal, the other way round, by their time.
fn undone(
    document: &PostedDocument,
    stocked: &Stocked,
    books: &Books,
    memo: &str,
) -> Result<BTreeMap<Timestamp, JournalDraft>, ErpError> {
    let mut by_time: BTreeMap<Timestamp, (Sides, Vec<&JournalLine>)> = BTreeMap::new();
    let fresh = || (Sides::new(document.currency), Vec::new());
    for entry in &document.entries {
        let (sides, lines) = by_time.entry(entry.posted_at).or_insert_with(fresh);
        for line in &entry.lines {
            match (line.base_minor, &line.cost_centre, &line.party) {
                (None, None, None) => {
                    sides.debit_in(line.currency, &line.account, -line.amount_minor())?;
                }
                // At what it was worth then, counted for whom it was, on whose account it was.
                _ => lines.push(line),
            }
        }
    }
    // The entries have the moves at what they were worth when they were posted.
    for ((moved, _), undoing) in document.moves.iter().zip(&stocked.moves) {
        let product = books.product(&moved.product_code, moved.currency)?;
        let since = undoing.value_minor + moved.value_minor;
        let (sides, _) = by_time.entry(moved.moved_at).or_insert_with(fresh);
        let against = books.chart.of(counterpart(moved.reason, product.valuation));
        sides
            .debit_in(moved.currency, books.chart.of(Role::Inventory), since)?
            .debit_in(moved.currency, against, -since)?;
    }
    let drafts = by_time.into_iter().map(|(at, (sides, lines))| {
        let mut draft = sides.into_draft(&books.chart, memo)?;
        for line in lines {
            draft.counter(line)?;
        }
        Ok((at, draft))
    });
    drafts.collect()
}

/// The taxes of the document, the other way round.
fn taken_back(document: &PostedDocument, reference: DocumentRef, number: &Arc<str>) -> Vec<DocumentTax> {
    let row = |tax: &DocumentTax| DocumentTax {
        id: LineId(ids::next()),
        document: reference,
        number: Arc::clone(number),
        base_minor: -tax.base_minor,
        tax_minor: -tax.tax_minor,
        ..tax.clone()
    };
    document.taxes.iter().map(row).collect()
}
