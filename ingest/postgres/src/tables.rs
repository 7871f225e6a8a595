//! Which table a change is of, and what its columns are in the lake.

use std::sync::Arc;

use cortex_ingest::SourceBook;
use fail::fail_point;
use tokio::sync::Mutex;

use crate::catalog::{self, CatalogTable, OwnTypes};
use crate::kind::Kind;
use crate::notes::Notes;
use crate::pgoutput::{Relation, RelationColumn};
use crate::rows::{Column, Shape};
use crate::wire::{Address, Connection, ident};
use crate::{PostgresError, Selection};

/// The identity of a table whose rows are sent as a whole.
const FULL: u8 = b'f';

/// The notes of a source, and the database that they are about. Streams share it.
#[derive(Debug)]
pub(crate) struct Tables {
    source: Arc<str>,
    address: Address,
    selection: Selection,
    book: Arc<dyn SourceBook>,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    notes: Notes,
    types: OwnTypes,
    /// For questions to the catalog; opened when there is one.
    connection: Option<Connection>,
}

impl Tables {
    /// With what the book has of the source.
    pub(crate) async fn open(
        source: Arc<str>,
        address: Address,
        selection: Selection,
        book: Arc<dyn SourceBook>,
    ) -> Result<Self, PostgresError> {
        let kept = book.notes(&source).await.map_err(PostgresError::Book)?;
        let notes = match kept {
            Some(json) => serde_json::from_str(&json).map_err(|error| {
                PostgresError::HistoryLost(format!(
                    "what was noted of the source '{source}' cannot be read: {error}"
                ))
            })?,
            None => Notes::default(),
        };
        Ok(Self {
            source,
            address,
            selection,
            book,
            inner: Mutex::new(Inner {
                notes,
                types: OwnTypes::default(),
                connection: None,
            }),
        })
    }

    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    pub(crate) fn selection(&self) -> &Selection {
        &self.selection
    }

    pub(crate) async fn notes(&self) -> Notes {
        self.inner.lock().await.notes.clone()
    }

    /// Changes the notes. Durable when it returns.
    pub(crate) async fn note(&self, change: impl FnOnce(&mut Notes)) -> Result<Notes, PostgresError> {
        let mut inner = self.inner.lock().await;
        let mut notes = inner.notes.clone();
        change(&mut notes);
        self.keep(&mut inner, notes).await?;
        Ok(inner.notes.clone())
    }

    async fn keep(&self, inner: &mut Inner, notes: Notes) -> Result<(), PostgresError> {
        if notes != inner.notes {
            fail_point!("replication::before-note", |_| Err(PostgresError::failpoint()));
            let json = serde_json::to_string(&notes).map_err(|error| PostgresError::protocol(error.to_string()))?;
            self.book.note(&self.source, &json).await.map_err(PostgresError::Book)?;
            inner.notes = notes;
        }
        Ok(())
    }

    /// What changes of this table look like from here on; `None` for one that is not ours.
    pub(crate) async fn shape(&self, relation: &Relation) -> Result<Option<Arc<Shape>>, PostgresError> {
        if !self.selection.takes(&relation.schema, &relation.name) {
            return Ok(None);
        }
        let mut inner = self.inner.lock().await;
        let key = match relation.identity {
            FULL => inner.key(&self.address, relation.oid).await?,
            _ => {
                let columns = relation.columns.iter().filter(|column| column.in_identity);
                columns.map(|column| column.name.clone()).collect()
            }
        };
        let mut kinds = Vec::with_capacity(relation.columns.len());
        for column in &relation.columns {
            kinds.push(inner.kind(&self.address, column.type_oid, column.type_modifier).await?);
        }
        let filled = inner.filled(&self.address, relation, &kinds, &key).await?;
        let columns = relation.columns.iter().zip(kinds);
        let columns = columns.map(|(column, kind)| (column.name.clone(), kind, column.in_identity));
        let (shape, mut notes) = inner.shaped(
            &self.source,
            (relation.oid, &relation.schema, &relation.name),
            columns,
            &key,
        );
        let of_lake = shape.columns.iter().filter(|column| filled.contains(&column.name));
        let of_lake: Vec<String> = of_lake.map(|column| column.lake.clone()).collect();
        let table = notes.table(&self.source, relation.oid, &relation.schema, &relation.name);
        table.filled.extend(of_lake);
        self.keep(&mut inner, notes).await?;
        Ok(Some(shape))
    }

    /// What rows look like that are read from the table itself, and what is to be selected of it.
    pub(crate) async fn shape_now(
        &self,
        connection: &mut Connection,
        table: &CatalogTable,
    ) -> Result<(Arc<Shape>, Vec<String>), PostgresError> {
        let columns = catalog::columns(connection, table.oid).await?;
        let key = catalog::key(connection, table.oid).await?;
        let mut inner = self.inner.lock().await;
        let (mut described, mut selected) = (Vec::with_capacity(columns.len()), Vec::with_capacity(columns.len()));
        for column in columns {
            let kind = inner.kind(&self.address, column.type_oid, column.type_modifier).await?;
            let in_identity = key.contains(&column.name);
            selected.push(kind.selected(&ident(&column.name), column.base_oid));
            described.push((column.name, kind, in_identity));
        }
        let shape = inner.shaped(
            &self.source,
            (table.oid, &table.schema, &table.name),
            described.into_iter(),
            &key,
        );
        let (shape, mut notes) = shape;
        notes
            .table(&self.source, table.oid, &table.schema, &table.name)
            .filled
            .clear();
        self.keep(&mut inner, notes).await?;
        Ok((shape, selected))
    }
}

impl Inner {
    /// A connection that broke is opened anew, once.
    async fn connection(&mut self, address: &Address) -> Result<&mut Connection, PostgresError> {
        if let Some(connection) = &mut self.connection
            && connection.query("SELECT 1").await.is_err()
        {
            self.connection = None;
        }
        match &mut self.connection {
            Some(connection) => Ok(connection),
            empty => Ok(empty.insert(Connection::open(address).await?)),
        }
    }

    async fn key(&mut self, address: &Address, table: u32) -> Result<Vec<String>, PostgresError> {
        catalog::key(self.connection(address).await?, table).await
    }

    /// Columns that are new to the lake, though rows that were there before may have values in them: those of another type than before,
    /// those that were added with a default, and those of the key.
    async fn filled(
        &mut self,
        address: &Address,
        relation: &Relation,
        kinds: &[Kind],
        key: &[String],
    ) -> Result<Vec<String>, PostgresError> {
        let mut tables = self.notes.tables.iter();
        let Some(known) = tables.find(|table| table.oid == relation.oid && !table.columns.is_empty()) else {
            return Ok(Vec::new());
        };
        let columns = relation.columns.iter().zip(kinds);
        let new = columns.filter(|(column, kind)| !known.has(&column.name, kind));
        let (retyped, added): (Vec<_>, Vec<_>) = new.partition(|(column, kind)| known.had(&column.name, kind));
        let name = |(column, _): (&RelationColumn, &Kind)| column.name.clone();
        let mut filled: Vec<String> = retyped.into_iter().map(name).collect();
        let added: Vec<String> = added.into_iter().map(name).collect();
        if !added.is_empty() {
            let with_default = catalog::defaults(self.connection(address).await?, relation.oid).await?;
            // The rows that were there have a key as well.
            let has_values = |name: &String| with_default.contains(name) || key.contains(name);
            filled.extend(added.into_iter().filter(has_values));
        }
        Ok(filled)
    }

    /// A type that is not known may have been made since the types were read; one that is not there any more is text.
    async fn kind(&mut self, address: &Address, type_oid: u32, modifier: i32) -> Result<Kind, PostgresError> {
        if let Some(kind) = self.types.kind(type_oid, modifier) {
            return Ok(kind);
        }
        self.types = OwnTypes::load(self.connection(address).await?).await?;
        Ok(self.types.kind(type_oid, modifier).unwrap_or(Kind::Text))
    }

    /// The shape, and the notes with what it brings that is new.
    fn shaped(
        &self,
        source: &str,
        (oid, schema, name): (u32, &str, &str),
        columns: impl Iterator<Item = (String, Kind, bool)>,
        key: &[String],
    ) -> (Arc<Shape>, Notes) {
        let mut notes = self.notes.clone();
        let table = notes.table(source, oid, schema, name);
        let columns: Vec<Column> = columns
            .map(|(name, kind, in_identity)| Column {
                lake: table.column(&name, &kind),
                name,
                kind,
                in_identity,
            })
            .collect();
        let of_key = |(_, column): &(usize, &Column)| key.contains(&column.name);
        let key = columns.iter().enumerate().filter(of_key);
        let shape = Shape {
            table: table.lake.as_str().into(),
            key: key.map(|(index, _)| index).collect(),
            columns,
        };
        (Arc::new(shape), notes)
    }
}
