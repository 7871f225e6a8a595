//! Rows with labels, from the lake's past and from decisions.

use std::collections::{BTreeMap, BTreeSet};

use cortex_features::{EntityKey, EntityRows, FeatureFrame};
use cortex_registry::Task;
use cortex_types::{DecisionId, Timestamp};
use sha2::{Digest, Sha256};

use super::Experience;
use crate::{TrainingError, TrainingMatrix};

/// Where a row comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Features as they could have been served at the row's time.
    PointInTime,
    /// Features as they were served for a decision.
    Decision(DecisionId),
}

/// Everything there is to learn from and to judge by.
#[derive(Clone, Debug, PartialEq)]
pub struct Examples {
    /// `view:feature`, in the order of the service.
    pub features: Vec<String>,
    pub rows: EntityRows,
    /// Row-major, NaN for missing.
    pub values: Vec<f64>,
    pub labels: Vec<f64>,
    pub origins: Vec<Origin>,
    /// Point-in-time rows for which a decision of the same entity and day stands: what was served and lived teaches
    /// better than what could have been. They judge all the same.
    pub replaced: BTreeSet<usize>,
    /// Further decisions about an entity on one day: asking often is no reason to count more.
    pub decisions_repeated: usize,
}

/// The day in UTC, counted from 1970.
fn day(time: Timestamp) -> i64 {
    time.micros().div_euclid(86_400_000_000)
}

impl Examples {
    /// Point-in-time rows first; then of each entity the first decision of each day.
    pub fn new(
        rows: EntityRows,
        labels: Vec<f64>,
        frame: FeatureFrame,
        lived: Experience,
    ) -> Result<Self, TrainingError> {
        if rows.len() != labels.len() || rows.len() != frame.rows {
            let shape = format!(
                "{} rows, {} labels, {} feature rows",
                rows.len(),
                labels.len(),
                frame.rows
            );
            return Err(TrainingError::Shape(shape));
        }
        let days = rows.keys.iter().cloned().zip(rows.times.iter().map(|time| day(*time)));
        let known: BTreeMap<(EntityKey, i64), usize> = days.zip(0..).collect();
        let mut decided = BTreeSet::new();
        let mut examples = Self {
            features: frame.features.iter().map(ToString::to_string).collect(),
            origins: vec![Origin::PointInTime; rows.len()],
            rows,
            values: frame.columns,
            labels,
            replaced: BTreeSet::new(),
            decisions_repeated: 0,
        };
        let width = examples.features.len();
        for (row, decision) in lived.decisions.iter().enumerate() {
            let (key, time) = (&lived.rows.keys[row], lived.rows.times[row]);
            let of_day = (key.clone(), day(time));
            examples.replaced.extend(known.get(&of_day));
            if !decided.insert(of_day) {
                examples.decisions_repeated += 1;
                continue;
            }
            examples.rows.push(key.clone(), time);
            examples
                .values
                .extend_from_slice(&lived.values[row * width..(row + 1) * width]);
            examples.labels.push(lived.labels[row]);
            examples.origins.push(Origin::Decision(*decision));
        }
        Ok(examples)
    }

    #[must_use]
    pub fn is_decision(&self, row: usize) -> bool {
        matches!(self.origins[row], Origin::Decision(_))
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    #[must_use]
    pub fn row(&self, row: usize) -> &[f64] {
        let width = self.features.len();
        &self.values[row * width..(row + 1) * width]
    }

    /// The values of `rows`, row-major.
    #[must_use]
    pub fn values_of(&self, rows: &[usize]) -> Vec<f64> {
        rows.iter().flat_map(|&row| self.row(row)).copied().collect()
    }

    #[must_use]
    pub fn labels_of(&self, rows: &[usize]) -> Vec<f64> {
        rows.iter().map(|&row| self.labels[row]).collect()
    }

    /// Numbers that say which of `rows` are about the same entity, in the order in which entities first come.
    #[must_use]
    pub fn members_of(&self, rows: &[usize]) -> Vec<u32> {
        let mut numbers: BTreeMap<&EntityKey, u32> = BTreeMap::new();
        let number = |&row: &usize| {
            let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
            *numbers.entry(&self.rows.keys[row]).or_insert(next)
        };
        rows.iter().map(number).collect()
    }

    /// `rows` for a trainer, checked.
    pub fn matrix(&self, task: Task, rows: &[usize]) -> Result<TrainingMatrix, TrainingError> {
        TrainingMatrix::new(task, self.features.clone(), self.values_of(rows), self.labels_of(rows))
    }

    /// SHA-256 over names, keys, times, labels and the bits of every value: the identity of the set.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        let keys = self.rows.keys.iter().map(EntityKey::as_str);
        for text in self.features.iter().map(String::as_str).chain(keys) {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        }
        for time in &self.rows.times {
            hash.update(time.micros().to_le_bytes());
        }
        for value in self.labels.iter().chain(&self.values) {
            // NaN has many bit patterns; missing is one thing.
            let value = if value.is_nan() { f64::NAN } else { *value };
            hash.update(value.to_bits().to_le_bytes());
        }
        hex::encode(hash.finalize())
    }
}
