//! What is not captured: stock levels, number series, answers by idempotency key.

use cortex_erp::postings::Group;
use cortex_store::{StoreError, WriteTransaction};
use sqlx::{QueryBuilder, Sqlite};

use super::{Numbered, id};

/// Rows of one upsert: eight columns each, well below the 32,766 variables of a statement.
const LEVELS_PER_STATEMENT: usize = 256;

pub(super) async fn save(
    transaction: &mut WriteTransaction,
    group: &Group,
    numbered: &[Numbered<'_>],
) -> Result<(), StoreError> {
    save_levels(transaction, group).await?;
    for (tenant, kind, newest) in &group.series {
        sqlx::query(
            "INSERT INTO document_series (tenant_id, kind, newest) VALUES ($1, $2, $3) \
             ON CONFLICT (tenant_id, kind) DO UPDATE SET newest = excluded.newest",
        )
        .bind(tenant.as_str())
        .bind(kind.as_str())
        .bind(newest.cast_signed())
        .execute(transaction.connection())
        .await?;
    }
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

async fn save_levels(transaction: &mut WriteTransaction, group: &Group) -> Result<(), StoreError> {
    for levels in group.levels.chunks(LEVELS_PER_STATEMENT) {
        let mut upsert: QueryBuilder<Sqlite> = QueryBuilder::new(
            "INSERT INTO stock_levels (tenant_id, product_id, location, currency, quantity_micro, value_minor, \
             cost_value_minor, cost_quantity_micro) ",
        );
        upsert.push_values(levels, |mut row, (tenant, key, currency, level)| {
            row.push_bind(tenant.as_str())
                .push_bind(id(key.product_id.0))
                .push_bind(&*key.location);
            row.push_bind(currency.as_str())
                .push_bind(level.quantity_micro)
                .push_bind(level.value_minor);
            row.push_bind(level.last_cost.map(|cost| cost.value_minor));
            row.push_bind(level.last_cost.map(|cost| cost.quantity_micro));
        });
        upsert.push(
            " ON CONFLICT (tenant_id, product_id, location) DO UPDATE SET quantity_micro = excluded.quantity_micro, \
             value_minor = excluded.value_minor, cost_value_minor = excluded.cost_value_minor, \
             cost_quantity_micro = excluded.cost_quantity_micro",
        );
        // Kept prepared only in its full size: other sizes come once.
        let keep = levels.len() == LEVELS_PER_STATEMENT;
        upsert
            .build()
            .persistent(keep)
            .execute(transaction.connection())
            .await?;
    }
    Ok(())
}
