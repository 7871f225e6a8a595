use cortex_types::{Currency, StockDocumentId, Timestamp};

use super::sales_lines::field;
use super::shelf::{Moving, Shelf};
use super::sides::{Sides, add};
use super::{Posting, check_line_count, line_number};
use crate::limits::{MEMO_LENGTH_MAX, check_quantity, check_text};
use crate::postings::Postings;
use crate::{Books, Cost, DocumentKind, DocumentRef, ErpError, MoveReason, StockDocument, TransferStock, ids};

/// Goods from one location to another: they enter the one at what they were worth at the other.
pub fn plan_stock_transfer(command: &TransferStock, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    check_line_count(command.lines.len())?;
    check_text("memo", &command.memo, MEMO_LENGTH_MAX)?;
    let from = books.location("from", Some(&command.from))?;
    let to = books.location("to", Some(&command.to))?;
    if from == to {
        return Err(ErpError::invalid(
            "to",
            format!("goods lie at '{to}' already: give another location"),
        ));
    }
    let (id, at) = (StockDocumentId(ids::next()), command.moved_at.unwrap_or(now));
    let (number, drawn) = books.number_after(DocumentKind::StockTransfer, at, &[])?;
    let reference = DocumentRef {
        kind: DocumentKind::StockTransfer,
        id: id.0,
    };
    let mut shelf = Shelf::new(books, reference);
    let mut currency: Option<Currency> = None;
    for (index, line) in command.lines.iter().enumerate() {
        let kept_in = books.products.get(&line.product).map(|product| product.currency);
        let currency = *currency.get_or_insert(kept_in.unwrap_or(Currency::GBP));
        let product = books.goods(&field(index, "product"), &line.product, currency)?;
        if line.quantity_micro <= 0 {
            return Err(ErpError::invalid(field(index, "quantity"), "must be above zero"));
        }
        check_quantity(&field(index, "quantity"), line.quantity_micro)?;
        let out = Moving {
            product,
            location: &from,
            quantity_micro: -line.quantity_micro,
            reason: MoveReason::Transfer,
            cost: Cost::ByMethod,
            line_no: line_number(index),
            at,
        };
        let of = shelf.put(&out);
        shelf.put(&Moving {
            location: &to,
            quantity_micro: line.quantity_micro,
            cost: Cost::Of { of, offset_micro: 0 },
            ..out
        });
    }
    let mut stocked = shelf.settle()?;
    let currency = currency.or(books.base()).unwrap_or(Currency::GBP);
    let mut posting = Posting::new(books, reference, Some(drawn));
    let memo = format!("transfer {number}");
    posting.post_with(Sides::new(currency), &mut stocked, &memo, at)?;
    let mut value_minor = 0;
    for moved in stocked.moves.iter().filter(|moved| moved.quantity_micro > 0) {
        add(&mut value_minor, moved.value_minor)?;
    }
    let document = StockDocument {
        id,
        kind: DocumentKind::StockTransfer,
        number,
        party_id: None,
        party_code: None,
        location: Some(from),
        to_location: Some(to),
        order: None,
        memo: command.memo.clone(),
        currency,
        value_minor,
        line_count: line_number(command.lines.len() - 1),
        moved_at: at,
    };
    Ok(posting.into_stock_postings(document, stocked))
}
