//! Orders as they are after the group, and what came of them; when goods are ordered again.

use std::collections::{BTreeMap, BTreeSet};

use cortex_erp::postings::Document;
use cortex_erp::{Order, OrderLine, OrderProgress, OrderState, OrderStep, ReorderRule};
use cortex_store::{StoreError, WriteTransaction};
use cortex_types::{LineId, OrderId, ReorderRuleId};

use super::{Numbered, id};

pub(super) async fn save(transaction: &mut WriteTransaction, numbered: &[Numbered<'_>]) -> Result<(), StoreError> {
    // The newest of each: a group may carry on what it orders.
    let mut orders: BTreeMap<OrderId, (&Numbered<'_>, &Order)> = BTreeMap::new();
    let mut progress: Vec<(&Numbered<'_>, &OrderProgress)> = Vec::new();
    let mut changed: BTreeSet<LineId> = BTreeSet::new();
    let mut whole: BTreeSet<OrderId> = BTreeSet::new();
    let mut rules: BTreeMap<ReorderRuleId, (&Numbered<'_>, &ReorderRule)> = BTreeMap::new();
    for command in numbered {
        let postings = &command.accepted.postings;
        orders.extend(postings.orders.iter().map(|order| (order.id, (command, order))));
        progress.extend(postings.progress.iter().map(|of| (command, of)));
        changed.extend(postings.progress.iter().map(|of| of.line_id));
        match &postings.document {
            Document::Order => whole.extend(postings.orders.iter().map(|order| order.id)),
            Document::ReorderRule(rule) => {
                rules.insert(rule.id, (command, rule));
            }
            _ => {}
        }
    }
    let orders: Vec<_> = orders.into_values().collect();
    save_orders(transaction, &orders).await?;
    let lines: Vec<(&Numbered<'_>, &Order, &OrderLine)> = orders
        .iter()
        .flat_map(|(command, order)| order.lines.iter().map(move |line| (*command, *order, line)))
        .filter(|(_, order, line)| whole.contains(&order.id) || changed.contains(&line.id))
        .collect();
    save_lines(transaction, &lines).await?;
    save_progress(transaction, &progress).await?;
    let rules: Vec<_> = rules.into_values().collect();
    save_rules(transaction, &rules).await
}

async fn save_orders(transaction: &mut WriteTransaction, orders: &[(&Numbered<'_>, &Order)]) -> Result<(), StoreError> {
    let columns = [
        "id",
        "tenant_id",
        "kind",
        "number",
        "party_id",
        "party_code",
        "location",
        "currency",
        "prices",
        "amount_minor",
        "memo",
        "state",
        "ordered_at",
        "due_at",
        "tx_no",
    ];
    transaction
        .upsert_rows("orders", (&columns, 1), orders, |row, (command, order)| {
            row.bind(id(order.id.0)).bind(command.tenant);
            row.bind(order.kind.as_str()).bind(&*order.number);
            row.bind(id(order.party_id.0)).bind(&*order.party_code);
            row.bind(&*order.location).bind(order.currency.as_str());
            row.bind(if order.prices_include_tax { "gross" } else { "net" });
            row.bind(order.amount_minor).bind(order.memo.as_str());
            row.bind(order.state.as_str()).bind(order.ordered_at);
            row.bind(order.due_at).bind(command.tx_no);
        })
        .await
}

async fn save_lines(
    transaction: &mut WriteTransaction,
    lines: &[(&Numbered<'_>, &Order, &OrderLine)],
) -> Result<(), StoreError> {
    let columns = [
        "id",
        "tenant_id",
        "order_id",
        "order_kind",
        "line_no",
        "product_id",
        "product_code",
        "product_kind",
        "location",
        "quantity_micro",
        "unit",
        "amount_minor",
        "tax_code",
        "reserved_micro",
        "moved_micro",
        "billed_micro",
        "open_micro",
        "tx_no",
    ];
    transaction
        .upsert_rows("order_lines", (&columns, 1), lines, |row, (command, order, line)| {
            let open_micro = match order.state {
                OrderState::Open | OrderState::Complete => line.left(OrderStep::Moved),
                OrderState::Closed | OrderState::Cancelled => 0,
            };
            row.bind(id(line.id.0)).bind(command.tenant).bind(id(order.id.0));
            row.bind(order.kind.as_str()).bind(i64::from(line.line_no));
            row.bind(id(line.product_id.0)).bind(&*line.product_code);
            row.bind(line.product_kind.as_str()).bind(&*order.location);
            row.bind(line.quantity_micro).bind(line.unit.as_str());
            row.bind(line.amount_minor).bind(line.tax.as_deref());
            row.bind(line.reserved_micro).bind(line.moved_micro);
            row.bind(line.billed_micro).bind(open_micro).bind(command.tx_no);
        })
        .await
}

async fn save_progress(
    transaction: &mut WriteTransaction,
    progress: &[(&Numbered<'_>, &OrderProgress)],
) -> Result<(), StoreError> {
    let columns = [
        "id",
        "tenant_id",
        "order_id",
        "order_line_id",
        "step",
        "quantity_micro",
        "document_kind",
        "document_id",
        "number",
        "document_line_no",
        "progressed_at",
        "tx_no",
    ];
    transaction
        .insert_rows("order_progress", &columns, progress, |row, (command, of)| {
            row.bind(id(of.id.0)).bind(command.tenant).bind(id(of.order_id.0));
            row.bind(id(of.line_id.0)).bind(of.step.as_str());
            row.bind(of.quantity_micro).bind(of.document.kind.as_str());
            row.bind(id(of.document.id)).bind(&*of.number);
            row.bind(i64::from(of.document_line_no)).bind(of.at).bind(command.tx_no);
        })
        .await
}

async fn save_rules(
    transaction: &mut WriteTransaction,
    rules: &[(&Numbered<'_>, &ReorderRule)],
) -> Result<(), StoreError> {
    let columns = [
        "id",
        "tenant_id",
        "product_id",
        "product_code",
        "location",
        "point_micro",
        "up_to_micro",
        "lot_micro",
        "supplier_code",
        "created_at",
        "tx_no",
    ];
    transaction
        .upsert_rows("reorder_rules", (&columns, 1), rules, |row, (command, rule)| {
            row.bind(id(rule.id.0)).bind(command.tenant);
            row.bind(id(rule.product_id.0)).bind(&*rule.product_code);
            row.bind(&*rule.location).bind(rule.point_micro).bind(rule.up_to_micro);
            row.bind(rule.lot_micro).bind(rule.supplier.as_deref());
            row.bind(rule.created_at).bind(command.tx_no);
        })
        .await
}
