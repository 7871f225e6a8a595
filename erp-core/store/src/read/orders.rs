//! Orders, what came of them, and what is to be expected of products because of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cortex_erp::{
    Books, DocumentKind, Expected, Order, OrderLine, OrderProgress, OrderState, OrderStep, Page, ProductKind,
    References, ReorderRule,
};
use cortex_store::sql::{self, Pool, Row, Transaction};
use cortex_types::{OrderId, ProductId, Timestamp};
use sqlx::AssertSqlSafe;

use super::books::{rows, rows_of};
use super::documents::page_of;
use super::fiscal::of_tenant;
use super::journal::document;
use crate::rows::Columns;

const ORDERS: &str = "SELECT id, kind, number, party_id, party_code, location, currency, prices, amount_minor, memo, state, \
                      ordered_at, due_at FROM orders";
const LINES: &str = "SELECT id, order_id, line_no, product_id, product_code, product_kind, quantity_micro, unit, \
                     amount_minor, tax_code, reserved_micro, moved_micro, billed_micro FROM order_lines";
const PROGRESS: &str = "SELECT id, order_id, order_line_id, step, quantity_micro, document_kind, document_id, number, \
                        document_line_no, progressed_at FROM order_progress";
const RULES: &str = "SELECT id, product_id, product_code, location, point_micro, up_to_micro, lot_micro, supplier_code, \
                     created_at FROM reorder_rules";
const RULES_OF_TENANT: &str = "SELECT id, product_id, product_code, location, point_micro, up_to_micro, lot_micro, \
                               supplier_code, created_at FROM reorder_rules WHERE tenant_id = $1";

/// Loads the orders that are wanted, and adds their parties and products to those wanted.
pub(super) async fn load(
    on: &mut Transaction,
    tenant: &str,
    wanted: &References,
    (parties, products): (&mut BTreeSet<Arc<str>>, &mut BTreeMap<Arc<str>, Option<Timestamp>>),
    books: &mut Books,
) -> Result<(), sqlx::Error> {
    for kind in [DocumentKind::SalesOrder, DocumentKind::PurchaseOrder] {
        let of_kind = wanted.orders.iter().filter(|((of, _), _)| *of == kind);
        let numbers: Vec<&str> = of_kind.map(|((_, number), _)| &**number).collect();
        let column = match kind {
            DocumentKind::SalesOrder => "kind = 'sales-order' AND number",
            _ => "kind = 'purchase-order' AND number",
        };
        let found = rows(on, ORDERS, column, tenant, &numbers).await?;
        for order in with_lines(on, tenant, &found).await? {
            parties.insert(Arc::clone(&order.party_code));
            let at = wanted.orders.get(&(kind, Arc::clone(&order.number))).copied().flatten();
            for line in &order.lines {
                let earliest = products.entry(Arc::clone(&line.product_code)).or_default();
                *earliest = match (*earliest, at) {
                    (Some(earliest), Some(at)) => Some(earliest.min(at)),
                    (earliest, at) => earliest.or(at),
                };
            }
            books.orders.insert(order);
        }
    }
    let references: Vec<&str> = wanted
        .bill_references
        .iter()
        .map(|(_, reference)| &**reference)
        .collect();
    let standing = "NOT EXISTS (SELECT 1 FROM cancellations c WHERE c.tenant_id = purchase_bills.tenant_id \
                    AND c.document_id = purchase_bills.id) AND reference";
    let bills = "SELECT supplier_code, reference, number FROM purchase_bills";
    for row in rows(on, bills, standing, tenant, &references).await? {
        let key = (row.text("supplier_code")?, row.text("reference")?);
        books.bill_references.insert(key, row.text("number")?);
    }
    if wanted.reorder_rules {
        for row in of_tenant(&mut *on, RULES_OF_TENANT, tenant).await? {
            let rule = rule(&row)?;
            books
                .reorder_rules
                .insert((rule.product_id, Arc::clone(&rule.location)), rule);
        }
    }
    Ok(())
}

/// The orders that documents carried on.
pub(super) async fn load_carried_on(on: &mut Transaction, tenant: &str, books: &mut Books) -> Result<(), sqlx::Error> {
    let progress = books.posted.values().flat_map(|document| &document.progress);
    let ids: BTreeSet<OrderId> = progress.map(|of| of.order_id).collect();
    let ids: Vec<String> = ids
        .into_iter()
        .filter(|id| books.orders.by_id(*id).is_none())
        .map(|id| id.to_string())
        .collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let found = rows_of(on, ORDERS, ("", "id"), tenant, &ids).await?;
    for order in with_lines(on, tenant, &found).await? {
        books.orders.insert(order);
    }
    Ok(())
}

/// What is set aside of the products at hand.
pub(super) async fn reserved(on: &mut Transaction, tenant: &str, books: &mut Books) -> Result<(), sqlx::Error> {
    let ids: Vec<String> = books.products.values().map(|product| product.id.to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let select = "SELECT product_id, location, reserved_micro FROM order_lines";
    for row in rows(on, select, "reserved_micro <> 0 AND product_id", tenant, &ids).await? {
        let place: (ProductId, Arc<str>) = (row.parsed("product_id")?, row.text("location")?);
        *books.reserved.entry(place).or_default() += row.integer("reserved_micro")?;
    }
    Ok(())
}

/// What a document did to orders, in the order in which it was written; without what was taken back.
pub(super) async fn progress_of_document(
    on: &mut Transaction,
    tenant: &str,
    id: &str,
) -> Result<Vec<OrderProgress>, sqlx::Error> {
    progress_where(on, "document_id = $2", tenant, id).await
}

/// Everything of the order lines that a document carried on, by all documents.
pub(super) async fn progress_around(
    on: &mut Transaction,
    tenant: &str,
    document: &str,
) -> Result<Vec<OrderProgress>, sqlx::Error> {
    let lines = "order_line_id IN (SELECT order_line_id FROM order_progress WHERE document_id = $2)";
    progress_where(on, lines, tenant, document).await
}

async fn progress_where(
    on: &mut Transaction,
    which: &str,
    tenant: &str,
    id: &str,
) -> Result<Vec<OrderProgress>, sqlx::Error> {
    let select = format!("{PROGRESS} WHERE coalesce(tenant_id, '') = $1 AND {which} ORDER BY tx_no, id");
    let found = sql::query(AssertSqlSafe(select))
        .bind(tenant)
        .bind(id)
        .fetch_all(on)
        .await?;
    found.iter().map(progress).collect()
}

pub(super) async fn page(
    readers: &Pool,
    tenant: &str,
    (kind, state): (DocumentKind, Option<OrderState>),
    page: &Page,
) -> Result<Vec<Order>, sqlx::Error> {
    let mut query = sql::QueryBuilder::new(format!("{ORDERS} WHERE tenant_id = "));
    query.push_bind(tenant).push(" AND kind = ").push_bind(kind.as_str());
    query
        .push(" AND id > ")
        .push_bind(page.after.as_deref().unwrap_or_default());
    if let Some(state) = state {
        query.push(" AND state = ").push_bind(state.as_str());
    }
    query.push(" ORDER BY id LIMIT ").push_bind(page.limit());
    let mut snapshot = readers.snapshot().await?;
    let found = query.build().fetch_all(&mut snapshot).await?;
    with_lines(&mut snapshot, tenant, &found).await
}

/// With all that came of it.
pub(super) async fn one(
    readers: &Pool,
    tenant: &str,
    kind: DocumentKind,
    number: &str,
) -> Result<Option<(Order, Vec<OrderProgress>)>, sqlx::Error> {
    let mut snapshot = readers.snapshot().await?;
    let numbered = format!("{ORDERS} WHERE tenant_id = $1 AND kind = $2 AND number = $3");
    let found = sql::query(AssertSqlSafe(numbered))
        .bind(tenant)
        .bind(kind.as_str())
        .bind(number)
        .fetch_all(&mut snapshot)
        .await?;
    let Some(order) = with_lines(&mut snapshot, tenant, &found).await?.pop() else {
        return Ok(None);
    };
    let progress = progress_where(&mut snapshot, "order_id = $2", tenant, &order.id.to_string()).await?;
    Ok(Some((order, progress)))
}

pub(super) async fn rules(readers: &Pool, tenant: &str, page: &Page) -> Result<Vec<ReorderRule>, sqlx::Error> {
    page_of(readers, RULES, tenant, page).await?.iter().map(rule).collect()
}

/// What is to be expected where there is a rule, of the rules of a page.
pub(super) async fn expected(
    readers: &Pool,
    tenant: &str,
    page: &Page,
) -> Result<Vec<(ReorderRule, Expected)>, sqlx::Error> {
    let mut snapshot = readers.snapshot().await?;
    let open = |kind: &str| {
        format!(
            "(SELECT CAST(coalesce(sum(o.open_micro), 0) AS BIGINT) FROM order_lines o WHERE o.tenant_id = r.tenant_id \
             AND o.product_id = r.product_id AND o.open_micro <> 0 AND o.location = r.location AND o.order_kind = '{kind}')"
        )
    };
    let select = format!(
        "SELECT r.id, r.product_id, r.product_code, r.location, r.point_micro, r.up_to_micro, r.lot_micro, \
         r.supplier_code, r.created_at, coalesce(l.quantity_micro, 0) AS on_hand_micro, {} AS to_come_micro, \
         {} AS to_leave_micro FROM reorder_rules r LEFT JOIN stock_levels l ON l.tenant_id = r.tenant_id \
         AND l.product_id = r.product_id AND l.location = r.location \
         WHERE r.tenant_id = $1 AND r.id > $2 ORDER BY r.id LIMIT $3",
        open("purchase-order"),
        open("sales-order")
    );
    let found = sql::query(AssertSqlSafe(select))
        .bind(tenant)
        .bind(page.after.as_deref().unwrap_or_default())
        .bind(i64::from(page.limit()))
        .fetch_all(&mut snapshot)
        .await?;
    let expected = found.iter().map(|row| {
        let expected = Expected {
            on_hand_micro: row.integer("on_hand_micro")?,
            to_come_micro: row.integer("to_come_micro")?,
            to_leave_micro: row.integer("to_leave_micro")?,
        };
        Ok((rule(row)?, expected))
    });
    expected.collect()
}

async fn with_lines(on: &mut Transaction, tenant: &str, found: &[Row]) -> Result<Vec<Order>, sqlx::Error> {
    let mut orders = found.iter().map(order).collect::<Result<Vec<_>, _>>()?;
    let ids: Vec<String> = orders.iter().map(|order| order.id.to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let mut lines: BTreeMap<OrderId, Vec<OrderLine>> = BTreeMap::new();
    for row in rows_of(on, LINES, ("", "order_id"), tenant, &ids).await? {
        lines.entry(row.parsed("order_id")?).or_default().push(line(&row)?);
    }
    for order in &mut orders {
        order.lines = lines.remove(&order.id).unwrap_or_default();
        order.lines.sort_by_key(|line| line.line_no);
    }
    Ok(orders)
}

fn order(row: &Row) -> Result<Order, sqlx::Error> {
    Ok(Order {
        id: row.parsed("id")?,
        kind: row.word("kind", &DocumentKind::ALL, DocumentKind::as_str)?,
        number: row.text("number")?,
        party_id: row.parsed("party_id")?,
        party_code: row.text("party_code")?,
        location: row.text("location")?,
        currency: row.parsed("currency")?,
        prices_include_tax: row.try_get::<&str>("prices")? == "gross",
        amount_minor: row.integer("amount_minor")?,
        memo: row.try_get("memo")?,
        state: row.word("state", OrderState::ALL, OrderState::as_str)?,
        ordered_at: row.time("ordered_at")?,
        due_at: row.optional_time("due_at")?,
        lines: Vec::new(),
    })
}

fn line(row: &Row) -> Result<OrderLine, sqlx::Error> {
    Ok(OrderLine {
        id: row.parsed("id")?,
        line_no: u32::try_from(row.integer("line_no")?).unwrap_or(u32::MAX),
        product_id: row.parsed("product_id")?,
        product_code: row.text("product_code")?,
        product_kind: row.word("product_kind", &ProductKind::ALL, ProductKind::as_str)?,
        quantity_micro: row.integer("quantity_micro")?,
        unit: row.parsed("unit")?,
        amount_minor: row.integer("amount_minor")?,
        tax: row.optional_text("tax_code")?,
        reserved_micro: row.integer("reserved_micro")?,
        moved_micro: row.integer("moved_micro")?,
        billed_micro: row.integer("billed_micro")?,
    })
}

fn progress(row: &Row) -> Result<OrderProgress, sqlx::Error> {
    Ok(OrderProgress {
        id: row.parsed("id")?,
        order_id: row.parsed("order_id")?,
        line_id: row.parsed("order_line_id")?,
        step: row.word("step", OrderStep::ALL, OrderStep::as_str)?,
        quantity_micro: row.integer("quantity_micro")?,
        document: document(row)?,
        number: row.text("number")?,
        document_line_no: u32::try_from(row.integer("document_line_no")?).unwrap_or(u32::MAX),
        at: row.time("progressed_at")?,
    })
}

fn rule(row: &Row) -> Result<ReorderRule, sqlx::Error> {
    Ok(ReorderRule {
        id: row.parsed("id")?,
        product_id: row.parsed("product_id")?,
        product_code: row.text("product_code")?,
        location: row.text("location")?,
        point_micro: row.integer("point_micro")?,
        up_to_micro: row.integer("up_to_micro")?,
        lot_micro: row.try_get("lot_micro")?,
        supplier: row.optional_text("supplier_code")?,
        created_at: row.time("created_at")?,
    })
}
