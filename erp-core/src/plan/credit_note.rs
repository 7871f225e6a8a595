use cortex_types::{CreditNoteId, InvoiceId, Money, Timestamp};

use super::sales_lines::sales_line;
use super::shelf::{Shelf, add};
use super::{check_line_count, post_entry};
use crate::books::{country, location};
use crate::postings::{Document, Postings};
use crate::{
    Account, Books, CreditNote, CreditNoteLine, CreditReason, DocumentKind, DocumentRef, ErpError, JournalDraft,
    MoveReason, Party, PartyKind, PostCreditNote, ProductKind,
};

/// A credit note: goods that came back go into stock at average cost and take their cost of sales with them; the
/// journal gets the return, the discount or the service taken back, against the customer's account or, for a cash sale,
/// the bank.
pub fn plan_credit_note(command: &PostCreditNote, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    check_line_count(command.lines.len())?;
    let customer = books.customer(command.customer.as_ref())?;
    let (number, place) = books.number(DocumentKind::CreditNote, command.number.as_ref())?;
    let (id, at) = (CreditNoteId::new(), command.credited_at.unwrap_or(now));
    let reference = DocumentRef {
        kind: DocumentKind::CreditNote,
        id: id.0,
    };

    let mut shelf = Shelf::new(books, location(command.location.as_ref())?, reference, at);
    let mut lines = Vec::with_capacity(command.lines.len());
    let (mut returns, mut discounts, mut services, mut cost) = (0, 0, 0, 0);
    for (index, input) in command.lines.iter().enumerate() {
        let (line, product) = sales_line(index, &input.line, command.currency, books)?;
        match (input.reason, product.kind) {
            (CreditReason::Discount, _) => add(&mut discounts, line.net_minor)?,
            (_, ProductKind::Service) => add(&mut services, line.net_minor)?,
            (CreditReason::Return, ProductKind::Goods) => {
                add(&mut returns, line.net_minor)?;
                add(
                    &mut cost,
                    shelf.restore(product, line.quantity_micro, MoveReason::Return)?,
                )?;
            }
            (CreditReason::Other, ProductKind::Goods) => add(&mut returns, line.net_minor)?,
        }
        lines.push(CreditNoteLine {
            line,
            reason: input.reason,
        });
    }
    let mut net = returns;
    add(&mut net, discounts)?;
    add(&mut net, services)?;

    let walk_in = customer.kind == PartyKind::WalkIn;
    let mut draft = JournalDraft::new(command.currency, format!("credit note {number}"));
    draft
        .debit(Account::SALES_RETURNS, returns)?
        .debit(Account::DISCOUNTS, discounts)?;
    draft.debit(Account::SERVICE_SALES, services)?;
    draft.credit(if walk_in { Account::BANK } else { Account::RECEIVABLES }, net)?;
    draft
        .debit(Account::INVENTORY, cost)?
        .credit(Account::COST_OF_SALES, cost)?;
    let mut drawn: Vec<_> = place
        .map(|place| (DocumentKind::CreditNote, place))
        .into_iter()
        .collect();
    let entries = post_entry(draft, books, reference, at, &mut drawn)?;
    let (moves, levels) = shelf.into_parts();

    let note = CreditNote {
        id,
        number: number.clone(),
        customer_id: customer.id,
        customer_code: (!walk_in).then(|| customer.code.clone()),
        country: country(command.country.as_ref(), customer)?,
        currency: command.currency,
        net_minor: net,
        reason: common_reason(&lines),
        invoice_id: corrected_invoice(command, books, customer, net)?,
        credited_at: at,
        lines,
    };
    Ok(Postings {
        kind: DocumentKind::CreditNote,
        id: id.0,
        number,
        currency: command.currency,
        amount_minor: net,
        at,
        document: Document::CreditNote(note),
        moves,
        entries,
        levels,
        drawn,
    })
}

fn common_reason(lines: &[CreditNoteLine]) -> CreditReason {
    match lines {
        [first, rest @ ..] if rest.iter().all(|line| line.reason == first.reason) => first.reason,
        _ => CreditReason::Other,
    }
}

/// The invoice that the note names: one of the same customer in the same currency, of which all notes together credit no
/// more than was billed.
fn corrected_invoice(
    command: &PostCreditNote,
    books: &Books,
    customer: &Party,
    net: i64,
) -> Result<Option<InvoiceId>, ErpError> {
    let Some(number) = &command.invoice else {
        return Ok(None);
    };
    let id = books.documents.get(&(DocumentKind::SalesInvoice, number.clone()));
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
    let open = invoice.net_minor.saturating_sub(invoice.credited_minor);
    if net > open {
        let money = |minor| Money::new(minor, invoice.currency);
        let problem = format!(
            "of invoice '{number}', {} can still be credited, not {}",
            money(open),
            money(net)
        );
        return Err(ErpError::invalid("invoice", problem));
    }
    Ok(Some(id))
}
