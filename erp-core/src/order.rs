//! Orders: what customers want and what suppliers are asked for, and how far that has come.

use std::sync::Arc;

use cortex_types::{Currency, LineId, OrderId, PartyId, ProductId, ReorderRuleId, Timestamp, Unit};
use serde::{Deserialize, Serialize};

use crate::valuation::share;
use crate::words::words;
use crate::{DocumentKind, DocumentRef, ErpError, ProductKind};

words! {
    OrderState {
        Open = "open",
        /// Everything moved and was billed.
        Complete = "complete",
        /// No more is to come of it.
        Closed = "closed",
        /// It never was.
        Cancelled = "cancelled",
    }
}

words! {
    /// What becomes of what was ordered.
    OrderStep {
        /// Set aside for it.
        Reserved = "reserved",
        /// Delivered to the customer, or received from the supplier.
        Moved = "moved",
        /// Invoiced to the customer, or billed by the supplier.
        Billed = "billed",
    }
}

/// An order of a customer, or to a supplier. It posts nothing: what carries it on does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    pub id: OrderId,
    /// A sales order or a purchase order.
    pub kind: DocumentKind,
    pub number: Arc<str>,
    pub party_id: PartyId,
    pub party_code: Arc<str>,
    /// Where the goods leave from, or come to.
    pub location: Arc<str>,
    pub currency: Currency,
    /// Whether prices have their taxes within them.
    pub prices_include_tax: bool,
    /// What all lines cost.
    pub amount_minor: i64,
    pub memo: String,
    pub state: OrderState,
    pub ordered_at: Timestamp,
    /// When it is wanted, or expected.
    pub due_at: Option<Timestamp>,
    pub lines: Vec<OrderLine>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLine {
    pub id: LineId,
    /// From 1.
    pub line_no: u32,
    pub product_id: ProductId,
    pub product_code: Arc<str>,
    pub product_kind: ProductKind,
    pub quantity_micro: i64,
    pub unit: Unit,
    /// What the whole line costs.
    pub amount_minor: i64,
    /// Code of the taxes on it.
    pub tax: Option<Arc<str>>,
    pub reserved_micro: i64,
    pub moved_micro: i64,
    pub billed_micro: i64,
}

impl Order {
    pub(crate) fn reference(&self) -> DocumentRef {
        DocumentRef {
            kind: self.kind,
            id: self.id.0,
        }
    }

    /// Lines are not gone back on for what is counted later: the state follows them as long as it is open.
    pub(crate) fn refresh(&mut self) {
        if matches!(self.state, OrderState::Open | OrderState::Complete) {
            let done = self.lines.iter().all(|line| {
                OrderStep::ALL
                    .iter()
                    .all(|step| *step == OrderStep::Reserved || line.left(*step) <= 0)
            });
            self.state = if done { OrderState::Complete } else { OrderState::Open };
        }
    }
}

impl OrderLine {
    /// How much of it has not come so far. Services do not move.
    #[must_use]
    pub fn left(&self, step: OrderStep) -> i64 {
        let to_move = match self.product_kind {
            ProductKind::Goods => self.quantity_micro - self.moved_micro,
            ProductKind::Service => 0,
        };
        match step {
            OrderStep::Reserved => to_move - self.reserved_micro,
            OrderStep::Moved => to_move,
            OrderStep::Billed => self.quantity_micro - self.billed_micro,
        }
    }

    /// What moved and was not billed.
    #[must_use]
    pub fn unbilled(&self) -> i64 {
        match self.product_kind {
            ProductKind::Goods => self.moved_micro - self.billed_micro,
            ProductKind::Service => self.left(OrderStep::Billed),
        }
    }

    /// What so much of it costs behind what came before: all parts are the whole together.
    pub(crate) fn share(&self, before_micro: i64, quantity_micro: i64) -> Result<i64, ErpError> {
        let until = share(self.amount_minor, before_micro + quantity_micro, self.quantity_micro)?;
        Ok(until - share(self.amount_minor, before_micro, self.quantity_micro)?)
    }

    pub(crate) fn advance(&mut self, step: OrderStep, quantity_micro: i64) {
        let counter = match step {
            OrderStep::Reserved => &mut self.reserved_micro,
            OrderStep::Moved => &mut self.moved_micro,
            OrderStep::Billed => &mut self.billed_micro,
        };
        *counter += quantity_micro;
    }
}

/// A document carried a line of an order on; below zero where that document was cancelled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderProgress {
    pub id: LineId,
    pub order_id: OrderId,
    /// The line of the order.
    pub line_id: LineId,
    pub step: OrderStep,
    pub quantity_micro: i64,
    pub document: DocumentRef,
    pub number: Arc<str>,
    /// The line of the document, from 1; 0 where it has none for it.
    pub document_line_no: u32,
    pub at: Timestamp,
}

/// When a product is to be ordered again at a location, and how much of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReorderRule {
    pub id: ReorderRuleId,
    pub product_id: ProductId,
    pub product_code: Arc<str>,
    pub location: Arc<str>,
    /// Ordered again where no more than this is to be expected.
    pub point_micro: i64,
    /// So much is to be expected afterwards.
    pub up_to_micro: i64,
    /// Ordered in whole lots of this.
    pub lot_micro: Option<i64>,
    pub supplier: Option<Arc<str>>,
    pub created_at: Timestamp,
}

/// What there is of a product at a location, what will come and what will leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expected {
    pub on_hand_micro: i64,
    /// Ordered from suppliers.
    pub to_come_micro: i64,
    /// Ordered by customers.
    pub to_leave_micro: i64,
}

impl Expected {
    #[must_use]
    pub const fn micro(self) -> i64 {
        self.on_hand_micro
            .saturating_add(self.to_come_micro)
            .saturating_sub(self.to_leave_micro)
    }
}

impl ReorderRule {
    /// How much should be ordered; `None` where there is enough.
    #[must_use]
    pub fn suggest(&self, expected: Expected) -> Option<i64> {
        let there = expected.micro();
        if there > self.point_micro {
            return None;
        }
        let wanted = self.up_to_micro.saturating_sub(there);
        let lots = |lot: i64| {
            let count = wanted
                .checked_add(lot - 1)
                .map_or(i64::MAX / lot, |padded| padded / lot);
            count.saturating_mul(lot)
        };
        Some(self.lot_micro.map_or(wanted, lots)).filter(|quantity| *quantity > 0)
    }
}

/// What of a document's lines came to which part of the lines of its order, first come first billed: an invoice bills what was
/// delivered first and not billed before it.
///
/// `progress` is everything of the order lines that the document billed, in the order in which it was written. Answers with
/// lines of documents that moved goods, and how much of each was billed by `document`.
pub fn billed_moves(progress: &[OrderProgress], document: DocumentRef) -> Vec<(DocumentRef, u32, i64)> {
    let mut lines: Vec<LineId> = progress.iter().map(|of| of.line_id).collect();
    lines.sort();
    lines.dedup();
    let mut found = Vec::new();
    for line in lines {
        let of_step = |step: OrderStep| standing(progress.iter().filter(|of| of.line_id == line && of.step == step));
        let mut moved = of_step(OrderStep::Moved);
        for (biller, _, mut billed) in of_step(OrderStep::Billed) {
            // What it moved itself it billed itself; the rest is what was delivered first.
            let (own, others): (Vec<usize>, Vec<usize>) = (0..moved.len()).partition(|place| moved[*place].0 == biller);
            let delivered = others.into_iter().filter(|place| !is_biller(progress, moved[*place].0));
            for place in own.into_iter().chain(delivered.collect::<Vec<_>>()) {
                let (of, line_no, left) = &mut moved[place];
                let part = billed.min(*left);
                if part <= 0 {
                    continue;
                }
                if biller == document {
                    found.push((*of, *line_no, part));
                }
                *left -= part;
                billed -= part;
            }
        }
    }
    sums(found.into_iter())
}

/// Whether what a document moved it billed as well.
fn is_biller(progress: &[OrderProgress], document: DocumentRef) -> bool {
    let mut of = progress.iter().filter(|of| of.document == document);
    of.any(|of| of.step == OrderStep::Billed)
}

/// By document and line of it, without what was taken back.
fn standing<'a>(progress: impl Iterator<Item = &'a OrderProgress>) -> Vec<(DocumentRef, u32, i64)> {
    sums(progress.map(|of| (of.document, of.document_line_no, of.quantity_micro)))
}

fn sums(quantities: impl Iterator<Item = (DocumentRef, u32, i64)>) -> Vec<(DocumentRef, u32, i64)> {
    let mut sums: Vec<(DocumentRef, u32, i64)> = Vec::new();
    for (document, line_no, quantity_micro) in quantities {
        let same = |there: &&mut (DocumentRef, u32, i64)| (there.0, there.1) == (document, line_no);
        match sums.iter_mut().find(same) {
            Some(there) => there.2 += quantity_micro,
            None => sums.push((document, line_no, quantity_micro)),
        }
    }
    sums
}

pub(crate) fn unknown(kind: DocumentKind, number: &str) -> ErpError {
    ErpError::NotFound {
        kind: kind.as_str(),
        number: number.to_owned(),
    }
}
