use cortex_erp::StockMove;
use cortex_store::{StoreError, WriteTransaction};

use super::{Numbered, id};

pub(super) async fn save(transaction: &mut WriteTransaction, numbered: &[Numbered<'_>]) -> Result<(), StoreError> {
    let columns = [
        "id",
        "tenant_id",
        "product_id",
        "product_code",
        "location",
        "quantity_micro",
        "value_minor",
        "currency",
        "reason",
        "document_kind",
        "document_id",
        "moved_at",
        "tx_no",
    ];
    let moves: Vec<(&Numbered<'_>, &StockMove)> = numbered
        .iter()
        .flat_map(|command| {
            command
                .accepted
                .postings
                .moves
                .iter()
                .map(move |moved| (command, moved))
        })
        .collect();
    transaction
        .insert_rows("stock_moves", &columns, &moves, |row, (command, moved)| {
            row.bind(id(moved.id.0))
                .bind(command.tenant)
                .bind(id(moved.product_id.0))
                .bind(&*moved.product_code);
            row.bind(&*moved.location)
                .bind(moved.quantity_micro)
                .bind(moved.value_minor);
            row.bind(moved.currency.as_str()).bind(moved.reason.as_str());
            row.bind(moved.document.kind.as_str()).bind(id(moved.document.id));
            row.bind(moved.moved_at).bind(command.tx_no);
        })
        .await
}
