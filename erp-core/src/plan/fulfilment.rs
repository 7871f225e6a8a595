//! The orders that a document carries on.

use std::collections::BTreeMap;
use std::sync::Arc;

use cortex_types::{Currency, LineId, OrderId, Timestamp};
use rust_decimal::Decimal;

use crate::order::unknown;
use crate::{
    Books, DocumentKind, DocumentRef, ErpError, Order, OrderLine, OrderProgress, OrderState, OrderStep, Party, ids,
};

pub(super) struct Fulfilment<'a> {
    books: &'a Books,
    document: DocumentRef,
    number: Arc<str>,
    at: Timestamp,
    /// As they are afterwards.
    orders: BTreeMap<OrderId, Order>,
    progress: Vec<OrderProgress>,
}

/// So much of a line of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Its place among the lines of the order.
    pub line: usize,
    pub quantity_micro: i64,
}

impl<'a> Fulfilment<'a> {
    pub fn by(books: &'a Books, document: DocumentRef, number: &Arc<str>, at: Timestamp) -> Self {
        Self {
            books,
            document,
            number: Arc::clone(number),
            at,
            orders: BTreeMap::new(),
            progress: Vec::new(),
        }
    }

    /// An order that something may come of still; `field` is where the caller named it.
    pub fn open(&mut self, field: &str, kind: DocumentKind, number: &Arc<str>) -> Result<OrderId, ErpError> {
        let order = self.books.order(kind, number)?;
        // What was delivered before it was closed is billed still.
        let bills = self.document.kind == DocumentKind::SalesInvoice;
        if order.state == OrderState::Cancelled || (order.state == OrderState::Closed && !bills) {
            let problem = format!("'{number}' is {}: nothing more comes of it", order.state.as_str());
            return Err(ErpError::invalid(field, problem));
        }
        Ok(self.take_up(order))
    }

    /// Whether a document of this party, in this currency, may bill the order; `priced`: whether it has prices of its own.
    pub fn check(
        &self,
        id: OrderId,
        (field, party): (&str, &Party),
        (currency, prices_include_tax, priced): (Currency, bool, bool),
    ) -> Result<(), ErpError> {
        let order = self.order(id);
        if order.party_id != party.id {
            let problem = format!("'{}' is an order of '{}'", order.number, order.party_code);
            return Err(ErpError::invalid(field, problem));
        }
        if order.currency != currency {
            return Err(ErpError::WrongCurrency {
                what: format!("order '{}'", order.number),
                kept: order.currency,
                document: currency,
            });
        }
        if priced && prices_include_tax != order.prices_include_tax {
            let theirs = if order.prices_include_tax {
                "include"
            } else {
                "do not include"
            };
            let problem = format!(
                "the prices of '{}' {theirs} their taxes: so must those of its lines",
                order.number
            );
            return Err(ErpError::invalid("prices_include_tax", problem));
        }
        Ok(())
    }

    fn take_up(&mut self, order: &Order) -> OrderId {
        self.orders.entry(order.id).or_insert_with(|| order.clone());
        order.id
    }

    pub fn order(&self, id: OrderId) -> &Order {
        &self.orders[&id]
    }

    pub fn line(&self, id: OrderId, line: usize) -> &OrderLine {
        &self.orders[&id].lines[line]
    }

    /// Everything that `left` says is left.
    pub fn left(&self, id: OrderId, left: impl Fn(&OrderLine) -> i64) -> Vec<Part> {
        let lines = self.orders[&id].lines.iter().enumerate();
        let part = |(line, of): (usize, &OrderLine)| Part {
            line,
            quantity_micro: left(of),
        };
        lines.map(part).filter(|part| part.quantity_micro > 0).collect()
    }

    /// So much of a product, from its first line on. Takes no note of it: see [`advance`](Self::advance).
    pub fn find(
        &self,
        field: &str,
        (id, step): (OrderId, OrderStep),
        product: &str,
        quantity_micro: i64,
    ) -> Result<Vec<Part>, ErpError> {
        if quantity_micro <= 0 {
            return Err(ErpError::invalid(field, "must be above zero"));
        }
        let lines = &self.orders[&id].lines;
        let closed = self.orders[&id].state == OrderState::Closed;
        // What was delivered is billed first, and what was set aside leaves first.
        let first = |line: &OrderLine| match step {
            OrderStep::Billed => line.unbilled(),
            OrderStep::Moved => line.reserved_micro.min(line.left(step)),
            OrderStep::Reserved => 0,
        };
        let (mut wanted, mut parts) = (quantity_micro, vec![0; lines.len()]);
        for round in 0..2 {
            for (part, line) in parts
                .iter_mut()
                .zip(lines)
                .filter(|(_, line)| *line.product_code == *product)
            {
                let left = if round == 0 || closed {
                    first(line)
                } else {
                    line.left(step)
                };
                let more = wanted.min(left - *part).max(0);
                *part += more;
                wanted -= more;
            }
        }
        if wanted == 0 {
            let parts = parts
                .into_iter()
                .enumerate()
                .filter(|(_, quantity_micro)| *quantity_micro > 0);
            return Ok(parts
                .map(|(line, quantity_micro)| Part { line, quantity_micro })
                .collect());
        }
        let open = Decimal::new(quantity_micro - wanted, 6).normalize();
        let problem = format!("of '{product}', {open} of '{}' are left", self.order(id).number);
        Err(ErpError::invalid(field, problem))
    }

    /// The document carries a line on. What moved is not set aside any more: answers with how much that was.
    pub fn advance(&mut self, id: OrderId, step: OrderStep, part: Part, document_line_no: u32) -> i64 {
        let Some(line) = self
            .orders
            .get_mut(&id)
            .and_then(|order| order.lines.get_mut(part.line))
        else {
            return 0;
        };
        let released = match step {
            OrderStep::Moved => line.reserved_micro.min(part.quantity_micro).max(0),
            OrderStep::Reserved | OrderStep::Billed => 0,
        };
        let line_id = line.id;
        for (step, quantity_micro) in [(step, part.quantity_micro), (OrderStep::Reserved, -released)] {
            line.advance(step, quantity_micro);
            if quantity_micro != 0 {
                self.progress.push(OrderProgress {
                    id: LineId(ids::next()),
                    order_id: id,
                    line_id,
                    step,
                    quantity_micro,
                    document: self.document,
                    number: Arc::clone(&self.number),
                    document_line_no,
                    at: self.at,
                });
            }
        }
        released
    }

    /// Carries on the line of the order that a line of another document moved goods for.
    pub fn follow(
        &mut self,
        progress: &[OrderProgress],
        line_no: u32,
        (step, quantity_micro): (OrderStep, i64),
        document_line_no: u32,
    ) {
        let came = |of: &&OrderProgress| of.step == OrderStep::Moved && of.document_line_no == line_no;
        let Some(came) = progress.iter().find(came) else { return };
        let Some(order) = self.books.orders.by_id(came.order_id) else {
            return;
        };
        let Some(line) = order.lines.iter().position(|line| line.id == came.line_id) else {
            return;
        };
        let id = self.take_up(order);
        self.advance(id, step, Part { line, quantity_micro }, document_line_no);
    }

    /// Takes back what a document did to its orders. What it took from what was set aside is not set aside again: others may have it.
    pub fn undo(&mut self, progress: &[OrderProgress]) -> Result<(), ErpError> {
        for of in progress.iter().filter(|of| of.step != OrderStep::Reserved) {
            let Some(order) = self.books.orders.by_id(of.order_id) else {
                return Err(unknown(DocumentKind::SalesOrder, &of.order_id.to_string()));
            };
            let id = self.take_up(order);
            let Some(order) = self.orders.get_mut(&id) else {
                continue;
            };
            let Some(line) = order.lines.iter_mut().find(|line| line.id == of.line_id) else {
                continue;
            };
            line.advance(of.step, -of.quantity_micro);
            self.progress.push(OrderProgress {
                id: LineId(ids::next()),
                quantity_micro: -of.quantity_micro,
                at: self.at,
                ..of.clone()
            });
        }
        for order in self.orders.values() {
            let sold = order.kind == DocumentKind::SalesOrder;
            let problem = |line: &OrderLine| match line {
                _ if sold && line.unbilled() < 0 => Some("what it moved is billed: cancel that first"),
                _ if line.billed_micro < 0 => Some("what it billed is credited: cancel that first"),
                _ if line.moved_micro > line.quantity_micro => Some("what went back came again: cancel that first"),
                _ => None,
            };
            let mut problems = order.lines.iter().filter_map(|line| Some((line, problem(line)?)));
            if let Some((line, problem)) = problems.next() {
                let problem = format!("of '{}' for '{}', {problem}", line.product_code, order.number);
                return Err(ErpError::invalid("number", problem));
            }
        }
        Ok(())
    }

    /// The orders as they are afterwards, and what became of them.
    pub fn finish(self) -> (Vec<Order>, Vec<OrderProgress>) {
        let refreshed = self.orders.into_values().map(|mut order| {
            order.refresh();
            order
        });
        (refreshed.collect(), self.progress)
    }
}
