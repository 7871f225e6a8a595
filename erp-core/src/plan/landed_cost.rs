use std::collections::BTreeSet;
use std::sync::Arc;

use cortex_types::{StockDocumentId, Timestamp};

use super::added_cost::{Added, AddedCosts};
use super::sides::{Sides, add};
use super::{LINES_MAX, Posting};
use crate::limits::{MEMO_LENGTH_MAX, check_amount, check_text};
use crate::postings::Postings;
use crate::valuation::share;
use crate::{
    AddLandedCost, Allocation, Books, Cost, DocumentKind, DocumentRef, ErpError, MoveReason, Product, Role,
    StockDocument, StockMove, ids,
};

/// A cost on top of what goods were received for. They have cost it from their receipt on, as far as its period is open:
/// what of them was sold since has cost more, and what is there is worth more.
pub fn plan_landed_cost(command: &AddLandedCost, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    check_text("memo", &command.memo, MEMO_LENGTH_MAX)?;
    check_amount("amount", command.amount_minor)?;
    if command.amount_minor == 0 {
        return Err(ErpError::invalid("amount", "must not be zero"));
    }
    let supplier = books.supplier(&command.supplier)?;
    let at = command.billed_at.unwrap_or(now);
    books.locks.check(at, false)?;
    let lines = received(command, books)?;
    let (number, drawn) = books.number_after(DocumentKind::LandedCost, at, &[])?;
    let id = StockDocumentId(ids::next());
    let reference = DocumentRef {
        kind: DocumentKind::LandedCost,
        id: id.0,
    };

    let conversion = books.conversion(command.currency, at)?;
    let amount = conversion.map_or(Ok(command.amount_minor), |conversion| {
        conversion.convert(command.amount_minor)
    })?;
    let goods = books.goods_currency(command.currency);
    let parts = parts(command, amount, &lines)?;
    let added = (1..)
        .zip(lines.iter().zip(parts))
        .map(|(line_no, ((moved, product), minor))| Added {
            moved,
            product,
            line_no,
            minor,
            of_what_stayed: false,
        });
    let added = AddedCosts::new(books, reference, (goods, at), added)?;
    let memo = format!("landed cost {number}");
    let due_at = supplier.terms.due_at(at);
    let mut posting = Posting::new(books, reference, Some(drawn)).with(&supplier.code, Some(due_at));
    let mut bill = Sides::new(command.currency);
    bill.credit(Role::Payables, command.amount_minor)?
        .debit_in(goods, Role::GoodsReceived, amount)?;
    let stocked = added.post(&mut posting, bill, &memo, at)?;

    let document = StockDocument {
        id,
        kind: DocumentKind::LandedCost,
        number,
        party_id: Some(supplier.id),
        party_code: Some(Arc::clone(&supplier.code)),
        location: None,
        to_location: None,
        order: None,
        memo: command.memo.clone(),
        currency: command.currency,
        value_minor: command.amount_minor,
        line_count: u32::try_from(lines.len()).unwrap_or(u32::MAX),
        moved_at: at,
    };
    Ok(posting.into_stock_postings(document, stocked))
}

/// The moves of the receipts, with their products.
fn received<'a>(command: &AddLandedCost, books: &'a Books) -> Result<Vec<(&'a StockMove, &'a Product)>, ErpError> {
    let (mut lines, mut named) = (Vec::new(), BTreeSet::new());
    for (index, number) in command.receipts.iter().enumerate() {
        let refused = |problem: String| Err(ErpError::invalid(format!("receipts[{index}]"), problem));
        if !named.insert(number) {
            return refused(format!("'{number}' was named before: give each receipt once"));
        }
        let receipt = books.posted(DocumentKind::PurchaseReceipt, number)?;
        if let Some(cancellation) = &receipt.cancelled_by {
            return refused(format!("'{number}' was cancelled, by {cancellation}"));
        }
        for (moved, _) in receipt
            .moves
            .iter()
            .filter(|(moved, _)| moved.reason == MoveReason::Receipt)
        {
            lines.push((moved, books.product(&moved.product_code, command.currency)?));
        }
    }
    match lines.len() {
        0 => Err(ErpError::invalid(
            "receipts",
            "name at least one receipt that moved goods",
        )),
        count if count > LINES_MAX => Err(ErpError::invalid(
            "receipts",
            format!("have {count} lines, more than {LINES_MAX}: share the cost over fewer receipts"),
        )),
        _ => Ok(lines),
    }
}

/// The part of each line, which are the whole amount together.
fn parts(command: &AddLandedCost, amount_minor: i64, lines: &[(&StockMove, &Product)]) -> Result<Vec<i64>, ErpError> {
    let weight = |moved: &StockMove| match (command.allocation, moved.cost) {
        (Allocation::ByValue, Cost::Given { minor, .. }) => minor,
        (Allocation::ByValue, _) => moved.value_minor,
        (Allocation::ByQuantity, _) => moved.quantity_micro,
    };
    let mut whole = 0;
    for (moved, _) in lines {
        add(&mut whole, weight(moved))?;
    }
    if whole <= 0 {
        return Err(ErpError::invalid(
            "allocation",
            "the receipts have no value to share by: share by quantity",
        ));
    }
    let (mut sum, mut before) = (0, 0);
    let mut parts = Vec::with_capacity(lines.len());
    for (moved, _) in lines {
        add(&mut sum, weight(moved))?;
        let until = share(amount_minor, sum, whole)?;
        parts.push(until - before);
        before = until;
    }
    Ok(parts)
}
