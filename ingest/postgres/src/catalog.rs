//! What the database says of its tables and types.

use std::collections::HashMap;

use crate::PostgresError;
use crate::Selection;
use crate::kind::{FIRST_OWN_OID, Kind};
use crate::wire::{Connection, ident, literal};

/// `pgoutput` streams transactions in progress from this version on.
const OLDEST_SERVER: u32 = 150_000;

/// A table as it is now.
#[derive(Clone, Debug)]
pub(crate) struct CatalogTable {
    pub oid: u32,
    pub schema: String,
    pub name: String,
    pub is_partitioned: bool,
    /// The files that its rows are in: others once it was written anew.
    pub files: String,
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
pub(crate) struct Row(pub Vec<Option<String>>);

impl Row {
    pub(crate) fn text(&self, index: usize) -> Result<&str, PostgresError> {
        let value = self.0.get(index).and_then(Option::as_deref);
        value.ok_or_else(|| PostgresError::protocol("an answer lacks a column"))
    }

    pub(crate) fn number<N: std::str::FromStr>(&self, index: usize) -> Result<N, PostgresError> {
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

/// Servers from 17 on may limit how long a transaction lasts, and the reading of a snapshot is one.
pub(crate) async fn allow_long_transactions(connection: &mut Connection) -> Result<(), PostgresError> {
    let sql = "SELECT set_config(name, '0', false) FROM pg_catalog.pg_settings WHERE name = 'transaction_timeout'";
    connection.query(sql).await.map(drop)
}

/// Tables by name: the files that their rows are in, and which of their parts have nothing by which the server would say which row
/// is meant. The parts of a partitioned table are its leaves, each with an identity of its own.
const TABLES: &str = r#"
    SELECT c.oid, n.nspname, c.relname, c.relkind, COALESCE(string_agg(part.file::text, ',' ORDER BY part.oid), ''),
           COALESCE(string_agg(part.name, E'\n' ORDER BY part.name) FILTER (WHERE NOT part.has_identity), '')
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN LATERAL (
        SELECT p.oid, pg_catalog.pg_relation_filenode(p.oid) AS file,
               '"' || replace(pn.nspname, '"', '""') || '"."' || replace(p.relname, '"', '""') || '"' AS name,
               p.relreplident = 'f' OR EXISTS (
                   SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = p.oid AND i.indimmediate
                   AND CASE p.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident END
               ) AS has_identity
        FROM (
            SELECT c.oid WHERE c.relkind = 'r'
            UNION ALL SELECT relid FROM pg_catalog.pg_partition_tree(c.oid) WHERE c.relkind = 'p' AND isleaf
        ) leaf
        JOIN pg_catalog.pg_class p ON p.oid = leaf.oid
        JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
    ) part ON true
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence = 'p'
      AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_'
    GROUP BY 1, 2, 3, 4 ORDER BY 2, 3"#;

/// The tables that are meant, in the order of their names. [`PostgresError::NotReady`] where one of them is not there, or could
/// not be changed any more once its changes are read.
pub(crate) async fn tables(
    connection: &mut Connection,
    selection: &Selection,
) -> Result<Vec<CatalogTable>, PostgresError> {
    let (mut tables, mut without_identity) = (Vec::new(), Vec::new());
    for row in connection.query(TABLES).await? {
        let row = Row(row);
        let table = CatalogTable {
            oid: row.number(0)?,
            schema: row.text(1)?.to_owned(),
            name: row.text(2)?.to_owned(),
            is_partitioned: row.text(3)? == "p",
            files: row.text(4)?.to_owned(),
        };
        if !selection.takes(&table.schema, &table.name) {
            continue;
        }
        without_identity.extend(row.text(5)?.lines().map(str::to_owned));
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
             nothing says which row is meant: {}. Give each a primary key that is not deferrable, or run ALTER TABLE {first} \
             REPLICA IDENTITY FULL, or leave it out",
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

/// The files that a table's rows are in now; none where its name is another's.
pub(crate) async fn files(connection: &mut Connection, table: &CatalogTable) -> Result<String, PostgresError> {
    let oid = table.oid;
    let parts = match table.is_partitioned {
        true => format!("SELECT relid::oid AS oid FROM pg_catalog.pg_partition_tree({oid}) WHERE isleaf"),
        false => format!("SELECT {oid}::oid AS oid"),
    };
    let sql = format!(
        "SELECT string_agg(pg_catalog.pg_relation_filenode(oid)::text, ',' ORDER BY oid) FROM ({parts}) part \
         WHERE pg_catalog.to_regclass({})::oid = {oid}",
        literal(&table.ident())
    );
    Ok(connection.value(&sql).await?.unwrap_or_default())
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

/// The columns that have a value in rows that do not name one.
pub(crate) async fn defaults(connection: &mut Connection, table: u32) -> Result<Vec<String>, PostgresError> {
    let sql = format!(
        "SELECT attname FROM pg_catalog.pg_attribute WHERE attrelid = {table} AND attnum > 0 AND (atthasmissing OR atthasdef OR \
         attidentity <> '')"
    );
    let rows = connection.query(&sql);
    rows.await?
        .into_iter()
        .map(|row| Row(row).text(0).map(str::to_owned))
        .collect()
}

/// The columns that say which row is meant: those of the index that is the replica identity, else of the primary key; none
/// where there is neither.
pub(crate) async fn key(connection: &mut Connection, table: u32) -> Result<Vec<String>, PostgresError> {
    let sql = format!(
        "SELECT a.attname FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indrelid JOIN \
         pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) WHERE i.indrelid = {table} AND CASE \
         c.relreplident WHEN 'i' THEN i.indisreplident ELSE i.indisprimary END ORDER BY a.attnum"
    );
    let rows = connection.query(&sql);
    rows.await?
        .into_iter()
        .map(|row| Row(row).text(0).map(str::to_owned))
        .collect()
}
