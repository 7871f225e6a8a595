use cortex_types::{CreditNoteId, InvoiceId, Money, Timestamp};

use super::origins::Origins;
use super::sales_lines::{field, sales_line};
use super::shelf::{Moving, Shelf};
use super::sides::{Sides, add};
use super::taxes::{self, Taxes};
use super::{Head, Posting, check_line_count};
use crate::books::Numbering;
use crate::books::country;
use crate::postings::{Document, Postings};
use crate::{
    Books, Cost, CreditNote, CreditNoteLine, CreditReason, CreditedInvoice, DocumentKind, DocumentRef, ErpError,
    MoveReason, Party, PartyKind, PostCreditNote, ProductKind, Role, TaxDirection, ids,
};

/// A credit note: goods that came back go into stock and take their cost of sales with them, at what they cost when they were
/// sold where the note names the invoice, at the known cost otherwise; the journal gets the return, the discount or the service taken back, against the customer's account or, for a cash sale,
/// the bank.
pub fn plan_credit_note(command: &PostCreditNote, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    check_line_count(command.lines.len())?;
    let customer = credited_customer(command, books)?;
    let (id, at) = (CreditNoteId(ids::next()), command.credited_at.unwrap_or(now));
    let asked = Numbering::of(&command.number, &command.series);
    let (number, drawn) = books.number(DocumentKind::CreditNote, asked, at)?;
    let reference = DocumentRef {
        kind: DocumentKind::CreditNote,
        id: id.0,
    };

    let location = books.location("location", command.location.as_ref())?;
    let corrected = corrected_invoice(command, books, customer)?;
    let mut origins: Option<Origins<'_>> = None;
    let mut shelf = Shelf::new(books, reference);
    let mut lines = Vec::with_capacity(command.lines.len());
    for (index, input) in command.lines.iter().enumerate() {
        let (line, product) = sales_line(index, &input.line, (command.currency, at), books)?;
        if (input.reason, product.kind) == (CreditReason::Return, ProductKind::Goods) {
            let quantity = field(index, "quantity");
            let parts = match &command.invoice {
                Some(invoice) => {
                    let known = origins.take();
                    let known = known.map_or_else(|| Origins::of(books, DocumentKind::SalesInvoice, invoice), Ok)?;
                    origins
                        .insert(known)
                        .take(&quantity, product, line.quantity_micro, at)?
                }
                None => vec![(line.quantity_micro, Cost::Known)],
            };
            for (quantity_micro, cost) in parts {
                shelf.put(&Moving {
                    product,
                    location: &location,
                    quantity_micro,
                    reason: MoveReason::Return,
                    cost,
                    line_no: line.line_no,
                    at,
                });
            }
        }
        lines.push(CreditNoteLine {
            line,
            reason: input.reason,
        });
    }
    let amounts = lines
        .iter_mut()
        .map(|line: &mut CreditNoteLine| (&mut line.line.net_minor, line.line.tax.as_ref()));
    let taxes = Taxes::on(books, amounts, command.prices_include_tax)?;
    let (mut returns, mut discounts, mut services) = (0, 0, 0);
    for line in &lines {
        match (line.reason, line.line.product_kind) {
            (CreditReason::Discount, _) => add(&mut discounts, line.line.net_minor)?,
            (_, ProductKind::Service) => add(&mut services, line.line.net_minor)?,
            (_, ProductKind::Goods) => add(&mut returns, line.line.net_minor)?,
        }
    }
    let mut net = returns;
    add(&mut net, discounts)?;
    add(&mut net, services)?;
    let mut gross = net;
    add(&mut gross, taxes.total_minor)?;

    if let Some((_, invoice)) = corrected {
        check_open(command, invoice, net)?;
    }

    let walk_in = customer.kind == PartyKind::WalkIn;
    let mut stocked = shelf.settle()?;
    let mut sides = Sides::new(command.currency);
    sides
        .debit(Role::SalesReturns, returns)?
        .debit(Role::Discounts, discounts)?
        .debit(Role::ServiceSales, services)?;
    sides.credit(if walk_in { Role::Bank } else { Role::Receivables }, gross)?;
    let taxed = (command.currency, at);
    let rows = taxes.rows(reference, &number, TaxDirection::Output, taxed, true);
    taxes::post(&mut sides, &rows)?;
    let memo = format!("credit note {number}");
    let mut posting = Posting::new(books, reference, drawn).with(&customer.code, None);
    posting.taxes = rows;
    posting.post_with(sides, &mut stocked, &memo, at)?;

    let note = CreditNote {
        id,
        number: number.clone(),
        customer_id: customer.id,
        customer_code: (!walk_in).then(|| customer.code.clone()),
        country: country(command.country.as_ref(), customer)?,
        currency: command.currency,
        net_minor: net,
        tax_minor: taxes.total_minor,
        reason: common_reason(&lines),
        invoice_id: corrected.map(|(id, _)| id),
        credited_at: at,
        lines,
    };
    let head = Head {
        number,
        currency: command.currency,
        amount_minor: gross,
        at,
    };
    Ok(posting.into_postings(head, Document::CreditNote(note), Some(stocked)))
}

fn common_reason(lines: &[CreditNoteLine]) -> CreditReason {
    match lines {
        [first, rest @ ..] if rest.iter().all(|line| line.reason == first.reason) => first.reason,
        _ => CreditReason::Other,
    }
}

/// The invoice that the note names: one of the same customer in the same currency.
/// The one that is named, or whom the invoice was billed to.
fn credited_customer<'a>(command: &PostCreditNote, books: &'a Books) -> Result<&'a Party, ErpError> {
    let (None, Some(invoice)) = (&command.customer, &command.invoice) else {
        return books.customer(command.customer.as_ref());
    };
    let key = (DocumentKind::SalesInvoice, invoice.clone());
    if !books.documents.contains_key(&key) {
        return Err(ErpError::UnknownInvoice(invoice.clone()));
    }
    books.customer(books.posted.get(&key).and_then(|posted| posted.party.as_ref()))
}

fn corrected_invoice<'a>(
    command: &PostCreditNote,
    books: &'a Books,
    customer: &Party,
) -> Result<Option<(InvoiceId, &'a CreditedInvoice)>, ErpError> {
    let Some(number) = &command.invoice else {
        return Ok(None);
    };
    let key = (DocumentKind::SalesInvoice, number.clone());
    let id = books.documents.get(&key);
    let found = id.and_then(|id| Some((InvoiceId(*id), books.invoices.get(&InvoiceId(*id))?)));
    let Some((id, invoice)) = found else {
        return Err(ErpError::UnknownInvoice(number.clone()));
    };
    if invoice.customer_id != customer.id {
        let problem = format!("invoice '{number}' was not billed to '{}'", customer.code);
        return Err(ErpError::invalid("customer", problem));
    }
    if invoice.currency != command.currency {
        return Err(ErpError::WrongCurrency {
            what: format!("invoice '{number}'"),
            kept: invoice.currency,
            document: command.currency,
        });
    }
    let posted = books.posted.get(&key);
    if let Some(cancellation) = posted.and_then(|posted| posted.cancelled_by.as_ref()) {
        let problem = format!("'{number}' was cancelled, by {cancellation}: there is nothing to credit");
        return Err(ErpError::invalid("invoice", problem));
    }
    Ok(Some((id, invoice)))
}

/// All notes together credit no more than was billed.
fn check_open(command: &PostCreditNote, invoice: &CreditedInvoice, net: i64) -> Result<(), ErpError> {
    let open = invoice.net_minor.saturating_sub(invoice.credited_minor);
    if net <= open {
        return Ok(());
    }
    let money = |minor| Money::new(minor, invoice.currency);
    let problem = format!(
        "of invoice '{}', {} can still be credited, not {}",
        command.invoice.as_deref().unwrap_or_default(),
        money(open),
        money(net)
    );
    Err(ErpError::invalid("invoice", problem))
}
