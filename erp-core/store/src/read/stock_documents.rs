//! Documents that move stock and nothing else, and what was cancelled.

use std::collections::HashMap;
use std::sync::Arc;

use cortex_erp::{Cancellation, DocumentKind, Page, StockDocument, StockMove};
use cortex_store::sql::{self, Pool, Row};
use sqlx::AssertSqlSafe;

use super::books::rows;
use super::documents::page_of;
use super::{journal, stock};
use crate::rows::Columns;

const DOCUMENTS: &str = "SELECT id, kind, number, party_id, party_code, location, to_location, order_number, memo, currency, value_minor, \
                         line_count, moved_at FROM stock_documents";
const CANCELLATIONS: &str = "SELECT id, number, document_kind, document_id, document_number, memo, effective_at, \
                             reversed, cancelled_at FROM cancellations";

pub(super) async fn page(
    readers: &Pool,
    tenant: &str,
    kind: DocumentKind,
    page: &Page,
) -> Result<Vec<StockDocument>, sqlx::Error> {
    let of_kind = " WHERE tenant_id = $1 AND kind = $2 AND id > $3 ORDER BY id LIMIT $4";
    let rows = sql::query(AssertSqlSafe(format!("{DOCUMENTS}{of_kind}")))
        .bind(tenant)
        .bind(kind.as_str())
        .bind(page.after.as_deref().unwrap_or_default())
        .bind(i64::from(page.limit()))
        .fetch_all(readers)
        .await?;
    rows.iter().map(document).collect()
}

pub(super) async fn one(
    readers: &Pool,
    tenant: &str,
    kind: DocumentKind,
    number: &str,
) -> Result<Option<(StockDocument, Vec<(StockMove, i64)>)>, sqlx::Error> {
    let mut snapshot = readers.snapshot().await?;
    let numbered = " WHERE tenant_id = $1 AND kind = $2 AND number = $3";
    let row = sql::query(AssertSqlSafe(format!("{DOCUMENTS}{numbered}")))
        .bind(tenant)
        .bind(kind.as_str())
        .bind(number)
        .fetch_optional(&mut snapshot)
        .await?;
    let Some(document) = row.as_ref().map(document).transpose()? else {
        return Ok(None);
    };
    let moves = stock::moves_of_document(&mut snapshot, tenant, kind, &document.id.to_string()).await?;
    Ok(Some((document, moves)))
}

pub(super) async fn cancellations(readers: &Pool, tenant: &str, page: &Page) -> Result<Vec<Cancellation>, sqlx::Error> {
    let rows = page_of(readers, CANCELLATIONS, tenant, page).await?;
    rows.iter().map(cancellation).collect()
}

pub(super) async fn cancelled(
    readers: &Pool,
    tenant: &str,
    documents: &[&str],
) -> Result<HashMap<String, Arc<str>>, sqlx::Error> {
    if documents.is_empty() {
        return Ok(HashMap::new());
    }
    let mut snapshot = readers.snapshot().await?;
    let select = "SELECT document_id, number FROM cancellations";
    let found = rows(&mut snapshot, select, "document_id", tenant, documents).await?;
    let cancelled = |row: &Row| Ok((row.try_get("document_id")?, row.text("number")?));
    found.iter().map(cancelled).collect()
}

fn document(row: &Row) -> Result<StockDocument, sqlx::Error> {
    Ok(StockDocument {
        id: row.parsed("id")?,
        kind: row.word("kind", &DocumentKind::ALL, DocumentKind::as_str)?,
        number: row.text("number")?,
        party_id: row.optional_parsed("party_id")?,
        party_code: row.optional_text("party_code")?,
        location: row.optional_text("location")?,
        to_location: row.optional_text("to_location")?,
        order: row.optional_text("order_number")?,
        memo: row.try_get("memo")?,
        currency: row.parsed("currency")?,
        value_minor: row.integer("value_minor")?,
        line_count: u32::try_from(row.integer("line_count")?).unwrap_or(u32::MAX),
        moved_at: row.time("moved_at")?,
    })
}

fn cancellation(row: &Row) -> Result<Cancellation, sqlx::Error> {
    Ok(Cancellation {
        id: row.parsed("id")?,
        number: row.text("number")?,
        document: journal::document(row)?,
        document_number: row.text("document_number")?,
        memo: row.try_get("memo")?,
        effective_at: row.time("effective_at")?,
        reversed: row.try_get("reversed")?,
        cancelled_at: row.time("cancelled_at")?,
    })
}
