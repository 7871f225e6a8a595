//! A registered model and where it came from.

use std::collections::BTreeMap;
use std::sync::Arc;

use cortex_types::{Frontier, ModelVersionId, RunId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::evaluation::EvaluationSet;

/// What a model answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// The probability of the positive class, `0..=1`.
    BinaryClassification,
    /// A number.
    Regression,
}

impl Task {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BinaryClassification => "binary_classification",
            Self::Regression => "regression",
        }
    }
}

/// A tensor that goes in or comes out: Open Inference Protocol datatype (`FP64`, …) and shape, -1 for a free dimension.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TensorSpec {
    pub name: String,
    pub datatype: String,
    pub shape: Vec<i64>,
}

/// What a model takes and gives. Models that Cortex trains take one tensor `features` `[-1, n]`, whose columns are
/// `Lineage::features` in order, and give one tensor `score` `[-1, 1]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelSignature {
    pub inputs: Vec<TensorSpec>,
    pub outputs: Vec<TensorSpec>,
}

/// Everything needed to build the same model again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lineage {
    pub pipeline: String,
    /// Entity whose keys the model scores, such as `customer`.
    pub entity: String,
    pub feature_service: String,
    /// `view:feature` names in the order of the model's input columns.
    pub features: Vec<String>,
    /// The instant up to which the training set knows.
    pub as_of: Timestamp,
    pub frontier: Frontier,
    /// Lake tables and versions that the training set was read from.
    pub tables: BTreeMap<String, u64>,
    /// SHA-256 of the training set's rows.
    pub data_digest: String,
    /// Version of the code that trained it (crate version and commit).
    pub code_version: String,
    pub trainer: String,
    pub params: BTreeMap<String, String>,
}

/// One version of a registered model. Immutable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelVersion {
    pub id: ModelVersionId,
    /// Name of the registered model, such as `repurchase-30d`.
    pub name: Arc<str>,
    /// 1, 2, 3, … within the name.
    pub version: u32,
    pub run_id: RunId,
    pub task: Task,
    pub signature: ModelSignature,
    pub lineage: Lineage,
    /// SHA-256 of the ONNX file, which is also its name in the artifact store.
    pub onnx_digest: String,
    /// SHA-256 of its [`EvaluationSet`](crate::EvaluationSet); a version without one can be used, but no gate opens for it.
    #[serde(default)]
    pub evaluation_digest: Option<String>,
    /// What the trainer measured on later time; information, never evidence.
    pub metrics: BTreeMap<String, f64>,
    pub created_at: Timestamp,
}

/// What a trainer hands in to be registered; number, digests and time are given by the registry.
#[derive(Clone, Debug)]
pub struct NewVersion {
    /// Name of the registered model, such as `repurchase-30d`.
    pub name: Arc<str>,
    pub run_id: RunId,
    pub task: Task,
    pub signature: ModelSignature,
    pub lineage: Lineage,
    /// The ONNX file. It must load and score, or the version is refused.
    pub onnx: Vec<u8>,
    /// The rows that the gate will score; without them the version cannot take a protected alias.
    pub evaluation: Option<EvaluationSet>,
    /// What the trainer measured; information, never evidence.
    pub metrics: BTreeMap<String, f64>,
}

/// A name for one version of a model, such as `champion`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alias {
    pub model: Arc<str>,
    pub alias: Arc<str>,
    pub version: u32,
    pub moved_at: Timestamp,
    pub moved_by: Arc<str>,
}
