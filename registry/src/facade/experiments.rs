//! Experiments and runs: what training reports while it works.

use std::collections::BTreeMap;

use cortex_types::{ExperimentId, RequestContext, RunId};

use super::{Registry, names};
use crate::RegistryError;
use crate::runs::{Experiment, MetricPoint, Run, RunStatus, check_pairs, check_points};

/// Most runs in one answer.
const RUNS_MAX: usize = 1000;

impl Registry {
    /// The experiment of that name, made where there is none.
    pub async fn experiment(&self, ctx: &RequestContext, name: &str) -> Result<Experiment, RegistryError> {
        names::check("experiment", name)?;
        let new = Experiment {
            id: ExperimentId::new(),
            name: name.to_owned(),
            created_at: self.clock.now(),
        };
        self.store.ensure_experiment(ctx, new).await
    }

    /// By name.
    pub async fn experiments(&self, ctx: &RequestContext) -> Result<Vec<Experiment>, RegistryError> {
        self.store.experiments(ctx).await
    }

    /// Starts a run in the experiment of that name, which is made where there is none.
    pub async fn start_run(&self, ctx: &RequestContext, experiment: &str, name: &str) -> Result<Run, RegistryError> {
        let experiment = self.experiment(ctx, experiment).await?;
        let run = Run {
            id: RunId::new(),
            experiment: experiment.id,
            name: name.to_owned(),
            status: RunStatus::Running,
            started_at: self.clock.now(),
            ended_at: None,
            params: BTreeMap::new(),
            tags: BTreeMap::new(),
        };
        self.store.create_run(ctx, run.clone()).await?;
        Ok(run)
    }

    pub async fn run(&self, ctx: &RequestContext, id: RunId) -> Result<Run, RegistryError> {
        self.store.run(ctx, id).await
    }

    /// Newest first, at most `limit` and 1000. [`RegistryError::NotFound`] where there is no such experiment.
    pub async fn runs(
        &self,
        ctx: &RequestContext,
        experiment: ExperimentId,
        limit: usize,
    ) -> Result<Vec<Run>, RegistryError> {
        let runs = self.store.runs(ctx, experiment, limit.min(RUNS_MAX)).await?;
        if runs.is_empty() && !self.experiments(ctx).await?.iter().any(|known| known.id == experiment) {
            return Err(RegistryError::not_found("experiment", experiment));
        }
        Ok(runs)
    }

    /// Ends a run as [`RunStatus::Finished`] or [`RunStatus::Failed`].
    pub async fn end_run(&self, ctx: &RequestContext, id: RunId, status: RunStatus) -> Result<(), RegistryError> {
        if status == RunStatus::Running {
            return Err(RegistryError::Invalid("a run ends as finished or failed".to_owned()));
        }
        self.store.end_run(ctx, id, status, self.clock.now()).await
    }

    /// Parameters are written once: another value for a known key is [`RegistryError::Immutable`].
    pub async fn log_params(
        &self,
        ctx: &RequestContext,
        id: RunId,
        params: &BTreeMap<String, String>,
    ) -> Result<(), RegistryError> {
        check_pairs("parameters", params)?;
        self.store.log_params(ctx, id, params).await
    }

    pub async fn set_tags(
        &self,
        ctx: &RequestContext,
        id: RunId,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), RegistryError> {
        check_pairs("tags", tags)?;
        self.store.set_tags(ctx, id, tags).await
    }

    /// Logs `values` at `step`, now.
    pub async fn log_metrics(
        &self,
        ctx: &RequestContext,
        id: RunId,
        step: i64,
        values: &BTreeMap<String, f64>,
    ) -> Result<(), RegistryError> {
        let at = self.clock.now();
        let point = |(key, value): (&String, &f64)| MetricPoint {
            key: key.clone(),
            value: *value,
            step,
            at,
        };
        self.log_points(ctx, id, &values.iter().map(point).collect::<Vec<_>>())
            .await
    }

    /// Logs points that bring their own time.
    pub async fn log_points(
        &self,
        ctx: &RequestContext,
        id: RunId,
        points: &[MetricPoint],
    ) -> Result<(), RegistryError> {
        check_points(points)?;
        self.store.log_metrics(ctx, id, points).await
    }

    /// Every point of `key`, or of all keys, by key and step.
    pub async fn metrics(
        &self,
        ctx: &RequestContext,
        id: RunId,
        key: Option<&str>,
    ) -> Result<Vec<MetricPoint>, RegistryError> {
        self.store.metrics(ctx, id, key).await
    }
}
