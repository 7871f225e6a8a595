use std::sync::Arc;

use cortex_types::{Currency, LineId, StockDocumentId, StockMoveId, Timestamp};

use super::fulfilment::Fulfilment;
use super::origins::Origins;
use super::sales_lines::field;
use super::shelf::{Moving, Shelf, counterpart};
use super::sides::{Sides, add};
use super::taxes;
use super::unbilled::Unbilled;
use super::{Posting, check_line_count, line_number};
use crate::limits::{MEMO_LENGTH_MAX, check_quantity, check_text};
use crate::postings::Postings;
use crate::valuation::share;
use crate::{
    Books, Cost, DocumentKind, DocumentRef, DocumentTax, ErpError, MoveReason, OrderStep, PostedDocument, Product,
    ReturnGoods, Role, StockDocument, StockMove, ids,
};

/// Goods back to the supplier, who owes what it billed for them. They leave from where they came in.
pub fn plan_purchase_return(command: &ReturnGoods, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    check_line_count(command.lines.len())?;
    check_text("memo", &command.memo, MEMO_LENGTH_MAX)?;
    let mut origins = Origins::of(books, DocumentKind::PurchaseReceipt, &command.receipt)?;
    let receipt = books.posted(DocumentKind::PurchaseReceipt, &command.receipt)?;
    let Some((first, _)) = receipt.moves.first() else {
        return Err(ErpError::invalid("receipt", "moved no goods"));
    };
    let location = Arc::clone(&first.location);
    let (id, at) = (StockDocumentId(ids::next()), command.returned_at.unwrap_or(now));
    let (number, drawn) = books.number_after(DocumentKind::PurchaseReturn, at, &[])?;
    let reference = DocumentRef {
        kind: DocumentKind::PurchaseReturn,
        id: id.0,
    };
    let mut shelf = Shelf::new(books, reference);
    let goods = books.goods_currency(receipt.currency);
    let mut sides = Sides::new(receipt.currency);
    let mut worth = 0;
    let mut unbilled = Unbilled::new(books);
    let mut fulfilment = Fulfilment::by(books, reference, &number, at);
    for (index, line) in command.lines.iter().enumerate() {
        let product: &Product = books.goods(&field(index, "product"), &line.product, receipt.currency)?;
        let quantity = field(index, "quantity");
        if line.quantity_micro <= 0 {
            return Err(ErpError::invalid(quantity, "must be above zero"));
        }
        check_quantity(&quantity, line.quantity_micro)?;
        for (quantity_micro, mut cost) in origins.take(&quantity, product, line.quantity_micro, at)? {
            if let Some(moved) = cost.refers_to().and_then(|of| came(receipt, of)) {
                let (open, open_minor) = unbilled.of(moved);
                if let Cost::Given { minor, .. } = &mut cost {
                    // The last of a line that is not billed takes every penny with it.
                    if receipt.to_be_billed && open == quantity_micro {
                        *minor = open_minor;
                    }
                    unbilled.take(moved, quantity_micro, *minor);
                }
                go_back(&mut fulfilment, receipt, (moved, quantity_micro), line_number(index));
            }
            if let Cost::Given { minor, .. } = cost {
                add(&mut worth, minor)?;
                sides.debit_in(
                    goods,
                    counterpart(MoveReason::SupplierReturn, product.valuation),
                    -minor,
                )?;
            }
            shelf.put(&Moving {
                product,
                location: &location,
                quantity_micro: -quantity_micro,
                reason: MoveReason::SupplierReturn,
                cost,
                line_no: line_number(index),
                at,
            });
        }
    }
    let mut stocked = shelf.settle()?;
    if receipt.to_be_billed {
        sides.debit_in(goods, Role::GoodsReceived, worth)?;
    }
    let part = Part::new(receipt, books, worth)?;
    let taxes_billed: i64 = receipt.taxes.iter().map(|tax| tax.tax_minor).sum();
    let net = receipt.amount_minor - taxes_billed;
    check_taxes(receipt, net, goods)?;
    let owed = part.of(net)?;
    match goods == receipt.currency {
        _ if receipt.to_be_billed => &mut sides,
        true => sides.debit(Role::Payables, owed)?,
        // Nobody owes what is worth less than the smallest coin.
        false if owed == 0 => sides.debit_in(goods, Role::Rounding, worth)?,
        false => sides.debit_with_base(Role::Payables, owed, worth),
    };
    let mut rows = Vec::with_capacity(receipt.taxes.len());
    for tax in &receipt.taxes {
        let row = DocumentTax {
            id: LineId(ids::next()),
            document: reference,
            number: Arc::clone(&number),
            base_minor: -part.of(tax.base_minor)?,
            tax_minor: -part.of(tax.tax_minor)?,
            taxed_at: at,
            ..tax.clone()
        };
        sides.debit(Role::Payables, -row.tax_minor)?;
        rows.push(row);
    }
    taxes::post(&mut sides, &rows)?;
    let mut posting = Posting::new(books, reference, Some(drawn));
    if let Some(supplier) = &receipt.party {
        posting = posting.with(supplier, None);
    }
    posting.taxes = rows;
    posting.carry_on(fulfilment);
    let memo = format!("goods returned {number}");
    posting.post_with(sides, &mut stocked, &memo, at)?;
    let supplier = receipt.party.as_ref().and_then(|code| books.parties.get(code));
    let document = StockDocument {
        id,
        kind: DocumentKind::PurchaseReturn,
        number,
        party_id: supplier.map(|party| party.id),
        party_code: receipt.party.clone(),
        location: Some(location),
        to_location: None,
        order: None,
        memo: command.memo.clone(),
        currency: receipt.currency,
        value_minor: owed,
        line_count: line_number(command.lines.len() - 1),
        moved_at: at,
    };
    Ok(posting.into_stock_postings(document, stocked))
}

/// What was charged is shared by what goods are worth, which holds where all of them have the same taxes, in the currency that they are
/// worth it in.
fn check_taxes(receipt: &PostedDocument, net_minor: i64, goods: Currency) -> Result<(), ErpError> {
    let same = receipt.taxes.iter().all(|tax| tax.base_minor == net_minor);
    if receipt.taxes.is_empty() || (same && receipt.currency == goods) {
        return Ok(());
    }
    let problem = "has lines with different taxes, or taxes in another currency: cancel it, and post what stays";
    Err(ErpError::invalid("receipt", problem))
}

/// What of a receipt goes back: from what is worth so much before, to what is worth so much after. Its parts are the whole together.
struct Part {
    before: i64,
    after: i64,
    whole: i64,
}

impl Part {
    fn new(receipt: &PostedDocument, books: &Books, worth: i64) -> Result<Self, ErpError> {
        let (mut before, mut whole) = (0, 0);
        for (moved, _) in &receipt.moves {
            if let Cost::Given { minor, .. } = moved.cost {
                add(&mut before, books.returned_minor.get(&moved.id).copied().unwrap_or(0))?;
                add(&mut whole, minor)?;
            }
        }
        let mut after = before;
        add(&mut after, worth)?;
        Ok(Self { before, after, whole })
    }

    fn of(&self, amount_minor: i64) -> Result<i64, ErpError> {
        match self.whole {
            0 => Ok(0),
            whole => Ok(share(amount_minor, self.after, whole)? - share(amount_minor, self.before, whole)?),
        }
    }
}

fn came(receipt: &PostedDocument, of: StockMoveId) -> Option<&StockMove> {
    receipt
        .moves
        .iter()
        .map(|(moved, _)| moved)
        .find(|moved| moved.id == of)
}

/// What went back can be received again for its order; and billed again, where it was billed with its receipt.
fn go_back(
    fulfilment: &mut Fulfilment<'_>,
    receipt: &PostedDocument,
    (moved, quantity_micro): (&StockMove, i64),
    line_no: u32,
) {
    let steps: &[OrderStep] = match receipt.to_be_billed {
        true => &[OrderStep::Moved],
        false => &[OrderStep::Billed, OrderStep::Moved],
    };
    for step in steps {
        fulfilment.follow(&receipt.progress, moved.line_no, (*step, -quantity_micro), line_no);
    }
}
