use std::fmt::Write;

use super::{ColumnKind, TableColumn};

/// One trigger per kind of statement, not per row: a block of rows is logged by one insert.
pub(super) fn triggers(table: &str, columns: &[TableColumn]) -> String {
    let after = row_as_json("a", columns);
    let before = row_as_json("b", columns);
    // A delete has no new row to name its transaction: it belongs to the newest one.
    let newest_tx = "(SELECT max(tx_no) FROM tx_meta)";
    let mut sql = String::new();
    for (event, rows, changed, tx_no, tenant, row_after, row_before) in [
        (
            "insert",
            "NEW TABLE AS rows_after",
            "rows_after a",
            "a.tx_no",
            "a.tenant_id",
            after.as_str(),
            "NULL",
        ),
        (
            "update",
            "OLD TABLE AS rows_before NEW TABLE AS rows_after",
            "rows_after a JOIN rows_before b ON b.id = a.id",
            "a.tx_no",
            "a.tenant_id",
            after.as_str(),
            before.as_str(),
        ),
        (
            "delete",
            "OLD TABLE AS rows_before",
            "rows_before b",
            newest_tx,
            "b.tenant_id",
            "NULL",
            before.as_str(),
        ),
    ] {
        // Writing to a string cannot fail.
        let _ = write!(
            sql,
            "CREATE OR REPLACE FUNCTION capture_{event}_{table}() RETURNS trigger LANGUAGE plpgsql AS $body$\n\
             DECLARE commit_now BIGINT;\n\
             BEGIN\n\
             SELECT newest INTO commit_now FROM commit_sequence;\n\
             IF EXISTS (SELECT FROM (SELECT DISTINCT {tx_no} AS tx_no FROM {changed}) named \
               LEFT JOIN tx_meta ON tx_meta.tx_no = named.tx_no \
               WHERE tx_meta.commit_no IS DISTINCT FROM commit_now) THEN\n\
             RAISE EXCEPTION 'a change of {table} does not name a transaction of its own commit in tx_no';\n\
             END IF;\n\
             INSERT INTO change_log (commit_no, tx_no, tenant_id, table_name, op, row_after, row_before)\n\
             SELECT commit_now, {tx_no}, {tenant}, '{table}', '{event}', {row_after}, {row_before} FROM {changed};\n\
             RETURN NULL;\n\
             END $body$;\n\
             CREATE OR REPLACE TRIGGER capture_{event}_{table} AFTER {event} ON {table} REFERENCING {rows}\n\
             FOR EACH STATEMENT EXECUTE FUNCTION capture_{event}_{table}();\n"
        );
    }
    sql
}

/// The whole row as a JSON object, as SQLite's triggers write it: doubles as text, times as microseconds.
fn row_as_json(row: &str, columns: &[TableColumn]) -> String {
    let values: Vec<String> = columns
        .iter()
        .map(|TableColumn { name, kind }| match kind {
            ColumnKind::Double => format!("{row}.\"{name}\"::text AS \"{name}\""),
            ColumnKind::Timestamp => {
                format!("(extract(epoch FROM {row}.\"{name}\") * 1000000)::bigint AS \"{name}\"")
            }
            ColumnKind::Text | ColumnKind::Integer | ColumnKind::Boolean => format!("{row}.\"{name}\""),
        })
        .collect();
    format!("(SELECT row_to_json(r)::text FROM (SELECT {}) r)", values.join(", "))
}
