use cortex_types::{InvoiceId, Timestamp};

use super::sales_lines::sales_line;
use super::shelf::{Shelf, add};
use super::{check_line_count, post_entry};
use crate::books::{country, location};
use crate::postings::{Document, Postings};
use crate::{
    Account, Advised, Books, DocumentKind, DocumentRef, ErpError, Invoice, JournalDraft, MoveReason, PartyKind,
    PostInvoice, ProductKind,
};

/// An invoice: its goods leave stock at average cost, and the journal gets revenue and, where a cost is known, the cost
/// of goods sold. A cash sale debits the bank, any other the customer's account.
pub fn plan_invoice(
    command: &PostInvoice,
    books: &Books,
    now: Timestamp,
    advice: Option<Advised>,
) -> Result<Postings, ErpError> {
    check_line_count(command.lines.len())?;
    let customer = books.customer(command.customer.as_ref())?;
    let (number, place) = books.number(DocumentKind::SalesInvoice, command.number.as_ref())?;
    let (id, at) = (
        InvoiceId::new(),
        command.invoiced_at.or(advice.map(|advice| advice.at)).unwrap_or(now),
    );
    let reference = DocumentRef {
        kind: DocumentKind::SalesInvoice,
        id: id.0,
    };

    let mut shelf = Shelf::new(books, location(command.location.as_ref())?, reference, at);
    let mut lines = Vec::with_capacity(command.lines.len());
    let (mut goods, mut services, mut cost) = (0, 0, 0);
    for (index, input) in command.lines.iter().enumerate() {
        let (line, product) = sales_line(index, input, command.currency, books)?;
        match product.kind {
            ProductKind::Goods => {
                add(&mut goods, line.net_minor)?;
                add(&mut cost, shelf.issue(product, line.quantity_micro, MoveReason::Sale)?)?;
            }
            ProductKind::Service => add(&mut services, line.net_minor)?,
        }
        lines.push(line);
    }
    let mut net = goods;
    add(&mut net, services)?;

    let walk_in = customer.kind == PartyKind::WalkIn;
    let mut draft = JournalDraft::new(command.currency, format!("invoice {number}"));
    draft.debit(if walk_in { Account::BANK } else { Account::RECEIVABLES }, net)?;
    draft
        .credit(Account::SALES, goods)?
        .credit(Account::SERVICE_SALES, services)?;
    draft
        .debit(Account::COST_OF_SALES, cost)?
        .credit(Account::INVENTORY, cost)?;
    let mut drawn: Vec<_> = place
        .map(|place| (DocumentKind::SalesInvoice, place))
        .into_iter()
        .collect();
    let entries = post_entry(draft, books, reference, at, &mut drawn)?;
    let (moves, levels) = shelf.into_parts();

    let invoice = Invoice {
        id,
        number: number.clone(),
        customer_id: customer.id,
        customer_code: (!walk_in).then(|| customer.code.clone()),
        country: country(command.country.as_ref(), customer)?,
        currency: command.currency,
        net_minor: net,
        invoiced_at: at,
        decision_id: command.decision_id.or(advice.map(|advice| advice.decision)),
        lines,
    };
    Ok(Postings {
        kind: DocumentKind::SalesInvoice,
        id: id.0,
        number,
        currency: command.currency,
        amount_minor: net,
        at,
        document: Document::Invoice(invoice),
        moves,
        entries,
        levels,
        drawn,
    })
}
