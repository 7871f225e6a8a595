//! Tax codes, and what taxes came to.

use cortex_erp::{DocumentTax, Span, TaxCode, TaxDirection, TaxTotal};
use cortex_store::sql::{self, Pool, QueryBuilder, Row, Transaction};

use super::company::is_blocked;
use super::journal::document;
use crate::rows::{Columns, unreadable};

pub(super) const CODES: &str = "SELECT id, code, title, components, state, created_at FROM tax_codes";
const OF_DOCUMENT: &str = "SELECT id, document_kind, document_id, number, direction, code, component, rate, base_minor, \
                           tax_minor, currency, taxed_at FROM document_taxes WHERE tenant_id = $1 AND document_id = $2 \
                           ORDER BY id";

pub(super) fn code(row: &Row) -> Result<TaxCode, sqlx::Error> {
    let components = row.text("components")?;
    Ok(TaxCode {
        id: row.parsed("id")?,
        code: row.text("code")?,
        title: row.try_get("title")?,
        components: serde_json::from_str(&components).map_err(|_| unreadable("components", &components))?,
        blocked: is_blocked(row)?,
        created_at: row.time("created_at")?,
    })
}

/// What was charged in a document.
pub(super) async fn of_document(on: &mut Transaction, tenant: &str, id: &str) -> Result<Vec<DocumentTax>, sqlx::Error> {
    let rows = sql::query(OF_DOCUMENT).bind(tenant).bind(id).fetch_all(on).await?;
    let tax = |row: &Row| {
        Ok(DocumentTax {
            id: row.parsed("id")?,
            document: document(row)?,
            number: row.text("number")?,
            direction: direction(row)?,
            code: row.text("code")?,
            component: row.text("component")?,
            rate: row.parsed("rate")?,
            base_minor: row.integer("base_minor")?,
            tax_minor: row.integer("tax_minor")?,
            currency: row.parsed("currency")?,
            taxed_at: row.time("taxed_at")?,
        })
    };
    rows.iter().map(tax).collect()
}

fn direction(row: &Row) -> Result<TaxDirection, sqlx::Error> {
    row.word("direction", &TaxDirection::ALL, TaxDirection::as_str)
}

/// What was charged in the span, by tax.
pub(super) async fn totals(readers: &Pool, tenant: &str, span: Span) -> Result<Vec<TaxTotal>, sqlx::Error> {
    let mut query = QueryBuilder::new(
        "SELECT direction, code, component, rate, currency, CAST(sum(base_minor) AS BIGINT) AS base_minor, \
         CAST(sum(tax_minor) AS BIGINT) AS tax_minor FROM document_taxes WHERE tenant_id = ",
    );
    query.push_bind(tenant);
    if let Some(from) = span.from {
        query.push(" AND taxed_at >= ").push_bind(from);
    }
    if let Some(before) = span.before {
        query.push(" AND taxed_at < ").push_bind(before);
    }
    query.push(
        " GROUP BY direction, code, component, rate, currency ORDER BY direction, code, component, rate, currency",
    );
    let rows = query.build().fetch_all(readers).await?;
    let total = |row: &Row| {
        Ok(TaxTotal {
            direction: direction(row)?,
            code: row.text("code")?,
            component: row.text("component")?,
            rate: row.parsed("rate")?,
            currency: row.parsed("currency")?,
            base_minor: row.integer("base_minor")?,
            tax_minor: row.integer("tax_minor")?,
        })
    };
    rows.iter().map(total).collect()
}
