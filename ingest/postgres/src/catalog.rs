//! What the database says of its tables and types, and of what it keeps for us.

use std::collections::HashMap;

use crate::PostgresError;
use crate::error::sqlstate;
use crate::kind::{FIRST_OWN_OID, Kind};
use crate::wire::{Connection, ident, literal};
use crate::{Lsn, Selection};

/// `pgoutput` streams transactions in progress from this version on.
const OLDEST_SERVER: u32 = 150_000;

/// A table as it is now.
#[derive(Clone, Debug)]
pub(crate) struct CatalogTable {
    pub oid: u32,
    pub schema: String,
    pub name: String,
    pub is_partitioned: bool,
    /// `d`efault, `n`othing, `f`ull or an `i`ndex.
    pub identity: u8,
}

impl CatalogTable {
    pub(crate) fn ident(&self) -> String {
        format!("{}.{}", ident(&self.schema), ident(&self.name))
    }
}

#[derive(Clone, Debug)]
pub(crate) struct CatalogColumn {
    pub name: String,
    pub type_oid: u32,
    pub type_modifier: i32,
    /// Of a domain, what it is of.
    pub base_oid: u32,
}

/// What the server says of a slot.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub confirmed: Lsn,
    /// Why it is of no use any more.
    pub lost: Option<String>,
    pub plugin: String,
    pub database: String,
}

/// Types of the database's own, by their ids.
#[derive(Debug, Default)]
pub(crate) struct OwnTypes(HashMap<u32, OwnType>);

#[derive(Clone, Copy, Debug)]
enum OwnType {
    Domain { base: u32, modifier: i32 },
    Array { element: u32 },
    Other,
}

impl OwnTypes {
    pub(crate) async fn load(connection: &mut Connection) -> Result<Self, PostgresError> {
        let sql = format!(
            "SELECT oid, typtype, typcategory, typbasetype, typtypmod, typelem FROM pg_catalog.pg_type WHERE oid >= {FIRST_OWN_OID}"
        );
        let rows = connection.query(&sql);
        let mut types = HashMap::new();
        for row in rows.await? {
            let row = Row(row);
            let of = match (row.text(1)?, row.text(2)?) {
                ("d", _) => OwnType::Domain {
                    base: row.number(3)?,
                    modifier: row.number(4)?,
                },
                (_, "A") => OwnType::Array {
                    element: row.number(5)?,
                },
                _ => OwnType::Other,
            };
            types.insert(row.number(0)?, of);
        }
        Ok(Self(types))
    }

    /// `None` where the type is not known.
    pub(crate) fn kind(&self, type_oid: u32, modifier: i32) -> Option<Kind> {
        if type_oid < FIRST_OWN_OID {
            return Some(Kind::of(type_oid, modifier));
        }
        match *self.0.get(&type_oid)? {
            OwnType::Domain { base, modifier } => self.kind(base, modifier),
            OwnType::Array { element } => self.kind(element, modifier).map(|kind| Kind::List(Box::new(kind))),
            OwnType::Other => Some(Kind::Text),
        }
    }
}

/// One row of an answer, by its columns.
struct Row(Vec<Option<String>>);

impl Row {
    fn text(&self, index: usize) -> Result<&str, PostgresError> {
        let value = self.0.get(index).and_then(Option::as_deref);
        value.ok_or_else(|| PostgresError::protocol("an answer lacks a column"))
    }

    fn number<N: std::str::FromStr>(&self, index: usize) -> Result<N, PostgresError> {
        let text = self.text(index)?;
        text.parse()
            .map_err(|_| PostgresError::protocol(format!("'{text}' is not a number")))
    }
}

/// Whether the server can be read at all.
pub(crate) async fn check_server(connection: &mut Connection) -> Result<(), PostgresError> {
    let version = connection.value("SHOW server_version_num").await?.unwrap_or_default();
    if version.parse::<u32>().is_ok_and(|version| version < OLDEST_SERVER) {
        let needed = OLDEST_SERVER / 10_000;
        return Err(PostgresError::NotReady(format!(
            "the server is older than PostgreSQL {needed}: upgrade it"
        )));
    }
    let level = connection.value("SHOW wal_level").await?.unwrap_or_default();
    if level == "logical" {
        return Ok(());
    }
    Err(PostgresError::NotReady(format!(
        "the server writes no changes that can be read (wal_level is '{level}'): as its superuser, \
         ALTER SYSTEM SET wal_level = 'logical', and restart the server"
    )))
}

/// The tables that are meant, in the order of their names. [`PostgresError::NotReady`] where one of them is not there, or could
/// not be changed any more once its changes are read.
pub(crate) async fn tables(
    connection: &mut Connection,
    selection: &Selection,
) -> Result<Vec<CatalogTable>, PostgresError> {
    let rows = connection
        .query(
            "SELECT c.oid, n.nspname, c.relname, c.relkind, c.relreplident, \
             EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisprimary) \
             FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence = 'p' \
             AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_' ORDER BY 2, 3",
        )
        .await?;
    let (mut tables, mut without_identity) = (Vec::new(), Vec::new());
    for row in rows {
        let row = Row(row);
        let table = CatalogTable {
            oid: row.number(0)?,
            schema: row.text(1)?.to_owned(),
            name: row.text(2)?.to_owned(),
            is_partitioned: row.text(3)? == "p",
            identity: row.text(4)?.bytes().next().unwrap_or(b'd'),
        };
        if !selection.takes(&table.schema, &table.name) {
            continue;
        }
        let has_key = row.text(5)? == "t";
        if table.identity == b'n' || (table.identity == b'd' && !has_key) {
            without_identity.push(table.ident());
        }
        tables.push(table);
    }
    for (schema, name) in selection.named() {
        if !tables.iter().any(|table| table.schema == schema && table.name == name) {
            return Err(PostgresError::NotReady(format!(
                "there is no table {}.{}, or the role may not see it",
                ident(schema),
                ident(name)
            )));
        }
    }
    if let Some(first) = without_identity.first() {
        return Err(PostgresError::NotReady(format!(
            "once their changes are read, rows of these tables could not be changed in the database any more, because \
             nothing says which row is meant: {}. Give each a primary key, or run ALTER TABLE {first} REPLICA IDENTITY \
             FULL, or leave it out",
            without_identity.join(", ")
        )));
    }
    match tables.is_empty() {
        true => Err(PostgresError::NotReady(
            "no table of the database is meant: say which with --tables".to_owned(),
        )),
        false => Ok(tables),
    }
}

/// The columns of a table whose changes are sent: not those that are computed from others.
pub(crate) async fn columns(connection: &mut Connection, table: u32) -> Result<Vec<CatalogColumn>, PostgresError> {
    let sql = format!(
        "SELECT a.attname, a.atttypid, a.atttypmod, CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END FROM \
         pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid WHERE a.attrelid = {table} AND \
         a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum"
    );
    let rows = connection.query(&sql);
    let column = |row: Vec<Option<String>>| {
        let row = Row(row);
        Ok(CatalogColumn {
            name: row.text(0)?.to_owned(),
            type_oid: row.number(1)?,
            type_modifier: row.number(2)?,
            base_oid: row.number(3)?,
        })
    };
    rows.await?.into_iter().map(column).collect()
}

/// The columns of the primary key; none where there is none.
pub(crate) async fn primary_key(connection: &mut Connection, table: u32) -> Result<Vec<String>, PostgresError> {
    let sql = format!(
        "SELECT a.attname FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND \
         a.attnum = ANY (i.indkey) WHERE i.indrelid = {table} AND i.indisprimary ORDER BY a.attnum"
    );
    let rows = connection.query(&sql);
    rows.await?
        .into_iter()
        .map(|row| Row(row).text(0).map(str::to_owned))
        .collect()
}

/// Makes the publication, or adds to it what it lacks. Without the right to do so, says what its owner is to run.
pub(crate) async fn publish(
    connection: &mut Connection,
    publication: &str,
    tables: &[CatalogTable],
) -> Result<(), PostgresError> {
    let name = literal(publication);
    let all = connection
        .value(&format!(
            "SELECT puballtables FROM pg_catalog.pg_publication WHERE pubname = {name}"
        ))
        .await?;
    if all.as_deref() == Some("t") {
        return Ok(());
    }
    let published = connection
        .query(&format!(
            "SELECT schemaname, tablename FROM pg_catalog.pg_publication_tables WHERE pubname = {name}"
        ))
        .await?;
    let is_published = |table: &CatalogTable| {
        let mut published = published.iter();
        published
            .any(|row| matches!(&row[..], [Some(schema), Some(name)] if *schema == table.schema && *name == table.name))
    };
    let missing: Vec<String> = tables
        .iter()
        .filter(|table| !is_published(table))
        .map(CatalogTable::ident)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let (publication, tables) = (ident(publication), missing.join(", "));
    let sql = match all {
        None => format!("CREATE PUBLICATION {publication} FOR TABLE {tables} WITH (publish_via_partition_root = true)"),
        Some(_) => format!("ALTER PUBLICATION {publication} ADD TABLE {tables}"),
    };
    match connection.query(&sql).await {
        Err(refused) if refused.is(sqlstate::INSUFFICIENT_PRIVILEGE) => Err(PostgresError::NotReady(format!(
            "{refused}. As the owner of the tables, run: {sql}"
        ))),
        Err(refused) if refused.is(sqlstate::DUPLICATE_OBJECT) => Ok(()),
        ran => ran.map(drop),
    }
}

pub(crate) async fn slot(connection: &mut Connection, name: &str) -> Result<Option<Slot>, PostgresError> {
    let sql = format!(
        "SELECT confirmed_flush_lsn, plugin, database, wal_status FROM pg_catalog.pg_replication_slots WHERE slot_name = {}",
        literal(name)
    );
    let rows = connection.query(&sql);
    let Some(row) = rows.await?.into_iter().next().map(Row) else {
        return Ok(None);
    };
    let confirmed = row.0.first().and_then(Option::as_deref).unwrap_or("0/0");
    let status = row.0.get(3).and_then(Option::as_deref);
    let lost = "the server has thrown away changes that were not read yet (its max_slot_wal_keep_size was exceeded)";
    Ok(Some(Slot {
        confirmed: Lsn::parse(confirmed)?,
        plugin: row.text(1).unwrap_or_default().to_owned(),
        database: row.text(2).unwrap_or_default().to_owned(),
        lost: (status == Some("lost")).then(|| lost.to_owned()),
    }))
}

pub(crate) async fn drop_slot(connection: &mut Connection, name: &str) -> Result<(), PostgresError> {
    let sql = format!("SELECT pg_drop_replication_slot({})", literal(name));
    connection.query(&sql).await.map(drop)
}

/// Makes the slot; answers where its history begins and the name of the snapshot of just then, which lasts as long as `walsender`
/// does nothing else.
pub(crate) async fn create_slot(walsender: &mut Connection, name: &str) -> Result<(Lsn, String), PostgresError> {
    let sql = format!(
        "CREATE_REPLICATION_SLOT {} LOGICAL pgoutput (SNAPSHOT 'export')",
        ident(name)
    );
    let made = match walsender.query(&sql).await {
        Err(refused) if refused.is(sqlstate::INSUFFICIENT_PRIVILEGE) => Err(PostgresError::NotReady(format!(
            "{refused}. As a superuser, run: ALTER ROLE … REPLICATION"
        ))),
        made => made,
    };
    let row = made?.into_iter().next().map(Row);
    let row = row.ok_or_else(|| PostgresError::protocol("no answer to CREATE_REPLICATION_SLOT"))?;
    Ok((Lsn::parse(row.text(1)?)?, row.text(2)?.to_owned()))
}

/// Who the server is: its identifier and its timeline.
pub(crate) async fn identify(walsender: &mut Connection) -> Result<(String, u32), PostgresError> {
    let row = walsender.query("IDENTIFY_SYSTEM").await?.into_iter().next().map(Row);
    let row = row.ok_or_else(|| PostgresError::protocol("no answer to IDENTIFY_SYSTEM"))?;
    Ok((row.text(0)?.to_owned(), row.number(1)?))
}

/// Where the log ends.
pub(crate) async fn end_of_log(connection: &mut Connection) -> Result<Lsn, PostgresError> {
    let sql = "SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END";
    let lsn = connection.value(sql).await?;
    Lsn::parse(&lsn.unwrap_or_default())
}

/// The server's time, in microseconds from 1970.
pub(crate) async fn now(connection: &mut Connection) -> Result<i64, PostgresError> {
    let micros = connection
        .value("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")
        .await?;
    micros
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| PostgresError::protocol("the server's time"))
}

/// Writes something into the log that is nobody's change; answers where it ends.
pub(crate) async fn mark(connection: &mut Connection) -> Result<Lsn, PostgresError> {
    // One that is of no transaction is not waited for.
    connection
        .query("SELECT pg_logical_emit_message(true, 'cortex', '')")
        .await?;
    end_of_log(connection).await
}

/// Where `timeline` left the history of `before`; `None` where it never was on it.
pub(crate) async fn branched_at(
    walsender: &mut Connection,
    timeline: u32,
    before: u32,
) -> Result<Option<Lsn>, PostgresError> {
    let rows = walsender.query(&format!("TIMELINE_HISTORY {timeline}")).await?;
    let content = rows
        .into_iter()
        .next()
        .and_then(|row| row.into_iter().nth(1).flatten())
        .unwrap_or_default();
    // A timeline, where it was left, and why.
    let mut lines = content.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let line = lines.find(|words| words.first().is_some_and(|word| *word == before.to_string()));
    line.and_then(|words| words.get(1).map(|at| Lsn::parse(at))).transpose()
}
