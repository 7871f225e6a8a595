//! Change capture: triggers that write every change of a table to the change log, in the transaction that made it.

mod postgres;
mod sqlite;

use crate::StoreError;
use crate::sql::{self, On, Transaction};

/// What a column of a captured table holds, by its declared type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// `TEXT`
    Text,
    /// `BIGINT`
    Integer,
    /// `DOUBLE`
    Double,
    /// `BOOLEAN`, stored as 0 or 1 in SQLite.
    Boolean,
    /// `TIMESTAMP`: microseconds since the Unix epoch, UTC, stored as an integer in SQLite.
    Timestamp,
}

impl ColumnKind {
    fn declared_as(declared: &str) -> Option<Self> {
        Some(match declared.to_ascii_uppercase().as_str() {
            "TEXT" => Self::Text,
            "BIGINT" => Self::Integer,
            "DOUBLE" | "DOUBLE PRECISION" => Self::Double,
            "BOOLEAN" => Self::Boolean,
            "TIMESTAMP" | "TIMESTAMP WITH TIME ZONE" => Self::Timestamp,
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

const SQLITE_COLUMNS: &str = "SELECT name, type FROM pragma_table_info($1) ORDER BY cid";
const POSTGRES_COLUMNS: &str = "SELECT attname::text, format_type(atttypid, NULL) FROM pg_attribute \
                                WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum";

/// The columns of a captured table, in their order. [`StoreError::Capture`] where the table is missing, or one of its
/// columns is of a type that change capture does not carry.
pub async fn table_columns<'c>(on: impl Into<On<'c>>, table: &str) -> Result<Vec<TableColumn>, StoreError> {
    let refused = |detail: String| StoreError::Capture {
        table: table.to_owned(),
        detail,
    };
    let on = on.into();
    let columns = match on {
        On::SqlitePool(_) | On::Sqlite(_) => SQLITE_COLUMNS,
        On::PostgresPool(_) | On::Postgres(_) => POSTGRES_COLUMNS,
    };
    let declared: Vec<(String, String)> = sql::query_as(columns).bind(table).fetch_all(on).await?;
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

pub(crate) async fn create_triggers(transaction: &mut Transaction, table: &str) -> Result<(), StoreError> {
    let columns = table_columns(&mut *transaction, table).await?;
    for required in ["id", "tenant_id", "tx_no"] {
        if !columns.iter().any(|column| column.name == required) {
            let detail = format!("it has no column '{required}'");
            return Err(StoreError::Capture {
                table: table.to_owned(),
                detail,
            });
        }
    }
    let triggers = match transaction {
        Transaction::Sqlite(_) => sqlite::triggers(table, &columns),
        Transaction::Postgres(_) => postgres::triggers(table, &columns),
    };
    transaction.script(triggers).await?;
    Ok(())
}
