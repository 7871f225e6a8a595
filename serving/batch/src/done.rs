//! What was asked for under a job's name, by the rows it left.

use arrow::array::{Array, AsArray};
use cortex_lake::{AsOf, Lake, TableRef};
use datafusion::prelude::{SessionContext, ident, lit};

use crate::BatchError;

/// Absent where the rows are from before digests were kept.
pub async fn digest_of(lake: &dyn Lake, table: &TableRef, job: &str) -> Result<Option<String>, BatchError> {
    let snapshot = lake.snapshot(table, AsOf::Latest).await?;
    if snapshot.schema.field_with_name("job_digest").is_err() {
        return Ok(None);
    }
    let frame = SessionContext::new()
        .read_table(snapshot.provider)
        .and_then(|frame| frame.filter(ident("job").eq(lit(job))))
        .and_then(|frame| frame.select([ident("job_digest")]))
        .and_then(|frame| frame.limit(0, Some(1)))
        .map_err(|error| BatchError::read(table, error))?;
    let batches = frame.collect().await.map_err(|error| BatchError::read(table, error))?;
    let row = batches.iter().find(|batch| batch.num_rows() > 0);
    let column = row.map(|batch| arrow::compute::cast(batch.column(0), &arrow::datatypes::DataType::Utf8));
    let column = column.transpose()?;
    Ok(column.and_then(|column| {
        let digests = column.as_string::<i32>();
        digests.is_valid(0).then(|| digests.value(0).to_owned())
    }))
}
