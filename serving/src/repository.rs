//! The versions that are loaded, and the split that is in force.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cortex_features::FeatureRef;
use cortex_registry::{ModelVersion, Registry};
use cortex_types::{Coded, ErrorCode, RequestContext, TenantId};
use parking_lot::Mutex;
use tokio::sync::OnceCell;

use crate::statistics::VersionKey;
use crate::{LoadedModel, ModelRuntime, Policy, ServingConfig, ServingError, Split};

/// A version that can be asked.
#[derive(Debug)]
pub struct ReadyModel {
    pub version: ModelVersion,
    /// What its `features` columns are.
    pub features: Vec<FeatureRef>,
    pub policy: Option<Policy>,
    pub loaded: Arc<dyn LoadedModel>,
}

/// What a version's place in the repository is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelState {
    Ready,
    /// Not loaded, or it could not be.
    Unavailable,
}

/// One version in the repository's index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexEntry {
    pub model: String,
    pub version: u32,
    pub state: ModelState,
    /// Why it is not ready, where that is an error.
    pub reason: String,
}

/// Loads versions when they are first asked for, once however many ask, and keeps the most recently used.
#[derive(Debug)]
pub struct ModelRepository {
    registry: Arc<Registry>,
    runtime: Arc<dyn ModelRuntime>,
    config: ServingConfig,
    slots: Mutex<HashMap<VersionKey, Arc<Slot>>>,
    splits: Mutex<BTreeMap<(TenantId, String), (Instant, Split)>>,
    /// How often a split was forgotten: one that was read before is not kept after.
    forgotten: AtomicU64,
    unloaded: Mutex<BTreeSet<(TenantId, String)>>,
    uses: AtomicU64,
}

#[derive(Debug, Default)]
struct Slot {
    ready: OnceCell<Arc<ReadyModel>>,
    last_error: Mutex<String>,
    last_use: AtomicU64,
}

impl ModelRepository {
    #[must_use]
    pub fn new(registry: Arc<Registry>, runtime: Arc<dyn ModelRuntime>, config: ServingConfig) -> Self {
        let (slots, splits, unloaded) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self {
            registry,
            runtime,
            config,
            slots,
            splits,
            forgotten: AtomicU64::new(0),
            unloaded,
            uses: AtomicU64::new(0),
        }
    }

    #[must_use]
    pub const fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// How the model's traffic is split now. [`ServingError::NoChampion`] where there is nobody to send it to.
    pub async fn split(&self, ctx: &RequestContext, model: &str) -> Result<Split, ServingError> {
        let key = (ctx.tenant.clone(), model.to_owned());
        let fresh = Duration::from_millis(self.config.traffic_cache_ms);
        if let Some((read_at, split)) = self.splits.lock().get(&key)
            && read_at.elapsed() < fresh
        {
            return Ok(*split);
        }
        let forgotten = self.forgotten.load(Ordering::Acquire);
        let traffic = self.registry.traffic(ctx, model).await?;
        let champion = traffic
            .champion
            .ok_or_else(|| ServingError::NoChampion(model.to_owned()))?;
        // A canary that became the champion is no canary any more.
        let canary = traffic.canary.filter(|canary| canary.version != champion);
        let canary = canary.map(|canary| (canary.version, canary.weight));
        let split = Split { champion, canary };
        let mut splits = self.splits.lock();
        if self.forgotten.load(Ordering::Acquire) == forgotten {
            splits.insert(key, (Instant::now(), split));
        }
        Ok(split)
    }

    /// The version, loaded. Errors are not kept: the next call tries again.
    pub async fn get(&self, ctx: &RequestContext, model: &str, version: u32) -> Result<Arc<ReadyModel>, ServingError> {
        if self.unloaded.lock().contains(&(ctx.tenant.clone(), model.to_owned())) {
            return Err(ServingError::Unloaded(model.to_owned()));
        }
        let key = VersionKey {
            tenant: ctx.tenant.clone(),
            model: model.to_owned(),
            version,
        };
        let slot = Arc::clone(self.slots.lock().entry(key.clone()).or_default());
        slot.last_use
            .store(self.uses.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        match slot.ready.get_or_try_init(|| self.load(ctx, model, version)).await {
            Ok(ready) => {
                let ready = Arc::clone(ready);
                self.make_room();
                Ok(ready)
            }
            Err(error) => {
                // A version that does not exist leaves no trace; one that cannot be loaded shows in the index.
                match error {
                    ServingError::CorruptModel { .. } | ServingError::LostModel { .. } => {
                        *slot.last_error.lock() = error.to_string()
                    }
                    _ => drop(self.slots.lock().remove(&key)),
                }
                Err(error)
            }
        }
    }

    async fn load(&self, ctx: &RequestContext, model: &str, version: u32) -> Result<Arc<ReadyModel>, ServingError> {
        let version = self.registry.version(ctx, model, version).await?;
        let onnx = self.registry.onnx(ctx, &version).await;
        let onnx = onnx.map_err(|error| match error.code() {
            // Whoever asks for a version that is registered asks rightly.
            ErrorCode::NotFound | ErrorCode::Corrupt => ServingError::LostModel {
                model: model.to_owned(),
                version: version.version,
                detail: error.to_string(),
            },
            _ => error.into(),
        })?;
        let loaded = self.runtime.load(model, &onnx).await?;
        let features = version
            .lineage
            .features
            .iter()
            .map(|name| name.parse())
            .collect::<Result<_, _>>()?;
        let policy = Policy::from_params(&version.lineage.params)?;
        tracing::info!(model, version = version.version, "model version is loaded");
        Ok(Arc::new(ReadyModel {
            version,
            features,
            policy,
            loaded,
        }))
    }

    /// Lets go of the versions that were used the longest ago. Requests that hold one finish with it.
    fn make_room(&self) {
        let mut slots = self.slots.lock();
        while slots.len() > self.config.loaded_max.max(1) {
            let oldest = slots
                .iter()
                .min_by_key(|(_, slot)| slot.last_use.load(Ordering::Relaxed));
            let Some(key) = oldest.map(|(key, _)| key.clone()) else {
                return;
            };
            slots.remove(&key);
        }
    }

    /// Forgets the cached split, so that the next request sees a promotion or a change of traffic.
    pub fn forget_split(&self, ctx: &RequestContext, model: &str) {
        let mut splits = self.splits.lock();
        self.forgotten.fetch_add(1, Ordering::Release);
        splits.remove(&(ctx.tenant.clone(), model.to_owned()));
    }

    /// Forgets the cached split, and that the model was unloaded.
    pub fn reload(&self, ctx: &RequestContext, model: &str) {
        self.forget_split(ctx, model);
        self.unloaded.lock().remove(&(ctx.tenant.clone(), model.to_owned()));
    }

    /// Drops the model's versions and refuses it until [`Self::reload`].
    pub fn unload(&self, ctx: &RequestContext, model: &str) {
        self.unloaded.lock().insert((ctx.tenant.clone(), model.to_owned()));
        self.slots
            .lock()
            .retain(|key, _| key.tenant != ctx.tenant || key.model != model);
    }

    /// Why versions cannot answer that are to: those with traffic, as far as somebody asked them lately.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        let splits = self.splits.lock();
        let slots = self.slots.lock();
        let has_traffic = |key: &VersionKey| {
            let split = splits.get(&(key.tenant.clone(), key.model.clone()));
            split.is_some_and(|(_, split)| {
                split.champion == key.version || split.canary.is_some_and(|(canary, _)| canary == key.version)
            })
        };
        let failed = slots
            .iter()
            .filter(|(key, slot)| !slot.ready.initialized() && has_traffic(key));
        let mut reasons: Vec<String> = failed.map(|(_, slot)| slot.last_error.lock().clone()).collect();
        reasons.retain(|reason| !reason.is_empty());
        reasons.sort_unstable();
        reasons
    }

    /// Every registered version of every model, in order of names, newest version first.
    pub async fn index(&self, ctx: &RequestContext) -> Result<Vec<IndexEntry>, ServingError> {
        let mut index = Vec::new();
        for model in self.registry.models(ctx).await? {
            for version in self.registry.versions(ctx, &model).await? {
                let (state, reason) = self.state(ctx, &model, version.version);
                index.push(IndexEntry {
                    model: model.clone(),
                    version: version.version,
                    state,
                    reason,
                });
            }
        }
        Ok(index)
    }

    fn state(&self, ctx: &RequestContext, model: &str, version: u32) -> (ModelState, String) {
        if self.unloaded.lock().contains(&(ctx.tenant.clone(), model.to_owned())) {
            return (ModelState::Unavailable, "unloaded".to_owned());
        }
        let key = VersionKey {
            tenant: ctx.tenant.clone(),
            model: model.to_owned(),
            version,
        };
        match self.slots.lock().get(&key) {
            Some(slot) if slot.ready.initialized() => (ModelState::Ready, String::new()),
            Some(slot) => (ModelState::Unavailable, slot.last_error.lock().clone()),
            None => (
                ModelState::Unavailable,
                "not loaded yet: it will be when it is first asked".to_owned(),
            ),
        }
    }
}
