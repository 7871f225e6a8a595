//! Orders, and the stock that is set aside for them.

use std::collections::HashMap;
use std::sync::Arc;

use cortex_types::{OrderId, ProductId, StockMoveId};

use super::{Books, Delivered};
use crate::order::unknown;
use crate::{DocumentKind, ErpError, Order, OrderProgress, OrderStep, StockMove};

/// Orders by their id and by their number.
#[derive(Clone, Debug, Default)]
pub struct Orders {
    by_id: HashMap<OrderId, Order>,
    ids: HashMap<(DocumentKind, Arc<str>), OrderId>,
}

impl Orders {
    pub fn insert(&mut self, order: Order) {
        self.ids.insert((order.kind, Arc::clone(&order.number)), order.id);
        self.by_id.insert(order.id, order);
    }

    #[must_use]
    pub fn by_id(&self, id: OrderId) -> Option<&Order> {
        self.by_id.get(&id)
    }

    #[must_use]
    pub fn numbered(&self, kind: DocumentKind, number: &Arc<str>) -> Option<&Order> {
        self.by_id(*self.ids.get(&(kind, Arc::clone(number)))?)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Order> {
        self.by_id.values()
    }
}

impl Delivered {
    /// What an invoice billed of moves (with what each is worth now, and how much of it was billed), less what came back of that
    /// before. Goods may have come back from moves that count as another invoice's since one was cancelled: these are taken off
    /// what is left of their product.
    #[must_use]
    pub fn new(billed: Vec<(StockMove, i64, i64)>, returned: Vec<(StockMoveId, ProductId, i64)>) -> Vec<Self> {
        let mut delivered: Vec<Self> = Vec::with_capacity(billed.len());
        let mut left = returned;
        for (moved, value_minor, quantity_micro) in billed {
            let back = left.iter_mut().find(|(of, ..)| *of == moved.id);
            let returned_micro = back.map_or(0, |(.., left)| {
                let part = quantity_micro.min(*left);
                *left -= part;
                part
            });
            delivered.push(Self {
                moved,
                value_minor,
                quantity_micro,
                returned_micro,
            });
        }
        for (_, product, mut left) in left {
            for of in delivered.iter_mut().rev().filter(|of| of.moved.product_id == product) {
                let part = left.min(of.quantity_micro - of.returned_micro);
                of.returned_micro += part;
                left -= part;
            }
        }
        delivered
    }
}

impl Books {
    pub fn order(&self, kind: DocumentKind, number: &Arc<str>) -> Result<&Order, ErpError> {
        self.orders.numbered(kind, number).ok_or_else(|| unknown(kind, number))
    }

    /// How much of a product is set aside at a location.
    #[must_use]
    pub fn reserved(&self, product: ProductId, location: &Arc<str>) -> i64 {
        self.reserved
            .get(&(product, Arc::clone(location)))
            .copied()
            .unwrap_or(0)
    }

    pub(super) fn apply_orders(&mut self, orders: &[Order], progress: &[OrderProgress]) {
        for order in orders {
            self.orders.insert(order.clone());
        }
        for of in progress.iter().filter(|of| of.step == OrderStep::Reserved) {
            let Some(order) = self.orders.by_id(of.order_id) else {
                continue;
            };
            let Some(line) = order.lines.iter().find(|line| line.id == of.line_id) else {
                continue;
            };
            let place = (line.product_id, Arc::clone(&order.location));
            let reserved = self.reserved.entry(place).or_default();
            *reserved = reserved.saturating_add(of.quantity_micro);
        }
    }
}
