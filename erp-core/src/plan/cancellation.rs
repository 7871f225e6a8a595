use std::collections::BTreeMap;
use std::sync::Arc;

use cortex_types::{CancellationId, LineId, StockMoveId, Timestamp};

use super::added_cost::still_there;
use super::fulfilment::Fulfilment;
use super::shelf::{Moving, Shelf, counterpart};
use super::sides::Sides;
use super::{Head, Posting};
use crate::limits::{MEMO_LENGTH_MAX, check_text};
use crate::postings::{Document, Postings};
use crate::{
    Books, Cancel, Cancellation, Cost, DocumentKind, DocumentRef, DocumentTax, ErpError, JournalDraft, JournalLine,
    MoveReason, PostedDocument, Product, Reversal, ReversalMethod, Role, StockMove, StoodUntil, ids,
};

/// Takes a document back: at its own time as if it had never been, so that everything behind it is worth what it would have
/// been without, or at a later one, until which it stood.
pub fn plan_cancellation(command: &Cancel, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    check_text("memo", &command.memo, MEMO_LENGTH_MAX)?;
    if !command.kind.is_cancelled() {
        let problem = format!("a {} cannot be cancelled", command.kind);
        return Err(ErpError::invalid("kind", problem));
    }
    let document = books.posted(command.kind, &command.number)?;
    let refused = |problem: String| Err(ErpError::invalid("number", problem));
    if let Some(cancellation) = &document.cancelled_by {
        let problem = format!(
            "'{}' was cancelled already, or reversed, by {cancellation}",
            command.number
        );
        return refused(problem);
    }
    if let Some(other) = &document.needed_by {
        return refused(format!("{other} stands on '{}': take that back first", command.number));
    }
    let reversed_at = command
        .reversal
        .as_ref()
        .map(|reversal| time_of(reversal, command, document, now));
    let reversed_at = reversed_at.transpose()?;
    if reversed_at.is_none() {
        check_own_times(command, document, books)?;
    }
    let at = reversed_at.unwrap_or(document.at);
    let (number, drawn) = books.number_after(DocumentKind::Cancellation, at, &[])?;
    let id = CancellationId(ids::next());
    let reference = DocumentRef {
        kind: DocumentKind::Cancellation,
        id: id.0,
    };
    let mut shelf = Shelf::new(books, reference);
    let mut undoing = BTreeMap::new();
    for (moved, _) in &document.moves {
        let product = books.product(&moved.product_code, moved.currency)?;
        let back = match reversed_at {
            None => Some((-moved.quantity_micro, Cost::Undone { of: moved.id })),
            Some(at) => back(moved, product, books, at)?,
        };
        let Some((quantity_micro, cost)) = back else {
            continue;
        };
        let id = shelf.put(&Moving {
            product,
            location: &moved.location,
            quantity_micro,
            reason: moved.reason,
            cost,
            line_no: moved.line_no,
            at: reversed_at.unwrap_or(moved.moved_at),
        });
        undoing.insert(moved.id, id);
    }
    let stocked = shelf.settle()?;
    let worth: BTreeMap<StockMoveId, i64> = stocked
        .moves
        .iter()
        .map(|moved| (moved.id, moved.value_minor))
        .collect();
    let since = |moved: &StockMove| {
        let undone = undoing.get(&moved.id).and_then(|id| worth.get(id));
        moved.value_minor + undone.copied().unwrap_or(0)
    };
    let memo = match &command.reversal {
        None => format!("cancellation of {}", command.number),
        Some(_) if command.memo.is_empty() => format!("reversal of {}", command.number),
        Some(_) => command.memo.clone(),
    };
    let mut posting = Posting::new(books, reference, Some(drawn));
    if let Some(party) = &document.party {
        posting = posting.with(party, None);
    }
    for (at, draft) in undone(
        document,
        command.reversal.as_ref().zip(reversed_at),
        since,
        books,
        &memo,
    )? {
        posting.post_draft(draft, reference, at)?;
    }
    posting.taxes = taken_back(document, reference, &number, reversed_at);
    let mut fulfilment = Fulfilment::by(books, reference, &number, at);
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
        effective_at: at,
        reversed: reversed_at.is_some(),
        cancelled_at: now,
    };
    let head = Head {
        number,
        currency: document.currency,
        amount_minor: document.amount_minor,
        at,
    };
    Ok(posting.into_postings(head, Document::Cancellation(cancellation), Some(stocked)))
}

/// All times at which the document did something.
fn times(document: &PostedDocument) -> impl Iterator<Item = Timestamp> + '_ {
    let moved = document.moves.iter().map(|(moved, _)| moved.moved_at);
    document.entries.iter().map(|entry| entry.posted_at).chain(moved)
}

/// When a document is taken back that stood until then: not before it did what it did.
fn time_of(
    reversal: &Reversal,
    command: &Cancel,
    document: &PostedDocument,
    now: Timestamp,
) -> Result<Timestamp, ErpError> {
    if !command.kind.is_reversed() {
        let problem = format!(
            "a {} is not reversed: post another one that does the opposite, or cancel it",
            command.kind
        );
        return Err(ErpError::invalid("kind", problem));
    }
    // A standard cost that was said for later goes with the goods that came too late to be there.
    let own = document
        .moves
        .iter()
        .filter(|(moved, _)| moved.reason != MoveReason::StandardCost);
    let newest = own.fold(document.at, |newest, (moved, _)| newest.max(moved.moved_at));
    let stood = document.stood_last();
    let free = stood.map_or(newest, |of| newest.max(of.until));
    let at = reversal.posted_at.unwrap_or(now.max(free));
    if at < newest {
        let problem = format!("must not be before {newest}, the time of '{}'", command.number);
        return Err(ErpError::invalid("posted_at", problem));
    }
    stood.map_or(Ok(()), |of| of.check("posted_at", at))?;
    Ok(at)
}

/// Whether it can be as if the document had never been: its books are open, and nothing ever stood on it.
fn check_own_times(command: &Cancel, document: &PostedDocument, books: &Books) -> Result<(), ErpError> {
    for at in times(document) {
        let open = books.locks.check(at, false);
        open.map_err(|error| at_its_own_time(error, command.kind))?;
    }
    match document.stood_last() {
        None => Ok(()),
        Some(StoodUntil { other, until, .. }) => {
            let problem = format!(
                "{other} stood on '{}' until it was reversed at {until}: reverse this too, instead of cancelling it",
                command.number
            );
            Err(ErpError::invalid("number", problem))
        }
    }
}

/// The quantity and the cost of the move that takes `moved` back at `at`; `None` where there is none.
fn back(moved: &StockMove, product: &Product, books: &Books, at: Timestamp) -> Result<Option<(i64, Cost)>, ErpError> {
    let (of, quantity_micro) = (moved.id, -moved.quantity_micro);
    let cost = match moved.cost {
        Cost::Added {
            of,
            of_quantity_micro,
            minor,
        } => {
            let added = (of_quantity_micro, -minor);
            let (of_quantity_micro, minor) = still_there(books, (product, &moved.location), of, added, at)?;
            if of_quantity_micro == 0 {
                return Ok(None);
            }
            Cost::Added {
                of,
                of_quantity_micro,
                minor,
            }
        }
        // A later standard cost of what came too late to be there when it was set.
        _ if quantity_micro == 0 => return Ok(None),
        Cost::Given { minor, .. } if quantity_micro < 0 => Cost::Given { minor, of: Some(of) },
        _ => Cost::Of { of, offset_micro: 0 },
    };
    Ok(Some((quantity_micro, cost)))
}

/// A cancellation takes no time of its caller: what a closed period refuses is taken back in another way.
fn at_its_own_time(error: ErpError, kind: DocumentKind) -> ErpError {
    match error {
        ErpError::PeriodClosed { at, before, .. } => ErpError::PeriodClosed {
            at,
            before,
            how: match kind.is_reversed() {
                true => "a cancellation stands at its document's own time: reverse the document (…/reverse)",
                false => {
                    "a cancellation stands at its document's own time: post another document that does the opposite"
                }
            },
        },
        other => other,
    }
}

/// What the document's entries and moves did to the journal, the other way round, by their time. `since`: how much more what takes
/// a move back is worth than the move was when it was posted.
fn undone(
    document: &PostedDocument,
    reversal: Option<(&Reversal, Timestamp)>,
    since: impl Fn(&StockMove) -> i64,
    books: &Books,
    memo: &str,
) -> Result<BTreeMap<Timestamp, JournalDraft>, ErpError> {
    let mut by_time: BTreeMap<Timestamp, (Sides, Vec<&JournalLine>)> = BTreeMap::new();
    let fresh = || (Sides::new(document.currency), Vec::new());
    let method = reversal.map_or(ReversalMethod::CounterEntry, |(reversal, _)| reversal.method);
    let time = |own: Timestamp| reversal.map_or(own, |(_, at)| at);
    for entry in &document.entries {
        let (sides, lines) = by_time.entry(time(entry.posted_at)).or_insert_with(fresh);
        for line in &entry.lines {
            match (method, line.base_minor, &line.cost_centre, &line.party) {
                (ReversalMethod::CounterEntry, None, None, None) => {
                    sides.debit_in(line.currency, &line.account, -line.amount_minor())?;
                }
                // At what it was worth then, counted for whom it was, on whose account it was.
                _ => lines.push(line),
            }
        }
    }
    // The entries have the moves at what they were worth when they were posted.
    for (moved, _) in &document.moves {
        let product = books.product(&moved.product_code, moved.currency)?;
        let since = since(moved);
        let (sides, _) = by_time.entry(time(moved.moved_at)).or_insert_with(fresh);
        let against = books.chart.of(counterpart(moved.reason, product.valuation));
        sides
            .debit_in(moved.currency, books.chart.of(Role::Inventory), since)?
            .debit_in(moved.currency, against, -since)?;
    }
    let drafts = by_time.into_iter().map(|(at, (sides, lines))| {
        let mut draft = sides.into_draft(&books.chart, memo)?;
        if method == ReversalMethod::Storno {
            for line in &mut draft.lines {
                (line.debit_minor, line.credit_minor) = (-line.credit_minor, -line.debit_minor);
            }
        }
        for line in lines {
            match method {
                ReversalMethod::CounterEntry => draft.counter(line)?,
                ReversalMethod::Storno => draft.storno(line)?,
            };
        }
        Ok((at, draft))
    });
    drafts.collect()
}

/// The taxes of the document, the other way round: at their own times, or at that of the reversal.
fn taken_back(
    document: &PostedDocument,
    reference: DocumentRef,
    number: &Arc<str>,
    reversed_at: Option<Timestamp>,
) -> Vec<DocumentTax> {
    let row = |tax: &DocumentTax| DocumentTax {
        id: LineId(ids::next()),
        document: reference,
        number: Arc::clone(number),
        base_minor: -tax.base_minor,
        tax_minor: -tax.tax_minor,
        taxed_at: reversed_at.unwrap_or(tax.taxed_at),
        ..tax.clone()
    };
    document.taxes.iter().map(row).collect()
}
