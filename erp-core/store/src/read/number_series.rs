//! How a company's documents are numbered, and how far its numbers have counted.

use cortex_erp::{Books, DocumentKind, NumberSeries, References};
use cortex_store::sql::{self, On, Row, Transaction};
use sqlx::AssertSqlSafe;

use super::company::is_blocked;
use super::fiscal::of_tenant;
use crate::rows::Columns;

const SERIES: &str = "SELECT id, code, kind, prefix, digits, choice, state, created_at FROM number_series \
                      WHERE tenant_id = $1 ORDER BY id";
const COUNTERS: &str = "SELECT kind, prefix, newest FROM number_counters WHERE tenant_id = $1";
/// Every document of tenant `$1` that has a number, with its kind.
pub(super) const NUMBERS: &str = "\
    SELECT 'sales-invoice' AS kind, number FROM sales_invoices WHERE tenant_id = $1 \
    UNION ALL SELECT 'credit-note', number FROM credit_notes WHERE tenant_id = $1 \
    UNION ALL SELECT 'purchase-receipt', number FROM purchase_receipts WHERE tenant_id = $1 \
    UNION ALL SELECT 'payment', number FROM payments WHERE tenant_id = $1 \
    UNION ALL SELECT 'cancellation', number FROM cancellations WHERE tenant_id = $1 \
    UNION ALL SELECT 'standard-cost', number FROM standard_costs WHERE tenant_id = $1 AND number IS NOT NULL \
    UNION ALL SELECT kind, number FROM stock_documents WHERE tenant_id = $1 \
    UNION ALL SELECT kind, number FROM orders WHERE tenant_id = $1 \
    UNION ALL SELECT 'purchase-bill', number FROM purchase_bills WHERE tenant_id = $1 \
    UNION ALL SELECT 'journal-entry', number FROM journal_entries WHERE tenant_id = $1";

const DEFAULT: &str = "default";
const NAMED: &str = "named";

pub(crate) const fn choice(is_default: bool) -> &'static str {
    if is_default { DEFAULT } else { NAMED }
}

/// How far numbers have counted, and what some commands need besides.
pub(super) async fn load(
    on: &mut Transaction,
    tenant: &str,
    wanted: &References,
    books: &mut Books,
) -> Result<(), sqlx::Error> {
    for row in of_tenant(&mut *on, COUNTERS, tenant).await? {
        let key = (kind(&row)?, row.text("prefix")?);
        books.counters.insert(key, row.integer("newest")?.unsigned_abs());
    }
    for kind in &wanted.prefixes {
        let select = format!(
            "SELECT DISTINCT rtrim(number, '0123456789') AS prefix FROM ({NUMBERS}) n \
             WHERE kind = $2 AND rtrim(number, '0123456789') <> number"
        );
        let query = sql::query(AssertSqlSafe(select)).bind(tenant).bind(kind.as_str());
        for row in query.fetch_all(&mut *on).await? {
            books.prefixes.insert((*kind, row.text("prefix")?));
        }
    }
    Ok(())
}

/// Oldest first.
pub(super) async fn of_company<'c>(on: impl Into<On<'c>>, tenant: &str) -> Result<Vec<NumberSeries>, sqlx::Error> {
    let rows = of_tenant(on, SERIES, tenant).await?;
    rows.iter().map(number_series).collect()
}

fn number_series(row: &Row) -> Result<NumberSeries, sqlx::Error> {
    Ok(NumberSeries {
        id: row.parsed("id")?,
        code: row.text("code")?,
        kind: kind(row)?,
        prefix: row.text("prefix")?,
        digits: u8::try_from(row.integer("digits")?).map_err(|error| sqlx::Error::Decode(error.into()))?,
        is_default: row.word("choice", &[true, false], choice)?,
        blocked: is_blocked(row)?,
        created_at: row.time("created_at")?,
    })
}

fn kind(row: &Row) -> Result<DocumentKind, sqlx::Error> {
    row.word("kind", &DocumentKind::ALL, DocumentKind::as_str)
}
