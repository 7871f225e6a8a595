use cortex_types::{CommandId, Timestamp};

use super::sales_lines::field;
use super::shelf::{Shelf, add};
use super::{check_line_count, post_entry};
use crate::books::location;
use crate::limits::{MEMO_LENGTH_MAX, check_quantity, check_text};
use crate::postings::{Document, Postings};
use crate::{Account, AdjustStock, Books, DocumentKind, DocumentRef, ErpError, JournalDraft, MoveReason};

/// Stock written off or found. What has no known cost moves in quantity alone, and the journal stays as it is.
pub fn plan_stock_adjustment(command: &AdjustStock, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    check_line_count(command.lines.len())?;
    check_text("memo", &command.memo, MEMO_LENGTH_MAX)?;
    let (number, place) = books.number(DocumentKind::StockAdjustment, None)?;
    let (id, at) = (CommandId::new(), command.moved_at.unwrap_or(now));
    let reference = DocumentRef {
        kind: DocumentKind::StockAdjustment,
        id: id.0,
    };

    let currency = match books.products.get(&command.lines[0].product) {
        Some(product) => product.currency,
        None => return Err(ErpError::UnknownProduct(command.lines[0].product.clone())),
    };
    let mut shelf = Shelf::new(books, location(command.location.as_ref())?, reference, at);
    let (mut written_off, mut found) = (0, 0);
    for (index, input) in command.lines.iter().enumerate() {
        let product = books.goods(&field(index, "product"), &input.product, currency)?;
        check_quantity(&field(index, "quantity"), input.quantity_micro)?;
        match input.quantity_micro {
            0 => return Err(ErpError::invalid(field(index, "quantity"), "must not be zero")),
            out if out < 0 => add(&mut written_off, shelf.issue(product, -out, MoveReason::WriteOff)?)?,
            into => add(&mut found, shelf.restore(product, into, MoveReason::Found)?)?,
        }
    }

    let memo = if command.memo.is_empty() {
        number.to_string()
    } else {
        command.memo.clone()
    };
    let mut draft = JournalDraft::new(currency, memo);
    draft
        .debit(Account::WRITE_OFFS, written_off)?
        .credit(Account::INVENTORY, written_off)?;
    draft
        .debit(Account::INVENTORY, found)?
        .credit(Account::STOCK_FOUND, found)?;
    let mut drawn: Vec<_> = place
        .map(|place| (DocumentKind::StockAdjustment, place))
        .into_iter()
        .collect();
    let entries = post_entry(draft, books, reference, at, &mut drawn)?;
    let (moves, levels) = shelf.into_parts();
    Ok(Postings {
        kind: DocumentKind::StockAdjustment,
        id: id.0,
        number,
        currency,
        amount_minor: found - written_off,
        at,
        document: Document::StockAdjustment,
        moves,
        entries,
        levels,
        drawn,
    })
}
