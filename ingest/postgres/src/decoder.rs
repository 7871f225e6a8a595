//! From messages to slices: whole transactions, in the order of their commits.
//!
//! A change stands at `(commit, seq)`: where the record of its transaction's commit begins in the write-ahead log, and
//! the how-many-eth change of the transaction it is. Behind a transaction, the position is where that record ends, and
//! `seq` is 0. So the commit of a position is always where the server may be asked to go on from.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::{Field, Schema, SchemaRef};
use cortex_ingest::ChangeSlice;
use cortex_lake::ChangeBatch;
use cortex_types::{Position, TenantId};

use crate::PostgresError;
use crate::pgoutput::{Change, Old, Tuple, Value};
use crate::rows::{Op, Origin, Rows, Shape, Transaction};

/// A transaction of more changes than this, or of as many KiB, may come in several slices, or it would have to fit into memory.
pub(crate) const WHOLE_TRANSACTION_MAX: u64 = 100_000;

pub(crate) struct Decoder {
    origin: Origin,
    tenant: TenantId,
    /// Up to here it is known already.
    after: Position,
    /// From here on it is nobody's business.
    until: Option<Position>,
    /// By their ids; `None` for a table that is not ours.
    shapes: HashMap<u32, Option<Arc<Shape>>>,
    open: BTreeMap<Arc<str>, Table>,
    rows: usize,
    weight: usize,
    transaction: Option<(Transaction, u64)>,
    /// Where the open slice begins, and up to where it reaches.
    begins: Position,
    at: Position,
}

/// A table's part of the open slice.
struct Table {
    rows: Rows,
    /// What came before the table took another shape.
    finished: Vec<RecordBatch>,
}

impl Decoder {
    pub(crate) fn new(origin: Origin, tenant: TenantId, after: Position, until: Option<Position>) -> Self {
        Self {
            origin,
            tenant,
            begins: after.clone(),
            at: after.clone(),
            after,
            until,
            shapes: HashMap::new(),
            open: BTreeMap::new(),
            rows: 0,
            weight: 0,
            transaction: None,
        }
    }

    /// Changes in the open slice.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The changes, or the KiB that they take.
    pub(crate) fn weight(&self) -> usize {
        self.weight.max(self.rows)
    }

    pub(crate) fn at(&self) -> &Position {
        &self.at
    }

    /// Where the open slice begins.
    pub(crate) fn begins(&self) -> &Position {
        &self.begins
    }

    /// Whether there is nothing of a transaction whose end is not known.
    pub(crate) fn is_between_transactions(&self) -> bool {
        self.transaction.is_none()
    }

    /// Whether the open slice may end here: a range comes as one.
    pub(crate) fn may_be_handed_out(&self) -> bool {
        match self.until {
            Some(_) => self.is_done(),
            None => self
                .transaction
                .is_none_or(|(_, seq)| seq.max(self.weight as u64) > WHOLE_TRANSACTION_MAX),
        }
    }

    /// Whether everything was decoded that was asked for.
    pub(crate) fn is_done(&self) -> bool {
        self.until.as_ref().is_some_and(|until| self.at >= *until)
    }

    /// From here on, changes of this table have this shape.
    pub(crate) fn define(&mut self, relation: u32, shape: Option<Arc<Shape>>) {
        self.shapes.insert(relation, shape);
    }

    pub(crate) fn begin(&mut self, transaction: Transaction) {
        self.transaction = Some((transaction, 0));
    }

    pub(crate) fn commit(&mut self, end_lsn: u64) {
        self.transaction = None;
        self.reached(end_lsn);
    }

    /// Everything before this place in the log was sent.
    pub(crate) fn reached(&mut self, lsn: u64) {
        if self.transaction.is_some() {
            return;
        }
        self.advance(lsn, 0);
    }

    fn advance(&mut self, commit: u64, seq: u64) {
        let mut reached = Position::new(Arc::clone(&self.origin.source), self.origin.epoch, commit, seq);
        if let Some(until) = &self.until
            && reached > *until
        {
            reached.clone_from(until);
        }
        if reached > self.at {
            self.at = reached;
        }
    }

    pub(crate) fn change(&mut self, change: &Change) -> Result<(), PostgresError> {
        match change {
            Change::Insert { relation, new } => self.row(*relation, Op::Insert, new, None),
            Change::Update {
                relation,
                old: None,
                new,
            } => self.row(*relation, Op::Update, new, None),
            Change::Update {
                relation,
                old: Some(old),
                new,
            } => {
                // Whoever looks for rows by their key finds one that went, and one that came. Both are counted in
                // any case, so that what the key is decides nothing about the numbers.
                if self.moved(*relation, old, new)? {
                    self.row(*relation, Op::Delete, old.tuple(), None)?;
                    self.row(*relation, Op::Insert, new, Some(old))
                } else {
                    self.skip_one()?;
                    self.row(*relation, Op::Update, new, Some(old))
                }
            }
            Change::Delete { relation, old } => self.row(*relation, Op::Delete, old.tuple(), None),
            Change::Truncate { relations } => {
                for relation in relations {
                    self.put(*relation, |rows, transaction, seq| {
                        rows.push_empty(Op::Truncate, transaction, seq);
                    })?;
                }
                Ok(())
            }
        }
    }

    /// Whether an update gave the row another key.
    fn moved(&self, relation: u32, old: &Old, new: &Tuple) -> Result<bool, PostgresError> {
        let Old::Whole(old) = old else {
            // The old key is sent where it changed.
            return Ok(true);
        };
        let Some(shape) = self.shape(relation)? else {
            return Ok(false);
        };
        let pairs: Vec<(Value<'_>, Value<'_>)> = old.values().zip(new.values()).collect();
        let differ = |(old, new): &(Value<'_>, Value<'_>)| old != new && *new != Value::Unchanged;
        Ok(shape.key.iter().filter_map(|column| pairs.get(*column)).any(differ))
    }

    fn row(&mut self, relation: u32, op: Op, row: &Tuple, before: Option<&Old>) -> Result<(), PostgresError> {
        self.put(relation, |rows, transaction, seq| {
            rows.push(op, transaction, seq, row, before)
        })
    }

    fn skip_one(&mut self) -> Result<(), PostgresError> {
        let (_, seq) = self.transaction.as_mut().ok_or_else(outside)?;
        *seq += 1;
        Ok(())
    }

    fn put(&mut self, relation: u32, push: impl FnOnce(&mut Rows, &Transaction, u64)) -> Result<(), PostgresError> {
        self.skip_one()?;
        let Some((transaction, seq)) = self.transaction else {
            return Err(outside());
        };
        let Some(shape) = self.shape(relation)? else {
            return Ok(());
        };
        let here = (self.origin.epoch, transaction.commit, seq);
        let place = |position: &Position| (position.epoch, position.commit, position.seq);
        if here <= place(&self.after) {
            return Ok(());
        }
        if self.until.as_ref().is_some_and(|until| here > place(until)) {
            // Whoever asked for less has it all.
            if let Some(until) = &self.until {
                self.at.clone_from(until);
            }
            return Ok(());
        }
        let shape = Arc::clone(shape);
        let table = self.open.entry(Arc::clone(&shape.table)).or_insert_with(|| Table {
            rows: Rows::new(Arc::clone(&shape)),
            finished: Vec::new(),
        });
        if *table.rows.shape() != shape {
            let before = std::mem::replace(&mut table.rows, Rows::new(shape)).finish(&self.origin);
            table
                .finished
                .push(before.map_err(|error| PostgresError::protocol(error.to_string()))?);
        }
        let before = table.rows.weight();
        push(&mut table.rows, &transaction, seq);
        self.weight += table.rows.weight() - before;
        self.rows += 1;
        Ok(())
    }

    fn shape(&self, relation: u32) -> Result<Option<&Arc<Shape>>, PostgresError> {
        let shape = self.shapes.get(&relation);
        let unknown =
            || PostgresError::protocol(format!("a change of table {relation}, which was not described before"));
        Ok(shape.ok_or_else(unknown)?.as_ref())
    }

    /// Ends the open slice; `None` where it reaches no further than the one before.
    pub(crate) fn seal(&mut self) -> Result<Option<ChangeSlice>, PostgresError> {
        if let Some((transaction, seq)) = self.transaction {
            self.advance(transaction.commit, seq);
        }
        if self.at <= self.begins {
            return Ok(None);
        }
        let failed = |error: arrow::error::ArrowError| PostgresError::protocol(error.to_string());
        let mut batches = Vec::with_capacity(self.open.len());
        for (name, mut table) in std::mem::take(&mut self.open) {
            let last = table.rows.finish(&self.origin).map_err(failed)?;
            let rows = match table.finished.is_empty() {
                true => last,
                false => {
                    table.finished.push(last);
                    joined(&table.finished).map_err(failed)?
                }
            };
            batches.push(ChangeBatch {
                tenant: self.tenant.clone(),
                table: name,
                rows,
            });
        }
        (self.rows, self.weight) = (0, 0);
        let after = std::mem::replace(&mut self.begins, self.at.clone());
        Ok(Some(ChangeSlice {
            after,
            to: self.at.clone(),
            batches,
        }))
    }
}

fn outside() -> PostgresError {
    PostgresError::protocol("a change outside of a transaction")
}

/// Batches of one table whose columns changed in between, with all columns that any of them has.
fn joined(batches: &[RecordBatch]) -> Result<RecordBatch, arrow::error::ArrowError> {
    let mut fields: Vec<Arc<Field>> = Vec::new();
    for field in batches.iter().flat_map(|batch| batch.schema().fields().to_vec()) {
        if !fields.iter().any(|known| known.name() == field.name()) {
            fields.push(field);
        }
    }
    let newest = batches.last().map(|batch| batch.schema().metadata().clone());
    let schema: SchemaRef = Arc::new(Schema::new(fields).with_metadata(newest.unwrap_or_default()));
    let padded = batches.iter().map(|batch| {
        let columns = schema.fields().iter().map(|field| {
            let absent = || arrow::array::new_null_array(field.data_type(), batch.num_rows());
            batch.column_by_name(field.name()).map_or_else(absent, Arc::clone)
        });
        RecordBatch::try_new(Arc::clone(&schema), columns.collect())
    });
    let padded: Vec<RecordBatch> = padded.collect::<Result<_, _>>()?;
    concat_batches(&schema, &padded)
}
