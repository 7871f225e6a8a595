use cortex_erp::{AccountBalance, Page, Span, StockOnHand};
use cortex_store::sql::{self, Pool};
use cortex_types::Timestamp;

use crate::rows::Columns;

pub(super) async fn trial_balance(
    readers: &Pool,
    tenant: &str,
    span: Span,
) -> Result<Vec<AccountBalance>, sqlx::Error> {
    let sql = "SELECT account, currency, CAST(sum(debit_minor) AS BIGINT) AS debit_minor, \
               CAST(sum(credit_minor) AS BIGINT) AS credit_minor \
               FROM journal_lines WHERE tenant_id = $1 AND posted_at >= $2 AND posted_at < $3 \
               GROUP BY account, currency ORDER BY account, currency";
    let rows = sql::query(sql)
        .bind(tenant)
        .bind(span.from.unwrap_or(Timestamp::from_micros(i64::MIN)))
        .bind(span.before.unwrap_or(Timestamp::from_micros(i64::MAX)))
        .fetch_all(readers)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(AccountBalance {
                account: row.text("account")?.to_string(),
                currency: row.parsed("currency")?,
                debit_minor: row.integer("debit_minor")?,
                credit_minor: row.integer("credit_minor")?,
            })
        })
        .collect()
}

pub(super) async fn stock_on_hand(
    readers: &Pool,
    tenant: &str,
    page: &Page,
) -> Result<Vec<StockOnHand>, sqlx::Error> {
    // A page holds whole products: one that lies at many locations is never cut in two. Products that never moved do
    // not count, or a page of them alone would look like the last one.
    let sql = "SELECT p.code, p.description, p.unit, l.location, l.quantity_micro, l.value_minor, l.currency \
               FROM (SELECT id, code, description, unit FROM products \
                     WHERE tenant_id = $1 AND code > $2 AND EXISTS (SELECT 1 FROM stock_levels s \
                       WHERE s.tenant_id = $1 AND s.product_id = products.id) ORDER BY code LIMIT $3) p \
               JOIN stock_levels l ON l.tenant_id = $1 AND l.product_id = p.id ORDER BY p.code, l.location";
    let rows = sql::query(sql)
        .bind(tenant)
        .bind(page.after.as_deref().unwrap_or_default())
        .bind(i64::from(page.limit()))
        .fetch_all(readers)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(StockOnHand {
                product_code: row.text("code")?,
                description: row.text("description")?.to_string(),
                location: row.text("location")?,
                quantity_micro: row.integer("quantity_micro")?,
                unit: row.parsed("unit")?,
                value_minor: row.integer("value_minor")?,
                currency: row.parsed("currency")?,
            })
        })
        .collect()
}
