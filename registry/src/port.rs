//! What the registry needs from outside: three small stores (runs, models, promotions), artifacts, and a scorer.
//!
//! Every method of a store is scoped to the tenant of `ctx`: what another tenant has is [`RegistryError::NotFound`].
//! Writes are durable when they return, and leave an audit entry in the same transaction.

use std::collections::BTreeMap;

use async_trait::async_trait;
use cortex_types::{ExperimentId, RequestContext, RunId, Timestamp};

use crate::RegistryError;
use crate::event::{NewEvent, RegistryEvent};
use crate::gate::SignedReport;
use crate::model::{Alias, ModelVersion};
use crate::runs::{Experiment, MetricPoint, Run, RunStatus};
use crate::traffic::Traffic;

/// Experiments and runs.
#[async_trait]
pub trait RunStore: Send + Sync + std::fmt::Debug {
    /// The experiment of that name, made from `experiment` where there is none.
    async fn ensure_experiment(
        &self,
        ctx: &RequestContext,
        experiment: Experiment,
    ) -> Result<Experiment, RegistryError>;
    /// By name.
    async fn experiments(&self, ctx: &RequestContext) -> Result<Vec<Experiment>, RegistryError>;
    async fn create_run(&self, ctx: &RequestContext, run: Run) -> Result<(), RegistryError>;
    async fn run(&self, ctx: &RequestContext, id: RunId) -> Result<Run, RegistryError>;
    /// The newest `limit`, newest first.
    async fn runs(
        &self,
        ctx: &RequestContext,
        experiment: ExperimentId,
        limit: usize,
    ) -> Result<Vec<Run>, RegistryError>;
    /// [`RegistryError::Immutable`] where the run has ended already.
    async fn end_run(
        &self,
        ctx: &RequestContext,
        id: RunId,
        status: RunStatus,
        at: Timestamp,
    ) -> Result<(), RegistryError>;
    /// All or nothing; a parameter that has another value already is [`RegistryError::Immutable`].
    async fn log_params(
        &self,
        ctx: &RequestContext,
        id: RunId,
        params: &BTreeMap<String, String>,
    ) -> Result<(), RegistryError>;
    /// Sets tags, over what they were.
    async fn set_tags(
        &self,
        ctx: &RequestContext,
        id: RunId,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), RegistryError>;
    /// Appends points; the same key and step may occur again.
    async fn log_metrics(&self, ctx: &RequestContext, id: RunId, points: &[MetricPoint]) -> Result<(), RegistryError>;
    /// Every point of `key`, or of all keys, by key and step, in the order they were logged within a step.
    async fn metrics(
        &self,
        ctx: &RequestContext,
        id: RunId,
        key: Option<&str>,
    ) -> Result<Vec<MetricPoint>, RegistryError>;
}

/// Registered models and their versions.
#[async_trait]
pub trait ModelStore: Send + Sync + std::fmt::Debug {
    /// Stores the version under the next number of its name, whatever number it carries, together with `event` (whose
    /// version becomes that number), and returns it as stored. Concurrent callers get different, gapless numbers.
    async fn create_version(
        &self,
        ctx: &RequestContext,
        version: ModelVersion,
        event: NewEvent,
    ) -> Result<ModelVersion, RegistryError>;
    async fn version(&self, ctx: &RequestContext, name: &str, version: u32) -> Result<ModelVersion, RegistryError>;
    /// Newest first; empty where there is no such model.
    async fn versions(&self, ctx: &RequestContext, name: &str) -> Result<Vec<ModelVersion>, RegistryError>;
    /// In order of their names.
    async fn model_names(&self, ctx: &RequestContext) -> Result<Vec<String>, RegistryError>;
    async fn alias(&self, ctx: &RequestContext, name: &str, alias: &str) -> Result<Option<Alias>, RegistryError>;
    /// In order of their names.
    async fn aliases(&self, ctx: &RequestContext, name: &str) -> Result<Vec<Alias>, RegistryError>;
}

/// Who may decide: gate reports, aliases, traffic, and the chain of what happened.
#[async_trait]
pub trait PromotionStore: Send + Sync + std::fmt::Debug {
    async fn add_report(
        &self,
        ctx: &RequestContext,
        report: SignedReport,
        event: NewEvent,
    ) -> Result<(), RegistryError>;
    /// Newest first; of one version, or of all of the model.
    async fn reports(
        &self,
        ctx: &RequestContext,
        model: &str,
        version: Option<u32>,
    ) -> Result<Vec<SignedReport>, RegistryError>;
    /// Points the alias to `alias.version` if it still points to `expected`; otherwise [`RegistryError::Moved`], and
    /// nothing changed. A canary of that same version ends when the alias is `champion`.
    async fn move_alias(
        &self,
        ctx: &RequestContext,
        alias: Alias,
        expected: Option<u32>,
        event: NewEvent,
    ) -> Result<(), RegistryError>;
    /// The stored split; its champion is left out, because the alias says it.
    async fn traffic(&self, ctx: &RequestContext, model: &str) -> Result<Option<Traffic>, RegistryError>;
    async fn set_traffic(&self, ctx: &RequestContext, traffic: Traffic, event: NewEvent) -> Result<(), RegistryError>;
    /// The `limit` events after number `after`, oldest first.
    async fn events(&self, ctx: &RequestContext, after: u64, limit: usize)
    -> Result<Vec<RegistryEvent>, RegistryError>;
}

/// Everything the registry keeps in one place, so that a change and its event are one transaction.
pub trait RegistryStore: RunStore + ModelStore + PromotionStore {}

impl<T: RunStore + ModelStore + PromotionStore> RegistryStore for T {}

/// Content-addressed files: written once under their SHA-256, never changed.
#[async_trait]
pub trait ArtifactStore: Send + Sync + std::fmt::Debug {
    /// Durable when it returns the digest (lower-case hex). The same bytes again change nothing.
    async fn put(&self, ctx: &RequestContext, bytes: &[u8]) -> Result<String, RegistryError>;
    /// The bytes, checked against their digest: [`RegistryError::CorruptArtifact`] where they are others,
    /// [`RegistryError::NotFound`] where the tenant has no such artifact.
    async fn get(&self, ctx: &RequestContext, digest: &str) -> Result<Vec<u8>, RegistryError>;
}

/// Runs an ONNX file over rows, so that evidence is computed and not believed.
#[async_trait]
pub trait Scorer: Send + Sync + std::fmt::Debug {
    /// `rows` is row-major with `columns` values a row, NaN for missing; the answer has one score per row.
    /// [`RegistryError::CorruptModel`] where the bytes are no such model, [`RegistryError::RuntimeMissing`] where there
    /// is nothing to run it with.
    async fn score(&self, onnx: &[u8], rows: &[f64], columns: usize) -> Result<Vec<f64>, RegistryError>;
}
