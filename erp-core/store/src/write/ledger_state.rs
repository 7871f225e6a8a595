//! What is not captured: stock levels, number series, commands with their answers.

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
    commands(transaction, numbered).await
}

async fn commands(transaction: &mut WriteTransaction, numbered: &[Numbered<'_>]) -> Result<(), StoreError> {
    let columns = [
        "tenant_id",
        "idempotency_key",
        "digest",
        "receipt",
        "tx_no",
        "decided_at",
        "event",
        "subject",
        "command",
    ];
    let mut answers = Vec::with_capacity(numbered.len());
    for command in numbered {
        let receipt = serde_json::to_string(&command.accepted.receipt).map_err(|error| StoreError::Unreadable {
            what: "receipt",
            detail: error.to_string(),
        })?;
        answers.push((command, receipt));
    }
    transaction
        .insert_rows("commands", &columns, &answers, |row, (command, receipt)| {
            let accepted = command.accepted;
            row.bind(command.tenant)
                .bind(accepted.key.as_str())
                .bind(hex::encode(accepted.digest));
            row.bind(receipt.as_str()).bind(command.tx_no).bind(accepted.decided_at);
            row.bind(accepted.event.to_string())
                .bind(&*accepted.subject)
                .bind(accepted.journalled.as_str());
        })
        .await
}
