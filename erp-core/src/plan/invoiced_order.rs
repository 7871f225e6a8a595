//! The lines of an invoice for an order.

use std::sync::Arc;

use super::fulfilment::{Fulfilment, Part};
use super::line_number;
use super::sales_lines::field;
use crate::limits::check_quantity;
use crate::valuation::share;
use crate::{
    DocumentKind, ErpError, InvoiceLineInput, LinePrice, OrderLine, OrderState, OrderStep, Party, PostInvoice,
    ProductKind,
};

/// A line of an invoice to be.
pub(super) struct Planned {
    /// Of the line that the caller gave.
    pub index: usize,
    pub input: InvoiceLineInput,
    /// How much leaves with the invoice.
    pub moves_micro: i64,
    /// How much of that was set aside.
    pub released_micro: i64,
}

impl Planned {
    pub fn unordered((index, input): (usize, &InvoiceLineInput)) -> Self {
        Self {
            index,
            input: input.clone(),
            moves_micro: input.quantity_micro,
            released_micro: 0,
        }
    }
}

/// What an invoice bills of an order, line by line of the order: what its own lines say, or else everything that was delivered
/// and not billed. What is billed beyond that leaves with the invoice.
pub(super) fn ordered_lines(
    command: &PostInvoice,
    number: &Arc<str>,
    customer: &Party,
    fulfilment: &mut Fulfilment<'_>,
) -> Result<Vec<Planned>, ErpError> {
    let id = fulfilment.open("order", DocumentKind::SalesOrder, number)?;
    let has_prices = command.lines.iter().any(|line| !matches!(line.price, LinePrice::List));
    let of_invoice = (command.currency, command.prices_include_tax, has_prices);
    fulfilment.check(id, ("customer", customer), of_invoice)?;
    let mut planned = Vec::new();
    if command.lines.is_empty() {
        // Of what is closed, services are done with.
        let closed = fulfilment.order(id).state == OrderState::Closed;
        let goods = |line: &OrderLine| line.product_kind == ProductKind::Goods;
        let delivered = fulfilment.left(id, |line| if closed && !goods(line) { 0 } else { line.unbilled() });
        if delivered.is_empty() {
            let problem = format!("nothing of '{number}' is delivered and not invoiced: deliver it, or name lines");
            return Err(ErpError::invalid("lines", problem));
        }
        for part in delivered {
            let line = fulfilment.line(id, part.line);
            let input = InvoiceLineInput {
                product: Arc::clone(&line.product_code),
                quantity_micro: part.quantity_micro,
                unit: None,
                price: LinePrice::List,
                tax: None,
            };
            let priced = priced(&input, line, part)?;
            planned.push(bill(fulfilment, id, part, (planned.len(), planned.len()), priced));
        }
    }
    for (index, input) in command.lines.iter().enumerate() {
        let quantity = field(index, "quantity");
        check_quantity(&quantity, input.quantity_micro)?;
        let parts = fulfilment.find(&quantity, (id, OrderStep::Billed), &input.product, input.quantity_micro)?;
        let mut sum = 0;
        for part in parts {
            let mut of_part = input.clone();
            if let LinePrice::Net(net) = input.price {
                let before = share(net, sum, input.quantity_micro)?;
                sum += part.quantity_micro;
                of_part.price = LinePrice::Net(share(net, sum, input.quantity_micro)? - before);
            }
            let priced = priced(&of_part, fulfilment.line(id, part.line), part)?;
            planned.push(bill(fulfilment, id, part, (index, planned.len()), priced));
        }
    }
    Ok(planned)
}

/// At the price and with the taxes of the order, where the caller gave none.
fn priced(input: &InvoiceLineInput, line: &OrderLine, part: Part) -> Result<InvoiceLineInput, ErpError> {
    let price = match input.price {
        LinePrice::List => LinePrice::Net(line.share(line.billed_micro, part.quantity_micro)?),
        LinePrice::Unit(_) | LinePrice::Net(_) => input.price.clone(),
    };
    Ok(InvoiceLineInput {
        quantity_micro: part.quantity_micro,
        price,
        tax: input.tax.clone().or_else(|| line.tax.clone()),
        ..input.clone()
    })
}

fn bill(
    fulfilment: &mut Fulfilment<'_>,
    id: cortex_types::OrderId,
    part: Part,
    (index, place): (usize, usize),
    input: InvoiceLineInput,
) -> Planned {
    let line = fulfilment.line(id, part.line);
    let moves_micro = match line.product_kind {
        ProductKind::Goods => part.quantity_micro - line.unbilled().clamp(0, part.quantity_micro),
        ProductKind::Service => 0,
    };
    let line_no = line_number(place);
    fulfilment.advance(id, OrderStep::Billed, part, line_no);
    let leaves = Part {
        quantity_micro: moves_micro,
        ..part
    };
    Planned {
        index,
        input,
        moves_micro,
        released_micro: fulfilment.advance(id, OrderStep::Moved, leaves, line_no),
    }
}
