//! What a source remembers of its database from one start to the next.

use std::collections::BTreeSet;

use cortex_types::Position;
use serde::{Deserialize, Serialize};

use crate::kind::Kind;
use crate::naming;

/// Kept in the [`SourceBook`](cortex_ingest::SourceBook) as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Notes {
    /// Grows with each slot that is made; 0 before the first.
    pub epoch: u64,
    /// The cluster's own identifier, and its timeline.
    pub system: String,
    pub timeline: u32,
    /// Where the timeline began, after a failover: what was read beyond it before that never happened.
    pub branched: u64,
    /// Where the slot's history begins: the snapshot is the database as it was there.
    pub consistent: u64,
    /// When that was, in microseconds from 1970.
    pub snapshot_at: i64,
    /// How many rows the snapshot has, once all of them were read.
    pub snapshot_rows: Option<u64>,
    /// Somebody wants the tables read anew.
    pub renew: bool,
    pub tables: Vec<TableNotes>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TableNotes {
    pub oid: u32,
    pub schema: String,
    pub name: String,
    pub lake: String,
    pub columns: Vec<ColumnNotes>,
    /// Columns of the lake that came later and already had values in rows that did not change since: those are not in the lake.
    #[serde(default)]
    pub filled: Vec<String>,
}

/// A column of the lake is there for good: one that comes back with another type gets another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ColumnNotes {
    pub name: String,
    pub kind: Kind,
    pub lake: String,
}

impl Notes {
    /// Whether the snapshot was read to its end, and no other one is wanted.
    pub(crate) fn has_whole_snapshot(&self) -> bool {
        self.snapshot_rows.is_some() && !self.renew
    }

    /// Whether who stands here has to read the snapshot, or the rest of it, before the changes after it.
    pub(crate) fn lacks_snapshot(&self, after: &Position) -> bool {
        self.epoch == 0 || self.renew || after.epoch < self.epoch || after.commit < self.consistent
    }

    /// Which values of rows that were there before a column came are not in the lake.
    pub(crate) fn lacking(&self) -> Option<String> {
        let lacking = self.tables.iter().filter(|table| !table.filled.is_empty());
        let told: Vec<String> = lacking
            .map(|table| format!("{}.{} ({})", table.schema, table.name, table.filled.join(", ")))
            .collect();
        (!told.is_empty()).then(|| {
            format!(
                "rows that did not change since lack the values of columns that came or changed their type: {}",
                told.join(", ")
            )
        })
    }

    /// The notes of a table, made where there are none. One that was dropped and made again is the same table.
    pub(crate) fn table(&mut self, source: &str, oid: u32, schema: &str, name: &str) -> &mut TableNotes {
        let by_oid = self.tables.iter().position(|table| table.oid == oid);
        let known = by_oid.or_else(|| {
            let mut tables = self.tables.iter();
            tables.position(|table| (&*table.schema, &*table.name) == (schema, name))
        });
        let index = known.unwrap_or_else(|| {
            let taken: BTreeSet<String> = self.tables.iter().map(|table| table.lake.clone()).collect();
            self.tables.push(TableNotes {
                oid,
                schema: schema.to_owned(),
                name: name.to_owned(),
                lake: naming::table(source, schema, name, &taken),
                columns: Vec::new(),
                filled: Vec::new(),
            });
            self.tables.len() - 1
        });
        let table = &mut self.tables[index];
        table.oid = oid;
        (table.schema, table.name) = (schema.to_owned(), name.to_owned());
        table
    }
}

impl TableNotes {
    /// Whether a column of this name is there, as another type.
    pub(crate) fn had(&self, name: &str, kind: &Kind) -> bool {
        let mut columns = self.columns.iter();
        columns.any(|column| column.name == name && column.kind != *kind)
    }

    pub(crate) fn has(&self, name: &str, kind: &Kind) -> bool {
        let mut columns = self.columns.iter();
        columns.any(|column| column.name == name && column.kind == *kind)
    }

    /// The lake's name of a column of this type.
    pub(crate) fn column(&mut self, name: &str, kind: &Kind) -> String {
        let mut known = self.columns.iter();
        if let Some(column) = known.find(|column| column.name == name && column.kind == *kind) {
            return column.lake.clone();
        }
        let taken: BTreeSet<String> = self.columns.iter().map(|column| column.lake.to_lowercase()).collect();
        let of_another_type = self.columns.iter().any(|column| column.name == name);
        let wanted = match of_another_type {
            true => format!("{name}__{}", kind.word()),
            false => name.to_owned(),
        };
        let lake = naming::column(&wanted, &taken);
        self.columns.push(ColumnNotes {
            name: name.to_owned(),
            kind: kind.clone(),
            lake: lake.clone(),
        });
        lake
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_of_another_type_is_another_column_and_the_first_again_is_the_first() {
        let mut notes = Notes::default();
        let table = notes.table("shop", 7, "public", "orders");
        assert_eq!(table.column("total", &Kind::Int32), "total");
        assert_eq!(table.column("total", &Kind::Int64), "total__int64");
        assert_eq!(table.column("total", &Kind::Int32), "total");
        assert_eq!(
            table.column("Total", &Kind::Int32).to_lowercase().split('_').next(),
            Some("total")
        );
        assert_eq!(notes.table("shop", 9, "public", "orders").lake, "shop__orders");
        assert_eq!(notes.table("shop", 9, "public", "renamed").lake, "shop__orders");
        assert_eq!(notes.tables.len(), 1);
    }
}
