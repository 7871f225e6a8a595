//! Products with their stock, and as much of its history as a group of commands reaches back to.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use cortex_erp::valuation::{CostBasis, Entry, Holding, Holdings, Method, Original, StandardCost, Timeline};
use cortex_erp::{Books, DocumentKind, MoveReason, Page, Product, StockMove};
use cortex_store::sql::{self, Pool, QueryBuilder, Row, Transaction};
use cortex_types::{ProductId, StockMoveId, Timestamp};
use sqlx::AssertSqlSafe;

use super::books::{rows, rows_of};
use super::master_data;
use super::posted::added_to;
use crate::costs::cost;
use crate::rows::{Columns, unreadable};

/// A move, with what it is worth now.
const MOVES: &str = "SELECT m.id, m.product_id, m.product_code, m.location, m.quantity_micro, m.value_minor, m.currency, \
                     m.reason, m.document_kind, m.document_id, m.moved_at, m.line_no, m.cost, m.given_minor, m.of_move, \
                     m.of_quantity_micro, v.value_minor AS worth_minor FROM stock_moves m \
                     LEFT JOIN stock_move_values v ON v.tenant_id = m.tenant_id AND v.product_id = m.product_id \
                     AND v.move_id = m.id";

/// Loads the products named, each with its stock and everything from the time named with it on.
pub(super) async fn load(
    on: &mut Transaction,
    tenant: &str,
    wanted: &BTreeMap<Arc<str>, Option<Timestamp>>,
    books: &mut Books,
) -> Result<(), sqlx::Error> {
    let codes: Vec<&str> = wanted.keys().map(|code| &**code).collect();
    for row in rows(on, master_data::PRODUCTS, "code", tenant, &codes).await? {
        let product = master_data::product(&row)?;
        books.products.insert(Arc::clone(&product.code), product);
    }
    let products: HashMap<ProductId, Product> = books
        .products
        .values()
        .map(|product| (product.id, product.clone()))
        .collect();
    let ids: Vec<String> = products.keys().map(ToString::to_string).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    levels(on, tenant, &ids, &products, books).await?;
    standards(on, tenant, &products, books).await?;
    for (code, earliest) in wanted {
        let (Some(product), Some(earliest)) = (books.products.get(code), *earliest) else {
            continue;
        };
        if let Some(timeline) = books.stock.get_mut(&product.id)
            && !timeline.reaches(earliest)
        {
            history(on, tenant, product.id, earliest, timeline).await?;
        }
    }
    Ok(())
}

async fn levels(
    on: &mut Transaction,
    tenant: &str,
    ids: &[&str],
    products: &HashMap<ProductId, Product>,
    books: &mut Books,
) -> Result<(), sqlx::Error> {
    let select = "SELECT product_id, location, quantity_micro, value_minor, cost_value_minor, cost_quantity_micro, layers, \
                  newest_at FROM stock_levels";
    let mut found: HashMap<ProductId, (Holdings, Option<Timestamp>)> = HashMap::new();
    for row in rows(on, select, "product_id", tenant, ids).await? {
        let (holdings, newest_at) = found.entry(row.parsed("product_id")?).or_default();
        holdings.insert(row.text("location")?, holding(&row)?);
        *newest_at = (*newest_at).max(row.optional_time("newest_at")?);
    }
    for (id, product) in products {
        let (now, newest_at) = found.remove(id).unwrap_or_default();
        books.stock.insert(*id, Timeline::at_its_end(product, now, newest_at));
    }
    Ok(())
}

fn holding(row: &Row) -> Result<Holding, sqlx::Error> {
    let cost: (Option<i64>, Option<i64>) = (row.try_get("cost_value_minor")?, row.try_get("cost_quantity_micro")?);
    let last_cost = match cost {
        (Some(value_minor), Some(quantity_micro)) => Some(CostBasis {
            value_minor,
            quantity_micro,
        }),
        _ => None,
    };
    let layers = match row.try_get::<Option<&str>>("layers")? {
        Some(text) => serde_json::from_str(text).map_err(|_| unreadable("layers", text))?,
        None => Vec::new(),
    };
    Ok(Holding {
        quantity_micro: row.integer("quantity_micro")?,
        value_minor: row.integer("value_minor")?,
        last_cost,
        layers,
    })
}

async fn standards(
    on: &mut Transaction,
    tenant: &str,
    products: &HashMap<ProductId, Product>,
    books: &mut Books,
) -> Result<(), sqlx::Error> {
    let at_standard = products
        .values()
        .filter(|product| product.valuation == Method::Standard);
    let ids: Vec<String> = at_standard.map(|product| product.id.to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let select = "SELECT product_id, value_minor, quantity_micro, effective_from, tx_no FROM standard_costs";
    let mut found = Vec::new();
    for row in rows(on, select, "product_id", tenant, &ids).await? {
        let standard = StandardCost {
            from: row.time("effective_from")?,
            cost: CostBasis {
                value_minor: row.integer("value_minor")?,
                quantity_micro: row.integer("quantity_micro")?,
            },
        };
        found.push((row.integer("tx_no")?, row.parsed("product_id")?, standard));
    }
    // Of two from the same time, the one that was said last.
    found.sort_by_key(|(tx_no, ..)| *tx_no);
    for (_, product, standard) in found {
        if let Some(timeline) = books.stock.get_mut(&product) {
            timeline.set_standard(standard);
        }
    }
    Ok(())
}

/// Everything that moved since `earliest`, from the checkpoint before it.
async fn history(
    on: &mut Transaction,
    tenant: &str,
    product: ProductId,
    earliest: Timestamp,
    timeline: &mut Timeline,
) -> Result<(), sqlx::Error> {
    let checkpoint = sql::query(
        "SELECT month_start, holdings FROM stock_checkpoints \
         WHERE tenant_id = $1 AND product_id = $2 AND month_start <= $3 ORDER BY month_start DESC LIMIT 1",
    )
    .bind(tenant)
    .bind(product.to_string())
    .bind(earliest)
    .fetch_optional(&mut *on)
    .await?;
    let (from, before) = match checkpoint {
        None => (Timestamp::GIVEN_FROM, Holdings::new()),
        Some(row) => {
            let text: &str = row.try_get("holdings")?;
            let holdings = serde_json::from_str(text).map_err(|_| unreadable("holdings", text))?;
            (row.time("month_start")?, holdings)
        }
    };
    let mut moves = history_moves(on, tenant, product, from).await?;
    revalue(on, tenant, product, &mut moves).await?;
    let there: BTreeSet<StockMoveId> = moves.iter().map(|entry| entry.id).collect();
    let wanted = moves.iter().filter_map(|entry| entry.cost.refers_to());
    let missing: BTreeSet<StockMoveId> = wanted.filter(|of| !there.contains(of)).collect();
    timeline.with_history(from, before, moves);
    originals(on, tenant, &missing, timeline).await
}

/// As they were posted.
async fn history_moves(
    on: &mut Transaction,
    tenant: &str,
    product: ProductId,
    from: Timestamp,
) -> Result<Vec<Entry>, sqlx::Error> {
    let found = sql::query(
        "SELECT id, product_id, product_code, location, quantity_micro, value_minor, currency, reason, document_kind, \
         document_id, moved_at, line_no, cost, given_minor, of_move, of_quantity_micro FROM stock_moves \
         WHERE tenant_id = $1 AND product_id = $2 AND moved_at >= $3 ORDER BY moved_at, tx_no, line_no, id",
    )
    .bind(tenant)
    .bind(product.to_string())
    .bind(from)
    .fetch_all(on)
    .await?;
    let entry = |row: &Row| stock_move(row).map(|moved| Entry::of(&moved, moved.value_minor));
    found.iter().map(entry).collect()
}

/// Gives the moves what they are worth now. A query of its own: joined to thousands of moves, a table that grew since its
/// statistics were taken would be gone through once for each.
async fn revalue(
    on: &mut Transaction,
    tenant: &str,
    product: ProductId,
    moves: &mut [Entry],
) -> Result<(), sqlx::Error> {
    let found =
        sql::query("SELECT move_id, value_minor FROM stock_move_values WHERE tenant_id = $1 AND product_id = $2")
            .bind(tenant)
            .bind(product.to_string())
            .fetch_all(on)
            .await?;
    let mut values: HashMap<StockMoveId, i64> = HashMap::with_capacity(found.len());
    for row in &found {
        values.insert(row.parsed("move_id")?, row.integer("value_minor")?);
    }
    for entry in moves {
        entry.value_minor = values.get(&entry.id).copied().unwrap_or(entry.value_minor);
    }
    Ok(())
}

async fn originals(
    on: &mut Transaction,
    tenant: &str,
    wanted: &BTreeSet<StockMoveId>,
    timeline: &mut Timeline,
) -> Result<(), sqlx::Error> {
    let ids: Vec<String> = wanted.iter().map(ToString::to_string).collect();
    let listed: Vec<&str> = ids.iter().map(String::as_str).collect();
    for row in rows_of(on, MOVES, ("m.", "id"), tenant, &listed).await? {
        let (moved, value_minor) = worth(&row)?;
        let original = Original {
            quantity_micro: moved.quantity_micro,
            value_minor,
        };
        timeline.originals.insert(moved.id, original);
    }
    for (_, of, (by, cost)) in added_to(on, tenant, &ids).await? {
        timeline.originals.add_cost(of, by, cost);
    }
    Ok(())
}

pub(super) async fn moves(
    readers: &Pool,
    tenant: &str,
    product: Option<&str>,
    page: &Page,
) -> Result<Vec<(StockMove, i64)>, sqlx::Error> {
    let mut query = QueryBuilder::new(MOVES);
    query.push(" WHERE m.tenant_id = ").push_bind(tenant);
    if let Some(product) = product {
        query.push(" AND m.product_id = (SELECT id FROM products WHERE tenant_id = ");
        query
            .push_bind(tenant)
            .push(" AND code = ")
            .push_bind(product)
            .push(")");
    }
    if let Some(after) = &page.after {
        match product {
            None => {
                query.push(" AND m.id > ").push_bind(after.as_str());
            }
            Some(_) => {
                query.push(" AND (m.moved_at, m.id) > (SELECT moved_at, id FROM stock_moves WHERE tenant_id = ");
                query
                    .push_bind(tenant)
                    .push(" AND id = ")
                    .push_bind(after.as_str())
                    .push(")");
            }
        }
    }
    query.push(match product {
        None => " ORDER BY m.id LIMIT ",
        // As a stock card has it.
        Some(_) => " ORDER BY m.moved_at, m.id LIMIT ",
    });
    query.push_bind(page.limit());
    query.build().fetch_all(readers).await?.iter().map(worth).collect()
}

/// The moves of a document, in its order.
pub(super) async fn moves_of_document(
    on: &mut Transaction,
    tenant: &str,
    kind: DocumentKind,
    document: &str,
) -> Result<Vec<(StockMove, i64)>, sqlx::Error> {
    // As their indexes have them.
    let of_document = match kind {
        DocumentKind::SalesInvoice => {
            "m.document_kind = 'sales-invoice' AND m.document_id = $2 \
             AND m.moved_at = (SELECT invoiced_at FROM sales_invoices WHERE id = $2) \
             AND m.product_id IN (SELECT product_id FROM sales_invoice_lines WHERE invoice_id = $2)"
        }
        _ => "m.document_kind <> 'sales-invoice' AND m.document_id = $2",
    };
    let select = format!("{MOVES} WHERE m.tenant_id = $1 AND {of_document} ORDER BY m.line_no, m.id");
    let found = sql::query(AssertSqlSafe(select))
        .bind(tenant)
        .bind(document)
        .fetch_all(on)
        .await?;
    found.iter().map(worth).collect()
}

fn worth(row: &Row) -> Result<(StockMove, i64), sqlx::Error> {
    let moved = stock_move(row)?;
    let worth = row.try_get::<Option<i64>>("worth_minor")?.unwrap_or(moved.value_minor);
    Ok((moved, worth))
}

fn stock_move(row: &Row) -> Result<StockMove, sqlx::Error> {
    Ok(StockMove {
        id: row.parsed("id")?,
        product_id: row.parsed("product_id")?,
        product_code: row.text("product_code")?,
        location: row.text("location")?,
        quantity_micro: row.integer("quantity_micro")?,
        value_minor: row.integer("value_minor")?,
        currency: row.parsed("currency")?,
        reason: row.word("reason", &MoveReason::ALL, MoveReason::as_str)?,
        cost: cost(row)?,
        document: super::journal::document(row)?,
        line_no: u32::try_from(row.integer("line_no")?).unwrap_or(u32::MAX),
        moved_at: row.time("moved_at")?,
    })
}
