use cortex_erp::{JournalLine, PostedEntry};
use cortex_store::{StoreError, WriteTransaction};

use super::{Numbered, id};

pub(super) async fn save(transaction: &mut WriteTransaction, numbered: &[Numbered<'_>]) -> Result<(), StoreError> {
    let entries: Vec<(&Numbered<'_>, &PostedEntry)> = numbered
        .iter()
        .flat_map(|command| {
            command
                .accepted
                .postings
                .entries
                .iter()
                .map(move |entry| (command, entry))
        })
        .collect();
    let columns = [
        "id",
        "tenant_id",
        "number",
        "document_kind",
        "document_id",
        "memo",
        "currency",
        "posted_at",
        "tx_no",
    ];
    transaction
        .insert_rows("journal_entries", &columns, &entries, |row, (command, entry)| {
            row.bind(id(entry.id().0)).bind(command.tenant).bind(&**entry.number());
            row.bind(entry.document().kind.as_str())
                .bind(id(entry.document().id))
                .bind(entry.memo());
            row.bind(entry.currency().as_str())
                .bind(entry.posted_at())
                .bind(command.tx_no);
        })
        .await?;
    let columns = [
        "id",
        "tenant_id",
        "entry_id",
        "line_no",
        "account",
        "debit_minor",
        "credit_minor",
        "currency",
        "posted_at",
        "tx_no",
        "base_minor",
        "cost_centre",
    ];
    let lines: Vec<(&Numbered<'_>, &PostedEntry, i64, &JournalLine)> = entries
        .iter()
        .flat_map(|(command, entry)| {
            (1..)
                .zip(entry.lines())
                .map(move |(no, line)| (*command, *entry, no, line))
        })
        .collect();
    transaction
        .insert_rows(
            "journal_lines",
            &columns,
            &lines,
            |row, (command, entry, line_no, line)| {
                row.bind(id(line.id.0))
                    .bind(command.tenant)
                    .bind(id(entry.id().0))
                    .bind(*line_no);
                row.bind(&*line.account).bind(line.debit_minor).bind(line.credit_minor);
                row.bind(line.currency.as_str())
                    .bind(entry.posted_at())
                    .bind(command.tx_no);
                row.bind(line.base_minor).bind(line.cost_centre.as_deref());
            },
        )
        .await
}
