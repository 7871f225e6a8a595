//! Which trainer is registered, and what must hold before it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use cortex_checks::Direction;
use cortex_registry::{EvaluationSet, Run};

use super::agreement;
use super::dataset_stages::Dataset;
use super::evaluation;
use super::learning::{Learned, Lesson};
use super::registration::{Origins, end_run};
use super::report::{Candidate, Registered};
use super::training_run::TrainingRun;
use crate::declaration::{Choice, TrainerChoice};
use crate::{TrainingError, TrainingMatrix};

impl<'a> TrainingRun<'a> {
    /// Every trainer with what it reached on the validation rows, and those that are to be registered.
    pub(super) async fn compare(
        &mut self,
        dataset: &Dataset,
        data: &str,
    ) -> Result<(Vec<Candidate>, Vec<&'a TrainerChoice>), TrainingError> {
        let pipeline = self.pipeline;
        let all: Vec<&TrainerChoice> = pipeline.trainers.iter().collect();
        let mut candidates: Vec<Candidate> = all
            .iter()
            .map(|choice| Candidate {
                trainer: choice.trainer.clone(),
                validation: None,
            })
            .collect();
        if pipeline.choose == Choice::Each || all.len() < 2 {
            return Ok((candidates, all));
        }
        match self.validate(dataset, data, &mut candidates).await? {
            Some(best) => Ok((candidates, vec![all[best]])),
            None => {
                let first = &all[0].trainer;
                self.warnings.push(format!(
                    "too little history to compare trainers: {first} was taken, the first"
                ));
                Ok((candidates, vec![all[0]]))
            }
        }
    }

    /// Fills in what each candidate reaches, and returns the best; `None` where nothing can be compared.
    async fn validate(
        &mut self,
        dataset: &Dataset,
        data: &str,
        candidates: &mut [Candidate],
    ) -> Result<Option<usize>, TrainingError> {
        let (pipeline, examples, split) = (self.pipeline, &dataset.examples, &dataset.split);
        if split.fit.is_empty() || split.validation.is_empty() {
            return Ok(None);
        }
        let fit = match examples.matrix(pipeline.task, &split.fit) {
            Ok(fit) => fit,
            Err(TrainingError::SingleClass { .. } | TrainingError::NoFeatureValues { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let (probes, labels) = (
            examples.values_of(&split.validation),
            examples.labels_of(&split.validation),
        );
        let mut best: Option<(usize, f64)> = None;
        for (number, choice) in pipeline.trainers.iter().enumerate() {
            let learned = self.learn("compare", choice, fit.clone(), probes.clone(), data).await?;
            let figure = evaluation::compute(pipeline.metric, &labels, &learned.native);
            candidates[number].validation = figure;
            let Some(figure) = figure else { continue };
            let direction = pipeline.metric.direction();
            if best.is_none_or(|(_, other)| direction.improvement(figure, other) > 0.0) {
                best = Some((number, figure));
            }
        }
        Ok(best.map(|(number, _)| number))
    }

    /// Trains on everything that may teach, checks the file, judges it on later time, and registers it. The attempt is
    /// a run of the registry either way.
    pub(super) async fn train_and_register(
        &mut self,
        choice: &TrainerChoice,
        set: &TrainingMatrix,
        origins: &Origins<'_>,
        judged_by: &EvaluationSet,
        baseline: &BTreeMap<String, f64>,
    ) -> Result<Registered, TrainingError> {
        let (registry, ctx) = (Arc::clone(&self.setup.registry), self.ctx);
        let name = format!("{} as of {}", choice.trainer, self.as_of);
        let run = registry.start_run(ctx, &self.pipeline.pipeline, &name).await?;
        let attempt = self.attempt(&run, choice, set, origins, judged_by, baseline).await;
        end_run(ctx, &registry, run.id, attempt).await
    }

    async fn attempt(
        &mut self,
        run: &Run,
        choice: &TrainerChoice,
        set: &TrainingMatrix,
        origins: &Origins<'_>,
        judged_by: &EvaluationSet,
        baseline: &BTreeMap<String, f64>,
    ) -> Result<Registered, TrainingError> {
        let (setup, pipeline, ctx) = (self.setup, self.pipeline, self.ctx);
        setup.registry.log_params(ctx, run.id, &origins.params(choice)).await?;
        let probes = agreement::probes(&origins.dataset.examples, &origins.dataset.split);
        let data = &origins.stored.digest;
        let learned = self.learn("train", choice, set.clone(), probes.clone(), data).await?;

        let checked = agreement::check(
            &*setup.scorer,
            &choice.trainer,
            &learned.onnx,
            &learned.native,
            &probes,
            set.columns(),
        );
        let (agreement, scores) = self.stages.done(&stage_name("check", choice), checked).await?;
        let judged = scores.get(..judged_by.labels.len()).unwrap_or_default();
        let metrics = evaluation::metrics(pipeline.task, pipeline.metric, &judged_by.labels, judged);

        let mut told = metrics.clone();
        told.extend(
            baseline
                .iter()
                .map(|(name, value)| (format!("baseline_{name}"), *value)),
        );
        told.extend(
            learned
                .facts
                .iter()
                .map(|(name, value)| (format!("trainer_{name}"), *value)),
        );
        told.insert("agreement_worst".to_owned(), agreement.worst);
        told.insert("training_rows".to_owned(), set.rows() as f64);
        setup.registry.log_metrics(ctx, run.id, 0, &told).await?;
        let new = origins.version(run.id, choice, learned, judged_by.clone(), told);
        let register = async { Ok(setup.registry.register(ctx, new).await?) };
        let version = self.stages.done(&stage_name("register", choice), register).await?;
        Ok(Registered {
            version,
            trainer: choice.trainer.clone(),
            metrics,
            agreement,
        })
    }

    pub(super) async fn learn(
        &mut self,
        stage: &str,
        choice: &TrainerChoice,
        set: TrainingMatrix,
        probes: Vec<f64>,
        data: &str,
    ) -> Result<Learned, TrainingError> {
        let lesson = Lesson {
            stage: stage_name(stage, choice),
            trainer: self.setup.trainers.named(&choice.trainer)?,
            choice,
            seed: self.pipeline.seed,
            set,
            probes,
            // The same rows are split in the same way by the same rule as of the same instant.
            data: &format!("{data} {} {:?}", self.as_of, self.pipeline.split),
            code_version: &self.setup.code_version,
        };
        lesson.learn(&mut self.stages).await
    }

    /// By the pipeline's metric; those without it last.
    pub(super) fn best_first(&self, registered: &mut [Registered]) {
        let name = self.pipeline.metric.as_str();
        let goodness = |model: &Registered| {
            let figure = model.metrics.get(name).copied().unwrap_or(f64::NAN);
            let good = if self.pipeline.metric.direction() == Direction::Higher {
                figure
            } else {
                -figure
            };
            if good.is_nan() { f64::NEG_INFINITY } else { good }
        };
        registered.sort_by(|a, b| goodness(b).total_cmp(&goodness(a)));
    }
}

fn stage_name(stage: &str, choice: &TrainerChoice) -> String {
    format!("{stage}:{}", choice.trainer)
}
