//! Stock moves, what they are worth, and what lies where afterwards.

use std::collections::BTreeMap;

use cortex_erp::postings::{Document, Group};
use cortex_erp::valuation::{Holding, Revalued, Timeline};
use cortex_erp::{Cancellation, Cost, ProductCost, StockDocument, StockMove, StockRevaluation};
use cortex_store::{RowValues, StoreError, WriteTransaction};
use cortex_types::{ProductId, StockMoveId, TenantId, Timestamp};

use super::{Numbered, id};
use crate::costs;

pub(super) async fn save(transaction: &mut WriteTransaction, numbered: &[Numbered<'_>]) -> Result<(), StoreError> {
    save_documents(transaction, numbered).await?;
    save_moves(transaction, numbered).await?;
    save_revaluations(transaction, numbered).await?;
    save_costs(transaction, numbered).await
}

async fn save_documents(transaction: &mut WriteTransaction, numbered: &[Numbered<'_>]) -> Result<(), StoreError> {
    let mut documents: Vec<(&Numbered<'_>, &StockDocument)> = Vec::new();
    let mut cancellations: Vec<(&Numbered<'_>, &Cancellation)> = Vec::new();
    for command in numbered {
        match &command.accepted.postings.document {
            Document::Stock(document) => documents.push((command, document)),
            Document::Cancellation(cancellation) => cancellations.push((command, cancellation)),
            _ => {}
        }
    }
    let columns = [
        "id",
        "tenant_id",
        "kind",
        "number",
        "party_id",
        "party_code",
        "location",
        "to_location",
        "order_number",
        "memo",
        "currency",
        "value_minor",
        "line_count",
        "moved_at",
        "tx_no",
    ];
    transaction
        .insert_rows("stock_documents", &columns, &documents, |row, (command, document)| {
            row.bind(id(document.id.0)).bind(command.tenant);
            row.bind(document.kind.as_str()).bind(&*document.number);
            row.bind(document.party_id.map(|party| id(party.0)))
                .bind(document.party_code.as_deref());
            row.bind(document.location.as_deref())
                .bind(document.to_location.as_deref())
                .bind(document.order.as_deref())
                .bind(document.memo.as_str());
            row.bind(document.currency.as_str()).bind(document.value_minor);
            row.bind(i64::from(document.line_count)).bind(document.moved_at);
            row.bind(command.tx_no);
        })
        .await?;
    let columns = [
        "id",
        "tenant_id",
        "number",
        "document_kind",
        "document_id",
        "document_number",
        "memo",
        "effective_at",
        "reversed",
        "cancelled_at",
        "tx_no",
    ];
    transaction
        .insert_rows("cancellations", &columns, &cancellations, |row, (command, of)| {
            row.bind(id(of.id.0)).bind(command.tenant).bind(&*of.number);
            row.bind(of.document.kind.as_str()).bind(id(of.document.id));
            row.bind(&*of.document_number).bind(of.memo.as_str());
            row.bind(of.effective_at).bind(of.reversed);
            row.bind(of.cancelled_at).bind(command.tx_no);
        })
        .await
}

async fn save_moves(transaction: &mut WriteTransaction, numbered: &[Numbered<'_>]) -> Result<(), StoreError> {
    let columns = [
        "id",
        "tenant_id",
        "product_id",
        "product_code",
        "location",
        "quantity_micro",
        "value_minor",
        "currency",
        "reason",
        "document_kind",
        "document_id",
        "moved_at",
        "tx_no",
        "line_no",
        "cost",
        "given_minor",
        "of_move",
        "of_quantity_micro",
    ];
    let of_command = |command: &'_ Numbered<'_>| command.accepted.postings.moves.len();
    let mut moves: Vec<(&Numbered<'_>, &StockMove)> = Vec::with_capacity(numbered.iter().map(of_command).sum());
    for command in numbered {
        moves.extend(command.accepted.postings.moves.iter().map(|moved| (command, moved)));
    }
    transaction
        .insert_rows("stock_moves", &columns, &moves, |row, (command, moved)| {
            row.bind(id(moved.id.0))
                .bind(command.tenant)
                .bind(id(moved.product_id.0))
                .bind(&*moved.product_code);
            row.bind(&*moved.location)
                .bind(moved.quantity_micro)
                .bind(moved.value_minor);
            row.bind(moved.currency.as_str()).bind(moved.reason.as_str());
            row.bind(moved.document.kind.as_str()).bind(id(moved.document.id));
            row.bind(moved.moved_at).bind(command.tx_no);
            row.bind(i64::from(moved.line_no));
            bind_cost(row, moved.cost);
        })
        .await
}

/// `cost` to `of_quantity_micro`.
fn bind_cost(row: &mut RowValues<'_>, cost: Cost) {
    let columns = costs::columns(cost);
    row.bind(columns.word)
        .bind(columns.given_minor)
        .bind(columns.of.map(|of| id(of.0)))
        .bind(columns.of_quantity_micro);
}

async fn save_revaluations(transaction: &mut WriteTransaction, numbered: &[Numbered<'_>]) -> Result<(), StoreError> {
    let columns = [
        "id",
        "tenant_id",
        "product_id",
        "product_code",
        "location",
        "value_minor",
        "move_count",
        "currency",
        "document_kind",
        "document_id",
        "posted_at",
        "tx_no",
    ];
    let mut rows: Vec<(&Numbered<'_>, &StockRevaluation)> = Vec::new();
    // The newest value of each move: a group may change it more than once.
    let mut values: BTreeMap<(&str, ProductId, StockMoveId), i64> = BTreeMap::new();
    for command in numbered {
        let postings = &command.accepted.postings;
        rows.extend(postings.revaluations.iter().map(|row| (command, row)));
        for (product, Revalued { id, value_minor, .. }) in &postings.revalued {
            values.insert((command.tenant, *product, *id), *value_minor);
        }
    }
    transaction
        .insert_rows("stock_revaluations", &columns, &rows, |row, (command, revaluation)| {
            row.bind(id(revaluation.id.0)).bind(command.tenant);
            row.bind(id(revaluation.product_id.0)).bind(&*revaluation.product_code);
            row.bind(&*revaluation.location).bind(revaluation.value_minor);
            row.bind(i64::from(revaluation.move_count))
                .bind(revaluation.currency.as_str());
            row.bind(revaluation.document.kind.as_str())
                .bind(id(revaluation.document.id));
            row.bind(revaluation.posted_at).bind(command.tx_no);
        })
        .await?;
    let columns = ["tenant_id", "product_id", "move_id", "value_minor"];
    let values: Vec<_> = values.into_iter().collect();
    transaction
        .upsert_rows(
            "stock_move_values",
            (&columns, 3),
            &values,
            |row, ((tenant, product, moved), value_minor)| {
                row.bind(*tenant)
                    .bind(id(product.0))
                    .bind(id(moved.0))
                    .bind(*value_minor);
            },
        )
        .await
}

async fn save_costs(transaction: &mut WriteTransaction, numbered: &[Numbered<'_>]) -> Result<(), StoreError> {
    let columns = [
        "id",
        "tenant_id",
        "product_id",
        "product_code",
        "value_minor",
        "quantity_micro",
        "currency",
        "number",
        "effective_from",
        "tx_no",
    ];
    let mut rows: Vec<(&Numbered<'_>, &ProductCost)> = Vec::new();
    for command in numbered {
        rows.extend(command.accepted.postings.costs.iter().map(|cost| (command, cost)));
    }
    transaction
        .insert_rows("standard_costs", &columns, &rows, |row, (command, cost)| {
            let postings = &command.accepted.postings;
            let numbered = matches!(postings.document, Document::StandardCost);
            row.bind(id(cost.id.0)).bind(command.tenant);
            row.bind(id(cost.product_id.0)).bind(&*cost.product_code);
            row.bind(cost.value_minor).bind(cost.quantity_micro);
            row.bind(cost.currency.as_str());
            row.bind(numbered.then_some(&*postings.number));
            row.bind(cost.from).bind(command.tx_no);
        })
        .await
}

/// What lies where after the group, and what did at the beginning of the months that changed.
pub(super) async fn save_levels(transaction: &mut WriteTransaction, group: &Group) -> Result<(), StoreError> {
    let mut levels: Vec<(&TenantId, ProductId, &Timeline, &str, &Holding, Option<String>)> = Vec::new();
    let mut checkpoints: Vec<(&TenantId, ProductId, Timestamp, String)> = Vec::new();
    for (tenant, product, timeline) in &group.stock {
        for (location, holding) in &timeline.now {
            let layers = match holding.layers.is_empty() {
                true => None,
                false => Some(serde_json::to_string(&holding.layers).map_err(unwritable)?),
            };
            levels.push((tenant, *product, timeline, location, holding, layers));
        }
        for (before, holdings) in &timeline.checkpoints {
            let holdings = serde_json::to_string(holdings).map_err(unwritable)?;
            checkpoints.push((tenant, *product, *before, holdings));
        }
    }
    let columns = [
        "tenant_id",
        "product_id",
        "location",
        "currency",
        "quantity_micro",
        "value_minor",
        "cost_value_minor",
        "cost_quantity_micro",
        "layers",
        "newest_at",
    ];
    transaction
        .upsert_rows(
            "stock_levels",
            (&columns, 3),
            &levels,
            |row, (tenant, product, timeline, location, holding, layers)| {
                row.bind(tenant.as_str()).bind(id(product.0)).bind(*location);
                row.bind(timeline.currency.as_str())
                    .bind(holding.quantity_micro)
                    .bind(holding.value_minor);
                row.bind(holding.last_cost.map(|cost| cost.value_minor));
                row.bind(holding.last_cost.map(|cost| cost.quantity_micro));
                row.bind(layers.as_deref()).bind(timeline.newest_at);
            },
        )
        .await?;
    let columns = ["tenant_id", "product_id", "month_start", "holdings"];
    transaction
        .upsert_rows(
            "stock_checkpoints",
            (&columns, 3),
            &checkpoints,
            |row, (tenant, product, before, holdings)| {
                row.bind(tenant.as_str()).bind(id(product.0));
                row.bind(*before).bind(holdings.as_str());
            },
        )
        .await
}

fn unwritable(error: serde_json::Error) -> StoreError {
    StoreError::Unreadable {
        what: "stock",
        detail: error.to_string(),
    }
}
