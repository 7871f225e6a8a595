//! The stages of one run. Each names what it reads by key, so the stages form a graph, and a stage whose key is known
//! is not computed again.

use std::future::Future;
use std::time::Instant;

use arrow::array::RecordBatch;

use super::cache::{StageCache, StageKey};
use super::progress::{Progress, StageUpdate};
use super::report::StageTiming;
use crate::TrainingError;

pub struct Stages<'a> {
    pipeline: &'a str,
    cache: &'a StageCache,
    progress: &'a dyn Progress,
    timings: Vec<StageTiming>,
}

impl<'a> Stages<'a> {
    #[must_use]
    pub fn new(pipeline: &'a str, cache: &'a StageCache, progress: &'a dyn Progress) -> Self {
        Self {
            pipeline,
            cache,
            progress,
            timings: Vec::new(),
        }
    }

    /// The result that is kept under `key`, or that of `work`, which is then kept.
    pub async fn cached<W>(&mut self, stage: &str, key: &StageKey, work: W) -> Result<RecordBatch, TrainingError>
    where
        W: Future<Output = Result<RecordBatch, TrainingError>>,
    {
        let started = self.start(stage);
        if let Some(result) = self.cache.get(key) {
            self.finish(stage, started, true);
            return Ok(result);
        }
        let result = work.await?;
        self.cache.put(key, &result)?;
        self.finish(stage, started, false);
        Ok(result)
    }

    /// A stage whose effect lies outside, and which is done each time.
    pub async fn done<T, W>(&mut self, stage: &str, work: W) -> Result<T, TrainingError>
    where
        W: Future<Output = Result<T, TrainingError>>,
    {
        let started = self.start(stage);
        let result = work.await?;
        self.finish(stage, started, false);
        Ok(result)
    }

    #[must_use]
    pub fn into_timings(self) -> Vec<StageTiming> {
        self.timings
    }

    fn start(&self, stage: &str) -> Instant {
        self.progress.update(StageUpdate::Started {
            pipeline: self.pipeline,
            stage,
        });
        Instant::now()
    }

    fn finish(&mut self, stage: &str, started: Instant, from_cache: bool) {
        let seconds = started.elapsed().as_secs_f64();
        tracing::debug!(pipeline = self.pipeline, stage, seconds, from_cache, "stage finished");
        self.progress.update(StageUpdate::Finished {
            pipeline: self.pipeline,
            stage,
            seconds,
            from_cache,
        });
        self.timings.push(StageTiming {
            stage: stage.to_owned(),
            seconds,
            from_cache,
        });
    }
}
