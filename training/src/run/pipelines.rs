//! Pipelines, ready to run.

use std::sync::Arc;

use cortex_features::TrainingSets;
use cortex_lake::Lake;
use cortex_registry::{Registry, Scorer};
use cortex_types::{RequestContext, Timestamp};
use tokio::sync::Semaphore;

use super::cache::StageCache;
use super::progress::Progress;
use super::report::TrainingReport;
use super::stages::Stages;
use super::training_run::TrainingRun;
use crate::declaration::PipelineDefinitions;
use crate::{Trainers, TrainingError};

/// Trainings at the same time; each takes every core it can get.
const RUNS_MAX: usize = 2;

/// What pipelines work with.
#[derive(Clone, Debug)]
pub struct PipelineSetup {
    pub definitions: PipelineDefinitions,
    pub trainers: Trainers,
    pub lake: Arc<dyn Lake>,
    pub features: TrainingSets,
    pub registry: Arc<Registry>,
    /// Runs the files that are checked and evaluated: the same as will serve them.
    pub scorer: Arc<dyn Scorer>,
    pub cache: StageCache,
    /// Version and commit of the code, for the lineage; another code finds nothing in the cache.
    pub code_version: String,
}

/// Runs declared pipelines. Cheap to share behind an `Arc`.
#[derive(Debug)]
pub struct Pipelines {
    setup: PipelineSetup,
    runs: Semaphore,
}

impl Pipelines {
    /// Refuses pipelines that name a trainer or a parameter which does not exist.
    pub fn new(setup: PipelineSetup) -> Result<Self, TrainingError> {
        for pipeline in setup.definitions.iter() {
            for choice in pipeline.trainers.iter().chain([&pipeline.baseline]) {
                setup.trainers.named(&choice.trainer)?.check(&choice.params)?;
            }
        }
        Ok(Self {
            setup,
            runs: Semaphore::new(RUNS_MAX),
        })
    }

    #[must_use]
    pub const fn definitions(&self) -> &PipelineDefinitions {
        &self.setup.definitions
    }

    /// Trains `pipeline` with what was known at `as_of`, and registers what came out.
    ///
    /// Stages that an earlier run finished with the same recipe on the same data come from the cache. Nothing is
    /// registered unless its file agrees with its trainer; who promotes it is another's business.
    pub async fn run(
        &self,
        ctx: &RequestContext,
        pipeline: &str,
        as_of: Timestamp,
    ) -> Result<TrainingReport, TrainingError> {
        self.run_with(ctx, pipeline, as_of, &()).await
    }

    /// [`run`](Self::run), telling `progress` of every stage.
    pub async fn run_with(
        &self,
        ctx: &RequestContext,
        pipeline: &str,
        as_of: Timestamp,
        progress: &dyn Progress,
    ) -> Result<TrainingReport, TrainingError> {
        let pipeline = Arc::clone(self.setup.definitions.named(pipeline)?);
        let _permit = self
            .runs
            .try_acquire()
            .map_err(|_| TrainingError::Overloaded { capacity: RUNS_MAX })?;
        let stages = Stages::new(&pipeline.pipeline, &self.setup.cache, progress);
        TrainingRun {
            setup: &self.setup,
            ctx,
            pipeline: &pipeline,
            as_of,
            stages,
            warnings: Vec::new(),
        }
        .run()
        .await
    }
}
