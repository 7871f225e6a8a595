//! The port to whatever learns.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::{TrainingError, TrainingMatrix};

/// Scores rows exactly as the trainer's own library does: row-major in, one score a row out.
pub type NativeScore = dyn Fn(&[f64]) -> Vec<f64> + Send + Sync;

/// What came out of a training.
#[derive(Clone)]
pub struct TrainedModel {
    /// `features` FP64 `[-1, n]` to `score` FP64 `[-1, 1]`; for a binary task the score is a probability.
    pub onnx: Vec<u8>,
    /// The trainer's own arithmetic, against which the file is checked.
    pub native: Arc<NativeScore>,
    /// What the trainer wants to be known: number of trees, final loss.
    pub facts: BTreeMap<String, f64>,
}

impl fmt::Debug for TrainedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrainedModel")
            .field("onnx_bytes", &self.onnx.len())
            .field("facts", &self.facts)
            .finish()
    }
}

/// Learns from rows. The same rows, parameters and seed give the same ONNX bytes; it blocks, so callers run it off the
/// async threads.
pub trait Trainer: Send + Sync + fmt::Debug {
    /// What pipelines call it, such as `boosted-trees`.
    fn name(&self) -> &str;

    /// Checks the parameters alone, so that a mistake shows before an hour of features.
    fn check(&self, params: &BTreeMap<String, String>) -> Result<(), TrainingError>;

    /// [`TrainingError::Param`] for what [`Trainer::check`] refuses, [`TrainingError::Failed`] for everything else.
    fn train(
        &self,
        set: &TrainingMatrix,
        params: &BTreeMap<String, String>,
        seed: u64,
    ) -> Result<TrainedModel, TrainingError>;
}

/// The trainers that pipelines may name.
#[derive(Clone, Debug, Default)]
pub struct Trainers(BTreeMap<String, Arc<dyn Trainer>>);

impl Trainers {
    #[must_use]
    pub fn of(trainers: impl IntoIterator<Item = Arc<dyn Trainer>>) -> Self {
        Self(
            trainers
                .into_iter()
                .map(|trainer| (trainer.name().to_owned(), trainer))
                .collect(),
        )
    }

    pub fn named(&self, name: &str) -> Result<&Arc<dyn Trainer>, TrainingError> {
        self.0.get(name).ok_or_else(|| TrainingError::UnknownTrainer {
            name: name.to_owned(),
            known: self.0.keys().cloned().collect::<Vec<_>>().join(", "),
        })
    }
}
