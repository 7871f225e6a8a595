//! What a score is as a row.

use std::sync::Arc;

use arrow::array::{Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use cortex_lake::changes::timestamp_type;
use cortex_serving::ReadyModel;
use cortex_types::{Frontier, Timestamp};

use crate::BatchError;

/// The columns of a table in the lake's `scores` layer.
#[must_use]
pub fn scores_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("job", DataType::Utf8, false),
        Field::new("entity", DataType::Utf8, false),
        Field::new("entity_key", DataType::Utf8, false),
        Field::new("score", DataType::Float64, false),
        Field::new("model", DataType::Utf8, false),
        Field::new("version", DataType::Int64, false),
        // the instant that the features are as of
        Field::new("as_of", timestamp_type(), false),
        // where they were computed: source@epoch.commit.seq, comma-separated
        Field::new("frontier", DataType::Utf8, false),
        // SHA-256 of what the job was asked for
        Field::new("job_digest", DataType::Utf8, true),
    ]))
}

pub fn to_batch(
    (job, digest): (&str, &str),
    model: &ReadyModel,
    keys: Vec<String>,
    scores: Vec<f64>,
    as_of: Timestamp,
    frontier: &Frontier,
) -> Result<RecordBatch, BatchError> {
    let rows = keys.len();
    let same = |text: &str| Arc::new(StringArray::from(vec![text; rows]));
    let version = &model.version;
    let batch = RecordBatch::try_new(
        scores_schema(),
        vec![
            same(job),
            same(&version.lineage.entity),
            Arc::new(StringArray::from(keys)),
            Arc::new(Float64Array::from(scores)),
            same(&version.name),
            Arc::new(Int64Array::from(vec![i64::from(version.version); rows])),
            Arc::new(TimestampMicrosecondArray::from(vec![as_of.micros(); rows]).with_timezone("UTC")),
            same(&frontier.to_string()),
            same(digest),
        ],
    )?;
    Ok(batch)
}
