//! Row-level security: what PostgreSQL does so that a statement which forgets its tenant reaches nobody's rows.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::sql::{self, Transaction};
use crate::{Database, MigrationSet, StoreError};

/// The tenants whose rows are there, with commas between them. Where nobody set it, or it is empty, nobody's are.
pub(crate) const SETTING: &str = "cortex.tenants";
pub(crate) const SAY_FOR_SESSION: &str = "SELECT set_config('cortex.tenants', $1, false)";
/// Until the transaction ends, however it ends.
pub(crate) const SAY_FOR_TRANSACTION: &str = "SELECT set_config('cortex.tenants', $1, true)";

/// Statements name their tenant themselves. As a plain condition that would count twice, and the planner would think that
/// a tenant has next to no rows; `IS NOT NULL` it takes to be nearly always true. The list is made once per statement.
const SEES: &str = "(CASE WHEN tenant_id = ANY ((SELECT string_to_array(current_setting('cortex.tenants', true), ','))::text[]) \
                    THEN true END) IS NOT NULL";

/// A table of the schema.
#[derive(sqlx::FromRow)]
struct Table {
    name: String,
    has_tenant: bool,
    /// Its owner too sees no more than the policies allow.
    forced: bool,
    /// It is as this program leaves it.
    held: bool,
}

const FIND: &str = "SELECT c.relname::text AS name, c.relforcerowsecurity AS forced, \
      EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped) \
        AS has_tenant, \
      c.relrowsecurity AND c.relforcerowsecurity AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid \
        AND p.polname = 'tenants_apart' AND obj_description(p.oid, 'pg_policy') = $1) AS held \
    FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace ORDER BY 1";

/// Brings row-level security to every table of the sets that ask for it. What is as it should be is not locked.
pub(crate) async fn hold(transaction: &mut Transaction, sets: &[MigrationSet]) -> Result<(), StoreError> {
    let mut sql = String::new();
    for table in found(transaction, sets).await? {
        let Table {
            name: table,
            has_tenant,
            held,
            ..
        } = table;
        if !has_tenant {
            return Err(StoreError::Tenantless { table });
        }
        if held {
            continue;
        }
        // Writing to a string cannot fail.
        let _ = write!(
            sql,
            "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;\n\
             ALTER TABLE {table} FORCE ROW LEVEL SECURITY;\n\
             DROP POLICY IF EXISTS tenants_apart ON {table};\n\
             CREATE POLICY tenants_apart ON {table} USING ({SEES}) WITH CHECK ({SEES});\n\
             COMMENT ON POLICY tenants_apart ON {table} IS '{}';\n",
            quoted(SEES)
        );
    }
    if !sql.is_empty() {
        transaction.script(sql).await?;
    }
    Ok(())
}

/// Lets the owner see everybody's rows, for a migration that carries them over; answers what [`take_back`] takes that back from.
pub(crate) async fn let_go(transaction: &mut Transaction, set: &MigrationSet) -> Result<Vec<String>, StoreError> {
    let mut forced = found(transaction, std::slice::from_ref(set)).await?;
    forced.retain(|table| table.forced);
    let names: Vec<String> = forced.into_iter().map(|table| table.name).collect();
    of_each(transaction, &names, "NO FORCE").await?;
    Ok(names)
}

/// What the migration left of them.
pub(crate) async fn take_back(transaction: &mut Transaction, let_go: &[String]) -> Result<(), StoreError> {
    of_each(transaction, let_go, "FORCE").await
}

async fn of_each(transaction: &mut Transaction, tables: &[String], how: &str) -> Result<(), StoreError> {
    let alter = |table: &String| format!("ALTER TABLE IF EXISTS {table} {how} ROW LEVEL SECURITY;\n");
    let sql: String = tables.iter().map(alter).collect();
    if !sql.is_empty() {
        transaction.script(sql).await?;
    }
    Ok(())
}

/// None on SQLite, which has no such thing.
async fn found(transaction: &mut Transaction, sets: &[MigrationSet]) -> Result<Vec<Table>, StoreError> {
    let names: BTreeSet<&str> = sets
        .iter()
        .filter(|set| set.tenants_apart)
        .flat_map(|set| set.migrations)
        .flat_map(|migration| tables_named(migration.sql))
        .collect();
    if names.is_empty() || matches!(transaction, Transaction::Sqlite(_)) {
        return Ok(Vec::new());
    }
    let mut found: Vec<Table> = sql::query_as(FIND).bind(SEES).fetch_all(transaction).await?;
    found.retain(|table| names.contains(table.name.as_str()));
    Ok(found)
}

/// Every name that the migration gives to a table; some it takes away again.
fn tables_named(sql: &str) -> impl Iterator<Item = &str> {
    let lines = sql.lines().filter(|line| !line.trim_start().starts_with("--"));
    let words: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
    let named = |(place, pair): (usize, &[&str])| match pair {
        ["CREATE", "TABLE"] | ["RENAME", "TO"] => words[place + 2..]
            .iter()
            .find(|word| !NOT_NAMES.contains(word))
            .copied(),
        _ => None,
    };
    let names: Vec<&str> = words.windows(2).enumerate().filter_map(named).collect();
    let ends = |c: char| !c.is_ascii_alphanumeric() && c != '_';
    names.into_iter().filter_map(move |name| name.split(ends).next())
}

const NOT_NAMES: [&str; 3] = ["IF", "NOT", "EXISTS"];

fn quoted(text: &str) -> String {
    text.replace('\'', "''")
}

/// Says so where the database lets us see everything, whatever its policies say.
pub(crate) async fn warn_where_unbound(database: &Database) -> Result<(), StoreError> {
    let unbound = "SELECT rolname::text FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolbypassrls)";
    let unbound: Option<String> = sql::query_scalar(unbound)
        .fetch_optional(database.readers())
        .await
        .map_err(|error| database.failed(error))?;
    if let Some(role) = unbound {
        tracing::warn!(
            role,
            at = database.at(),
            "row-level security does not bind this role, a superuser or one with BYPASSRLS: tenants are held apart by \
             Cortex's own statements alone; let Cortex connect as an ordinary role that owns its database \
             (CREATE ROLE cortex LOGIN PASSWORD '…'; CREATE DATABASE cortex OWNER cortex)"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_known_by_the_names_that_migrations_give_them() {
        let sql = "-- CREATE TABLE never (\nCREATE TABLE a(\n id TEXT\n);\nCREATE TABLE IF NOT EXISTS b_2 (id TEXT);\n\
                   ALTER TABLE a RENAME TO c;\nALTER TABLE c RENAME COLUMN id TO d;\nINSERT INTO e SELECT 1;";
        assert_eq!(tables_named(sql).collect::<Vec<_>>(), ["a", "b_2", "c"]);
    }
}
