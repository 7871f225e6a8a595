//! Reading the newest state of a bronze table: for tables that are looked up, not folded.

use std::collections::{BTreeMap, HashMap};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Float64Type, TimestampMicrosecondType};
use cortex_lake::{AsOf, Lake, LakeError, Layer, TableRef, changes};
use cortex_types::{TenantId, Timestamp};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr;
use datafusion::prelude::{SessionContext, ident, lit};

use crate::TrainingError;

const ID: &str = "id";

/// The rows of a table as they stood at an instant, one per id.
pub struct BronzeRows {
    rows: RecordBatch,
    /// Row numbers of the newest change of each id that still exists, in the order of those changes.
    newest: Vec<usize>,
}

/// The version of each of the tenant's bronze tables.
pub async fn versions(lake: &dyn Lake, tenant: &TenantId) -> Result<BTreeMap<String, u64>, LakeError> {
    let mut versions = BTreeMap::new();
    for table in lake
        .tables(tenant)
        .await?
        .into_iter()
        .filter(|table| table.layer == Layer::Bronze)
    {
        versions.insert(
            table.name().to_owned(),
            lake.snapshot(&table, AsOf::Latest).await?.version,
        );
    }
    Ok(versions)
}

impl BronzeRows {
    /// What was known of `columns` by `known_by`, of the rows that `wanted` is true of. Rows must be append-only in the
    /// columns that `wanted` looks at. `None` where the lake has no such table.
    pub async fn read(
        lake: &dyn Lake,
        tenant: &TenantId,
        table: &str,
        columns: &[&str],
        known_by: Timestamp,
        wanted: Option<Expr>,
    ) -> Result<Option<Self>, TrainingError> {
        let table = TableRef::new(tenant.clone(), Layer::Bronze, table)?;
        let snapshot = match lake.snapshot(&table, AsOf::Latest).await {
            Ok(snapshot) => snapshot,
            Err(LakeError::NoTable(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let failed = |error| TrainingError::from(LakeError::storage(&table, Box::new(error)));
        let at = ScalarValue::TimestampMicrosecond(Some(known_by.micros()), Some("UTC".into()));
        let known = ident(changes::KNOWN_AT).lt_eq(Expr::Literal(at, None));
        let order = [changes::EPOCH, changes::COMMIT, changes::SEQ];
        let mut names: Vec<&str> = columns.to_vec();
        names.extend([ID, changes::OP].into_iter().chain(order));
        names.sort_unstable();
        names.dedup();
        let frame = SessionContext::new()
            .read_table(snapshot.provider)
            .and_then(|rows| rows.filter(wanted.map_or(known.clone(), |wanted| known.and(wanted))))
            .and_then(|rows| rows.select(names.into_iter().map(ident)))
            .and_then(|rows| rows.sort(order.map(|column| ident(column).sort(true, false)).to_vec()))
            .map_err(failed)?;
        let batches = frame.collect().await.map_err(failed)?;
        let Some(first) = batches.first() else { return Ok(None) };
        let rows = concat_batches(&first.schema(), &batches).map_err(|error| TrainingError::Read(error.to_string()))?;
        Ok(Some(Self {
            newest: newest(&rows)?,
            rows,
        }))
    }

    /// Text of each row; null where it has none.
    pub fn text(&self, column: &str) -> Result<Vec<Option<String>>, TrainingError> {
        let values = column_as(&self.rows, column, &DataType::Utf8)?;
        let values = values.as_string::<i32>();
        Ok(self
            .newest
            .iter()
            .map(|&row| values.is_valid(row).then(|| values.value(row).to_owned()))
            .collect())
    }

    /// NaN where there is no number.
    pub fn numbers(&self, column: &str) -> Result<Vec<f64>, TrainingError> {
        let values = column_as(&self.rows, column, &DataType::Float64)?;
        let values = values.as_primitive::<Float64Type>();
        Ok(self
            .newest
            .iter()
            .map(|&row| {
                if values.is_valid(row) {
                    values.value(row)
                } else {
                    f64::NAN
                }
            })
            .collect())
    }

    pub fn times(&self, column: &str) -> Result<Vec<Option<Timestamp>>, TrainingError> {
        let values = column_as(&self.rows, column, &changes::timestamp_type())?;
        let values = values.as_primitive::<TimestampMicrosecondType>();
        let time = |&row: &usize| values.is_valid(row).then(|| Timestamp::from_micros(values.value(row)));
        Ok(self.newest.iter().map(time).collect())
    }
}

fn newest(rows: &RecordBatch) -> Result<Vec<usize>, TrainingError> {
    let (ids, ops) = (
        column_as(rows, ID, &DataType::Utf8)?,
        column_as(rows, changes::OP, &DataType::Utf8)?,
    );
    let (ids, ops) = (ids.as_string::<i32>(), ops.as_string::<i32>());
    let mut last: HashMap<&str, usize> = HashMap::with_capacity(rows.num_rows());
    for row in 0..rows.num_rows() {
        last.insert(ids.value(row), row);
    }
    let mut newest: Vec<usize> = last.into_values().filter(|&row| ops.value(row) != "delete").collect();
    newest.sort_unstable();
    Ok(newest)
}

fn column_as(rows: &RecordBatch, column: &str, datatype: &DataType) -> Result<ArrayRef, TrainingError> {
    let values = rows
        .column_by_name(column)
        .ok_or_else(|| TrainingError::Read(format!("there is no column {column}")))?;
    cast(values, datatype).map_err(|error| TrainingError::Read(format!("column {column}: {error}")))
}

/// `column` holds this text.
pub fn is_text(column: &str, text: &str) -> Expr {
    ident(column).eq(lit(text))
}
