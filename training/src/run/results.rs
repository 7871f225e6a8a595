//! Results of stages as Arrow, so that they can be kept.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{Field, Float64Type, Schema, TimestampMicrosecondType};
use cortex_features::{EntityKey, EntityRows, FeatureFrame};
use cortex_types::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::TrainingError;
use crate::dataset::Experience;

const KEY: &str = "entity_key";
const TIME: &str = "at";
const LABEL: &str = "label";
const DECISION: &str = "decision_id";

/// Columns in the order in which they are given, then facts about all of them.
#[derive(Default)]
struct Draft {
    columns: Vec<(String, ArrayRef)>,
    facts: HashMap<String, String>,
}

impl Draft {
    fn text<'a>(mut self, name: &str, values: impl Iterator<Item = &'a str>) -> Self {
        self.columns
            .push((name.to_owned(), Arc::new(StringArray::from_iter_values(values))));
        self
    }

    fn rows(self, rows: &EntityRows) -> Self {
        let mut draft = self.text(KEY, rows.keys.iter().map(EntityKey::as_str));
        let times = TimestampMicrosecondArray::from_iter_values(rows.times.iter().map(|time| time.micros()));
        draft.columns.push((TIME.to_owned(), Arc::new(times)));
        draft
    }

    fn numbers(mut self, name: &str, values: impl Iterator<Item = f64>) -> Self {
        self.columns
            .push((name.to_owned(), Arc::new(Float64Array::from_iter_values(values))));
        self
    }

    /// Row-major `values` as one column per feature.
    fn features<'a>(mut self, names: impl Iterator<Item = &'a str>, width: usize, values: &[f64]) -> Self {
        for (column, name) in names.enumerate() {
            self = self.numbers(name, values.iter().skip(column).step_by(width).copied());
        }
        self
    }

    fn fact(mut self, name: &str, value: &impl Serialize) -> Result<Self, TrainingError> {
        self.facts
            .insert(name.to_owned(), serde_json::to_string(value).map_err(unreadable)?);
        Ok(self)
    }

    fn finish(self) -> Result<RecordBatch, TrainingError> {
        let field = |(name, values): &(String, ArrayRef)| Field::new(name, values.data_type().clone(), false);
        let schema = Schema::new_with_metadata(self.columns.iter().map(field).collect::<Vec<_>>(), self.facts);
        RecordBatch::try_new(
            Arc::new(schema),
            self.columns.into_iter().map(|(_, values)| values).collect(),
        )
        .map_err(unreadable)
    }
}

pub fn rows_to_batch(rows: &EntityRows) -> Result<RecordBatch, TrainingError> {
    Draft::default().rows(rows).finish()
}

pub fn rows_of(batch: &RecordBatch) -> Result<EntityRows, TrainingError> {
    let keys = text(batch, KEY)?.into_iter().map(EntityKey::single).collect();
    let times = column(batch, TIME)?.as_primitive_opt::<TimestampMicrosecondType>();
    let times = times
        .ok_or_else(|| unreadable(TIME))?
        .values()
        .iter()
        .copied()
        .map(Timestamp::from_micros)
        .collect();
    Ok(EntityRows { keys, times })
}

pub fn labels_to_batch(labels: &[f64]) -> Result<RecordBatch, TrainingError> {
    Draft::default().numbers(LABEL, labels.iter().copied()).finish()
}

pub fn labels_of(batch: &RecordBatch) -> Result<Vec<f64>, TrainingError> {
    numbers(batch, LABEL)
}

pub fn frame_to_batch(frame: &FeatureFrame) -> Result<RecordBatch, TrainingError> {
    let names: Vec<String> = frame.features.iter().map(ToString::to_string).collect();
    Draft::default()
        .features(names.iter().map(String::as_str), names.len(), &frame.columns)
        .fact("frontier", &frame.frontier)?
        .fact("tables", &frame.tables)?
        .fact("digest", &frame.digest)?
        .finish()
}

pub fn frame_of(batch: &RecordBatch) -> Result<FeatureFrame, TrainingError> {
    let names: Vec<String> = batch
        .schema_ref()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    Ok(FeatureFrame {
        features: names.iter().map(|name| name.parse()).collect::<Result<_, _>>()?,
        columns: row_major(batch, &names)?,
        rows: batch.num_rows(),
        frontier: fact(batch, "frontier")?,
        tables: fact(batch, "tables")?,
        digest: fact(batch, "digest")?,
    })
}

pub fn experience_to_batch(lived: &Experience, features: &[String]) -> Result<RecordBatch, TrainingError> {
    let decisions: Vec<String> = lived.decisions.iter().map(ToString::to_string).collect();
    Draft::default()
        .text(DECISION, decisions.iter().map(String::as_str))
        .rows(&lived.rows)
        .numbers(LABEL, lived.labels.iter().copied())
        .features(features.iter().map(String::as_str), features.len(), &lived.values)
        .fact("unusable", &lived.unusable)?
        .finish()
}

pub fn experience_of(batch: &RecordBatch, features: &[String]) -> Result<Experience, TrainingError> {
    let decisions = text(batch, DECISION)?;
    Ok(Experience {
        decisions: decisions
            .iter()
            .map(|id| id.parse())
            .collect::<Result<_, _>>()
            .map_err(unreadable)?,
        rows: rows_of(batch)?,
        values: row_major(batch, features)?,
        labels: labels_of(batch)?,
        unusable: fact(batch, "unusable")?,
    })
}

/// Scores of a trained model, with `facts` about it.
pub fn scores_to_batch(scores: &[f64], facts: &impl Serialize) -> Result<RecordBatch, TrainingError> {
    Draft::default()
        .numbers("score", scores.iter().copied())
        .fact("model", facts)?
        .finish()
}

pub fn scores_of<T: DeserializeOwned>(batch: &RecordBatch) -> Result<(Vec<f64>, T), TrainingError> {
    Ok((numbers(batch, "score")?, fact(batch, "model")?))
}

fn row_major(batch: &RecordBatch, names: &[String]) -> Result<Vec<f64>, TrainingError> {
    let columns = names
        .iter()
        .map(|name| numbers(batch, name))
        .collect::<Result<Vec<_>, _>>()?;
    Ok((0..batch.num_rows())
        .flat_map(|row| columns.iter().map(move |column| column[row]))
        .collect())
}

fn numbers(batch: &RecordBatch, name: &str) -> Result<Vec<f64>, TrainingError> {
    let values = column(batch, name)?.as_primitive_opt::<Float64Type>();
    values
        .map(|values| values.values().to_vec())
        .ok_or_else(|| unreadable(name))
}

fn text(batch: &RecordBatch, name: &str) -> Result<Vec<String>, TrainingError> {
    let values = column(batch, name)?
        .as_string_opt::<i32>()
        .ok_or_else(|| unreadable(name))?;
    Ok((0..values.len()).map(|row| values.value(row).to_owned()).collect())
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, TrainingError> {
    batch.column_by_name(name).ok_or_else(|| unreadable(name))
}

fn fact<T: DeserializeOwned>(batch: &RecordBatch, name: &str) -> Result<T, TrainingError> {
    let text = batch
        .schema_ref()
        .metadata()
        .get(name)
        .ok_or_else(|| unreadable(name))?;
    serde_json::from_str(text).map_err(unreadable)
}

fn unreadable(detail: impl std::fmt::Display) -> TrainingError {
    TrainingError::Shape(format!("the result of a stage: {detail}"))
}
