//! The training set as a table of the lake, beside the recipe that rebuilds it.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{Field, Schema};
use cortex_lake::{AsOf, Commit, Lake, Layer, TableRef};
use cortex_types::{Frontier, RequestContext, Timestamp};

use super::{Examples, Origin, Split};
use crate::TrainingError;

/// Where a training set was put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSet {
    /// Name of the table in the layer `training`.
    pub table: String,
    pub version: u64,
    /// Which rows of the table are the set: its column `set` says this.
    pub digest: String,
}

/// Appends `examples` to the table that is named as the pipeline, and `recipe` (JSON) to `<pipeline>-recipes`. The same
/// set again changes nothing.
pub async fn store(
    ctx: &RequestContext,
    lake: &dyn Lake,
    pipeline: &str,
    as_of: Timestamp,
    set: (&Examples, &Split),
    recipe: &str,
    frontier: &Frontier,
) -> Result<StoredSet, TrainingError> {
    let (examples, split) = set;
    let digest = examples.digest();
    // Each set is a writer of its own, with one batch: that is what makes the append idempotent.
    let commit = Commit {
        pipeline: format!("training:{digest}").into(),
        batch: 1,
        frontier: frontier.clone(),
    };
    let rows = to_batch(examples, split, &digest, as_of)?;
    let table = TableRef::new(ctx.tenant.clone(), Layer::Training, pipeline)?;
    lake.append(&table, vec![rows], &commit).await?;
    let recipes = TableRef::new(ctx.tenant.clone(), Layer::Training, format!("{pipeline}-recipes"))?;
    lake.append(&recipes, vec![recipe_batch(&digest, as_of, recipe)?], &commit)
        .await?;
    let version = lake.snapshot(&table, AsOf::Latest).await?.version;
    Ok(StoredSet {
        table: pipeline.to_owned(),
        version,
        digest,
    })
}

fn to_batch(examples: &Examples, split: &Split, digest: &str, as_of: Timestamp) -> Result<RecordBatch, TrainingError> {
    let mut parts = vec!["between"; examples.len()];
    for (rows, part) in [
        (&split.train, "train"),
        (&split.validation, "validation"),
        (&split.evaluation, "evaluation"),
    ] {
        rows.iter().for_each(|&row| parts[row] = part);
    }
    let decision = |origin: &Origin| match origin {
        Origin::PointInTime => None,
        Origin::Decision(id) => Some(id.to_string()),
    };
    let mut columns: Vec<(String, ArrayRef)> = Vec::new();
    let mut add = |name: &str, values: ArrayRef| columns.push((name.to_owned(), values));
    let keys = examples.rows.keys.iter().map(|key| Some(key.as_str()));
    add("set", Arc::new(StringArray::from(vec![digest; examples.len()])));
    add("as_of", times(&vec![as_of; examples.len()]));
    add("entity_key", Arc::new(keys.collect::<StringArray>()));
    add("at", times(&examples.rows.times));
    add("part", Arc::new(StringArray::from(parts)));
    add(
        "decision_id",
        Arc::new(examples.origins.iter().map(decision).collect::<StringArray>()),
    );
    add("label", Arc::new(Float64Array::from(examples.labels.clone())));
    let width = examples.features.len();
    for (column, feature) in examples.features.iter().enumerate() {
        let known = |value: &f64| (!value.is_nan()).then_some(*value);
        let values: Float64Array = examples.values.iter().skip(column).step_by(width).map(known).collect();
        add(&column_name(feature), Arc::new(values));
    }
    batch(columns)
}

fn recipe_batch(digest: &str, as_of: Timestamp, recipe: &str) -> Result<RecordBatch, TrainingError> {
    batch(vec![
        ("set".to_owned(), Arc::new(StringArray::from(vec![digest])) as ArrayRef),
        ("as_of".to_owned(), times(&[as_of])),
        ("recipe".to_owned(), Arc::new(StringArray::from(vec![recipe]))),
    ])
}

/// `view:feature` as a column of a Parquet file that every reader can name.
fn column_name(feature: &str) -> String {
    feature.replace(':', "__")
}

fn times(times: &[Timestamp]) -> ArrayRef {
    let micros = times.iter().map(|time| time.micros());
    Arc::new(TimestampMicrosecondArray::from_iter_values(micros).with_timezone("UTC"))
}

fn batch(columns: Vec<(String, ArrayRef)>) -> Result<RecordBatch, TrainingError> {
    let field = |(name, values): &(String, ArrayRef)| Field::new(name, values.data_type().clone(), true);
    let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
    RecordBatch::try_new(
        Arc::new(schema),
        columns.into_iter().map(|(_, values)| values).collect(),
    )
    .map_err(|error| TrainingError::Shape(error.to_string()))
}
