//! A view's SQL expressions, compiled for one schema.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, AsArray, BooleanArray, Int64Array, StringArray};
use arrow::compute::CastOptions;
use arrow::datatypes::{DataType, Int64Type, SchemaRef, TimeUnit};
use arrow::record_batch::RecordBatch;
use datafusion::common::DFSchema;
use datafusion::execution::SessionState;
use datafusion::physical_plan::PhysicalExpr;
use datafusion::prelude::SessionContext;

use crate::definition::{Aggregate, FeatureView};

/// Holds the SQL functions; expressions are compiled against it and nothing is ever registered in it.
static SQL: LazyLock<SessionState> = LazyLock::new(|| SessionContext::new().state());

/// A session that knows the SQL functions, and no tables.
pub(crate) fn sql_state() -> SessionState {
    SQL.clone()
}

/// The values of one expression over a batch: whole numbers or text.
pub(crate) enum ValueArray {
    Int(Int64Array),
    Text(StringArray),
}

#[derive(Debug)]
pub(crate) struct Expressions {
    filter: Option<Arc<dyn PhysicalExpr>>,
    values: Vec<Value>,
}

#[derive(Debug)]
struct Value {
    sql: String,
    expression: Arc<dyn PhysicalExpr>,
    to: DataType,
}

impl Expressions {
    pub(crate) fn compile(view: &FeatureView, schema: &SchemaRef) -> Result<Self, String> {
        let fields = DFSchema::try_from(Arc::clone(schema)).map_err(|error| error.to_string())?;
        let filter = match &view.source.filter {
            None => None,
            Some(sql) => Some(compile_filter(sql, &fields, schema)?),
        };
        let mut values = Vec::new();
        for sql in view.value_columns() {
            let users = view
                .features
                .iter()
                .filter(|feature| feature.value.as_deref() == Some(sql));
            let takes_text = users.filter_map(|feature| feature.aggregate).all(Aggregate::takes_text);
            values.push(Value::compile(sql, takes_text, &fields, schema)?);
        }
        Ok(Self { filter, values })
    }

    /// Which rows fulfil the view's filter.
    pub(crate) fn selected(&self, rows: &RecordBatch) -> Result<BooleanArray, String> {
        let Some(filter) = &self.filter else {
            return Ok(BooleanArray::from(vec![true; rows.num_rows()]));
        };
        let mask = filter.evaluate(rows).and_then(|mask| mask.into_array(rows.num_rows()));
        let mask = mask.map_err(|error| format!("the filter fails: {error}"))?;
        Ok(mask.as_boolean().clone())
    }

    /// One array per value column of the view.
    pub(crate) fn values(&self, rows: &RecordBatch) -> Result<Vec<ValueArray>, String> {
        self.values.iter().map(|value| value.evaluate(rows)).collect()
    }
}

impl Value {
    fn compile(sql: &str, takes_text: bool, fields: &DFSchema, schema: &SchemaRef) -> Result<Self, String> {
        let expression = compile(sql, fields)?;
        let found = expression
            .data_type(schema)
            .map_err(|error| format!("'{sql}': {error}"))?;
        let to = match &found {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View if takes_text => DataType::Utf8,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
                return Err(format!(
                    "'{sql}' is text: only count, count_distinct and last fold text"
                ));
            }
            DataType::Boolean | DataType::Date32 | DataType::Timestamp(..) => DataType::Int64,
            whole if whole.is_integer() => DataType::Int64,
            other => {
                return Err(format!(
                    "'{sql}' is {other}: features fold whole numbers, so that sums are exact; \
                     write CAST(… AS BIGINT), in a unit small enough"
                ));
            }
        };
        Ok(Self {
            sql: sql.to_owned(),
            expression,
            to,
        })
    }

    fn evaluate(&self, rows: &RecordBatch) -> Result<ValueArray, String> {
        let fails = |error: String| format!("'{}' fails: {error}", self.sql);
        let array = self
            .expression
            .evaluate(rows)
            .and_then(|values| values.into_array(rows.num_rows()));
        let array = instants_in_micros(array.map_err(|error| fails(error.to_string()))?).map_err(fails)?;
        // Null for what does not fit would silently leave a row out.
        let strict = CastOptions {
            safe: false,
            ..CastOptions::default()
        };
        let array = arrow::compute::cast_with_options(&array, &self.to, &strict);
        let array = array.map_err(|error| fails(error.to_string()))?;
        Ok(match self.to {
            DataType::Utf8 => ValueArray::Text(array.as_string::<i32>().clone()),
            _ => ValueArray::Int(array.as_primitive::<Int64Type>().clone()),
        })
    }
}

/// An instant is its microseconds, whatever unit the table has.
fn instants_in_micros(array: Arc<dyn Array>) -> Result<Arc<dyn Array>, String> {
    match array.data_type() {
        DataType::Timestamp(_, zone) => {
            let micros = DataType::Timestamp(TimeUnit::Microsecond, zone.clone());
            arrow::compute::cast(&array, &micros).map_err(|error| error.to_string())
        }
        DataType::Date32 => {
            let days = arrow::compute::cast(&array, &DataType::Int32).map_err(|error| error.to_string())?;
            Ok(days)
        }
        _ => Ok(array),
    }
}

fn compile_filter(sql: &str, fields: &DFSchema, schema: &SchemaRef) -> Result<Arc<dyn PhysicalExpr>, String> {
    let filter = compile(sql, fields)?;
    match filter.data_type(schema) {
        Ok(DataType::Boolean) => Ok(filter),
        Ok(other) => Err(format!("the filter '{sql}' is {other}, not true or false")),
        Err(error) => Err(format!("'{sql}': {error}")),
    }
}

fn compile(sql: &str, fields: &DFSchema) -> Result<Arc<dyn PhysicalExpr>, String> {
    let expression = SQL
        .create_logical_expr(sql, fields)
        .and_then(|parsed| SQL.create_physical_expr(parsed, fields));
    expression.map_err(|error| format!("'{sql}': {}", error.strip_backtrace()))
}
