//! One run, from declaration to report.

use std::collections::BTreeMap;

use cortex_types::{RequestContext, Timestamp};

use super::dataset_stages::{Dataset, DatasetStages};
use super::evaluation;
use super::pipelines::PipelineSetup;
use super::registration::Origins;
use super::report::{RowCounts, TrainingReport};
use super::stages::Stages;
use crate::dataset;
use crate::declaration::Pipeline;
use crate::{TrainingError, TrainingMatrix};

/// One run: dataset, comparison of trainers, training, check, evaluation, registration.
pub struct TrainingRun<'a> {
    pub setup: &'a PipelineSetup,
    pub ctx: &'a RequestContext,
    pub pipeline: &'a Pipeline,
    pub as_of: Timestamp,
    pub stages: Stages<'a>,
    pub warnings: Vec<String>,
}

impl TrainingRun<'_> {
    pub async fn run(mut self) -> Result<TrainingReport, TrainingError> {
        let dataset = self.dataset().await?;
        let set = self.matrix_that_teaches(&dataset)?;
        let stored = self.store(&dataset).await?;
        let origins = Origins {
            pipeline: self.pipeline,
            as_of: self.as_of,
            dataset: &dataset,
            stored: &stored,
            code_version: &self.setup.code_version,
        };
        let labels = dataset.examples.labels_of(&dataset.split.evaluation);
        let naive = self.baseline(&dataset, &set, &stored.digest).await?;
        let baseline = evaluation::metrics(self.pipeline.task, self.pipeline.metric, &labels, &naive);
        let groups = self.groups(&dataset).await?;
        let judged_by = origins.evaluation(groups, naive);

        let (candidates, winners) = self.compare(&dataset, &stored.digest).await?;
        let mut registered = Vec::new();
        for choice in winners {
            registered.push(
                self.train_and_register(choice, &set, &origins, &judged_by, &baseline)
                    .await?,
            );
        }
        self.best_first(&mut registered);
        let examples = &dataset.examples;
        let decisions = (0..examples.len()).filter(|row| examples.is_decision(*row)).count();
        Ok(TrainingReport {
            pipeline: self.pipeline.pipeline.clone(),
            model: self.pipeline.model.clone(),
            as_of: self.as_of,
            rows: RowCounts {
                point_in_time: examples.len() - decisions,
                experience: dataset
                    .split
                    .train
                    .iter()
                    .filter(|row| examples.is_decision(**row))
                    .count(),
                experience_repeated: examples.decisions_repeated,
                experience_unusable: dataset.unusable,
                train: dataset.split.train.len(),
                validation: dataset.split.validation.len(),
                evaluation: dataset.split.evaluation.len(),
            },
            training_set: stored,
            candidates,
            registered,
            baseline,
            warnings: self.warnings,
            stages: self.stages.into_timings(),
        })
    }

    async fn dataset(&mut self) -> Result<Dataset, TrainingError> {
        let stages = DatasetStages {
            ctx: self.ctx,
            pipeline: self.pipeline,
            as_of: self.as_of,
            lake: &*self.setup.lake,
            sets: &self.setup.features,
            code_version: &self.setup.code_version,
        };
        stages.build(&mut self.stages).await
    }

    fn matrix_that_teaches(&mut self, dataset: &Dataset) -> Result<TrainingMatrix, TrainingError> {
        let set = dataset.examples.matrix(self.pipeline.task, &dataset.split.train)?;
        for column in set.empty_columns() {
            let feature = &set.features()[column];
            self.warnings.push(format!(
                "feature {feature} has no value in any training row, and is not used"
            ));
        }
        Ok(set)
    }

    async fn store(&mut self, dataset: &Dataset) -> Result<dataset::StoredSet, TrainingError> {
        let recipe = serde_json::json!({
            "pipeline": self.pipeline,
            "as_of": self.as_of,
            "tables": dataset.tables,
            "frontier": dataset.frontier,
            "code_version": self.setup.code_version,
        })
        .to_string();
        let set = (&dataset.examples, &dataset.split);
        let name = &self.pipeline.pipeline;
        let stored = dataset::store(
            self.ctx,
            &*self.setup.lake,
            name,
            self.as_of,
            set,
            &recipe,
            &dataset.frontier,
        );
        self.stages.done("store", stored).await
    }

    /// What the naive rule says of the evaluation rows.
    async fn baseline(
        &mut self,
        dataset: &Dataset,
        set: &TrainingMatrix,
        data: &str,
    ) -> Result<Vec<f64>, TrainingError> {
        let probes = dataset.examples.values_of(&dataset.split.evaluation);
        let choice = &self.pipeline.baseline;
        Ok(self.learn("baseline", choice, set.clone(), probes, data).await?.native)
    }

    async fn groups(&self, dataset: &Dataset) -> Result<BTreeMap<String, Vec<String>>, TrainingError> {
        let keys: Vec<_> = dataset
            .split
            .evaluation
            .iter()
            .map(|&row| &dataset.examples.rows.keys[row])
            .collect();
        dataset::groups_of(self.ctx, &*self.setup.lake, &self.pipeline.groups, &keys, self.as_of).await
    }
}
