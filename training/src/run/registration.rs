//! Handing a checked model to the registry, with everything needed to build it again and the rows to judge it by.

use std::collections::BTreeMap;

use cortex_registry::{
    EvaluationSet, Lineage, ModelSignature, NewVersion, Registry, RegistryError, RunStatus, TensorSpec,
};
use cortex_types::{RequestContext, RunId, Timestamp};

use super::dataset_stages::Dataset;
use super::learning::Learned;
use crate::dataset::StoredSet;
use crate::declaration::{Pipeline, TrainerChoice};
use crate::onnx::{INPUT, OUTPUT};

/// Training rows that go along, for drift to be measured against.
const REFERENCE_ROWS_MAX: usize = 5_000;

/// What every model of one run shares.
pub struct Origins<'a> {
    pub pipeline: &'a Pipeline,
    pub as_of: Timestamp,
    pub dataset: &'a Dataset,
    pub stored: &'a StoredSet,
    pub code_version: &'a str,
}

impl Origins<'_> {
    #[must_use]
    pub fn version(
        &self,
        run_id: RunId,
        choice: &TrainerChoice,
        learned: Learned,
        evaluation: EvaluationSet,
        metrics: BTreeMap<String, f64>,
    ) -> NewVersion {
        NewVersion {
            name: self.pipeline.model.as_str().into(),
            run_id,
            task: self.pipeline.task,
            signature: signature(self.dataset.examples.features.len()),
            lineage: self.lineage(choice),
            onnx: learned.onnx,
            evaluation: Some(evaluation),
            metrics,
        }
    }

    fn lineage(&self, choice: &TrainerChoice) -> Lineage {
        let mut tables = self.dataset.tables.clone();
        tables.insert(format!("training/{}", self.stored.table), self.stored.version);
        Lineage {
            pipeline: self.pipeline.pipeline.clone(),
            entity: self.pipeline.entity.clone(),
            feature_service: self.pipeline.feature_service.clone(),
            features: self.dataset.examples.features.clone(),
            as_of: self.as_of,
            frontier: self.dataset.frontier.clone(),
            tables,
            data_digest: self.stored.digest.clone(),
            code_version: self.code_version.to_owned(),
            trainer: choice.trainer.clone(),
            params: self.params(choice),
        }
    }

    /// The trainer's parameters, the seed, and the policy that serving will follow.
    #[must_use]
    pub fn params(&self, choice: &TrainerChoice) -> BTreeMap<String, String> {
        let mut params = choice.params.clone();
        params.insert("seed".to_owned(), self.pipeline.seed.to_string());
        params.insert("outcome".to_owned(), self.pipeline.label.outcome.clone());
        if let Some(policy) = &self.pipeline.policy {
            params.insert("policy.action".to_owned(), policy.action.clone());
            params.insert("policy.when".to_owned(), policy.when.clone());
        }
        params
    }

    #[must_use]
    pub fn evaluation(&self, groups: BTreeMap<String, Vec<String>>, baseline: Vec<f64>) -> EvaluationSet {
        let (examples, split) = (&self.dataset.examples, &self.dataset.split);
        let step = split.train.len().div_ceil(REFERENCE_ROWS_MAX).max(1);
        let sample: Vec<usize> = split.train.iter().copied().step_by(step).collect();
        EvaluationSet {
            features: examples.features.clone(),
            rows: examples.values_of(&split.evaluation),
            labels: examples.labels_of(&split.evaluation),
            groups,
            members: examples.members_of(&split.evaluation),
            baseline: Some(baseline),
            reference: examples.values_of(&sample),
        }
    }
}

fn signature(columns: usize) -> ModelSignature {
    let tensor = |name: &str, columns: usize| TensorSpec {
        name: name.to_owned(),
        datatype: "FP64".to_owned(),
        shape: vec![-1, i64::try_from(columns).unwrap_or(i64::MAX)],
    };
    ModelSignature {
        inputs: vec![tensor(INPUT, columns)],
        outputs: vec![tensor(OUTPUT, 1)],
    }
}

/// Ends the run as what came of `result`; an error of the ending does not hide the first.
pub async fn end_run<T, E: From<RegistryError>>(
    ctx: &RequestContext,
    registry: &Registry,
    run: RunId,
    result: Result<T, E>,
) -> Result<T, E> {
    let status = if result.is_ok() {
        RunStatus::Finished
    } else {
        RunStatus::Failed
    };
    let ended = registry.end_run(ctx, run, status).await;
    let value = result?;
    ended?;
    Ok(value)
}
