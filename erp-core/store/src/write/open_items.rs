//! Open items as they are after the group, and what settled them.

use std::collections::BTreeMap;

use cortex_erp::{ItemAllocation, OpenItem};
use cortex_store::{StoreError, WriteTransaction};
use cortex_types::JournalLineId;

use super::{Numbered, id};

pub(super) async fn save(transaction: &mut WriteTransaction, numbered: &[Numbered<'_>]) -> Result<(), StoreError> {
    // The newest of each: a group may settle what it opens.
    let mut items: BTreeMap<JournalLineId, (&Numbered<'_>, &OpenItem)> = BTreeMap::new();
    let mut allocations: Vec<(&Numbered<'_>, &ItemAllocation)> = Vec::new();
    for command in numbered {
        let postings = &command.accepted.postings;
        items.extend(postings.items.iter().map(|item| (item.id, (command, item))));
        allocations.extend(postings.allocations.iter().map(|allocation| (command, allocation)));
    }
    let columns = [
        "id",
        "tenant_id",
        "side",
        "party_code",
        "document_kind",
        "document_id",
        "number",
        "currency",
        "amount_minor",
        "open_minor",
        "posted_at",
        "due_at",
        "tx_no",
    ];
    let items: Vec<_> = items.into_values().collect();
    transaction
        .upsert_rows("open_items", (&columns, 1), &items, |row, (command, item)| {
            row.bind(id(item.id.0)).bind(command.tenant).bind(item.side.as_str());
            row.bind(item.party.as_deref()).bind(item.document.kind.as_str());
            row.bind(id(item.document.id))
                .bind(&*item.number)
                .bind(item.currency.as_str());
            row.bind(item.amount_minor).bind(item.open_minor);
            row.bind(item.posted_at).bind(item.due_at).bind(command.tx_no);
        })
        .await?;
    let columns = [
        "id",
        "tenant_id",
        "debit_item",
        "credit_item",
        "currency",
        "amount_minor",
        "gained_minor",
        "allocated_at",
        "document_kind",
        "document_id",
        "number",
        "undoes",
        "tx_no",
    ];
    transaction
        .insert_rows("allocations", &columns, &allocations, |row, (command, allocation)| {
            row.bind(id(allocation.id.0)).bind(command.tenant);
            row.bind(id(allocation.debit.0)).bind(id(allocation.credit.0));
            row.bind(allocation.currency.as_str()).bind(allocation.amount_minor);
            row.bind(allocation.gained_minor).bind(allocation.allocated_at);
            row.bind(allocation.document.kind.as_str());
            row.bind(id(allocation.document.id)).bind(&*allocation.number);
            row.bind(allocation.undoes.map(|undone| id(undone.0)))
                .bind(command.tx_no);
        })
        .await
}
