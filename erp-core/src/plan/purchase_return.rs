use std::sync::Arc;

use cortex_types::{Currency, LineId, StockDocumentId, Timestamp};

use super::origins::Origins;
use super::sales_lines::field;
use super::shelf::{Moving, Shelf, Stocked, counterpart};
use super::sides::{Sides, add};
use super::taxes;
use super::{Posting, check_line_count, line_number};
use crate::limits::{MEMO_LENGTH_MAX, check_quantity, check_text};
use crate::postings::Postings;
use crate::valuation::share;
use crate::{
    Books, Cost, DocumentKind, DocumentRef, DocumentTax, ErpError, MoveReason, PostedDocument, Product, ReturnGoods,
    Role, StockDocument, StockMove,
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
    let (number, place) = books.number(DocumentKind::PurchaseReturn, None)?;
    let (id, at) = (StockDocumentId::new(), command.returned_at.unwrap_or(now));
    let reference = DocumentRef {
        kind: DocumentKind::PurchaseReturn,
        id: id.0,
    };
    let mut shelf = Shelf::new(books, reference);
    let goods = books.goods_currency(receipt.currency);
    let mut sides = Sides::new(receipt.currency);
    let mut worth = 0;
    for (index, line) in command.lines.iter().enumerate() {
        let product: &Product = books.goods(&field(index, "product"), &line.product, receipt.currency)?;
        let quantity = field(index, "quantity");
        if line.quantity_micro <= 0 {
            return Err(ErpError::invalid(quantity, "must be above zero"));
        }
        check_quantity(&quantity, line.quantity_micro)?;
        for (quantity_micro, cost) in origins.take(&quantity, product, line.quantity_micro, at)? {
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
    let to_be_billed = receipt.is_to_be_billed(books);
    if to_be_billed {
        give_up_bill(&mut sides, (goods, worth), receipt, &stocked, books)?;
    }
    let part = Part::new(receipt, books, worth)?;
    let taxes_billed: i64 = receipt.taxes.iter().map(|tax| tax.tax_minor).sum();
    let net = receipt.amount_minor - taxes_billed;
    check_taxes(receipt, net, goods)?;
    let owed = part.of(net)?;
    match goods == receipt.currency {
        _ if to_be_billed => &mut sides,
        true => sides.debit(Role::Payables, owed)?,
        false => sides.debit_with_base(Role::Payables, owed, worth),
    };
    let mut rows = Vec::with_capacity(receipt.taxes.len());
    for tax in &receipt.taxes {
        let row = DocumentTax {
            id: LineId::new(),
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
    let mut posting = Posting::new(books, reference, place);
    if let Some(supplier) = &receipt.party {
        posting = posting.with(supplier, None);
    }
    posting.taxes = rows;
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

/// The supplier is not owed what went back, as far as it was not billed: where that is the last of a line, no penny stays.
fn give_up_bill(
    sides: &mut Sides,
    (goods, worth): (Currency, i64),
    receipt: &PostedDocument,
    stocked: &Stocked,
    books: &Books,
) -> Result<(), ErpError> {
    let mut given_up = worth;
    for (moved, _) in &receipt.moves {
        let went = |back: &&StockMove| back.cost.refers_to() == Some(moved.id);
        let quantity_micro: i64 = stocked.moves.iter().filter(went).map(|back| -back.quantity_micro).sum();
        let (open, open_worth) = books.unbilled(moved)?;
        if quantity_micro == 0 || quantity_micro != open {
            continue;
        }
        let returned = books.returned.get(&moved.id).copied().unwrap_or(0);
        let given = moved.given_minor();
        let until = share(given, returned + quantity_micro, moved.quantity_micro)?;
        let before = share(given, returned, moved.quantity_micro)?;
        add(&mut given_up, open_worth - (until - before))?;
    }
    sides
        .debit_in(goods, Role::GoodsReceived, given_up)?
        .debit_in(goods, Role::Rounding, worth - given_up)?;
    Ok(())
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
                let returned = books.returned.get(&moved.id).copied().unwrap_or(0);
                add(&mut before, share(minor, returned, moved.quantity_micro)?)?;
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
