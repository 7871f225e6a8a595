use cortex_erp::{CreditNote, CreditNoteLine, CreditReason, ErpError, Invoice, Page, ProductKind, SalesLine};
use cortex_store::sql::{self, Pool, Row};
use cortex_types::RequestContext;
use sqlx::AssertSqlSafe;

use super::PAGE;
use super::lines::lines;
use crate::SqlLedger;
use crate::ledger::failed;
use crate::rows::Columns;

const INVOICES: &str = "SELECT id, number, customer_id, customer_code, country, currency, net_minor, tax_minor, invoiced_at, due_at, \
                        decision_id, order_number FROM sales_invoices";
const INVOICE_LINES: &str = "SELECT id, invoice_id, line_no, product_id, product_code, product_kind, quantity_micro, \
                             unit, net_minor, tax_code FROM sales_invoice_lines";
const NOTES: &str = "SELECT id, number, customer_id, customer_code, country, currency, net_minor, tax_minor, reason, invoice_id, \
                     credited_at FROM credit_notes";
const NOTE_LINES: &str = "SELECT id, credit_note_id, line_no, product_id, product_code, product_kind, quantity_micro, \
                          unit, net_minor, tax_code, reason FROM credit_note_lines";

pub(super) async fn invoice(readers: &Pool, tenant: &str, number: &str) -> Result<Option<Invoice>, sqlx::Error> {
    let rows = numbered(readers, INVOICES, tenant, number).await?;
    Ok(with_invoice_lines(readers, tenant, &rows).await?.pop())
}

pub(super) async fn invoices(readers: &Pool, tenant: &str, page: &Page) -> Result<Vec<Invoice>, sqlx::Error> {
    let rows = page_of(readers, INVOICES, tenant, page).await?;
    with_invoice_lines(readers, tenant, &rows).await
}

pub(super) async fn credit_note(readers: &Pool, tenant: &str, number: &str) -> Result<Option<CreditNote>, sqlx::Error> {
    let rows = numbered(readers, NOTES, tenant, number).await?;
    Ok(with_note_lines(readers, tenant, &rows).await?.pop())
}

pub(super) async fn credit_notes(readers: &Pool, tenant: &str, page: &Page) -> Result<Vec<CreditNote>, sqlx::Error> {
    let rows = page_of(readers, NOTES, tenant, page).await?;
    with_note_lines(readers, tenant, &rows).await
}

/// The document with a number, where there is one.
pub(super) async fn numbered(
    readers: &Pool,
    select: &str,
    tenant: &str,
    number: &str,
) -> Result<Vec<Row>, sqlx::Error> {
    sql::query(AssertSqlSafe(format!("{select} WHERE tenant_id = $1 AND number = $2")))
        .bind(tenant)
        .bind(number)
        .fetch_all(readers)
        .await
}

pub(super) async fn page_of(readers: &Pool, select: &str, tenant: &str, page: &Page) -> Result<Vec<Row>, sqlx::Error> {
    sql::query(AssertSqlSafe(format!("{select}{PAGE}")))
        .bind(tenant)
        .bind(page.after.as_deref().unwrap_or_default())
        .bind(i64::from(page.limit()))
        .fetch_all(readers)
        .await
}

async fn with_invoice_lines(readers: &Pool, tenant: &str, rows: &[Row]) -> Result<Vec<Invoice>, sqlx::Error> {
    let mut invoices = rows.iter().map(invoice_header).collect::<Result<Vec<_>, _>>()?;
    let ids = invoices.iter().map(|invoice| invoice.id.to_string());
    let mut lines = lines(readers, tenant, INVOICE_LINES, "invoice_id", ids, sales_line).await?;
    for invoice in &mut invoices {
        invoice.lines = lines.remove(&invoice.id.to_string()).unwrap_or_default();
    }
    Ok(invoices)
}

async fn with_note_lines(readers: &Pool, tenant: &str, rows: &[Row]) -> Result<Vec<CreditNote>, sqlx::Error> {
    let mut notes = rows.iter().map(note_header).collect::<Result<Vec<_>, _>>()?;
    let ids = notes.iter().map(|note| note.id.to_string());
    let read = |row: &Row| {
        Ok(CreditNoteLine {
            line: sales_line(row)?,
            reason: reason(row)?,
        })
    };
    let mut lines = lines(readers, tenant, NOTE_LINES, "credit_note_id", ids, read).await?;
    for note in &mut notes {
        note.lines = lines.remove(&note.id.to_string()).unwrap_or_default();
    }
    Ok(notes)
}

fn invoice_header(row: &Row) -> Result<Invoice, sqlx::Error> {
    Ok(Invoice {
        id: row.parsed("id")?,
        number: row.text("number")?,
        customer_id: row.parsed("customer_id")?,
        customer_code: row.optional_text("customer_code")?,
        country: row.text("country")?,
        currency: row.parsed("currency")?,
        net_minor: row.integer("net_minor")?,
        tax_minor: row.integer("tax_minor")?,
        invoiced_at: row.time("invoiced_at")?,
        due_at: row.optional_time("due_at")?,
        decision_id: row.optional_parsed("decision_id")?,
        order: row.optional_text("order_number")?,
        lines: Vec::new(),
    })
}

fn note_header(row: &Row) -> Result<CreditNote, sqlx::Error> {
    Ok(CreditNote {
        id: row.parsed("id")?,
        number: row.text("number")?,
        customer_id: row.parsed("customer_id")?,
        customer_code: row.optional_text("customer_code")?,
        country: row.text("country")?,
        currency: row.parsed("currency")?,
        net_minor: row.integer("net_minor")?,
        tax_minor: row.integer("tax_minor")?,
        reason: reason(row)?,
        invoice_id: row.optional_parsed("invoice_id")?,
        credited_at: row.time("credited_at")?,
        lines: Vec::new(),
    })
}

fn reason(row: &Row) -> Result<CreditReason, sqlx::Error> {
    row.word("reason", &CreditReason::ALL, CreditReason::as_str)
}

fn sales_line(row: &Row) -> Result<SalesLine, sqlx::Error> {
    Ok(SalesLine {
        id: row.parsed("id")?,
        line_no: u32::try_from(row.integer("line_no")?).unwrap_or(u32::MAX),
        product_id: row.parsed("product_id")?,
        product_code: row.text("product_code")?,
        product_kind: row.word("product_kind", &ProductKind::ALL, ProductKind::as_str)?,
        quantity_micro: row.integer("quantity_micro")?,
        unit: row.parsed("unit")?,
        net_minor: row.integer("net_minor")?,
        tax: row.optional_text("tax_code")?,
    })
}

impl SqlLedger {
    pub(super) fn read<T>(&self, what: &'static str, result: Result<T, sqlx::Error>) -> Result<T, ErpError> {
        result.map_err(|error| failed(what)(self.database().failed(error)))
    }

    /// The row whose column has a value.
    pub(super) async fn one<T>(
        &self,
        what: &'static str,
        ctx: &RequestContext,
        (select, column, value): (&str, &str, &str),
        read: impl Fn(&Row) -> Result<T, sqlx::Error>,
    ) -> Result<Option<T>, ErpError> {
        let select = format!("{select} WHERE tenant_id = $1 AND {column} = $2");
        let row = sql::query(AssertSqlSafe(select))
            .bind(ctx.tenant.as_str())
            .bind(value)
            .fetch_optional(&self.readers_of(ctx))
            .await;
        self.read(what, row.and_then(|row| row.as_ref().map(read).transpose()))
    }

    pub(super) async fn page<T>(
        &self,
        what: &'static str,
        ctx: &RequestContext,
        (select, page): (&str, &Page),
        read: impl Fn(&Row) -> Result<T, sqlx::Error>,
    ) -> Result<Vec<T>, ErpError> {
        let rows = page_of(&self.readers_of(ctx), select, ctx.tenant.as_str(), page).await;
        self.read(what, rows.and_then(|rows| rows.iter().map(read).collect()))
    }
}
