use std::sync::Arc;

use cortex_types::{PurchaseBillId, Timestamp};

use super::added_cost::{Added, AddedCosts};
use super::billing::{Billed, BilledGoods, Billing};
use super::fulfilment::Fulfilment;
use super::shelf::counterpart;
use super::sides::{Sides, add};
use super::taxes::{self, Taxes};
use super::{Head, LINES_MAX, Posting, check_line_count, line_number};
use crate::books::Numbering;
use crate::limits::{MEMO_LENGTH_MAX, check_code, check_text, check_time};
use crate::postings::{Document, Postings};
use crate::valuation::share;
use crate::{
    Books, Conversion, DocumentKind, DocumentRef, ErpError, MoveReason, OrderStep, PostBill, PurchaseBill, Role,
    TaxDirection, ids,
};

/// What a supplier bills: for goods that came before, which cost what is billed for them from their receipt on, and for other things
/// on their accounts. What goods were received for stands on goods received until here.
pub fn plan_purchase_bill(command: &PostBill, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    check_line_count(command.lines.len())?;
    check_text("memo", &command.memo, MEMO_LENGTH_MAX)?;
    check_time("due_at", command.due_at)?;
    let supplier = books.supplier(&command.supplier)?;
    let (id, at) = (PurchaseBillId(ids::next()), command.billed_at.unwrap_or(now));
    let asked = Numbering::of(&command.number, &command.series);
    let (number, drawn) = books.number(DocumentKind::PurchaseBill, asked, at)?;
    let reference = DocumentRef {
        kind: DocumentKind::PurchaseBill,
        id: id.0,
    };
    if let Some(reference) = &command.reference {
        check_code("reference", reference)?;
        let key = (Arc::clone(&supplier.code), Arc::clone(reference));
        if let Some(bill) = books.bill_references.get(&key) {
            let problem = format!("'{reference}' of '{}' is posted already, as {bill}", supplier.code);
            return Err(ErpError::invalid("reference", problem));
        }
    }
    let due_at = command.due_at.unwrap_or_else(|| supplier.terms.due_at(at));
    if due_at < at {
        return Err(ErpError::invalid("due_at", "must not be before the bill"));
    }
    let mut lines = Billing::lines(command, books, at)?;
    if lines.len() > LINES_MAX {
        let problem = format!("come to {}, more than {LINES_MAX}: bill it in parts", lines.len());
        return Err(ErpError::invalid("lines", problem));
    }
    let amounts = lines.iter_mut().map(|line| (&mut line.net_minor, line.tax.as_ref()));
    let taxes = Taxes::on(books, amounts, command.prices_include_tax)?;

    let conversion = books.conversion(command.currency, at)?;
    let goods = books.goods_currency(command.currency);
    let mut sides = Sides::new(command.currency);
    let mut fulfilment = Fulfilment::by(books, reference, &number, at);
    let (mut net, mut goods_net, mut worth, mut added) = (0, 0, 0, Vec::new());
    let mut posted = Vec::with_capacity(lines.len());
    for (index, line) in lines.iter().enumerate() {
        add(&mut net, line.net_minor)?;
        let line_no = line_number(index);
        match &line.of {
            Billed::Account { code, cost_centre } => {
                sides.debit_for(code, line.net_minor, cost_centre.as_ref())?;
            }
            Billed::Goods(of) => {
                add(&mut goods_net, line.net_minor)?;
                // All lines together are worth what the whole is.
                let until = conversion.map_or(Ok(goods_net), |conversion| conversion.convert(goods_net))?;
                let now_worth = until - worth;
                worth = until;
                // What it was received for is at the rate of then; what differs from that is the price, what is left is the rate.
                let then_worth = match conversion {
                    None => now_worth,
                    Some(conversion) => of.cleared_minor + at_receipts_rate(of, line.net_minor, conversion)?,
                };
                let difference = then_worth - of.cleared_minor;
                sides.debit_in(goods, Role::GoodsReceived, of.cleared_minor)?.debit_in(
                    goods,
                    Role::ExchangeDifferences,
                    now_worth - then_worth,
                )?;
                if of.quantity_micro < 0 {
                    // What went back took its own cost with it: the supplier's credit makes nothing dearer that stayed.
                    let account = counterpart(MoveReason::SupplierReturn, of.product.valuation);
                    sides.debit_in(goods, account, difference)?;
                } else if difference != 0 {
                    sides.debit_in(goods, Role::GoodsReceived, difference)?;
                    added.push(Added {
                        moved: of.moved,
                        product: of.product,
                        line_no,
                        minor: difference,
                        of_what_stayed: true,
                    });
                }
                fulfilment.follow(
                    &of.receipt.progress,
                    of.moved.line_no,
                    (OrderStep::Billed, of.quantity_micro),
                    line_no,
                );
            }
        }
        posted.push(line.posted(line_no));
    }
    let mut gross = net;
    add(&mut gross, taxes.total_minor)?;
    sides.credit(Role::Payables, gross)?;
    let rows = taxes.rows(reference, &number, TaxDirection::Input, (command.currency, at), false);
    taxes::post(&mut sides, &rows)?;
    let mut posting = Posting::new(books, reference, drawn).with(&supplier.code, Some(due_at));
    posting.taxes = rows;
    posting.carry_on(fulfilment);
    let added = AddedCosts::new(books, reference, (goods, at), added.into_iter())?;
    let stocked = added.post(&mut posting, sides, &format!("bill {number}"), at)?;

    let bill = PurchaseBill {
        id,
        number: Arc::clone(&number),
        supplier_id: supplier.id,
        supplier_code: Arc::clone(&supplier.code),
        reference: command.reference.clone(),
        currency: command.currency,
        net_minor: net,
        tax_minor: taxes.total_minor,
        memo: command.memo.clone(),
        billed_at: at,
        due_at,
        lines: posted,
    };
    let head = Head {
        number,
        currency: command.currency,
        amount_minor: gross,
        at,
    };
    Ok(posting.into_postings(head, Document::PurchaseBill(bill), Some(stocked)))
}

/// What goods are billed for beyond what they were received for, at the rate that they were received at; at the bill's where they were
/// received for nothing.
fn at_receipts_rate(of: &BilledGoods<'_>, net_minor: i64, conversion: Conversion) -> Result<i64, ErpError> {
    let beyond = net_minor - of.received_minor;
    match of.received_minor.saturating_abs() {
        0 => conversion.convert(beyond),
        received => Ok(share(beyond, of.cleared_minor.saturating_abs(), received)?),
    }
}
