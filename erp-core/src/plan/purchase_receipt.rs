use std::sync::Arc;

use cortex_types::{LineId, OrderId, ReceiptId, Timestamp};

use super::fulfilment::{Fulfilment, Part};
use super::sales_lines::field;
use super::shelf::{Moving, Shelf, counterpart};
use super::sides::{Sides, add};
use super::taxes::{self, Taxes};
use super::{Head, Posting, check_line_count, line_number};
use crate::books::Numbering;
use crate::limits::{check_amount, check_quantity, check_time};
use crate::postings::{Document, Postings};
use crate::valuation::share;
use crate::{
    Books, Cost, DocumentKind, DocumentRef, ErpError, MoveReason, OrderStep, Party, PurchaseReceipt,
    PurchaseReceiptLine, ReceiveGoods, Role, TaxDirection, ids,
};

/// Goods received: they enter stock at what they cost, against the supplier's account, or where the bill is to come against goods
/// received. Where goods had been sold before they
/// came, what they cost more or less than was thought goes to the cost of sales.
pub fn plan_purchase_receipt(command: &ReceiveGoods, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    let supplier = books.supplier(&command.supplier)?;
    let (id, at) = (ReceiptId(ids::next()), command.received_at.unwrap_or(now));
    let asked = Numbering::of(&command.number, &command.series);
    let (number, drawn) = books.number(DocumentKind::PurchaseReceipt, asked, at)?;
    let reference = DocumentRef {
        kind: DocumentKind::PurchaseReceipt,
        id: id.0,
    };
    let order = command.order.as_ref();
    let order = order
        .map(|order| books.order(DocumentKind::PurchaseOrder, order))
        .transpose()?;
    let location = command.location.as_ref().or(order.map(|order| &order.location));
    let location = books.location("location", location)?;
    let mut fulfilment = Fulfilment::by(books, reference, &number, at);
    let planned = match &command.order {
        Some(order) => ordered_lines(command, order, supplier, &mut fulfilment)?,
        None => unordered_lines(command)?,
    };
    check_line_count(planned.len())?;
    let prices_include_tax = order.map_or(command.prices_include_tax, |order| order.prices_include_tax);
    let mut shelf = Shelf::new(books, reference);
    let mut lines = Vec::with_capacity(planned.len());
    let mut values: Vec<i64> = planned.iter().map(|line| line.value_minor).collect();
    for (line, value) in planned.iter().zip(&values) {
        if *value < 0 {
            return Err(ErpError::invalid(field(line.index, "value"), "must not be negative"));
        }
        check_amount(&field(line.index, "value"), *value)?;
    }
    let codes = planned.iter().map(|line| line.tax.as_ref());
    let taxes = Taxes::on(books, values.iter_mut().zip(codes), prices_include_tax)?;
    let conversion = books.conversion(command.currency, at)?;
    let goods = books.goods_currency(command.currency);
    let mut sides = Sides::new(command.currency);
    let (mut value, mut worth) = (0, 0);
    for (place, (input, value_minor)) in planned.into_iter().zip(values).enumerate() {
        let index = input.index;
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
            id: LineId(ids::next()),
            line_no: line_number(place),
            product_id: product.id,
            product_code: product.code.clone(),
            quantity_micro: input.quantity_micro,
            value_minor,
            tax: input.tax,
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
    let (mut gross, mut rows, mut tax_minor) = (value, Vec::new(), 0);
    if command.to_be_billed {
        // Its taxes are charged with the bill.
        sides.debit_in(goods, Role::GoodsReceived, -worth)?;
    } else {
        tax_minor = taxes.total_minor;
        add(&mut gross, tax_minor)?;
        sides.credit(Role::Payables, gross)?;
        rows = taxes.rows(reference, &number, TaxDirection::Input, (command.currency, at), false);
        taxes::post(&mut sides, &rows)?;
    }
    let memo = format!("goods received {number}");
    check_time("due_at", command.due_at)?;
    let due_at = command.due_at.unwrap_or_else(|| supplier.terms.due_at(at));
    if due_at < at {
        return Err(ErpError::invalid("due_at", "must not be before the receipt"));
    }
    let mut posting = Posting::new(books, reference, drawn).with(&supplier.code, Some(due_at));
    posting.taxes = rows;
    posting.carry_on(fulfilment);
    posting.post_with(sides, &mut stocked, &memo, at)?;

    let receipt = PurchaseReceipt {
        id,
        number: number.clone(),
        supplier_id: supplier.id,
        supplier_code: supplier.code.clone(),
        currency: command.currency,
        value_minor: value,
        tax_minor,
        received_at: at,
        to_be_billed: command.to_be_billed,
        order: command.order.clone(),
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

/// A line of a receipt to be.
struct Planned {
    /// Of the line that the caller gave.
    index: usize,
    product: Arc<str>,
    quantity_micro: i64,
    value_minor: i64,
    tax: Option<Arc<str>>,
}

fn unordered_lines(command: &ReceiveGoods) -> Result<Vec<Planned>, ErpError> {
    let lines = command.lines.iter().enumerate().map(|(index, line)| {
        let without = || {
            ErpError::invalid(
                field(index, "value"),
                "say what it cost, or name the order that says it",
            )
        };
        Ok(Planned {
            index,
            product: Arc::clone(&line.product),
            quantity_micro: line.quantity_micro,
            value_minor: line.value_minor.ok_or_else(without)?,
            tax: line.tax.clone(),
        })
    });
    lines.collect()
}

/// What came of an order, line by line of the order, at its prices where the caller gave none.
fn ordered_lines(
    command: &ReceiveGoods,
    number: &Arc<str>,
    supplier: &Party,
    fulfilment: &mut Fulfilment<'_>,
) -> Result<Vec<Planned>, ErpError> {
    let id = fulfilment.open("order", DocumentKind::PurchaseOrder, number)?;
    let priced = command.lines.iter().any(|line| line.value_minor.is_some());
    let of_receipt = (command.currency, command.prices_include_tax, priced);
    fulfilment.check(id, ("supplier", supplier), of_receipt)?;
    let mut planned: Vec<Planned> = Vec::new();
    if command.lines.is_empty() {
        let left = fulfilment.left(id, |line| line.left(OrderStep::Moved));
        if left.is_empty() {
            return Err(ErpError::invalid("order", format!("everything of '{number}' came")));
        }
        for part in left {
            let line = fulfilment.line(id, part.line);
            planned.push(Planned {
                index: planned.len(),
                product: Arc::clone(&line.product_code),
                quantity_micro: part.quantity_micro,
                value_minor: line.share(line.moved_micro, part.quantity_micro)?,
                tax: line.tax.clone(),
            });
            came(fulfilment, command, id, part, planned.len());
        }
    }
    for (index, input) in command.lines.iter().enumerate() {
        let quantity = field(index, "quantity");
        check_quantity(&quantity, input.quantity_micro)?;
        let mut sum = 0;
        for part in fulfilment.find(&quantity, (id, OrderStep::Moved), &input.product, input.quantity_micro)? {
            let line = fulfilment.line(id, part.line);
            let value_minor = match input.value_minor {
                None => line.share(line.moved_micro, part.quantity_micro)?,
                Some(value) => {
                    let before = share(value, sum, input.quantity_micro)?;
                    sum += part.quantity_micro;
                    share(value, sum, input.quantity_micro)? - before
                }
            };
            planned.push(Planned {
                index,
                product: Arc::clone(&line.product_code),
                quantity_micro: part.quantity_micro,
                value_minor,
                tax: input.tax.clone().or_else(|| line.tax.clone()),
            });
            came(fulfilment, command, id, part, planned.len());
        }
    }
    Ok(planned)
}

/// The last line of so many.
fn came(fulfilment: &mut Fulfilment<'_>, command: &ReceiveGoods, order: OrderId, part: Part, count: usize) {
    let line_no = line_number(count - 1);
    if !command.to_be_billed {
        fulfilment.advance(order, OrderStep::Billed, part, line_no);
    }
    fulfilment.advance(order, OrderStep::Moved, part, line_no);
}
