//! Triggers that keep what is posted as it was posted, even from whoever holds the database.

use std::fmt::Write;

use crate::StoreError;
use crate::sql::Transaction;

/// Refuses updates and deletes of `table` with the code `immutable-document` in the message.
pub(crate) async fn create_triggers(transaction: &mut Transaction, table: &str) -> Result<(), StoreError> {
    let refusal = format!("immutable-document: a row of {table} is posted and cannot be changed");
    let mut sql = String::new();
    if matches!(transaction, Transaction::Postgres(_)) {
        let _ = write!(
            sql,
            "CREATE OR REPLACE FUNCTION immutable_{table}() RETURNS trigger LANGUAGE plpgsql AS $body$\n\
             BEGIN RAISE EXCEPTION '{refusal}'; END $body$;\n"
        );
    }
    for event in ["update", "delete"] {
        let name = format!("immutable_{table}_{event}");
        // Writing to a string cannot fail.
        let _ = match transaction {
            Transaction::Sqlite(_) => write!(
                sql,
                "DROP TRIGGER IF EXISTS {name};\n\
                 CREATE TRIGGER {name} BEFORE {event} ON {table} BEGIN SELECT RAISE(ABORT, '{refusal}'); END;\n"
            ),
            Transaction::Postgres(_) => write!(
                sql,
                "CREATE OR REPLACE TRIGGER {name} BEFORE {event} ON {table}\n\
                 FOR EACH STATEMENT EXECUTE FUNCTION immutable_{table}();\n"
            ),
        };
    }
    if matches!(transaction, Transaction::Postgres(_)) {
        let _ = write!(
            sql,
            "CREATE OR REPLACE TRIGGER immutable_{table}_truncate BEFORE TRUNCATE ON {table}\n\
             FOR EACH STATEMENT EXECUTE FUNCTION immutable_{table}();\n"
        );
    }
    transaction.script(sql).await?;
    Ok(())
}
