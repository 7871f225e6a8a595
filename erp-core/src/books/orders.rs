//! Orders, and the stock that is set aside for them.

use std::collections::HashMap;
use std::sync::Arc;

use cortex_types::{OrderId, ProductId};

use super::Books;
use crate::order::unknown;
use crate::{DocumentKind, ErpError, Order, OrderProgress, OrderStep};

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
            *self.reserved.entry(place).or_default() += of.quantity_micro;
        }
    }
}
