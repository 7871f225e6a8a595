use cortex_erp::postings::Document;
use cortex_erp::{Payment, PurchaseReceipt, PurchaseReceiptLine};
use cortex_store::{StoreError, WriteTransaction};

use super::{Numbered, id};

pub(super) async fn save(transaction: &mut WriteTransaction, numbered: &[Numbered<'_>]) -> Result<(), StoreError> {
    let mut receipts: Vec<(&Numbered<'_>, &PurchaseReceipt)> = Vec::new();
    let mut payments: Vec<(&Numbered<'_>, &Payment)> = Vec::new();
    for command in numbered {
        match &command.accepted.postings.document {
            Document::PurchaseReceipt(receipt) => receipts.push((command, receipt)),
            Document::Payment(payment) => payments.push((command, payment)),
            _ => {}
        }
    }
    save_receipts(transaction, &receipts).await?;
    let columns = [
        "id",
        "tenant_id",
        "number",
        "party_id",
        "party_code",
        "direction",
        "amount_minor",
        "currency",
        "paid_at",
        "tx_no",
    ];
    transaction
        .insert_rows("payments", &columns, &payments, |row, (command, payment)| {
            row.bind(id(payment.id.0)).bind(command.tenant).bind(&*payment.number);
            row.bind(id(payment.party_id.0))
                .bind(&*payment.party_code)
                .bind(payment.direction.as_str());
            row.bind(payment.amount_minor).bind(payment.currency.as_str());
            row.bind(payment.paid_at).bind(command.tx_no);
        })
        .await
}

const fn billing(to_be_billed: bool) -> &'static str {
    if to_be_billed { "separate" } else { "with-receipt" }
}

async fn save_receipts(
    transaction: &mut WriteTransaction,
    receipts: &[(&Numbered<'_>, &PurchaseReceipt)],
) -> Result<(), StoreError> {
    let columns = [
        "id",
        "tenant_id",
        "number",
        "supplier_id",
        "supplier_code",
        "currency",
        "value_minor",
        "tax_minor",
        "order_number",
        "billing",
        "received_at",
        "tx_no",
    ];
    transaction
        .insert_rows("purchase_receipts", &columns, receipts, |row, (command, receipt)| {
            row.bind(id(receipt.id.0)).bind(command.tenant).bind(&*receipt.number);
            row.bind(id(receipt.supplier_id.0))
                .bind(&*receipt.supplier_code)
                .bind(receipt.currency.as_str());
            row.bind(receipt.value_minor)
                .bind(receipt.tax_minor)
                .bind(receipt.order.as_deref())
                .bind(billing(receipt.to_be_billed))
                .bind(receipt.received_at)
                .bind(command.tx_no);
        })
        .await?;
    let columns = [
        "id",
        "tenant_id",
        "receipt_id",
        "line_no",
        "product_id",
        "product_code",
        "quantity_micro",
        "value_minor",
        "tax_code",
        "currency",
        "received_at",
        "tx_no",
    ];
    let lines: Vec<(&Numbered<'_>, &PurchaseReceipt, &PurchaseReceiptLine)> = receipts
        .iter()
        .flat_map(|(command, receipt)| receipt.lines.iter().map(move |line| (*command, *receipt, line)))
        .collect();
    transaction
        .insert_rows(
            "purchase_receipt_lines",
            &columns,
            &lines,
            |row, (command, receipt, line)| {
                row.bind(id(line.id.0))
                    .bind(command.tenant)
                    .bind(id(receipt.id.0))
                    .bind(i64::from(line.line_no));
                row.bind(id(line.product_id.0))
                    .bind(&*line.product_code)
                    .bind(line.quantity_micro);
                row.bind(line.value_minor)
                    .bind(line.tax.as_deref())
                    .bind(receipt.currency.as_str());
                row.bind(receipt.received_at).bind(command.tx_no);
            },
        )
        .await
}
