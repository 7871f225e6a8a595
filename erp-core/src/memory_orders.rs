//! Orders of the ledger in memory.

use cortex_types::{RequestContext, Timestamp};

use crate::{
    DocumentKind, Expected, MemoryLedger, Order, OrderProgress, OrderState, OrderStep, Page, ReorderRule, UnbilledGoods,
};

impl MemoryLedger {
    pub(crate) async fn unbilled(
        &self,
        ctx: &RequestContext,
        before: Option<Timestamp>,
        page: &Page,
    ) -> Vec<UnbilledGoods> {
        let mut unbilled = self.unbilled_of(&ctx.tenant, before.unwrap_or(Timestamp::MAX)).await;
        unbilled.sort_by_key(|goods| goods.id);
        unbilled.retain(|goods| page.after.as_ref().is_none_or(|after| goods.id.to_string() > *after));
        unbilled.truncate(page.limit() as usize);
        unbilled
    }

    pub(crate) async fn orders_of(
        &self,
        ctx: &RequestContext,
        kind: DocumentKind,
        state: Option<OrderState>,
        page: &Page,
    ) -> Vec<Order> {
        let books = self.books(&ctx.tenant).await;
        let behind = |order: &&Order| page.after.as_ref().is_none_or(|after| order.id.to_string() > *after);
        let wanted = |order: &&Order| order.kind == kind && state.is_none_or(|state| order.state == state);
        let mut orders: Vec<Order> = books.orders.iter().filter(behind).filter(wanted).cloned().collect();
        orders.sort_by_key(|order| order.id);
        orders.truncate(page.limit() as usize);
        orders
    }

    pub(crate) async fn order_numbered(
        &self,
        ctx: &RequestContext,
        kind: DocumentKind,
        number: &str,
    ) -> Option<(Order, Vec<OrderProgress>)> {
        let books = self.books(&ctx.tenant).await;
        let order = books.orders.numbered(kind, &number.into())?.clone();
        let accepted = self.accepted(&ctx.tenant).await;
        let progress = accepted.into_iter().flat_map(|accepted| accepted.postings.progress);
        let progress = progress.filter(|of| of.order_id == order.id).collect();
        Some((order, progress))
    }

    pub(crate) async fn expected(&self, ctx: &RequestContext, page: &Page) -> Vec<(ReorderRule, Expected)> {
        let books = self.books(&ctx.tenant).await;
        let mut rules: Vec<&ReorderRule> = books.reorder_rules.values().collect();
        rules.sort_by_key(|rule| rule.id);
        rules.retain(|rule| page.after.as_ref().is_none_or(|after| rule.id.to_string() > *after));
        rules.truncate(page.limit() as usize);
        let open = |rule: &ReorderRule, kind: DocumentKind| -> i64 {
            let orders = books.orders.iter();
            orders
                .filter(|order| order.kind == kind && order.location == rule.location)
                .filter(|order| matches!(order.state, OrderState::Open | OrderState::Complete))
                .flat_map(|order| &order.lines)
                .filter(|line| line.product_id == rule.product_id)
                .map(|line| line.left(OrderStep::Moved))
                .sum()
        };
        let expected = |rule: &ReorderRule| Expected {
            on_hand_micro: books.on_hand(rule.product_id, &rule.location),
            to_come_micro: open(rule, DocumentKind::PurchaseOrder),
            to_leave_micro: open(rule, DocumentKind::SalesOrder),
        };
        rules.into_iter().map(|rule| (rule.clone(), expected(rule))).collect()
    }
}
