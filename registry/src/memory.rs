//! The registry's stores in memory: for tests, and to say in code what the ports mean.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use cortex_security::AuditEntry;
use cortex_types::{ExperimentId, RequestContext, RunId, TenantId, Timestamp};
use sha2::{Digest, Sha256};

use crate::RegistryError;
use crate::event::{NewEvent, RegistryEvent};
use crate::gate::SignedReport;
use crate::model::{Alias, ModelVersion};
use crate::port::{ArtifactStore, ModelStore, PromotionStore, RunStore};
use crate::runs::{Experiment, MetricPoint, Run, RunStatus, merge_params};
use crate::traffic::Traffic;

/// All that one tenant has.
#[derive(Debug, Default)]
struct Shelf {
    experiments: BTreeMap<String, Experiment>,
    runs: BTreeMap<RunId, Run>,
    metrics: HashMap<RunId, Vec<MetricPoint>>,
    versions: BTreeMap<String, Vec<ModelVersion>>,
    aliases: BTreeMap<(String, String), Alias>,
    reports: Vec<SignedReport>,
    traffic: HashMap<String, Traffic>,
    events: Vec<RegistryEvent>,
    audit: Vec<AuditEntry>,
}

impl Shelf {
    fn run(&mut self, id: RunId) -> Result<&mut Run, RegistryError> {
        self.runs
            .get_mut(&id)
            .ok_or_else(|| RegistryError::not_found("run", id))
    }

    fn append(&mut self, ctx: &RequestContext, event: NewEvent) {
        self.audit.push(event.audit_entry());
        let last = self.events.last().map(|event| (event.seq, event.hash.as_str()));
        let linked = RegistryEvent::link(ctx, last, event);
        self.events.push(linked);
    }
}

/// [`RegistryStore`](crate::RegistryStore) in memory.
#[derive(Debug, Default)]
pub struct MemoryRegistry(Mutex<HashMap<TenantId, Shelf>>);

impl MemoryRegistry {
    fn shelves(&self) -> MutexGuard<'_, HashMap<TenantId, Shelf>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at, or changes, what the tenant of `ctx` has.
    fn with<T>(&self, ctx: &RequestContext, act: impl FnOnce(&mut Shelf) -> T) -> T {
        act(self.shelves().entry(ctx.tenant.clone()).or_default())
    }

    /// What was recorded for the audit log, oldest first.
    #[must_use]
    pub fn audit(&self, ctx: &RequestContext) -> Vec<AuditEntry> {
        self.with(ctx, |shelf| shelf.audit.clone())
    }

    /// Replaces the text of every stored report, as an intruder in the database would. For tests.
    pub fn tamper_with_reports(&self, ctx: &RequestContext, forge: impl Fn(&str) -> String) {
        self.with(ctx, |shelf| {
            shelf
                .reports
                .iter_mut()
                .for_each(|report| report.payload = forge(&report.payload))
        });
    }
}

#[async_trait]
impl RunStore for MemoryRegistry {
    async fn ensure_experiment(
        &self,
        ctx: &RequestContext,
        experiment: Experiment,
    ) -> Result<Experiment, RegistryError> {
        Ok(self.with(ctx, |shelf| {
            shelf
                .experiments
                .entry(experiment.name.clone())
                .or_insert(experiment)
                .clone()
        }))
    }

    async fn experiments(&self, ctx: &RequestContext) -> Result<Vec<Experiment>, RegistryError> {
        Ok(self.with(ctx, |shelf| shelf.experiments.values().cloned().collect()))
    }

    async fn create_run(&self, ctx: &RequestContext, run: Run) -> Result<(), RegistryError> {
        self.with(ctx, |shelf| {
            if !shelf
                .experiments
                .values()
                .any(|experiment| experiment.id == run.experiment)
            {
                return Err(RegistryError::not_found("experiment", run.experiment));
            }
            shelf.runs.insert(run.id, run);
            Ok(())
        })
    }

    async fn run(&self, ctx: &RequestContext, id: RunId) -> Result<Run, RegistryError> {
        self.with(ctx, |shelf| shelf.run(id).cloned())
    }

    async fn runs(
        &self,
        ctx: &RequestContext,
        experiment: ExperimentId,
        limit: usize,
    ) -> Result<Vec<Run>, RegistryError> {
        Ok(self.with(ctx, |shelf| {
            let of_it = shelf.runs.values().filter(|run| run.experiment == experiment);
            of_it.rev().take(limit).cloned().collect()
        }))
    }

    async fn end_run(
        &self,
        ctx: &RequestContext,
        id: RunId,
        status: RunStatus,
        at: Timestamp,
    ) -> Result<(), RegistryError> {
        self.with(ctx, |shelf| {
            let run = shelf.run(id)?;
            if run.status != RunStatus::Running {
                return Err(RegistryError::Immutable(format!("run {id} has ended already")));
            }
            (run.status, run.ended_at) = (status, Some(at));
            Ok(())
        })
    }

    async fn log_params(
        &self,
        ctx: &RequestContext,
        id: RunId,
        params: &BTreeMap<String, String>,
    ) -> Result<(), RegistryError> {
        self.with(ctx, |shelf| merge_params(&id, &mut shelf.run(id)?.params, params))
    }

    async fn set_tags(
        &self,
        ctx: &RequestContext,
        id: RunId,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), RegistryError> {
        self.with(ctx, |shelf| {
            shelf.run(id)?.tags.extend(tags.clone());
            Ok(())
        })
    }

    async fn log_metrics(&self, ctx: &RequestContext, id: RunId, points: &[MetricPoint]) -> Result<(), RegistryError> {
        self.with(ctx, |shelf| {
            shelf.run(id)?;
            shelf.metrics.entry(id).or_default().extend(points.iter().cloned());
            Ok(())
        })
    }

    async fn metrics(
        &self,
        ctx: &RequestContext,
        id: RunId,
        key: Option<&str>,
    ) -> Result<Vec<MetricPoint>, RegistryError> {
        self.with(ctx, |shelf| {
            shelf.run(id)?;
            let all = shelf.metrics.get(&id).map_or(&[][..], Vec::as_slice);
            let mut points: Vec<MetricPoint> = all
                .iter()
                .filter(|point| key.is_none_or(|key| point.key == key))
                .cloned()
                .collect();
            points.sort_by(|a, b| (&a.key, a.step).cmp(&(&b.key, b.step)));
            Ok(points)
        })
    }
}

#[async_trait]
impl ModelStore for MemoryRegistry {
    async fn create_version(
        &self,
        ctx: &RequestContext,
        mut version: ModelVersion,
        mut event: NewEvent,
    ) -> Result<ModelVersion, RegistryError> {
        self.with(ctx, |shelf| {
            let versions = shelf.versions.entry(version.name.to_string()).or_default();
            version.version = versions.last().map_or(1, |last| last.version + 1);
            event.version = version.version;
            versions.push(version.clone());
            shelf.append(ctx, event);
            Ok(version)
        })
    }

    async fn version(&self, ctx: &RequestContext, name: &str, version: u32) -> Result<ModelVersion, RegistryError> {
        let found = self.with(ctx, |shelf| {
            shelf
                .versions
                .get(name)
                .and_then(|versions| versions.iter().find(|v| v.version == version))
                .cloned()
        });
        found.ok_or_else(|| RegistryError::not_found("model version", format!("{name}/{version}")))
    }

    async fn versions(&self, ctx: &RequestContext, name: &str) -> Result<Vec<ModelVersion>, RegistryError> {
        Ok(self.with(ctx, |shelf| {
            shelf
                .versions
                .get(name)
                .map_or_else(Vec::new, |versions| versions.iter().rev().cloned().collect())
        }))
    }

    async fn model_names(&self, ctx: &RequestContext) -> Result<Vec<String>, RegistryError> {
        Ok(self.with(ctx, |shelf| shelf.versions.keys().cloned().collect()))
    }

    async fn alias(&self, ctx: &RequestContext, name: &str, alias: &str) -> Result<Option<Alias>, RegistryError> {
        Ok(self.with(ctx, |shelf| {
            shelf.aliases.get(&(name.to_owned(), alias.to_owned())).cloned()
        }))
    }

    async fn aliases(&self, ctx: &RequestContext, name: &str) -> Result<Vec<Alias>, RegistryError> {
        Ok(self.with(ctx, |shelf| {
            shelf
                .aliases
                .values()
                .filter(|alias| &*alias.model == name)
                .cloned()
                .collect()
        }))
    }
}

#[async_trait]
impl PromotionStore for MemoryRegistry {
    async fn add_report(
        &self,
        ctx: &RequestContext,
        report: SignedReport,
        event: NewEvent,
    ) -> Result<(), RegistryError> {
        self.with(ctx, |shelf| {
            shelf.reports.push(report);
            shelf.append(ctx, event);
            Ok(())
        })
    }

    async fn reports(
        &self,
        ctx: &RequestContext,
        model: &str,
        version: Option<u32>,
    ) -> Result<Vec<SignedReport>, RegistryError> {
        Ok(self.with(ctx, |shelf| {
            let wanted = |report: &&SignedReport| report.model == model && version.is_none_or(|v| v == report.version);
            shelf.reports.iter().rev().filter(wanted).cloned().collect()
        }))
    }

    async fn move_alias(
        &self,
        ctx: &RequestContext,
        alias: Alias,
        expected: Option<u32>,
        event: NewEvent,
    ) -> Result<(), RegistryError> {
        self.with(ctx, |shelf| {
            let key = (alias.model.to_string(), alias.alias.to_string());
            if shelf.aliases.get(&key).map(|there| there.version) != expected {
                return Err(RegistryError::Moved {
                    model: key.0,
                    alias: key.1,
                });
            }
            if &*alias.alias == crate::CHAMPION
                && let Some(traffic) = shelf.traffic.get_mut(&key.0)
                && traffic.canary.is_some_and(|canary| canary.version == alias.version)
            {
                traffic.canary = None;
            }
            shelf.aliases.insert(key, alias);
            shelf.append(ctx, event);
            Ok(())
        })
    }

    async fn traffic(&self, ctx: &RequestContext, model: &str) -> Result<Option<Traffic>, RegistryError> {
        Ok(self.with(ctx, |shelf| {
            shelf
                .traffic
                .get(model)
                .cloned()
                .map(|t| Traffic { champion: None, ..t })
        }))
    }

    async fn set_traffic(&self, ctx: &RequestContext, traffic: Traffic, event: NewEvent) -> Result<(), RegistryError> {
        self.with(ctx, |shelf| {
            shelf.traffic.insert(traffic.model.to_string(), traffic);
            shelf.append(ctx, event);
            Ok(())
        })
    }

    async fn events(
        &self,
        ctx: &RequestContext,
        after: u64,
        limit: usize,
    ) -> Result<Vec<RegistryEvent>, RegistryError> {
        Ok(self.with(ctx, |shelf| {
            shelf
                .events
                .iter()
                .filter(|event| event.seq > after)
                .take(limit)
                .cloned()
                .collect()
        }))
    }
}

/// [`ArtifactStore`] in memory.
#[derive(Debug, Default)]
pub struct MemoryArtifacts(Mutex<HashMap<(TenantId, String), Vec<u8>>>);

impl MemoryArtifacts {
    /// Replaces what is stored under `digest`, as a failing disk would. For tests.
    pub fn corrupt(&self, ctx: &RequestContext, digest: &str, bytes: &[u8]) {
        self.files()
            .insert((ctx.tenant.clone(), digest.to_owned()), bytes.to_vec());
    }

    fn files(&self) -> MutexGuard<'_, HashMap<(TenantId, String), Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ArtifactStore for MemoryArtifacts {
    async fn put(&self, ctx: &RequestContext, bytes: &[u8]) -> Result<String, RegistryError> {
        let digest = hex::encode(Sha256::digest(bytes));
        self.files()
            .insert((ctx.tenant.clone(), digest.clone()), bytes.to_vec());
        Ok(digest)
    }

    async fn get(&self, ctx: &RequestContext, digest: &str) -> Result<Vec<u8>, RegistryError> {
        let key = (ctx.tenant.clone(), digest.to_owned());
        let bytes = self
            .files()
            .get(&key)
            .cloned()
            .ok_or_else(|| RegistryError::not_found("artifact", digest))?;
        let found = hex::encode(Sha256::digest(&bytes));
        if found != digest {
            let detail = format!("its SHA-256 is {found}");
            return Err(RegistryError::CorruptArtifact {
                digest: digest.to_owned(),
                detail,
            });
        }
        Ok(bytes)
    }
}
