//! The orders that a document carries on.

use std::collections::BTreeMap;
use std::sync::Arc;

use cortex_types::{Currency, LineId, OrderId, Timestamp};
use rust_decimal::Decimal;

use crate::order::unknown;
use crate::{
    Books, DocumentKind, DocumentRef, ErpError, Order, OrderLine, OrderProgress, OrderState, OrderStep, Party,
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

    /// An order that is open still; `field` is where the caller named it.
    pub fn open(&mut self, field: &str, kind: DocumentKind, number: &Arc<str>) -> Result<OrderId, ErpError> {
        let order = self.books.order(kind, number)?;
        if matches!(order.state, OrderState::Closed | OrderState::Cancelled) {
            let problem = format!("'{number}' is {}: nothing more comes of it", order.state.as_str());
            return Err(ErpError::invalid(field, problem));
        }
        Ok(self.take_up(order))
    }

    /// Whether a document of this party, in this currency, may bill the order.
    pub fn check(
        &self,
        id: OrderId,
        (field, party): (&str, &Party),
        (currency, prices_include_tax): (Currency, bool),
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
        if prices_include_tax && !order.prices_include_tax {
            let problem = format!("the prices of '{}' do not: leave it out", order.number);
            return Err(ErpError::invalid("prices_include_tax", problem));
        }
        Ok(())
    }

    /// An order, whatever became of it.
    pub fn known(&mut self, id: OrderId) -> Option<&Order> {
        let order = self.books.orders.by_id(id)?;
        let id = self.take_up(order);
        self.orders.get(&id)
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
        let (mut wanted, mut parts) = (quantity_micro, Vec::new());
        for part in self.left(id, |line| line.left(step)) {
            let quantity_micro = part.quantity_micro.min(wanted);
            if *self.line(id, part.line).product_code != *product || quantity_micro == 0 {
                continue;
            }
            wanted -= quantity_micro;
            parts.push(Part { quantity_micro, ..part });
        }
        if wanted == 0 {
            return Ok(parts);
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
                    id: LineId::new(),
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

    /// Takes back what a document did to its orders.
    pub fn undo(&mut self, progress: &[OrderProgress]) -> Result<(), ErpError> {
        for of in progress {
            let Some(order) = self.books.orders.by_id(of.order_id) else {
                return Err(unknown(DocumentKind::SalesOrder, &of.order_id.to_string()));
            };
            let id = self.take_up(order);
            let Some(order) = self.orders.get_mut(&id) else {
                continue;
            };
            let open = matches!(order.state, OrderState::Open | OrderState::Complete);
            let Some(line) = order.lines.iter_mut().find(|line| line.id == of.line_id) else {
                continue;
            };
            // Nothing is set aside for what is closed.
            if of.step == OrderStep::Reserved && !open {
                continue;
            }
            line.advance(of.step, -of.quantity_micro);
            self.progress.push(OrderProgress {
                id: LineId::new(),
                quantity_micro: -of.quantity_micro,
                ..of.clone()
            });
        }
        for order in self.orders.values() {
            if let Some(line) = order.lines.iter().find(|line| line.unbilled() < 0) {
                let problem = format!(
                    "of '{}', what it moved for '{}' is billed: cancel that first",
                    line.product_code, order.number
                );
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
