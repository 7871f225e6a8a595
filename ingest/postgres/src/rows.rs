//! Changes of one table on their way into a bronze batch.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int64Array, Int64Builder, RecordBatch, StringArray, StringBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, SchemaRef};
use arrow::error::ArrowError;
use cortex_lake::changes::{RAW, UNCHANGED, bronze_schema};
use serde_json::{Map, Value as Json};

use crate::column::ColumnBuilder;
use crate::kind::Kind;
use crate::pgoutput::{Old, Tuple, Value};

/// A column of a table: what it is called there and in the lake, and what it becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub name: String,
    pub lake: String,
    pub kind: Kind,
    /// Whether it is known of rows before their change.
    pub in_identity: bool,
}

/// A table as the changes that follow have it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Its name in the lake.
    pub table: Arc<str>,
    pub columns: Vec<Column>,
    /// Which of the columns say which row is meant; none where only all of them together do.
    pub key: Vec<usize>,
}

impl Shape {
    /// The columns, then those that bronze adds.
    fn schema(&self) -> SchemaRef {
        let columns = self.columns.iter();
        let own = columns.map(|column| Field::new(&column.lake, column.kind.data_type(), true));
        let added = [RAW, UNCHANGED].map(|name| Field::new(name, DataType::Utf8, true));
        let key: Vec<&str> = self.key.iter().map(|column| &*self.columns[*column].lake).collect();
        bronze_schema(&own.chain(added).collect(), &key)
    }
}

/// What is true of all changes of a source.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub source: Arc<str>,
    pub epoch: u64,
    /// How the times of commits are known.
    pub known_by: &'static str,
    pub principal: String,
}

/// What is true of all changes of a transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Transaction {
    pub commit: u64,
    pub xid: u32,
    pub committed_at: i64,
}

/// What happened to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Insert,
    Update,
    Delete,
    Truncate,
    Snapshot,
}

impl Op {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Truncate => "truncate",
            Self::Snapshot => "snapshot",
        }
    }
}

pub(crate) struct Rows {
    shape: Arc<Shape>,
    schema: SchemaRef,
    columns: Vec<ColumnBuilder>,
    raw: StringBuilder,
    unchanged: StringBuilder,
    ops: Vec<Op>,
    /// Of the values, as they were sent.
    bytes: usize,
    commits: Vec<i64>,
    seqs: Vec<i64>,
    transactions: Vec<i64>,
    known_at: Vec<i64>,
    before: StringBuilder,
}

impl Rows {
    pub(crate) fn new(shape: Arc<Shape>) -> Self {
        Self {
            schema: shape.schema(),
            columns: shape
                .columns
                .iter()
                .map(|column| ColumnBuilder::new(&column.kind))
                .collect(),
            shape,
            raw: StringBuilder::new(),
            unchanged: StringBuilder::new(),
            ops: Vec::new(),
            bytes: 0,
            commits: Vec::new(),
            seqs: Vec::new(),
            transactions: Vec::new(),
            known_at: Vec::new(),
            before: StringBuilder::new(),
        }
    }

    pub(crate) fn shape(&self) -> &Arc<Shape> {
        &self.shape
    }

    pub(crate) fn len(&self) -> usize {
        self.ops.len()
    }

    /// As a [`ChangeSlice`](cortex_ingest::ChangeSlice) of them would weigh, about.
    pub(crate) fn weight(&self) -> usize {
        self.len().max(self.bytes / 1024)
    }

    /// One row of a change. A tuple has as many values as the shape has columns; what `row` does not repeat is taken from
    /// `before` where that is there as a whole.
    pub(crate) fn push(&mut self, op: Op, transaction: &Transaction, seq: u64, row: &Tuple, before: Option<&Old>) {
        let (mut raw, mut unchanged) = (Map::new(), Vec::new());
        let whole = match before {
            Some(Old::Whole(tuple)) => Some(tuple),
            _ => None,
        };
        let mut before_values = whole.map(Tuple::values);
        for ((column, builder), value) in self.shape.columns.iter().zip(&mut self.columns).zip(row.values()) {
            let value_before = before_values.as_mut().and_then(Iterator::next);
            let value = match (value, value_before) {
                (Value::Unchanged, Some(before)) => before,
                (value, _) => value,
            };
            match value {
                Value::Null => builder.push_null(),
                Value::Unchanged => {
                    builder.push_null();
                    unchanged.push(column.lake.clone());
                }
                Value::Text(text) => {
                    self.bytes += text.len();
                    if builder.push_text(text).is_err() {
                        raw.insert(column.lake.clone(), String::from_utf8_lossy(text).into());
                    }
                }
            }
        }
        self.raw
            .append_option((!raw.is_empty()).then(|| Json::Object(raw).to_string()));
        self.unchanged
            .append_option((!unchanged.is_empty()).then(|| Json::from(unchanged).to_string()));
        self.before
            .append_option(before.map(|old| self.shape.json(old.tuple())));
        self.end_row(op, transaction, seq);
    }

    /// A row that says nothing of columns.
    pub(crate) fn push_empty(&mut self, op: Op, transaction: &Transaction, seq: u64) {
        self.columns.iter_mut().for_each(ColumnBuilder::push_null);
        self.raw.append_null();
        self.unchanged.append_null();
        self.before.append_null();
        self.end_row(op, transaction, seq);
    }

    /// A row as `COPY` sends it: values in binary, `None` for a null.
    pub(crate) fn push_copied<'a>(
        &mut self,
        transaction: &Transaction,
        seq: u64,
        values: impl Iterator<Item = Option<&'a [u8]>>,
    ) {
        let mut raw = Map::new();
        for ((column, builder), value) in self.shape.columns.iter().zip(&mut self.columns).zip(values) {
            match value {
                None => builder.push_null(),
                Some(value) => {
                    self.bytes += value.len();
                    if let Err(text) = builder.push_binary(value) {
                        raw.insert(column.lake.clone(), text.into());
                    }
                }
            }
        }
        self.raw
            .append_option((!raw.is_empty()).then(|| Json::Object(raw).to_string()));
        self.unchanged.append_null();
        self.before.append_null();
        self.end_row(Op::Snapshot, transaction, seq);
    }

    fn end_row(&mut self, op: Op, transaction: &Transaction, seq: u64) {
        self.ops.push(op);
        self.commits.push(transaction.commit.cast_signed());
        self.seqs.push(seq.cast_signed());
        self.transactions.push(i64::from(transaction.xid));
        self.known_at.push(transaction.committed_at);
    }

    /// The rows so far as a batch in the bronze schema.
    pub(crate) fn finish(&mut self, origin: &Origin) -> Result<RecordBatch, ArrowError> {
        let count = self.len();
        self.bytes = 0;
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.schema.fields().len());
        for builder in &mut self.columns {
            columns.push(builder.finish()?);
        }
        let number = |values: &mut Vec<i64>| -> ArrayRef { Arc::new(Int64Array::from(std::mem::take(values))) };
        let mut same = Int64Builder::with_capacity(count);
        same.append_value_n(origin.epoch.cast_signed(), count);
        let known_at = TimestampMicrosecondArray::from(std::mem::take(&mut self.known_at)).with_timezone("UTC");
        columns.extend([
            Arc::new(self.raw.finish()) as ArrayRef,
            Arc::new(self.unchanged.finish()),
            Arc::new(StringArray::from_iter_values(self.ops.drain(..).map(Op::as_str))),
            repeated(&origin.source, count),
            Arc::new(same.finish()),
            number(&mut self.commits),
            number(&mut self.seqs),
            number(&mut self.transactions),
            Arc::new(known_at),
            repeated(origin.known_by, count),
            repeated(&origin.principal, count),
            repeated("", count),
            Arc::new(self.before.finish()),
        ]);
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
    }
}

fn repeated(text: &str, count: usize) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, count)))
}

impl Shape {
    /// What is known of a row, as JSON: numbers and booleans as such, everything else as text.
    fn json(&self, tuple: &Tuple) -> String {
        let values = self.columns.iter().zip(tuple.values());
        let known = values
            .filter(|(column, _)| column.in_identity)
            .filter_map(|(column, value)| {
                let value = match value {
                    Value::Unchanged => return None,
                    Value::Null => Json::Null,
                    Value::Text(text) => {
                        let text = String::from_utf8_lossy(text);
                        match column.kind {
                            Kind::Bool => Json::Bool(text == "t"),
                            Kind::Int16 | Kind::Int32 | Kind::Int64 => {
                                text.parse::<i64>().map_or_else(|_| text.into(), Json::from)
                            }
                            _ => text.into(),
                        }
                    }
                };
                Some((column.lake.clone(), value))
            });
        Json::Object(known.collect()).to_string()
    }
}
