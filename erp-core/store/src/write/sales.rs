use cortex_erp::postings::Document;
use cortex_erp::{CreditNote, CreditNoteLine, Invoice, SalesLine};
use cortex_store::{RowValues, StoreError, WriteTransaction};

use super::{Numbered, id};

pub(super) async fn save(transaction: &mut WriteTransaction, numbered: &[Numbered<'_>]) -> Result<(), StoreError> {
    let mut invoices: Vec<(&Numbered<'_>, &Invoice)> = Vec::new();
    let mut notes: Vec<(&Numbered<'_>, &CreditNote)> = Vec::new();
    for command in numbered {
        match &command.accepted.postings.document {
            Document::Invoice(invoice) => invoices.push((command, invoice)),
            Document::CreditNote(note) => notes.push((command, note)),
            _ => {}
        }
    }
    save_invoices(transaction, &invoices).await?;
    save_credit_notes(transaction, &notes).await
}

async fn save_invoices(
    transaction: &mut WriteTransaction,
    invoices: &[(&Numbered<'_>, &Invoice)],
) -> Result<(), StoreError> {
    let columns = [
        "id",
        "tenant_id",
        "number",
        "customer_id",
        "customer_code",
        "country",
        "currency",
        "net_minor",
        "tax_minor",
        "line_count",
        "invoiced_at",
        "due_at",
        "decision_id",
        "order_number",
        "tx_no",
    ];
    transaction
        .insert_rows("sales_invoices", &columns, invoices, |row, (command, invoice)| {
            row.bind(id(invoice.id.0)).bind(command.tenant).bind(&*invoice.number);
            row.bind(id(invoice.customer_id.0))
                .bind(invoice.customer_code.as_deref())
                .bind(&*invoice.country);
            row.bind(invoice.currency.as_str())
                .bind(invoice.net_minor)
                .bind(invoice.tax_minor)
                .bind(invoice.lines.len() as i64);
            row.bind(invoice.invoiced_at).bind(invoice.due_at);
            row.bind(invoice.decision_id.map(|decision| id(decision.0)))
                .bind(invoice.order.as_deref())
                .bind(command.tx_no);
        })
        .await?;
    let columns = [
        "id",
        "tenant_id",
        "invoice_id",
        "invoice_number",
        "line_no",
        "customer_id",
        "customer_code",
        "country",
        "product_id",
        "product_code",
        "product_kind",
        "quantity_micro",
        "unit",
        "net_minor",
        "tax_code",
        "currency",
        "invoiced_at",
        "tx_no",
    ];
    let lines: Vec<(&Numbered<'_>, &Invoice, &SalesLine)> = invoices
        .iter()
        .flat_map(|(command, invoice)| invoice.lines.iter().map(move |line| (*command, *invoice, line)))
        .collect();
    transaction
        .insert_rows(
            "sales_invoice_lines",
            &columns,
            &lines,
            |row, (command, invoice, line)| {
                row.bind(id(line.id.0))
                    .bind(command.tenant)
                    .bind(id(invoice.id.0))
                    .bind(&*invoice.number);
                row.bind(i64::from(line.line_no)).bind(id(invoice.customer_id.0));
                row.bind(invoice.customer_code.as_deref()).bind(&*invoice.country);
                bind_line(row, line);
                row.bind(invoice.currency.as_str())
                    .bind(invoice.invoiced_at)
                    .bind(command.tx_no);
            },
        )
        .await
}

async fn save_credit_notes(
    transaction: &mut WriteTransaction,
    notes: &[(&Numbered<'_>, &CreditNote)],
) -> Result<(), StoreError> {
    let columns = [
        "id",
        "tenant_id",
        "number",
        "customer_id",
        "customer_code",
        "country",
        "currency",
        "net_minor",
        "tax_minor",
        "line_count",
        "reason",
        "invoice_id",
        "credited_at",
        "tx_no",
    ];
    transaction
        .insert_rows("credit_notes", &columns, notes, |row, (command, note)| {
            row.bind(id(note.id.0)).bind(command.tenant).bind(&*note.number);
            row.bind(id(note.customer_id.0))
                .bind(note.customer_code.as_deref())
                .bind(&*note.country);
            row.bind(note.currency.as_str())
                .bind(note.net_minor)
                .bind(note.tax_minor)
                .bind(note.lines.len() as i64);
            row.bind(note.reason.as_str())
                .bind(note.invoice_id.map(|invoice| id(invoice.0)));
            row.bind(note.credited_at).bind(command.tx_no);
        })
        .await?;
    let columns = [
        "id",
        "tenant_id",
        "credit_note_id",
        "credit_note_number",
        "line_no",
        "customer_id",
        "customer_code",
        "country",
        "product_id",
        "product_code",
        "product_kind",
        "quantity_micro",
        "unit",
        "net_minor",
        "tax_code",
        "currency",
        "reason",
        "credited_at",
        "tx_no",
    ];
    let lines: Vec<(&Numbered<'_>, &CreditNote, &CreditNoteLine)> = notes
        .iter()
        .flat_map(|(command, note)| note.lines.iter().map(move |line| (*command, *note, line)))
        .collect();
    transaction
        .insert_rows(
            "credit_note_lines",
            &columns,
            &lines,
            |row, (command, note, CreditNoteLine { line, reason })| {
                row.bind(id(line.id.0))
                    .bind(command.tenant)
                    .bind(id(note.id.0))
                    .bind(&*note.number);
                row.bind(i64::from(line.line_no)).bind(id(note.customer_id.0));
                row.bind(note.customer_code.as_deref()).bind(&*note.country);
                bind_line(row, line);
                row.bind(note.currency.as_str())
                    .bind(reason.as_str())
                    .bind(note.credited_at)
                    .bind(command.tx_no);
            },
        )
        .await
}

/// `product_id` to `net_minor`, which both kinds of lines have in a row.
fn bind_line(row: &mut RowValues<'_>, line: &SalesLine) {
    row.bind(id(line.product_id.0))
        .bind(&*line.product_code)
        .bind(line.product_kind.as_str());
    row.bind(line.quantity_micro)
        .bind(line.unit.as_str())
        .bind(line.net_minor)
        .bind(line.tax.as_deref());
}
