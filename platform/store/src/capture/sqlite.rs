use std::fmt::Write;

use super::{ColumnKind, TableColumn};

pub(super) fn triggers(table: &str, columns: &[TableColumn]) -> String {
    let after = row_as_json("NEW", columns);
    let before = row_as_json("OLD", columns);
    // A delete has no new row to name its transaction: it belongs to the newest one.
    let newest_tx = "(SELECT max(tx_no) FROM tx_meta)";
    let mut sql = String::new();
    for (event, row, tx_no, row_after, row_before) in [
        ("insert", "NEW", "NEW.tx_no", after.as_str(), "NULL"),
        ("update", "NEW", "NEW.tx_no", after.as_str(), before.as_str()),
        ("delete", "OLD", newest_tx, "NULL", before.as_str()),
    ] {
        // Writing to a string cannot fail.
        let _ = write!(
            sql,
            "DROP TRIGGER IF EXISTS capture_{event}_{table};\n\
             CREATE TRIGGER capture_{event}_{table} AFTER {event} ON {table} BEGIN\n\
             INSERT INTO change_log (commit_no, tx_no, tenant_id, table_name, op, row_after, row_before)\n\
             VALUES (\n\
               CASE (SELECT commit_no FROM tx_meta WHERE tx_no = {tx_no})\n\
                 WHEN (SELECT newest FROM commit_sequence) THEN (SELECT newest FROM commit_sequence)\n\
                 ELSE RAISE(ABORT, 'a change of {table} does not name a transaction of its own commit in tx_no') END,\n\
               {tx_no}, {row}.tenant_id, '{table}', '{event}', {row_after}, {row_before});\n\
             END;\n"
        );
    }
    sql
}

/// The whole row as a JSON object. Doubles travel as text with all their digits, because SQLite's own JSON keeps 15; that
/// is exact from 1e-60 to 1e60, and may be off in the last bit beyond.
fn row_as_json(row: &str, columns: &[TableColumn]) -> String {
    let pairs: Vec<String> = columns
        .iter()
        .map(|TableColumn { name, kind }| {
            let value = match kind {
                ColumnKind::Double => {
                    format!("CASE WHEN {row}.\"{name}\" IS NULL THEN NULL ELSE printf('%!.26g', {row}.\"{name}\") END")
                }
                ColumnKind::Boolean => {
                    format!("json(CASE {row}.\"{name}\" WHEN 1 THEN 'true' WHEN 0 THEN 'false' END)")
                }
                ColumnKind::Text | ColumnKind::Integer | ColumnKind::Timestamp => format!("{row}.\"{name}\""),
            };
            format!("'{name}', {value}")
        })
        .collect();
    format!("json_object({})", pairs.join(", "))
}
