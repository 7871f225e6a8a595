//! The publication: which tables' changes the server sends.

use crate::PostgresError;
use crate::catalog::{CatalogTable, Row};
use crate::error::sqlstate;
use crate::wire::{Connection, ident, literal};

/// Makes the publication, or adds to it what it lacks. Without the right to do so, says what its owner is to run; and so where
/// one that is there leaves something out.
pub(crate) async fn publish(
    connection: &mut Connection,
    publication: &str,
    tables: &[CatalogTable],
) -> Result<(), PostgresError> {
    let name = ident(publication);
    if !is_there(connection, publication, tables).await? {
        let tables: Vec<String> = tables.iter().map(CatalogTable::ident).collect();
        let tables = tables.join(", ");
        let made = format!("CREATE PUBLICATION {name} FOR TABLE {tables} WITH (publish_via_partition_root = true)");
        return alter(connection, &made).await;
    }
    for table in unpublished(connection, publication, tables).await? {
        alter(connection, &format!("ALTER PUBLICATION {name} ADD TABLE {table}")).await?;
    }
    Ok(())
}

/// Those of the tables that it does not have.
pub(crate) async fn unpublished(
    connection: &mut Connection,
    publication: &str,
    tables: &[CatalogTable],
) -> Result<Vec<String>, PostgresError> {
    let published = connection
        .query(&format!(
            "SELECT schemaname, tablename FROM pg_catalog.pg_publication_tables WHERE pubname = {}",
            literal(publication)
        ))
        .await?;
    let is_published = |table: &CatalogTable| {
        let mut published = published.iter();
        published
            .any(|row| matches!(&row[..], [Some(schema), Some(name)] if *schema == table.schema && *name == table.name))
    };
    let missing = tables.iter().filter(|table| !is_published(table));
    Ok(missing.map(CatalogTable::ident).collect())
}

/// Whether it is there, and sends all that happens to the tables that it has.
async fn is_there(
    connection: &mut Connection,
    publication: &str,
    tables: &[CatalogTable],
) -> Result<bool, PostgresError> {
    let (name, altered) = (
        literal(publication),
        format!("ALTER PUBLICATION {}", ident(publication)),
    );
    let flags = connection
        .query(&format!(
            "SELECT pubinsert AND pubupdate AND pubdelete AND pubtruncate, pubviaroot FROM pg_catalog.pg_publication \
             WHERE pubname = {name}"
        ))
        .await?;
    let Some(flags) = flags.into_iter().next().map(Row) else {
        return Ok(false);
    };
    let not_ready = |why: String| Err(PostgresError::NotReady(format!("the publication {publication} {why}")));
    if flags.text(0)? != "t" {
        return not_ready(format!(
            "leaves out some kinds of changes; as its owner, run: {altered} SET (publish = 'insert, update, delete, truncate')"
        ));
    }
    if flags.text(1)? != "t" && tables.iter().any(|table| table.is_partitioned) {
        return not_ready(format!(
            "sends changes of partitions as those of tables of their own; as its owner, run: {altered} SET \
             (publish_via_partition_root = true)"
        ));
    }
    let oids: Vec<String> = tables.iter().map(|table| table.oid.to_string()).collect();
    let partial = connection
        .query(&format!(
            "SELECT prrelid::regclass::text FROM pg_catalog.pg_publication_rel r JOIN pg_catalog.pg_publication p ON p.oid = \
             r.prpubid WHERE p.pubname = {name} AND (r.prqual IS NOT NULL OR r.prattrs IS NOT NULL) AND prrelid IN ({})",
            oids.join(", ")
        ))
        .await?;
    match partial.into_iter().next().map(Row) {
        Some(table) => not_ready(format!(
            "sends only some rows or columns of {table}; as its owner, run: {altered} DROP TABLE {table}; {altered} ADD TABLE \
             {table}; or name another publication with --publication",
            table = table.text(0)?
        )),
        None => Ok(true),
    }
}

async fn alter(connection: &mut Connection, sql: &str) -> Result<(), PostgresError> {
    match connection.query(sql).await {
        Err(refused) if refused.is(sqlstate::INSUFFICIENT_PRIVILEGE) => Err(PostgresError::NotReady(format!(
            "{refused}. As the owner of the tables, run: {sql}"
        ))),
        // Somebody else just did it.
        Err(refused) if refused.is(sqlstate::DUPLICATE_OBJECT) => Ok(()),
        ran => ran.map(drop),
    }
}
