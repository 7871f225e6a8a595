//! What is not captured: stock levels, how far numbers have counted, commands with their answers.

use std::collections::BTreeMap;

use cortex_erp::postings::Group;
use cortex_store::{StoreError, WriteTransaction};

use super::{Numbered, stock};

pub(super) async fn save(
    transaction: &mut WriteTransaction,
    group: &Group,
    numbered: &[Numbered<'_>],
) -> Result<(), StoreError> {
    stock::save_levels(transaction, group).await?;
    counters(transaction, numbered).await?;
    commands(transaction, numbered).await
}

/// As far as the group has counted.
async fn counters(transaction: &mut WriteTransaction, numbered: &[Numbered<'_>]) -> Result<(), StoreError> {
    let mut newest: BTreeMap<(&str, &str, &str), u64> = BTreeMap::new();
    for command in numbered {
        for drawn in &command.accepted.postings.drawn {
            let key = (command.tenant, drawn.kind.as_str(), &*drawn.prefix);
            newest.insert(key, drawn.place);
        }
    }
    let newest: Vec<_> = newest.into_iter().collect();
    let columns = ["tenant_id", "kind", "prefix", "newest"];
    transaction
        .upsert_rows(
            "number_counters",
            (&columns, 3),
            &newest,
            |row, ((tenant, kind, prefix), place)| {
                row.bind(*tenant).bind(*kind).bind(*prefix).bind(place.cast_signed());
            },
        )
        .await
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
