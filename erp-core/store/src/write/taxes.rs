//! What taxes came to.

use cortex_erp::DocumentTax;
use cortex_store::{StoreError, WriteTransaction};

use super::{Numbered, id};

pub(super) async fn save(transaction: &mut WriteTransaction, numbered: &[Numbered<'_>]) -> Result<(), StoreError> {
    let of = |command| -> Vec<(&Numbered<'_>, &DocumentTax)> {
        let command: &Numbered<'_> = command;
        command
            .accepted
            .postings
            .taxes
            .iter()
            .map(|tax| (command, tax))
            .collect()
    };
    let taxes: Vec<_> = numbered.iter().flat_map(of).collect();
    let columns = [
        "id",
        "tenant_id",
        "document_kind",
        "document_id",
        "number",
        "direction",
        "code",
        "component",
        "rate",
        "base_minor",
        "tax_minor",
        "currency",
        "taxed_at",
        "tx_no",
    ];
    transaction
        .insert_rows("document_taxes", &columns, &taxes, |row, (command, tax)| {
            row.bind(id(tax.id.0))
                .bind(command.tenant)
                .bind(tax.document.kind.as_str());
            row.bind(id(tax.document.id))
                .bind(&*tax.number)
                .bind(tax.direction.as_str());
            row.bind(&*tax.code).bind(&*tax.component).bind(tax.rate.to_string());
            row.bind(tax.base_minor).bind(tax.tax_minor).bind(tax.currency.as_str());
            row.bind(tax.taxed_at).bind(command.tx_no);
        })
        .await
}
