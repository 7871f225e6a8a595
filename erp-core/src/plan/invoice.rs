use cortex_types::{InvoiceId, Timestamp};

use super::fulfilment::Fulfilment;
use super::invoiced_order::{Planned, ordered_lines};
use super::sales_lines::sales_line;
use super::shelf::{Moving, Shelf};
use super::sides::{Sides, add};
use super::taxes::{self, Taxes};
use super::{Head, Posting, check_line_count, line_number};
use crate::books::Numbering;
use crate::books::country;
use crate::limits::check_time;
use crate::postings::{Document, Postings};
use crate::{
    Advised, Books, Cost, DocumentKind, DocumentRef, ErpError, Invoice, MoveReason, PartyKind, PostInvoice,
    ProductKind, Role, TaxDirection, ids,
};

/// An invoice: its goods leave stock at its cost, and the journal gets revenue and, where a cost is known, the cost
/// of goods sold. A cash sale debits the bank, any other the customer's account. What was delivered for its order before moves no
/// more.
pub fn plan_invoice(
    command: &PostInvoice,
    books: &Books,
    now: Timestamp,
    advice: Option<Advised>,
) -> Result<Postings, ErpError> {
    if command.order.is_none() {
        check_line_count(command.lines.len())?;
    }
    let order = command.order.as_ref();
    let order = order
        .map(|order| books.order(DocumentKind::SalesOrder, order))
        .transpose()?;
    let customer = books.customer(command.customer.as_ref().or(order.map(|order| &order.party_code)))?;
    let (id, at) = (
        InvoiceId(ids::next()),
        command.invoiced_at.or(advice.map(|advice| advice.at)).unwrap_or(now),
    );
    let asked = Numbering::of(&command.number, &command.series);
    let (number, drawn) = books.number(DocumentKind::SalesInvoice, asked, at)?;
    let reference = DocumentRef {
        kind: DocumentKind::SalesInvoice,
        id: id.0,
    };

    let location = command.location.as_ref().or(order.map(|order| &order.location));
    let location = books.location("location", location)?;
    let mut fulfilment = Fulfilment::by(books, reference, &number, at);
    let planned = match &command.order {
        Some(order) => ordered_lines(command, order, customer, &mut fulfilment)?,
        None => command.lines.iter().enumerate().map(Planned::unordered).collect(),
    };
    check_line_count(planned.len())?;
    let prices_include_tax = order.map_or(command.prices_include_tax, |order| order.prices_include_tax);
    let mut shelf = Shelf::new(books, reference);
    let mut lines = Vec::with_capacity(planned.len());
    for (place, planned) in planned.iter().enumerate() {
        let (mut line, product) = sales_line(planned.index, &planned.input, (command.currency, at), books)?;
        line.line_no = line_number(place);
        if let Some(order) = order {
            shelf.release(product, &order.location, planned.released_micro);
        }
        if product.kind == ProductKind::Goods && planned.moves_micro > 0 {
            shelf.put(&Moving {
                product,
                location: &location,
                quantity_micro: -planned.moves_micro,
                reason: MoveReason::Sale,
                cost: Cost::ByMethod,
                line_no: line.line_no,
                at,
            });
        }
        lines.push(line);
    }
    let amounts = lines.iter_mut().map(|line| (&mut line.net_minor, line.tax.as_ref()));
    let taxes = Taxes::on(books, amounts, prices_include_tax)?;
    let (mut goods, mut services) = (0, 0);
    for line in &lines {
        match line.product_kind {
            ProductKind::Goods => add(&mut goods, line.net_minor)?,
            ProductKind::Service => add(&mut services, line.net_minor)?,
        }
    }
    let mut net = goods;
    add(&mut net, services)?;
    let mut gross = net;
    add(&mut gross, taxes.total_minor)?;

    let walk_in = customer.kind == PartyKind::WalkIn;
    let mut stocked = shelf.settle()?;
    let mut sides = Sides::new(command.currency);
    sides.debit(if walk_in { Role::Bank } else { Role::Receivables }, gross)?;
    sides.credit(Role::Sales, goods)?.credit(Role::ServiceSales, services)?;
    let taxed = (command.currency, at);
    let rows = taxes.rows(reference, &number, TaxDirection::Output, taxed, false);
    taxes::post(&mut sides, &rows)?;
    let memo = format!("invoice {number}");
    check_time("due_at", command.due_at)?;
    let due_at = command.due_at.unwrap_or_else(|| customer.terms.due_at(at));
    if due_at < at {
        return Err(ErpError::invalid("due_at", "must not be before the invoice"));
    }
    let owes = if walk_in { 0 } else { gross };
    books.check_credit(customer, command.currency, owes)?;
    let mut posting = Posting::new(books, reference, drawn).with(&customer.code, Some(due_at));
    posting.taxes = rows;
    posting.carry_on(fulfilment);
    posting.post_with(sides, &mut stocked, &memo, at)?;

    let invoice = Invoice {
        id,
        number: number.clone(),
        customer_id: customer.id,
        customer_code: (!walk_in).then(|| customer.code.clone()),
        country: country(command.country.as_ref(), customer)?,
        currency: command.currency,
        net_minor: net,
        tax_minor: taxes.total_minor,
        invoiced_at: at,
        due_at: (!walk_in).then_some(due_at),
        decision_id: command.decision_id.or(advice.map(|advice| advice.decision)),
        order: command.order.clone(),
        lines,
    };
    let head = Head {
        number,
        currency: command.currency,
        amount_minor: gross,
        at,
    };
    Ok(posting.into_postings(head, Document::Invoice(invoice), Some(stocked)))
}
