//! What goes into a training set, and what comes out.

use std::collections::BTreeMap;

use cortex_types::{Frontier, Timestamp};
use sha2::{Digest, Sha256};

use crate::FeatureError;
use crate::value::{EntityKey, FeatureRef};

/// For whom, and as of when: row `i` is `keys[i]` at `times[i]`. Any order, repetitions allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntityRows {
    pub keys: Vec<EntityKey>,
    pub times: Vec<Timestamp>,
}

impl EntityRows {
    /// All of `keys` as of one instant.
    #[must_use]
    pub fn at(keys: Vec<EntityKey>, time: Timestamp) -> Self {
        let times = vec![time; keys.len()];
        Self { keys, times }
    }

    pub fn push(&mut self, key: EntityKey, time: Timestamp) {
        self.keys.push(key);
        self.times.push(time);
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub(super) fn check(&self) -> Result<(), FeatureError> {
        let (keys, times) = (self.keys.len(), self.times.len());
        if keys == times {
            return Ok(());
        }
        Err(FeatureError::Request(format!(
            "it has {keys} keys and {times} times: one of each makes a row"
        )))
    }
}

/// Feature values as of each row's time, and everything needed to compute them again.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureFrame {
    /// In the order of the service.
    pub features: Vec<FeatureRef>,
    /// Row-major, `rows * features.len()`; missing is NaN.
    pub columns: Vec<f64>,
    pub rows: usize,
    /// Up to where the sources of all tables had been read.
    pub frontier: Frontier,
    /// The version at which each bronze table was read; a table that does not exist yet is left out.
    pub tables: BTreeMap<String, u64>,
    /// SHA-256 over names, keys, times and the bits of every value.
    pub digest: String,
}

impl FeatureFrame {
    #[must_use]
    pub fn row(&self, row: usize) -> &[f64] {
        let width = self.features.len();
        self.columns.get(row * width..(row + 1) * width).unwrap_or(&[])
    }
}

pub(super) fn digest(features: &[FeatureRef], rows: &EntityRows, values: &[f64]) -> String {
    let mut hash = Sha256::new();
    let mut text = |text: &str| {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    };
    for feature in features {
        text(&feature.to_string());
    }
    for key in &rows.keys {
        text(key.as_str());
    }
    for time in &rows.times {
        hash.update(time.micros().to_le_bytes());
    }
    for value in values {
        // NaN has many bit patterns; missing is one thing.
        let value = if value.is_nan() { f64::NAN } else { *value };
        hash.update(value.to_bits().to_le_bytes());
    }
    hex::encode(hash.finalize())
}
