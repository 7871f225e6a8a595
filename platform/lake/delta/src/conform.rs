//! Fitting rows to a table's schema, which only ever grows.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use cortex_lake::{LakeError, TableRef};
use deltalake_core::kernel::StructType;
use deltalake_core::kernel::engine::arrow_conversion::{TryIntoArrow, TryIntoKernel};

use crate::failure::misfit;

/// The schema after an append: that of the table followed by the columns that are new in `rows`. A new column must be
/// nullable, because the rows that are there have none.
pub(crate) fn grown(table: &TableRef, old: Option<&SchemaRef>, rows: &SchemaRef) -> Result<SchemaRef, LakeError> {
    let rows = stored(table, rows)?;
    let Some(old) = old else { return Ok(rows) };
    let mut fields: Vec<Arc<Field>> = old.fields().to_vec();
    for field in rows.fields() {
        match old.field_with_name(field.name()) {
            Ok(known) if known.data_type() == field.data_type() => {}
            Ok(known) => {
                let (name, was, is) = (field.name(), known.data_type(), field.data_type());
                return Err(misfit(
                    table,
                    format!("column '{name}' is {was}, not {is}; give another type another name"),
                ));
            }
            Err(_) if field.is_nullable() => fields.push(Arc::clone(field)),
            Err(_) => {
                return Err(misfit(
                    table,
                    format!("the new column '{}' must be nullable", field.name()),
                ));
            }
        }
    }
    Ok(Arc::new(Schema::new(fields)))
}

/// `rows` with the columns of `schema` in their order; nulls where a nullable one was left out.
pub(crate) fn conform(table: &TableRef, schema: &SchemaRef, rows: &RecordBatch) -> Result<RecordBatch, LakeError> {
    let mut columns = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let column = match rows.column_by_name(field.name()) {
            Some(column) if column.data_type() == field.data_type() => Arc::clone(column),
            Some(column) => cast_with_options(
                column,
                field.data_type(),
                &CastOptions {
                    safe: false,
                    ..Default::default()
                },
            )
            .map_err(|error| misfit(table, error))?,
            None if field.is_nullable() => new_null_array(field.data_type(), rows.num_rows()),
            None => return Err(misfit(table, format!("column '{}' is missing", field.name()))),
        };
        columns.push(column);
    }
    // The count of rows cannot be read off the columns where there are none.
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options).map_err(|error| misfit(table, error))
}

/// The schema as Delta stores it: it has fewer types than Arrow, so that a dictionary of text, say, becomes text.
fn stored(table: &TableRef, schema: &SchemaRef) -> Result<SchemaRef, LakeError> {
    let without_time_zone = |field: &&Arc<Field>| matches!(field.data_type(), DataType::Timestamp(_, None));
    if let Some(field) = schema.fields().iter().find(without_time_zone) {
        return Err(misfit(
            table,
            format!("'{}' is a time without a zone; times are UTC", field.name()),
        ));
    }
    let plain: Vec<Field> = schema.fields().iter().map(|field| plain(field)).collect();
    let kernel = kernel_schema(table, &Schema::new(plain))?;
    arrow_schema(table, &kernel)
}

fn plain(field: &Field) -> Field {
    match field.data_type() {
        DataType::Dictionary(_, values) => Field::new(field.name(), values.as_ref().clone(), field.is_nullable()),
        other => Field::new(field.name(), other.clone(), field.is_nullable()),
    }
}

pub(crate) fn kernel_schema(table: &TableRef, schema: &Schema) -> Result<StructType, LakeError> {
    schema.try_into_kernel().map_err(|error| misfit(table, error))
}

pub(crate) fn arrow_schema(table: &TableRef, kernel: &StructType) -> Result<SchemaRef, LakeError> {
    let schema: Schema = kernel.try_into_arrow().map_err(|error| misfit(table, error))?;
    Ok(Arc::new(schema))
}
