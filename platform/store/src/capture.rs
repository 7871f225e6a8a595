//! Change capture: triggers that write every change of a table to the change log, in the transaction that made it.

use std::fmt::Write;

use sqlx::{AssertSqlSafe, SqliteConnection};

use crate::StoreError;

/// What a column of a captured table holds, by its declared type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// `TEXT`
    Text,
    /// `BIGINT`
    Integer,
    /// `DOUBLE`
    Double,
    /// `BOOLEAN`, stored as 0 or 1.
    Boolean,
    /// `TIMESTAMP`: microseconds since the Unix epoch, UTC, stored as an integer.
    Timestamp,
}

impl ColumnKind {
    fn declared_as(declared: &str) -> Option<Self> {
        Some(match declared.to_ascii_uppercase().as_str() {
            "TEXT" => Self::Text,
            "BIGINT" => Self::Integer,
            "DOUBLE" => Self::Double,
            "BOOLEAN" => Self::Boolean,
            "TIMESTAMP" => Self::Timestamp,
            _ => return None,
        })
    }
}

/// A column of a captured table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableColumn {
    pub name: String,
    pub kind: ColumnKind,
}

/// The columns of a captured table, in their order. [`StoreError::Capture`] where the table is missing, or one of its
/// columns is of a type that change capture does not carry.
pub async fn table_columns(connection: &mut SqliteConnection, table: &str) -> Result<Vec<TableColumn>, StoreError> {
    let refused = |detail: String| StoreError::Capture {
        table: table.to_owned(),
        detail,
    };
    let declared: Vec<(String, String)> = sqlx::query_as("SELECT name, type FROM pragma_table_info($1) ORDER BY cid")
        .bind(table)
        .fetch_all(connection)
        .await?;
    if declared.is_empty() {
        return Err(refused("there is no such table".to_owned()));
    }
    declared
        .into_iter()
        .map(|(name, declared)| match ColumnKind::declared_as(&declared) {
            Some(kind) => Ok(TableColumn { name, kind }),
            None => Err(refused(format!(
                "column '{name}' is of type '{declared}'; TEXT, BIGINT, DOUBLE, BOOLEAN and TIMESTAMP are carried"
            ))),
        })
        .collect()
}

pub(crate) async fn create_triggers(connection: &mut SqliteConnection, table: &str) -> Result<(), StoreError> {
    let columns = table_columns(connection, table).await?;
    for required in ["id", "tenant_id", "tx_no"] {
        if !columns.iter().any(|column| column.name == required) {
            let detail = format!("it has no column '{required}'");
            return Err(StoreError::Capture {
                table: table.to_owned(),
                detail,
            });
        }
    }
    let after = row_as_json("NEW", &columns);
    let before = row_as_json("OLD", &columns);
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
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await?;
    Ok(())
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
