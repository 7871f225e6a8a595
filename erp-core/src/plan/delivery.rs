use std::sync::Arc;

use cortex_types::{StockDocumentId, Timestamp};

use super::fulfilment::Fulfilment;
use super::sales_lines::field;
use super::shelf::{Moving, Shelf};
use super::sides::{Sides, add};
use super::{LINES_MAX, Posting, line_number};
use crate::books::Numbering;
use crate::limits::{MEMO_LENGTH_MAX, check_quantity, check_text};
use crate::postings::Postings;
use crate::{
    Books, Cost, DeliverGoods, DocumentKind, DocumentRef, ErpError, MoveReason, OrderLine, OrderStep, StockDocument,
    ids,
};

/// Goods leave for an order, at their cost: what they cost is sold from here on. The invoice that follows moves nothing.
pub fn plan_delivery(command: &DeliverGoods, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    check_text("memo", &command.memo, MEMO_LENGTH_MAX)?;
    let (id, at) = (StockDocumentId(ids::next()), command.delivered_at.unwrap_or(now));
    let asked = Numbering::of(&command.number, &command.series);
    let (number, drawn) = books.number(DocumentKind::Delivery, asked, at)?;
    let reference = DocumentRef {
        kind: DocumentKind::Delivery,
        id: id.0,
    };
    let mut fulfilment = Fulfilment::by(books, reference, &number, at);
    let order = fulfilment.open("order", DocumentKind::SalesOrder, &command.order)?;
    let (party_id, party_code) = (
        fulfilment.order(order).party_id,
        Arc::clone(&fulfilment.order(order).party_code),
    );
    let (from, currency) = (
        Arc::clone(&fulfilment.order(order).location),
        fulfilment.order(order).currency,
    );
    let location = match &command.location {
        Some(_) => books.location("location", command.location.as_ref())?,
        None => Arc::clone(&from),
    };
    let mut shelf = Shelf::new(books, reference);
    let mut line_count = 0;
    let mut move_parts =
        |parts: Vec<super::fulfilment::Part>, fulfilment: &mut Fulfilment<'_>| -> Result<(), ErpError> {
            for part in parts {
                let line_no = line_number(line_count);
                line_count += 1;
                let code = Arc::clone(&fulfilment.line(order, part.line).product_code);
                let product = books.goods("order", &code, currency)?;
                shelf.release(
                    product,
                    &from,
                    fulfilment.advance(order, OrderStep::Moved, part, line_no),
                );
                shelf.put(&Moving {
                    product,
                    location: &location,
                    quantity_micro: -part.quantity_micro,
                    reason: MoveReason::Sale,
                    cost: Cost::ByMethod,
                    line_no,
                    at,
                });
            }
            Ok(())
        };
    if command.lines.is_empty() {
        let left = fulfilment.left(order, |line: &OrderLine| line.left(OrderStep::Moved));
        move_parts(left, &mut fulfilment)?;
    }
    for (index, input) in command.lines.iter().enumerate() {
        let quantity = field(index, "quantity");
        check_quantity(&quantity, input.quantity_micro)?;
        let parts = fulfilment.find(
            &quantity,
            (order, OrderStep::Moved),
            &input.product,
            input.quantity_micro,
        )?;
        move_parts(parts, &mut fulfilment)?;
    }
    match line_count {
        0 => {
            let problem = format!("nothing of '{}' is left to deliver", command.order);
            return Err(ErpError::invalid("order", problem));
        }
        count if count > LINES_MAX => {
            return Err(ErpError::invalid(
                "lines",
                format!("are more than {LINES_MAX}: deliver it in parts"),
            ));
        }
        _ => {}
    }
    let mut stocked = shelf.settle()?;
    let mut value_minor = 0;
    for moved in &stocked.moves {
        add(&mut value_minor, moved.value_minor)?;
    }
    let goods_currency = books.goods_currency(currency);
    let mut posting = Posting::new(books, reference, drawn);
    let memo = format!("delivery {number}");
    posting.post_with(Sides::new(goods_currency), &mut stocked, &memo, at)?;
    posting.carry_on(fulfilment);
    let document = StockDocument {
        id,
        kind: DocumentKind::Delivery,
        number,
        party_id: Some(party_id),
        party_code: Some(party_code),
        location: Some(location),
        to_location: None,
        order: Some(Arc::clone(&command.order)),
        memo: command.memo.clone(),
        currency: goods_currency,
        value_minor,
        line_count: line_number(line_count - 1),
        moved_at: at,
    };
    Ok(posting.into_stock_postings(document, stocked))
}
