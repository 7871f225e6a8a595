//! What fuzzers call: each target takes any bytes, as a server might send them, and panics where something is not as it must be.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use cortex_types::{Position, TenantId};

use crate::decoder::Decoder;
use crate::kind::Kind;
use crate::naming;
use crate::pgoutput::{Message, Relation};
use crate::rows::{Column, Origin, Rows, Shape, Transaction};
use crate::snapshot::CopiedRow;

/// Every target by its name, which is that of its binary in `fuzz/` and of the folder of its seeds.
pub const TARGETS: &[(&str, fn(&[u8]))] = &[("pgoutput", pgoutput), ("pgcopy", pgcopy), ("pgtext", pgtext)];

/// # Panics
/// Where there is no target of that name, or where it finds something.
pub fn run(target: &str, bytes: &[u8]) {
    let found = TARGETS.iter().find(|(name, _)| *name == target);
    let (_, run) = found.expect("the name of a target");
    run(bytes);
}

const SOURCE: &str = "fuzz";

fn origin() -> Origin {
    Origin {
        source: SOURCE.into(),
        epoch: 1,
        known_by: "commit",
        principal: SOURCE.to_owned(),
    }
}

/// One column of each kind.
fn every_kind() -> Arc<Shape> {
    let decimal = Kind::Decimal {
        precision: 12,
        scale: 2,
    };
    let kinds = [
        Kind::Bool,
        Kind::Int16,
        Kind::Int32,
        Kind::Int64,
        Kind::Float32,
        Kind::Float64,
        decimal.clone(),
        Kind::Date,
        Kind::Timestamp,
        Kind::Text,
        Kind::Binary,
        Kind::List(Box::new(Kind::Timestamp)),
        Kind::List(Box::new(decimal)),
        Kind::List(Box::new(Kind::Text)),
    ];
    let column = |kind: Kind| Column {
        name: kind.word(),
        lake: kind.word(),
        kind,
        in_identity: false,
    };
    Arc::new(Shape {
        table: SOURCE.into(),
        columns: kinds.into_iter().map(column).collect(),
        key: Vec::new(),
    })
}

/// Messages, each behind its length in two bytes, as one connection sends them.
fn pgoutput(bytes: &[u8]) {
    let mut rest = Bytes::copy_from_slice(bytes);
    let tenant = TenantId::new("main").expect("a tenant");
    let mut decoder = Decoder::new(origin(), tenant, Position::origin(SOURCE), None);
    let mut reached = Position::origin(SOURCE);
    while let Ok(length) = rest.try_get_u16() {
        let message = rest.split_to(rest.len().min(usize::from(length)));
        // Within a block of a transaction in progress it reads otherwise.
        let _ = Message::read(message.clone(), true);
        let Ok(message) = Message::read(message, false) else {
            continue;
        };
        match message {
            Message::Begin {
                commit_lsn,
                committed_at,
                xid,
            } => decoder.begin(Transaction {
                commit: commit_lsn,
                xid,
                committed_at,
            }),
            Message::Commit { end_lsn } => {
                decoder.commit(end_lsn);
                if let Ok(Some(slice)) = decoder.seal() {
                    assert!(slice.after == reached && slice.to > slice.after, "{slice:?}");
                    reached = slice.to;
                }
            }
            Message::Relation { relation } => decoder.define(relation.oid, Some(shaped(&relation))),
            Message::Change { change, .. } => {
                let _ = decoder.change(&change);
            }
            _ => {}
        }
    }
}

fn shaped(relation: &Relation) -> Arc<Shape> {
    let mut taken = BTreeSet::new();
    let columns = relation.columns.iter().map(|column| {
        let lake = naming::column(&column.name, &taken);
        taken.insert(lake.to_lowercase());
        Column {
            name: column.name.clone(),
            lake,
            kind: Kind::of(column.type_oid, column.type_modifier),
            in_identity: column.in_identity,
        }
    });
    let columns: Vec<Column> = columns.collect();
    let key = columns.iter().enumerate().filter(|(_, column)| column.in_identity);
    Arc::new(Shape {
        table: naming::table(SOURCE, &relation.schema, &relation.name, &BTreeSet::new()).into(),
        key: key.map(|(index, _)| index).collect(),
        columns,
    })
}

/// Rows of `COPY … (FORMAT binary)`.
fn pgcopy(bytes: &[u8]) {
    let (mut rows, mut rest, mut seq) = (Rows::new(every_kind()), Bytes::copy_from_slice(bytes), 0);
    while let Ok(Some(row)) = CopiedRow::split_from(&mut rest) {
        seq += 1;
        let values: Vec<Option<&[u8]>> = row.values().collect();
        if values.len() == rows.shape().columns.len() {
            rows.push_copied(&Transaction::default(), seq, values.into_iter());
        }
    }
    let count = rows.len();
    let batch = rows.finish(&origin()).expect("columns of one length");
    assert_eq!(batch.num_rows(), count);
}

/// One value, as text for a column of each kind.
fn pgtext(bytes: &[u8]) {
    let shape = every_kind();
    let mut rows = Rows::new(Arc::clone(&shape));
    rows.push_copied(&Transaction::default(), 1, shape.columns.iter().map(|_| Some(bytes)));
    let batch = rows.finish(&origin()).expect("columns of one length");
    assert_eq!(batch.num_rows(), 1);
    for column in &shape.columns {
        let mut builder = crate::column::ColumnBuilder::new(&column.kind);
        let _ = builder.push_text(bytes);
        builder.push_null();
        assert_eq!(builder.finish().expect("a column").len(), 2);
    }
}
