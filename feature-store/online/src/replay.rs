//! Which changes of a batch have been folded before.

use arrow::array::{Array, AsArray, BooleanArray};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Int64Type};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use cortex_features::FeatureError;
use cortex_lake::{ChangeBatch, changes};
use cortex_types::{Frontier, Position};

/// The rows of a batch that lie beyond `frontier`.
pub(crate) fn beyond(batch: &ChangeBatch, frontier: &Frontier) -> Result<RecordBatch, FeatureError> {
    if frontier.is_empty() || batch.rows.num_rows() == 0 {
        return Ok(batch.rows.clone());
    }
    uncovered(&batch.rows, frontier).map_err(|error| {
        let detail = format!(
            "the changes of {} do not say where they were made: {error}",
            batch.table
        );
        FeatureError::Request(detail)
    })
}

fn uncovered(rows: &RecordBatch, frontier: &Frontier) -> Result<RecordBatch, ArrowError> {
    let column = |name: &str, to: &DataType| {
        let array = rows.column_by_name(name);
        let array = array.ok_or_else(|| ArrowError::SchemaError(format!("there is no column {name}")))?;
        cast(array, to)
    };
    let sources = column(changes::SOURCE, &DataType::Utf8)?;
    let sources = sources.as_string::<i32>();
    let [epochs, commits, seqs] =
        [changes::EPOCH, changes::COMMIT, changes::SEQ].map(|name| column(name, &DataType::Int64));
    let (epochs, commits, seqs) = (epochs?, commits?, seqs?);
    let number = |array: &dyn Array, row: usize| array.as_primitive::<Int64Type>().value(row).cast_unsigned();
    let mut new = Vec::with_capacity(rows.num_rows());
    for row in 0..rows.num_rows() {
        let read = frontier.get(sources.value(row));
        let numbers = (number(&epochs, row), number(&commits, row), number(&seqs, row));
        let covers = |read: &Position| (read.epoch, read.commit, read.seq) >= numbers;
        new.push(!read.is_some_and(covers));
    }
    match new.iter().all(|new| *new) {
        true => Ok(rows.clone()),
        false => filter_record_batch(rows, &BooleanArray::from(new)),
    }
}
