use cortex_types::{LineId, ReceiptId, Timestamp};

use super::sales_lines::field;
use super::shelf::{Moving, Shelf, counterpart};
use super::sides::{Sides, add};
use super::taxes::{self, Taxes};
use super::{Head, Posting, check_line_count, line_number};
use crate::limits::{check_amount, check_quantity, check_time};
use crate::postings::{Document, Postings};
use crate::{
    Books, Cost, DocumentKind, DocumentRef, ErpError, MoveReason, PurchaseReceipt, PurchaseReceiptLine, ReceiveGoods,
    Role, TaxDirection,
};

/// Goods received: they enter stock at what they cost, against the supplier's account. Where goods had been sold before they
/// came, what they cost more or less than was thought goes to the cost of sales.
pub fn plan_purchase_receipt(command: &ReceiveGoods, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    check_line_count(command.lines.len())?;
    let supplier = books.supplier(&command.supplier)?;
    let (number, place) = books.number(DocumentKind::PurchaseReceipt, command.number.as_ref())?;
    let (id, at) = (ReceiptId::new(), command.received_at.unwrap_or(now));
    let reference = DocumentRef {
        kind: DocumentKind::PurchaseReceipt,
        id: id.0,
    };

    let location = books.location("location", command.location.as_ref())?;
    let mut shelf = Shelf::new(books, reference);
    let mut lines = Vec::with_capacity(command.lines.len());
    let mut values: Vec<i64> = command.lines.iter().map(|line| line.value_minor).collect();
    for (index, value) in values.iter().enumerate() {
        if *value < 0 {
            return Err(ErpError::invalid(field(index, "value"), "must not be negative"));
        }
        check_amount(&field(index, "value"), *value)?;
    }
    let codes = command.lines.iter().map(|line| line.tax.as_ref());
    let taxes = Taxes::on(books, values.iter_mut().zip(codes), command.prices_include_tax)?;
    let conversion = books.conversion(command.currency, at)?;
    let goods = books.goods_currency(command.currency);
    let mut sides = Sides::new(command.currency);
    let (mut value, mut worth) = (0, 0);
    for (index, (input, value_minor)) in command.lines.iter().zip(values).enumerate() {
        let product = books.goods(&field(index, "product"), &input.product, command.currency)?;
        if input.quantity_micro <= 0 {
            return Err(ErpError::invalid(field(index, "quantity"), "must be above zero"));
        }
        check_quantity(&field(index, "quantity"), input.quantity_micro)?;
        add(&mut value, value_minor)?;
        // All lines together are worth what the whole is.
        let until = conversion.map_or(Ok(value), |conversion| conversion.convert(value))?;
        let minor = until - worth;
        worth = until;
        let line = PurchaseReceiptLine {
            id: LineId::new(),
            line_no: line_number(index),
            product_id: product.id,
            product_code: product.code.clone(),
            quantity_micro: input.quantity_micro,
            value_minor,
            tax: input.tax.clone(),
        };
        shelf.put(&Moving {
            product,
            location: &location,
            quantity_micro: line.quantity_micro,
            reason: MoveReason::Receipt,
            cost: Cost::Given { minor, of: None },
            line_no: line.line_no,
            at,
        });
        sides.debit_in(goods, counterpart(MoveReason::Receipt, product.valuation), minor)?;
        lines.push(line);
    }

    let mut stocked = shelf.settle()?;
    let mut gross = value;
    add(&mut gross, taxes.total_minor)?;
    sides.credit(Role::Payables, gross)?;
    let rows = taxes.rows(reference, &number, TaxDirection::Input, (command.currency, at), false);
    taxes::post(&mut sides, &rows)?;
    let memo = format!("goods received {number}");
    check_time("due_at", command.due_at)?;
    let due_at = command.due_at.unwrap_or_else(|| supplier.terms.due_at(at));
    if due_at < at {
        return Err(ErpError::invalid("due_at", "must not be before the receipt"));
    }
    let mut posting = Posting::new(books, reference, place).with(&supplier.code, Some(due_at));
    posting.taxes = rows;
    posting.post_with(sides, &mut stocked, &memo, at)?;

    let receipt = PurchaseReceipt {
        id,
        number: number.clone(),
        supplier_id: supplier.id,
        supplier_code: supplier.code.clone(),
        currency: command.currency,
        value_minor: value,
        tax_minor: taxes.total_minor,
        received_at: at,
        lines,
    };
    let head = Head {
        number,
        currency: command.currency,
        amount_minor: gross,
        at,
    };
    Ok(posting.into_postings(head, Document::PurchaseReceipt(receipt), Some(stocked)))
}
