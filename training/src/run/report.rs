//! What a run came to.

use std::collections::BTreeMap;

use cortex_registry::ModelVersion;
use cortex_types::Timestamp;
use serde::Serialize;

use super::agreement::Agreement;
use crate::dataset::StoredSet;

/// What a run came to, for people and for whoever promotes the model next.
#[derive(Clone, Debug)]
pub struct TrainingReport {
    pub pipeline: String,
    pub model: String,
    pub as_of: Timestamp,
    pub rows: RowCounts,
    pub training_set: StoredSet,
    /// In the order of the declaration.
    pub candidates: Vec<Candidate>,
    /// The versions that were registered, best first.
    pub registered: Vec<Registered>,
    /// What the pipeline's baseline reached on the same rows, by metric.
    pub baseline: BTreeMap<String, f64>,
    /// What a person should know: features without values, a comparison that was not possible.
    pub warnings: Vec<String>,
    pub stages: Vec<StageTiming>,
}

impl TrainingReport {
    /// The version to propose; a run that ended well has one.
    #[must_use]
    pub fn best(&self) -> Option<&Registered> {
        self.registered.first()
    }
}

/// How many rows there were, and what for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RowCounts {
    pub point_in_time: usize,
    /// Decisions with outcomes among the rows that teach.
    pub experience: usize,
    /// Further decisions about an entity on one day, which count once.
    pub experience_repeated: usize,
    /// Decisions whose context could not be used.
    pub experience_unusable: usize,
    pub train: usize,
    pub validation: usize,
    pub evaluation: usize,
}

/// A trainer that was considered.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    pub trainer: String,
    /// By the pipeline's metric on the validation rows; `None` where nothing was compared.
    pub validation: Option<f64>,
}

/// A model that was registered.
#[derive(Clone, Debug)]
pub struct Registered {
    pub version: ModelVersion,
    pub trainer: String,
    /// On the evaluation rows, of the ONNX file's scores.
    pub metrics: BTreeMap<String, f64>,
    pub agreement: Agreement,
}

#[derive(Clone, Debug, PartialEq)]
pub struct StageTiming {
    pub stage: String,
    pub seconds: f64,
    pub from_cache: bool,
}
