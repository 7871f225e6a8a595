//! What suppliers billed.

use cortex_erp::{Page, PurchaseBill, PurchaseBillLine, UnbilledGoods};
use cortex_store::sql::{self, Pool, Row};
use cortex_types::Timestamp;
use sqlx::AssertSqlSafe;

use super::documents::{numbered, page_of};
use super::lines::lines;
use crate::rows::Columns;

const BILLS: &str = "SELECT id, number, supplier_id, supplier_code, reference, currency, net_minor, tax_minor, memo, billed_at, due_at \
                     FROM purchase_bills";
const LINES: &str = "SELECT id, bill_id, line_no, receipt_number, of_move, product_code, quantity_micro, cleared_minor, account, \
                     cost_centre, net_minor, tax_code FROM purchase_bill_lines";

/// The moves `m` of receipts `p`, with what of each went back (`r`) and was billed (`b`).
const RECEIVED: &str = "FROM stock_moves m JOIN purchase_receipts p ON p.id = m.document_id \
    LEFT JOIN (SELECT s.of_move, -sum(s.quantity_micro) AS quantity, sum(s.given_minor) AS given \
      FROM stock_moves s WHERE s.tenant_id = $1 AND s.reason = 'supplier_return' AND s.cost = 'given' {returned} \
        AND NOT EXISTS (SELECT 1 FROM cancellations c WHERE c.tenant_id = $1 AND c.document_id = s.document_id {then}) \
      GROUP BY s.of_move) r ON r.of_move = m.id \
    LEFT JOIN (SELECT i.of_move, sum(i.quantity_micro) AS quantity, sum(i.cleared_minor) AS cleared \
      FROM purchase_bill_lines i WHERE i.tenant_id = $1 {billed} \
        AND NOT EXISTS (SELECT 1 FROM cancellations c WHERE c.tenant_id = $1 AND c.document_id = i.bill_id {then}) \
      GROUP BY i.of_move) b ON b.of_move = m.id {added} \
    WHERE m.tenant_id = $1 AND m.document_kind = 'purchase-receipt' AND m.reason = 'receipt' \
      AND NOT EXISTS (SELECT 1 FROM cancellations c WHERE c.tenant_id = $1 AND c.document_id = m.document_id {then})";
/// What bills say that goods cost more is theirs from the receipt on, and billed with the bill (`a`, before `$4`).
const ADDED: &str = "LEFT JOIN (SELECT s.of_move, sum(CASE WHEN s.moved_at < $4 THEN s.given_minor ELSE 0 END \
        - CASE WHEN coalesce(h.billed_at, d.moved_at) < $4 THEN s.given_minor ELSE 0 END) AS minor \
      FROM stock_moves s LEFT JOIN purchase_bills h ON h.id = s.document_id LEFT JOIN stock_documents d ON d.id = s.document_id \
      WHERE s.tenant_id = $1 AND s.cost = 'added' AND s.document_kind <> 'cancellation' \
        AND NOT EXISTS (SELECT 1 FROM cancellations c WHERE c.tenant_id = $1 AND c.document_id = s.document_id {then}) \
      GROUP BY s.of_move) a ON a.of_move = m.id";

/// Goods whose bill is to come, as it is now.
pub(super) fn unbilled_now() -> String {
    let nothing = |mark: &str, sql: String| sql.replace(mark, "");
    let received = ["{returned}", "{billed}", "{added}", "{then}"]
        .iter()
        .fold(RECEIVED.to_owned(), |sql, mark| nothing(mark, sql));
    format!("{received} AND p.billing = 'separate'")
}

/// The same, as it was before `$4`.
fn unbilled_then() -> String {
    RECEIVED
        .replace("{returned}", "AND s.moved_at < $4")
        .replace(
            "{billed}",
            "AND EXISTS (SELECT 1 FROM purchase_bills h WHERE h.id = i.bill_id AND h.billed_at < $4)",
        )
        .replace("{added}", ADDED)
        // What was reversed later stood then.
        .replace("{then}", "AND (NOT c.reversed OR c.effective_at < $4)")
}

pub(super) async fn unbilled(
    readers: &Pool,
    tenant: &str,
    before: Option<Timestamp>,
    page: &Page,
) -> Result<Vec<UnbilledGoods>, sqlx::Error> {
    let goods = match before {
        None => format!(
            "m.quantity_micro - coalesce(r.quantity, 0) - coalesce(b.quantity, 0) AS quantity, \
             m.given_minor - coalesce(r.given, 0) - coalesce(b.cleared, 0) AS minor {}",
            unbilled_now()
        ),
        Some(_) => format!(
            "CASE WHEN p.billing <> 'separate' THEN 0 ELSE CASE WHEN m.moved_at < $4 THEN m.quantity_micro ELSE 0 END \
               - coalesce(r.quantity, 0) - coalesce(b.quantity, 0) END AS quantity, \
             CASE WHEN p.billing <> 'separate' THEN 0 ELSE CASE WHEN m.moved_at < $4 THEN m.given_minor ELSE 0 END \
               - coalesce(r.given, 0) - coalesce(b.cleared, 0) END + coalesce(a.minor, 0) AS minor {}",
            unbilled_then()
        ),
    };
    let select = format!(
        "SELECT id, receipt, supplier_code, product_code, currency, moved_at, CAST(quantity AS BIGINT) AS quantity_micro, \
         CAST(minor AS BIGINT) AS value_minor FROM ( \
           SELECT m.id, p.number AS receipt, p.supplier_code, m.product_code, m.currency, m.moved_at, {goods} AND m.id > $2) u \
         WHERE quantity <> 0 OR minor <> 0 ORDER BY id LIMIT $3"
    );
    let mut query = sql::query(AssertSqlSafe(select))
        .bind(tenant)
        .bind(page.after.as_deref().unwrap_or_default())
        .bind(i64::from(page.limit()));
    if let Some(before) = before {
        query = query.bind(before);
    }
    let found = query.fetch_all(readers).await?;
    let goods = |row: &Row| {
        Ok(UnbilledGoods {
            id: row.parsed("id")?,
            receipt: row.text("receipt")?,
            supplier: row.text("supplier_code")?,
            product_code: row.text("product_code")?,
            quantity_micro: row.integer("quantity_micro")?,
            value_minor: row.integer("value_minor")?,
            currency: row.parsed("currency")?,
            received_at: row.time("moved_at")?,
        })
    };
    found.iter().map(goods).collect()
}

pub(super) async fn page(readers: &Pool, tenant: &str, page: &Page) -> Result<Vec<PurchaseBill>, sqlx::Error> {
    let rows = page_of(readers, BILLS, tenant, page).await?;
    with_lines(readers, tenant, &rows).await
}

pub(super) async fn one(readers: &Pool, tenant: &str, number: &str) -> Result<Option<PurchaseBill>, sqlx::Error> {
    let rows = numbered(readers, BILLS, tenant, number).await?;
    Ok(with_lines(readers, tenant, &rows).await?.pop())
}

async fn with_lines(readers: &Pool, tenant: &str, rows: &[Row]) -> Result<Vec<PurchaseBill>, sqlx::Error> {
    let mut bills = rows.iter().map(bill).collect::<Result<Vec<_>, _>>()?;
    let ids = bills.iter().map(|bill| bill.id.to_string());
    let mut lines = lines(readers, tenant, LINES, "bill_id", ids, line).await?;
    for bill in &mut bills {
        bill.lines = lines.remove(&bill.id.to_string()).unwrap_or_default();
    }
    Ok(bills)
}

fn bill(row: &Row) -> Result<PurchaseBill, sqlx::Error> {
    Ok(PurchaseBill {
        id: row.parsed("id")?,
        number: row.text("number")?,
        supplier_id: row.parsed("supplier_id")?,
        supplier_code: row.text("supplier_code")?,
        reference: row.optional_text("reference")?,
        currency: row.parsed("currency")?,
        net_minor: row.integer("net_minor")?,
        tax_minor: row.integer("tax_minor")?,
        memo: row.try_get("memo")?,
        billed_at: row.time("billed_at")?,
        due_at: row.time("due_at")?,
        lines: Vec::new(),
    })
}

fn line(row: &Row) -> Result<PurchaseBillLine, sqlx::Error> {
    Ok(PurchaseBillLine {
        id: row.parsed("id")?,
        line_no: u32::try_from(row.integer("line_no")?).unwrap_or(u32::MAX),
        receipt: row.optional_text("receipt_number")?,
        of_move: row.optional_parsed("of_move")?,
        product_code: row.optional_text("product_code")?,
        quantity_micro: row.integer("quantity_micro")?,
        cleared_minor: row.integer("cleared_minor")?,
        account: row.optional_text("account")?,
        cost_centre: row.optional_text("cost_centre")?,
        net_minor: row.integer("net_minor")?,
        tax: row.optional_text("tax_code")?,
    })
}
