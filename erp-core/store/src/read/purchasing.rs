use cortex_erp::{Page, Payment, PaymentDirection, PurchaseReceipt, PurchaseReceiptLine};
use cortex_store::sql::{Pool, Row};

use super::documents::{numbered, page_of};
use super::lines::lines;
use crate::rows::Columns;

const RECEIPTS: &str = "SELECT id, number, supplier_id, supplier_code, currency, value_minor, tax_minor, received_at, order_number, billing \
                        FROM purchase_receipts";
const RECEIPT_LINES: &str = "SELECT id, receipt_id, line_no, product_id, product_code, quantity_micro, value_minor, tax_code \
                             FROM purchase_receipt_lines";
const PAYMENTS: &str =
    "SELECT id, number, party_id, party_code, direction, amount_minor, currency, paid_at FROM payments";

pub(super) async fn receipts(readers: &Pool, tenant: &str, page: &Page) -> Result<Vec<PurchaseReceipt>, sqlx::Error> {
    let rows = page_of(readers, RECEIPTS, tenant, page).await?;
    with_lines(readers, tenant, &rows).await
}

pub(super) async fn one_receipt(
    readers: &Pool,
    tenant: &str,
    number: &str,
) -> Result<Option<PurchaseReceipt>, sqlx::Error> {
    let rows = numbered(readers, RECEIPTS, tenant, number).await?;
    Ok(with_lines(readers, tenant, &rows).await?.pop())
}

pub(super) async fn one_payment(readers: &Pool, tenant: &str, number: &str) -> Result<Option<Payment>, sqlx::Error> {
    numbered(readers, PAYMENTS, tenant, number)
        .await?
        .first()
        .map(payment)
        .transpose()
}

async fn with_lines(readers: &Pool, tenant: &str, rows: &[Row]) -> Result<Vec<PurchaseReceipt>, sqlx::Error> {
    let mut receipts = rows.iter().map(receipt).collect::<Result<Vec<_>, _>>()?;
    let ids = receipts.iter().map(|receipt| receipt.id.to_string());
    let mut lines = lines(readers, tenant, RECEIPT_LINES, "receipt_id", ids, receipt_line).await?;
    for receipt in &mut receipts {
        receipt.lines = lines.remove(&receipt.id.to_string()).unwrap_or_default();
    }
    Ok(receipts)
}

pub(super) async fn payments(readers: &Pool, tenant: &str, page: &Page) -> Result<Vec<Payment>, sqlx::Error> {
    page_of(readers, PAYMENTS, tenant, page)
        .await?
        .iter()
        .map(payment)
        .collect()
}

fn receipt(row: &Row) -> Result<PurchaseReceipt, sqlx::Error> {
    Ok(PurchaseReceipt {
        id: row.parsed("id")?,
        number: row.text("number")?,
        supplier_id: row.parsed("supplier_id")?,
        supplier_code: row.text("supplier_code")?,
        currency: row.parsed("currency")?,
        value_minor: row.integer("value_minor")?,
        tax_minor: row.integer("tax_minor")?,
        received_at: row.time("received_at")?,
        to_be_billed: row.try_get::<&str>("billing")? == "separate",
        order: row.optional_text("order_number")?,
        lines: Vec::new(),
    })
}

fn receipt_line(row: &Row) -> Result<PurchaseReceiptLine, sqlx::Error> {
    Ok(PurchaseReceiptLine {
        id: row.parsed("id")?,
        line_no: u32::try_from(row.integer("line_no")?).unwrap_or(u32::MAX),
        product_id: row.parsed("product_id")?,
        product_code: row.text("product_code")?,
        quantity_micro: row.integer("quantity_micro")?,
        value_minor: row.integer("value_minor")?,
        tax: row.optional_text("tax_code")?,
    })
}

fn payment(row: &Row) -> Result<Payment, sqlx::Error> {
    Ok(Payment {
        id: row.parsed("id")?,
        number: row.text("number")?,
        party_id: row.parsed("party_id")?,
        party_code: row.text("party_code")?,
        direction: row.word("direction", &PaymentDirection::ALL, PaymentDirection::as_str)?,
        amount_minor: row.integer("amount_minor")?,
        currency: row.parsed("currency")?,
        paid_at: row.time("paid_at")?,
    })
}
