//! Rows of a change batch become facts of a view.
//!
//! The view's SQL expressions are compiled once per schema and run on whole Arrow batches: on change batches as they
//! arrive, and on what a scan of the bronze table yields.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, Int64Array, StringArray};
use arrow::datatypes::{DataType, Int64Type, SchemaRef};
use arrow::record_batch::RecordBatch;
use cortex_lake::changes;
use cortex_types::Timestamp;
use parking_lot::Mutex;

use super::fact::{Cell, Fact, FactChange, FactPosition, Revision, RowId};
use super::history::NULL;
use crate::FeatureError;
use crate::definition::{Entity, FeatureView};
use crate::engine::expression::{Expressions, ValueArray};
use crate::value::EntityKey;

/// The primary key of every captured table.
pub(crate) const ID: &str = "id";

/// Turns rows in the bronze layout into what one view sees of them.
#[derive(Debug)]
pub struct FactExtractor {
    view: Arc<FeatureView>,
    entity: Arc<Entity>,
    /// For the schema that came last: a table's schema changes rarely.
    compiled: Mutex<Option<(SchemaRef, Arc<Expressions>)>>,
}

impl FactExtractor {
    #[must_use]
    pub fn new(view: &Arc<FeatureView>, entity: &Arc<Entity>) -> Self {
        Self {
            view: Arc::clone(view),
            entity: Arc::clone(entity),
            compiled: Mutex::new(None),
        }
    }

    #[must_use]
    pub fn view(&self) -> &Arc<FeatureView> {
        &self.view
    }

    #[must_use]
    pub fn entity(&self) -> &Arc<Entity> {
        &self.entity
    }

    /// The changes in `rows` that concern the view, in the order of the rows.
    ///
    /// [`FeatureError::Source`] where an expression does not go together with the table's columns, or yields what
    /// cannot be a value.
    pub fn extract(&self, rows: &RecordBatch) -> Result<Vec<FactChange>, FeatureError> {
        if rows.num_rows() == 0 {
            return Ok(Vec::new());
        }
        let expressions = self.expressions(&rows.schema())?;
        let selected = expressions.selected(rows).map_err(|detail| self.refuse(detail))?;
        let columns = Columns::of(self, rows).map_err(|detail| self.refuse(detail))?;
        let values = expressions.values(rows).map_err(|detail| self.refuse(detail))?;
        let mut found = Vec::new();
        for row in 0..rows.num_rows() {
            let change = self
                .change(&columns, &selected, &values, row)
                .map_err(|detail| self.refuse(detail))?;
            found.extend(change);
        }
        Ok(found)
    }

    fn change(
        &self,
        columns: &Columns,
        selected: &BooleanArray,
        values: &[ValueArray],
        row: usize,
    ) -> Result<Option<FactChange>, String> {
        let operation = columns.operation.value(row);
        let (holds, revised) = match operation {
            "insert" => (true, false),
            "update" => (true, true),
            "delete" => (false, true),
            other => {
                return Err(format!(
                    "'{other}' is no change operation: it is insert, update or delete"
                ));
            }
        };
        let key = columns.key(row);
        let counts = holds && selected.is_valid(row) && selected.value(row) && columns.event_time.is_valid(row);
        let fact = match &key {
            Some(key) if counts => Some(Fact {
                key: key.clone(),
                event_time: Timestamp::from_micros(columns.event_time.value(row)),
                cells: values.iter().map(|value| cell(value, row)).collect::<Result<_, _>>()?,
            }),
            _ => None,
        };
        if fact.is_none() && !revised {
            return Ok(None);
        }
        let revision = match operation {
            "insert" => Revision::New,
            "delete" => Revision::Supersedes { key_before: key },
            _ => Revision::Supersedes {
                key_before: self.key_before(columns, row)?,
            },
        };
        let position = |array: &Int64Array| array.value(row).cast_unsigned();
        Ok(Some(FactChange {
            row: RowId::of(columns.source.value(row), columns.id.value(row)),
            position: FactPosition {
                epoch: position(&columns.epoch),
                commit: position(&columns.commit),
                seq: position(&columns.seq),
            },
            known_at: Timestamp::from_micros(columns.known_at.value(row)),
            revision,
            fact,
        }))
    }

    /// The key in the row before an update, which bronze keeps as JSON.
    fn key_before(&self, columns: &Columns, row: usize) -> Result<Option<EntityKey>, String> {
        if columns.before.is_null(row) {
            return Ok(columns.key(row));
        }
        let before: HashMap<&str, serde_json::Value> = serde_json::from_str(columns.before.value(row))
            .map_err(|error| format!("the row before an update is not JSON: {error}"))?;
        let mut parts = Vec::with_capacity(self.entity.join_keys.len());
        for column in &self.entity.join_keys {
            match before.get(&**column) {
                None | Some(serde_json::Value::Null) => return Ok(None),
                Some(serde_json::Value::String(text)) => parts.push(text.clone()),
                Some(other) => parts.push(other.to_string()),
            }
        }
        Ok(Some(EntityKey::composite(parts.iter().map(String::as_str))))
    }

    fn expressions(&self, schema: &SchemaRef) -> Result<Arc<Expressions>, FeatureError> {
        let mut compiled = self.compiled.lock();
        if let Some((known, expressions)) = &*compiled
            && (Arc::ptr_eq(known, schema) || known == schema)
        {
            return Ok(Arc::clone(expressions));
        }
        let expressions = Expressions::compile(&self.view, schema).map_err(|detail| self.refuse(detail))?;
        let expressions = Arc::new(expressions);
        *compiled = Some((Arc::clone(schema), Arc::clone(&expressions)));
        Ok(expressions)
    }

    pub(crate) fn refuse(&self, detail: String) -> FeatureError {
        let (view, table) = (self.view.name.to_string(), self.view.source.table.to_string());
        FeatureError::Source { view, table, detail }
    }
}

fn cell(values: &ValueArray, row: usize) -> Result<Cell, String> {
    match values {
        ValueArray::Int(array) if array.is_valid(row) => match array.value(row) {
            NULL => Err(format!("a value is {NULL}, the one whole number that cannot be one")),
            value => Ok(Cell::Int(value)),
        },
        ValueArray::Text(array) if array.is_valid(row) => Ok(Cell::Text(array.value(row).into())),
        ValueArray::Int(_) | ValueArray::Text(_) => Ok(Cell::Null),
    }
}

/// The columns of a batch that say where, when and of whom a row is.
struct Columns {
    keys: Vec<StringArray>,
    event_time: Int64Array,
    known_at: Int64Array,
    operation: StringArray,
    before: StringArray,
    source: StringArray,
    id: StringArray,
    epoch: Int64Array,
    commit: Int64Array,
    seq: Int64Array,
}

impl Columns {
    fn of(extractor: &FactExtractor, rows: &RecordBatch) -> Result<Self, String> {
        Ok(Self {
            keys: extractor
                .entity
                .join_keys
                .iter()
                .map(|key| text(rows, key))
                .collect::<Result<_, _>>()?,
            event_time: instant(rows, &extractor.view.source.event_time)?,
            known_at: instant(rows, changes::KNOWN_AT)?,
            operation: text(rows, changes::OP)?,
            before: text(rows, changes::BEFORE)?,
            source: text(rows, changes::SOURCE)?,
            id: text(rows, ID)?,
            epoch: whole(rows, changes::EPOCH)?,
            commit: whole(rows, changes::COMMIT)?,
            seq: whole(rows, changes::SEQ)?,
        })
    }

    /// None where a part of the key is null.
    fn key(&self, row: usize) -> Option<EntityKey> {
        if self.keys.iter().any(|part| part.is_null(row)) {
            return None;
        }
        match self.keys.as_slice() {
            [only] => Some(EntityKey::single(only.value(row))),
            parts => Some(EntityKey::composite(parts.iter().map(|part| part.value(row)))),
        }
    }
}

fn column(rows: &RecordBatch, name: &str, as_type: &DataType) -> Result<Arc<dyn Array>, String> {
    let array = rows
        .column_by_name(name)
        .ok_or_else(|| format!("the table has no column '{name}'"))?;
    if array.data_type() == as_type {
        return Ok(Arc::clone(array));
    }
    arrow::compute::cast(array, as_type)
        .map_err(|error| format!("column '{name}' is {}, not {as_type}: {error}", array.data_type()))
}

fn text(rows: &RecordBatch, name: &str) -> Result<StringArray, String> {
    Ok(column(rows, name, &DataType::Utf8)?.as_string::<i32>().clone())
}

fn whole(rows: &RecordBatch, name: &str) -> Result<Int64Array, String> {
    Ok(column(rows, name, &DataType::Int64)?
        .as_primitive::<Int64Type>()
        .clone())
}

fn instant(rows: &RecordBatch, name: &str) -> Result<Int64Array, String> {
    let array = column(rows, name, &changes::timestamp_type())?;
    let micros = arrow::compute::cast(&array, &DataType::Int64).map_err(|error| error.to_string())?;
    Ok(micros.as_primitive::<Int64Type>().clone())
}
