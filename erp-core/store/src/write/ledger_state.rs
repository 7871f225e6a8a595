//! What is not captured: stock levels, number series, answers by idempotency key.

use cortex_erp::postings::Group;
use cortex_store::{StoreError, WriteTransaction};

use super::{Numbered, stock};

pub(super) async fn save(
    transaction: &mut WriteTransaction,
    group: &Group,
    numbered: &[Numbered<'_>],
) -> Result<(), StoreError> {
    stock::save_levels(transaction, group).await?;
    transaction
        .upsert_rows(
            "document_series",
            (&["tenant_id", "kind", "newest"], 2),
            &group.series,
            |row, (tenant, kind, newest)| {
                row.bind(tenant.as_str()).bind(kind.as_str()).bind(newest.cast_signed());
            },
        )
        .await?;
    let columns = ["tenant_id", "idempotency_key", "digest", "receipt", "tx_no"];
    let mut answers = Vec::with_capacity(numbered.len());
    for command in numbered {
        let receipt = serde_json::to_string(&command.accepted.receipt).map_err(|error| StoreError::Unreadable {
            what: "receipt",
            detail: error.to_string(),
        })?;
        answers.push((command, receipt));
    }
    transaction
        .insert_rows("idempotency_keys", &columns, &answers, |row, (command, receipt)| {
            row.bind(command.tenant)
                .bind(command.accepted.key.as_str())
                .bind(hex::encode(command.accepted.digest));
            row.bind(receipt.as_str()).bind(command.tx_no);
        })
        .await
}
