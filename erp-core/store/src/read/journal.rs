use cortex_erp::{DocumentKind, DocumentRef, JournalEntryRecord, JournalLine, Page};
use cortex_store::sql::{self, Pool, QueryBuilder, Row, Transaction};
use sqlx::AssertSqlSafe;

use super::documents::page_of;
use super::lines::lines;
use crate::rows::Columns;

const ENTRIES: &str = "SELECT id, number, document_kind, document_id, memo, currency, posted_at FROM journal_entries";
const LINES: &str = "SELECT entry_id, id AS line_id, account, debit_minor, credit_minor, currency AS line_currency, \
                     base_minor, cost_centre, (SELECT i.party_code FROM open_items i WHERE i.id = journal_lines.id) AS party \
                     FROM journal_lines";
const WITH_LINES: &str = "SELECT e.id, e.number, e.document_kind, e.document_id, e.memo, e.currency, e.posted_at, \
                          l.id AS line_id, l.account, l.debit_minor, l.credit_minor, l.currency AS line_currency, \
                          l.base_minor, l.cost_centre, (SELECT i.party_code FROM open_items i WHERE i.id = l.id) AS party \
                          FROM journal_entries e JOIN journal_lines l ON l.entry_id = e.id";
const IN_ORDER: &str = " ORDER BY e.id, l.line_no";

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
    let mut query = QueryBuilder::new(WITH_LINES);
    query
        .push(" WHERE e.tenant_id = ")
        .push_bind(tenant)
        .push(" AND e.number IN ");
    query.push_list(numbers.iter().copied()).push(IN_ORDER);
    by_entry(&query.build().once().fetch_all(on).await?)
}

/// The entries of a document, without what it made of the value of others.
pub(super) async fn entries_of(
    on: &mut Transaction,
    tenant: &str,
    kind: DocumentKind,
    document: &str,
) -> Result<Vec<JournalEntryRecord>, sqlx::Error> {
    let sql = format!("{WITH_LINES} WHERE e.tenant_id = $1 AND e.document_id = $2 AND e.document_kind = $3 {IN_ORDER}");
    let rows = sql::query(AssertSqlSafe(sql))
        .bind(tenant)
        .bind(document)
        .bind(kind.as_str())
        .fetch_all(on)
        .await?;
    by_entry(&rows)
}

fn by_entry(rows: &[Row]) -> Result<Vec<JournalEntryRecord>, sqlx::Error> {
    let same = |one: &Row, next: &Row| matches!((one.text("id"), next.text("id")), (Ok(one), Ok(next)) if one == next);
    rows.chunk_by(same).map(entry_of).collect()
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

fn line(row: &Row) -> Result<JournalLine, sqlx::Error> {
    Ok(JournalLine {
        id: row.parsed("line_id")?,
        account: row.text("account")?,
        currency: row.parsed("line_currency")?,
        debit_minor: row.integer("debit_minor")?,
        credit_minor: row.integer("credit_minor")?,
        base_minor: row.try_get("base_minor")?,
        cost_centre: row.optional_text("cost_centre")?,
        party: row.optional_text("party")?,
    })
}

pub(super) fn document(row: &Row) -> Result<DocumentRef, sqlx::Error> {
    Ok(DocumentRef {
        kind: row.word("document_kind", &DocumentKind::ALL, DocumentKind::as_str)?,
        id: row.parsed("document_id")?,
    })
}
