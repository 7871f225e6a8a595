//! What suppliers billed.

use cortex_erp::{Page, PurchaseBill, PurchaseBillLine};
use cortex_store::sql::{self, Pool, Row};
use sqlx::AssertSqlSafe;

use super::documents::page_of;
use super::lines::lines;
use crate::rows::Columns;

const BILLS: &str = "SELECT id, number, supplier_id, supplier_code, reference, currency, net_minor, tax_minor, memo, billed_at, due_at \
                     FROM purchase_bills";
const LINES: &str = "SELECT id, bill_id, line_no, receipt_number, of_move, product_code, quantity_micro, cleared_minor, account, \
                     cost_centre, net_minor, tax_code FROM purchase_bill_lines";

pub(super) async fn page(readers: &Pool, tenant: &str, page: &Page) -> Result<Vec<PurchaseBill>, sqlx::Error> {
    let rows = page_of(readers, BILLS, tenant, page).await?;
    with_lines(readers, tenant, &rows).await
}

pub(super) async fn one(readers: &Pool, tenant: &str, number: &str) -> Result<Option<PurchaseBill>, sqlx::Error> {
    let rows = sql::query(AssertSqlSafe(format!("{BILLS} WHERE tenant_id = $1 AND number = $2")))
        .bind(tenant)
        .bind(number)
        .fetch_all(readers)
        .await?;
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
