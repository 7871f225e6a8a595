use std::sync::Arc;

use cortex_erp::{AccountBalance, Closings, DocumentKind, GeneralLedger, LedgerLine, Page, Span, StockOnHand};
use cortex_store::sql::{self, Pool, QueryBuilder, Row};
use cortex_types::Timestamp;
use sqlx::AssertSqlSafe;

use super::company;
use crate::days;
use crate::rows::Columns;

pub(super) async fn trial_balance(
    readers: &Pool,
    tenant: &str,
    span: Span,
    closings: Closings,
) -> Result<Vec<AccountBalance>, sqlx::Error> {
    let mut snapshot = readers.snapshot().await?;
    let chart = company::chart_of(&mut snapshot, tenant).await?;
    let codes: Vec<Arc<str>> = chart.accounts().map(|account| Arc::clone(&account.code)).collect();
    days::balances(&mut snapshot, tenant, span, closings, &codes).await
}

pub(super) async fn general_ledger(
    readers: &Pool,
    tenant: &str,
    account: &str,
    span: Span,
    page: &Page,
) -> Result<GeneralLedger, sqlx::Error> {
    let mut snapshot = readers.snapshot().await?;
    let of_account = |select: &str| {
        let mut query = QueryBuilder::new(select);
        query.push(" WHERE l.tenant_id = ").push_bind(tenant);
        query.push(" AND l.account = ").push_bind(account);
        query
    };
    // The line that the page before ended with, and where it stands.
    let beside = |query: &mut QueryBuilder, compared: &str, after: &str| {
        query.push(" AND (l.posted_at, l.id) ").push(compared);
        query.push(" (SELECT posted_at, id FROM journal_lines WHERE tenant_id = ");
        query.push_bind(tenant).push(" AND id = ").push_bind(after).push(")");
    };
    let mut before = of_account(
        "SELECT l.currency, CAST(sum(l.debit_minor - l.credit_minor) AS BIGINT) AS balance_minor, \
         CAST(sum(coalesce(l.base_minor, l.debit_minor - l.credit_minor)) AS BIGINT) AS base_minor FROM journal_lines l",
    );
    let mut lines = of_account(
        "SELECT l.id, e.number, e.memo, e.document_kind, l.posted_at, l.currency, l.debit_minor, l.credit_minor, \
         l.base_minor, l.cost_centre \
         FROM journal_lines l JOIN journal_entries e ON e.id = l.entry_id",
    );
    match (&page.after, span.from) {
        (Some(after), _) => {
            beside(&mut before, "<=", after);
            beside(&mut lines, ">", after);
        }
        (None, Some(from)) => {
            before.push(" AND l.posted_at < ").push_bind(from);
            lines.push(" AND l.posted_at >= ").push_bind(from);
        }
        (None, None) => {
            before.push(" AND 1 = 0");
        }
    }
    if let Some(end) = span.before {
        lines.push(" AND l.posted_at < ").push_bind(end);
    }
    before.push(" GROUP BY l.currency");
    lines.push(" ORDER BY l.posted_at, l.id LIMIT ").push_bind(page.limit());
    let opening = before.build().fetch_all(&mut snapshot).await?;
    let opening_base = opening.iter().map(|row| row.integer("base_minor"));
    let opening_base = opening_base.sum::<Result<_, sqlx::Error>>()?;
    let opening = opening
        .iter()
        .map(|row| Ok((row.parsed("currency")?, row.integer("balance_minor")?)));
    let opening = opening.collect::<Result<_, sqlx::Error>>()?;
    let lines = lines.build().fetch_all(&mut snapshot).await?;
    let lines = lines.iter().map(ledger_line).collect::<Result<_, _>>()?;
    Ok(GeneralLedger::new(opening, opening_base, lines))
}

fn ledger_line(row: &Row) -> Result<LedgerLine, sqlx::Error> {
    Ok(LedgerLine {
        id: row.parsed("id")?,
        entry: row.text("number")?,
        memo: row.text("memo")?.to_string(),
        document: row.word("document_kind", &DocumentKind::ALL, DocumentKind::as_str)?,
        posted_at: row.time("posted_at")?,
        currency: row.parsed("currency")?,
        debit_minor: row.integer("debit_minor")?,
        credit_minor: row.integer("credit_minor")?,
        base_minor: row.try_get("base_minor")?,
        cost_centre: row.optional_text("cost_centre")?,
        balance_minor: 0,
        balance_base_minor: 0,
    })
}

pub(super) async fn stock_on_hand(
    readers: &Pool,
    tenant: &str,
    before: Option<Timestamp>,
    page: &Page,
) -> Result<Vec<StockOnHand>, sqlx::Error> {
    // A page holds whole products: one that lies at many locations is never cut in two. Products that never moved do
    // not count, or a page of them alone would look like the last one.
    let levels = match before {
        None => "stock_levels",
        Some(_) => {
            "(SELECT m.tenant_id, m.product_id, m.location, m.currency, \
             CAST(sum(m.quantity_micro) AS BIGINT) AS quantity_micro, \
             CAST(sum(coalesce(v.value_minor, m.value_minor)) AS BIGINT) AS value_minor \
             FROM stock_moves m LEFT JOIN stock_move_values v \
             ON v.tenant_id = m.tenant_id AND v.product_id = m.product_id AND v.move_id = m.id \
             WHERE m.tenant_id = $1 AND m.moved_at < $4 \
             GROUP BY m.tenant_id, m.product_id, m.location, m.currency)"
        }
    };
    let reserved = match before {
        None => {
            "(SELECT CAST(coalesce(sum(o.reserved_micro), 0) AS BIGINT) FROM order_lines o WHERE o.tenant_id = $1 \
             AND o.product_id = p.id AND o.location = l.location AND o.reserved_micro <> 0)"
        }
        Some(_) => "CAST(NULL AS BIGINT)",
    };
    let sql = format!(
        "SELECT p.code, p.description, p.unit, l.location, l.quantity_micro, l.value_minor, l.currency, \
         {reserved} AS reserved_micro \
         FROM (SELECT id, code, description, unit FROM products \
               WHERE tenant_id = $1 AND code > $2 AND EXISTS (SELECT 1 FROM {levels} s \
                 WHERE s.tenant_id = $1 AND s.product_id = products.id) ORDER BY code LIMIT $3) p \
         JOIN {levels} l ON l.tenant_id = $1 AND l.product_id = p.id ORDER BY p.code, l.location"
    );
    let mut query = sql::query(AssertSqlSafe(sql))
        .bind(tenant)
        .bind(page.after.as_deref().unwrap_or_default())
        .bind(i64::from(page.limit()));
    if let Some(before) = before {
        query = query.bind(before);
    }
    let rows = query.fetch_all(readers).await?;
    rows.iter()
        .map(|row| {
            Ok(StockOnHand {
                product_code: row.text("code")?,
                description: row.text("description")?.to_string(),
                location: row.text("location")?,
                quantity_micro: row.integer("quantity_micro")?,
                reserved_micro: row.try_get("reserved_micro")?,
                unit: row.parsed("unit")?,
                value_minor: row.integer("value_minor")?,
                currency: row.parsed("currency")?,
            })
        })
        .collect()
}
