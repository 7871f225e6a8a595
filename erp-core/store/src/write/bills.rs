//! What suppliers bill.

use cortex_erp::postings::Document;
use cortex_erp::{PurchaseBill, PurchaseBillLine};
use cortex_store::{StoreError, WriteTransaction};

use super::{Numbered, id};

pub(super) async fn save(transaction: &mut WriteTransaction, numbered: &[Numbered<'_>]) -> Result<(), StoreError> {
    let bills: Vec<(&Numbered<'_>, &PurchaseBill)> = numbered
        .iter()
        .filter_map(|command| match &command.accepted.postings.document {
            Document::PurchaseBill(bill) => Some((command, bill)),
            _ => None,
        })
        .collect();
    let columns = [
        "id",
        "tenant_id",
        "number",
        "supplier_id",
        "supplier_code",
        "reference",
        "currency",
        "net_minor",
        "tax_minor",
        "memo",
        "line_count",
        "billed_at",
        "due_at",
        "tx_no",
    ];
    transaction
        .insert_rows("purchase_bills", &columns, &bills, |row, (command, bill)| {
            row.bind(id(bill.id.0)).bind(command.tenant).bind(&*bill.number);
            row.bind(id(bill.supplier_id.0)).bind(&*bill.supplier_code);
            row.bind(bill.reference.as_deref());
            row.bind(bill.currency.as_str())
                .bind(bill.net_minor)
                .bind(bill.tax_minor);
            row.bind(bill.memo.as_str()).bind(bill.lines.len() as i64);
            row.bind(bill.billed_at).bind(bill.due_at).bind(command.tx_no);
        })
        .await?;
    let columns = [
        "id",
        "tenant_id",
        "bill_id",
        "line_no",
        "receipt_number",
        "of_move",
        "product_code",
        "quantity_micro",
        "cleared_minor",
        "account",
        "cost_centre",
        "net_minor",
        "tax_code",
        "currency",
        "billed_at",
        "tx_no",
    ];
    let lines: Vec<(&Numbered<'_>, &PurchaseBill, &PurchaseBillLine)> = bills
        .iter()
        .flat_map(|(command, bill)| bill.lines.iter().map(move |line| (*command, *bill, line)))
        .collect();
    transaction
        .insert_rows("purchase_bill_lines", &columns, &lines, |row, (command, bill, line)| {
            row.bind(id(line.id.0)).bind(command.tenant).bind(id(bill.id.0));
            row.bind(i64::from(line.line_no)).bind(line.receipt.as_deref());
            row.bind(line.of_move.map(|of| id(of.0)))
                .bind(line.product_code.as_deref());
            row.bind(line.quantity_micro).bind(line.cleared_minor);
            row.bind(line.account.as_deref()).bind(line.cost_centre.as_deref());
            row.bind(line.net_minor).bind(line.tax.as_deref());
            row.bind(bill.currency.as_str())
                .bind(bill.billed_at)
                .bind(command.tx_no);
        })
        .await
}
