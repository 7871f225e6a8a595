use cortex_erp::{DocumentKind, DocumentRef, JournalEntryRecord, JournalLineRecord, MoveReason, Page, StockMove};
use cortex_store::sql::{self, Pool, QueryBuilder, Row, Transaction};
use sqlx::AssertSqlSafe;

use super::documents::page_of;
use super::lines::lines;
use crate::rows::Columns;

const ENTRIES: &str = "SELECT id, number, document_kind, document_id, memo, currency, posted_at FROM journal_entries";
const LINES: &str = "SELECT entry_id, account, debit_minor, credit_minor FROM journal_lines";
const MOVES: &str = "SELECT id, product_id, product_code, location, quantity_micro, value_minor, currency, reason, \
                     document_kind, document_id, moved_at FROM stock_moves";

pub(super) async fn entries(readers: &Pool, tenant: &str, page: &Page) -> Result<Vec<JournalEntryRecord>, sqlx::Error> {
    let rows = page_of(readers, ENTRIES, tenant, page).await?;
    let mut entries = rows.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
    let ids = entries.iter().map(|entry| entry.id.to_string());
    let mut lines = lines(readers, tenant, LINES, "entry_id", ids, line).await?;
    for entry in &mut entries {
        entry.lines = lines.remove(&entry.id.to_string()).unwrap_or_default();
    }
    Ok(entries)
}

pub(super) async fn entry_numbered(
    readers: &Pool,
    tenant: &str,
    number: &str,
) -> Result<Option<JournalEntryRecord>, sqlx::Error> {
    let mut snapshot = readers.snapshot().await?;
    Ok(entries_numbered(&mut snapshot, tenant, &[number]).await?.pop())
}

/// Those of the entries that there are, with their lines.
pub(super) async fn entries_numbered(
    on: &mut Transaction,
    tenant: &str,
    numbers: &[&str],
) -> Result<Vec<JournalEntryRecord>, sqlx::Error> {
    let mut query = QueryBuilder::new(
        "SELECT e.id, e.number, e.document_kind, e.document_id, e.memo, e.currency, e.posted_at, l.account, \
         l.debit_minor, l.credit_minor FROM journal_entries e JOIN journal_lines l ON l.entry_id = e.id \
         WHERE e.tenant_id = ",
    );
    query.push_bind(tenant).push(" AND e.number IN ");
    query
        .push_list(numbers.iter().copied())
        .push(" ORDER BY e.id, l.line_no");
    let rows = query.build().once().fetch_all(on).await?;
    let same = |one: &Row, next: &Row| matches!((one.text("id"), next.text("id")), (Ok(one), Ok(next)) if one == next);
    rows.chunk_by(same).map(entry_of).collect()
}

pub(super) async fn moves(
    readers: &Pool,
    tenant: &str,
    product: Option<&str>,
    page: &Page,
) -> Result<Vec<StockMove>, sqlx::Error> {
    let Some(product) = product else {
        return page_of(readers, MOVES, tenant, page)
            .await?
            .iter()
            .map(stock_move)
            .collect();
    };
    let of_product = " WHERE tenant_id = $1 AND product_code = $2 AND id > $3 ORDER BY id LIMIT $4";
    let rows = sql::query(AssertSqlSafe(format!("{MOVES}{of_product}")))
        .bind(tenant)
        .bind(product)
        .bind(page.after.as_deref().unwrap_or_default())
        .bind(i64::from(page.limit()))
        .fetch_all(readers)
        .await?;
    rows.iter().map(stock_move).collect()
}

/// One entry from its lines, each of which has the entry's columns beside its own.
pub(crate) fn entry_of(lines: &[Row]) -> Result<JournalEntryRecord, sqlx::Error> {
    let first = lines.first().ok_or(sqlx::Error::RowNotFound)?;
    Ok(JournalEntryRecord {
        lines: lines.iter().map(line).collect::<Result<_, _>>()?,
        ..entry(first)?
    })
}

fn entry(row: &Row) -> Result<JournalEntryRecord, sqlx::Error> {
    Ok(JournalEntryRecord {
        id: row.parsed("id")?,
        number: row.text("number")?,
        document: document(row)?,
        memo: row.text("memo")?.to_string(),
        currency: row.parsed("currency")?,
        posted_at: row.time("posted_at")?,
        lines: Vec::new(),
    })
}

fn line(row: &Row) -> Result<JournalLineRecord, sqlx::Error> {
    Ok(JournalLineRecord {
        account: row.text("account")?.to_string(),
        debit_minor: row.integer("debit_minor")?,
        credit_minor: row.integer("credit_minor")?,
    })
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
        document: document(row)?,
        moved_at: row.time("moved_at")?,
    })
}

fn document(row: &Row) -> Result<DocumentRef, sqlx::Error> {
    Ok(DocumentRef {
        kind: row.word("document_kind", &DocumentKind::ALL, DocumentKind::as_str)?,
        id: row.parsed("document_id")?,
    })
}
