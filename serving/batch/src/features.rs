//! The rows of a job: keys, and a model's input columns.

use std::time::Duration;

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use arrow::record_batch::RecordBatch;
use cortex_features::{EntityRows, FeatureRef, TrainingSets};
use cortex_lake::{AsOf, Lake, TableRef};
use cortex_serving::ReadyModel;
use cortex_types::{Frontier, RequestContext, Timestamp};
use datafusion::prelude::{SessionContext, ident};

use crate::BatchError;

/// Rows ready to be scored.
#[derive(Debug)]
pub struct Rows {
    pub keys: Vec<String>,
    /// Row-major, in the order of the model's features; missing is NaN.
    pub values: Vec<f64>,
    pub frontier: Frontier,
}

/// The features of every entity that was active before `as_of`, as of that instant.
pub async fn of_entities(
    sets: &TrainingSets,
    ctx: &RequestContext,
    model: &ReadyModel,
    as_of: Timestamp,
    active_within: Duration,
) -> Result<Rows, BatchError> {
    let lineage = &model.version.lineage;
    let keys = sets.entities(ctx, &lineage.entity, as_of, active_within).await?;
    let names: Vec<String> = keys.iter().map(|key| key.as_str().to_owned()).collect();
    let frame = sets
        .build(ctx, &lineage.feature_service, &EntityRows::at(keys, as_of))
        .await?;
    let columns = places(&model.features, &frame.features)?;
    let rows = (0..frame.rows).map(|row| frame.row(row));
    let values = rows.flat_map(|row| columns.iter().map(|column| row[*column])).collect();
    Ok(Rows {
        keys: names,
        values,
        frontier: frame.frontier,
    })
}

/// A feature service can gain features after a model was trained; the model still takes those it knows.
fn places(wanted: &[FeatureRef], present: &[FeatureRef]) -> Result<Vec<usize>, BatchError> {
    let place = |feature: &FeatureRef| {
        present
            .iter()
            .position(|other| other == feature)
            .ok_or_else(|| BatchError::Invalid(format!("the feature service has no {feature} any more")))
    };
    wanted.iter().map(place).collect()
}

/// The rows of a lake table that has a column per feature, named `view:feature` or, for tools that take no colon,
/// `view__feature`.
pub async fn of_table(
    lake: &dyn Lake,
    model: &ReadyModel,
    table: &TableRef,
    at: AsOf,
    key: &str,
) -> Result<Rows, BatchError> {
    let snapshot = lake.snapshot(table, at).await?;
    let present = |column: &String| snapshot.schema.field_with_name(column).is_ok();
    let absent = |columns: &str| BatchError::Invalid(format!("table {table} has no column {columns}"));
    let mut columns = vec![key.to_owned()];
    if !present(&columns[0]) {
        return Err(absent(&format!("'{key}'")));
    }
    for feature in &model.features {
        let names = [feature.to_string(), feature.to_string().replacen(':', "__", 1)];
        let missing = format!("'{}' or '{}'", names[0], names[1]);
        columns.push(names.into_iter().find(present).ok_or_else(|| absent(&missing))?);
    }
    let frame = SessionContext::new()
        .read_table(snapshot.provider)
        .and_then(|frame| frame.select(columns.iter().map(ident).collect::<Vec<_>>()))
        .map_err(|error| BatchError::read(table, error))?;
    let batches = frame.collect().await.map_err(|error| BatchError::read(table, error))?;
    let mut rows = Rows {
        keys: Vec::new(),
        values: Vec::new(),
        frontier: Frontier::default(),
    };
    for batch in &batches {
        push_batch(&mut rows, table, batch)?;
    }
    let history = lake.history(table, usize::MAX).await?;
    let commit = history.into_iter().find(|commit| commit.version == snapshot.version);
    rows.frontier = commit.and_then(|commit| commit.frontier).unwrap_or_default();
    Ok(rows)
}

/// The first column is the key, the others are features.
fn push_batch(rows: &mut Rows, table: &TableRef, batch: &RecordBatch) -> Result<(), BatchError> {
    let keys = cast(batch.column(0), &DataType::Utf8)?;
    let keys = keys.as_string::<i32>();
    if keys.null_count() > 0 {
        return Err(BatchError::Invalid(format!("table {table} has rows without a key")));
    }
    rows.keys.extend(keys.iter().flatten().map(str::to_owned));
    let columns = batch.columns()[1..]
        .iter()
        .map(|column| cast(column, &DataType::Float64));
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    for row in 0..batch.num_rows() {
        rows.values.extend(columns.iter().map(|column| {
            let column = column.as_primitive::<Float64Type>();
            if column.is_null(row) {
                f64::NAN
            } else {
                column.value(row)
            }
        }));
    }
    Ok(())
}
