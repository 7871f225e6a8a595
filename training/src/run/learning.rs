//! One training of one trainer, away from the threads that answer requests.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::cache::StageKey;
use super::results;
use super::stages::Stages;
use crate::declaration::TrainerChoice;
use crate::{Trainer, TrainingError, TrainingMatrix};

/// A file, and what the trainer itself says of some rows: kept together, so that the file can be checked after a restart.
#[derive(Clone, Debug)]
pub struct Learned {
    pub onnx: Vec<u8>,
    /// One score per probe.
    pub native: Vec<f64>,
    /// What the trainer wants to be known.
    pub facts: BTreeMap<String, f64>,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    onnx: String,
    facts: BTreeMap<String, f64>,
}

/// What is learned, and from what.
pub struct Lesson<'a> {
    pub stage: String,
    pub trainer: &'a Arc<dyn Trainer>,
    pub choice: &'a TrainerChoice,
    pub seed: u64,
    pub set: TrainingMatrix,
    /// Row-major rows to score once it is learned.
    pub probes: Vec<f64>,
    /// Identity of set and probes.
    pub data: &'a str,
    pub code_version: &'a str,
}

impl Lesson<'_> {
    pub async fn learn(self, stages: &mut Stages<'_>) -> Result<Learned, TrainingError> {
        let key = StageKey::new(
            &self.stage,
            &(self.choice, self.seed, self.set.task(), self.data, self.code_version),
            &[],
        );
        let stage = self.stage.clone();
        let batch = stages.cached(&stage, &key, self.train()).await?;
        let (native, kept): (_, Kept) = results::scores_of(&batch)?;
        let onnx = hex::decode(kept.onnx).map_err(|error| TrainingError::Shape(error.to_string()))?;
        Ok(Learned {
            onnx,
            native,
            facts: kept.facts,
        })
    }

    async fn train(self) -> Result<arrow::array::RecordBatch, TrainingError> {
        let (trainer, params) = (Arc::clone(self.trainer), self.choice.params.clone());
        let (set, probes, seed) = (self.set, self.probes, self.seed);
        let work = move || {
            let model = trainer.train(&set, &params, seed)?;
            let native = (model.native)(&probes);
            results::scores_to_batch(
                &native,
                &Kept {
                    onnx: hex::encode(&model.onnx),
                    facts: model.facts,
                },
            )
        };
        let failed = |detail: String| TrainingError::Failed {
            trainer: self.choice.trainer.clone(),
            detail,
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|error| failed(format!("it stopped: {error}")))?
    }
}
