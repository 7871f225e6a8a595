//! The ports in memory, and models that need no runtime: for tests here and in the crates around.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use cortex_features::{
    EntityKey, FeatureError, FeatureRef, FeatureStatus, FeatureValue, OnlineRow, OnlineStore, OnlineVectors,
};
use cortex_lake::ChangeBatch;
use cortex_registry::memory::{MemoryArtifacts, MemoryRegistry};
use cortex_registry::{
    Alias, ArtifactStore, CHAMPION, EventKind, GatePolicies, Lineage, ModelSignature, ModelStore, ModelVersion,
    NewEvent, PromotionStore, Registry, RegistryError, RegistryStore, Scorer, Task, TensorSpec,
};
use cortex_types::{Clock, DecisionId, Frontier, ModelVersionId, Position, RequestContext, RunId, TenantId, Timestamp};
use parking_lot::Mutex;

use crate::{
    Decision, DecisionLog, FEATURES_INPUT, Inference, LoadedModel, ModelRuntime, SCORE_OUTPUT, ServingError, Tensor,
    Timing, check_inputs, select_outputs,
};

/// Remembers decisions until it is dropped, each id once.
#[derive(Debug, Default)]
pub struct MemoryDecisionLog {
    decisions: Mutex<Vec<Decision>>,
    calls: Mutex<usize>,
}

impl MemoryDecisionLog {
    /// In the order in which they were recorded.
    #[must_use]
    pub fn decisions(&self) -> Vec<Decision> {
        self.decisions.lock().clone()
    }

    #[must_use]
    pub fn find(&self, id: DecisionId) -> Option<Decision> {
        self.decisions.lock().iter().find(|decision| decision.id == id).cloned()
    }

    #[must_use]
    pub fn calls(&self) -> usize {
        *self.calls.lock()
    }
}

#[async_trait]
impl DecisionLog for MemoryDecisionLog {
    async fn record(&self, _ctx: &RequestContext, decisions: &[Decision]) -> Result<(), ServingError> {
        *self.calls.lock() += 1;
        let mut known = self.decisions.lock();
        for decision in decisions {
            if !known.iter().any(|old| old.id == decision.id) {
                known.push(decision.clone());
            }
        }
        Ok(())
    }
}

/// Online features that were put there by hand.
#[derive(Debug, Default)]
pub struct FixedFeatures {
    values: Mutex<HashMap<(String, FeatureRef), FeatureValue>>,
    reads: Mutex<usize>,
}

impl FixedFeatures {
    pub fn set(&self, key: &str, feature: &FeatureRef, value: FeatureValue) {
        self.values.lock().insert((key.to_owned(), feature.clone()), value);
    }

    #[must_use]
    pub fn reads(&self) -> usize {
        *self.reads.lock()
    }

    /// Where it says its values were computed.
    #[must_use]
    pub fn computed_at() -> Frontier {
        Frontier::of(Position::new("fixed", 1, 7, 42))
    }
}

#[async_trait]
impl OnlineStore for FixedFeatures {
    async fn read(
        &self,
        _tenant: &TenantId,
        features: &[FeatureRef],
        keys: &[EntityKey],
        at: Timestamp,
    ) -> Result<OnlineVectors, FeatureError> {
        *self.reads.lock() += 1;
        let values = self.values.lock();
        let row = |key: &EntityKey| {
            let found = |feature: &FeatureRef| values.get(&(key.as_str().to_owned(), feature.clone())).cloned();
            let found: Vec<Option<FeatureValue>> = features.iter().map(found).collect();
            let status = |value: &Option<FeatureValue>| match value {
                Some(_) => FeatureStatus::Present,
                None => FeatureStatus::NotFound,
            };
            OnlineRow {
                statuses: found.iter().map(status).collect(),
                event_times: found.iter().map(|value| value.as_ref().map(|_| at)).collect(),
                values: found
                    .into_iter()
                    .map(|value| value.unwrap_or(FeatureValue::Null))
                    .collect(),
            }
        };
        Ok(OnlineVectors {
            rows: keys.iter().map(row).collect(),
            frontier: Self::computed_at(),
        })
    }

    async fn fold(&self, _batches: &[ChangeBatch], _upto: &Frontier) -> Result<(), FeatureError> {
        Ok(())
    }

    async fn settle(&self) -> Result<(), FeatureError> {
        Ok(())
    }

    async fn frontier(&self) -> Result<Frontier, FeatureError> {
        Ok(Self::computed_at())
    }
}

/// Runs files of the form `columns,bias`: the score is the bias plus the sum of the columns that are not missing.
#[derive(Clone, Copy, Debug, Default)]
pub struct SumRuntime;

#[derive(Debug)]
struct SumModel {
    signature: ModelSignature,
    bias: f64,
}

#[async_trait]
impl ModelRuntime for SumRuntime {
    async fn load(&self, name: &str, onnx: &[u8]) -> Result<Arc<dyn LoadedModel>, ServingError> {
        let parsed = std::str::from_utf8(onnx).ok().and_then(|text| text.split_once(','));
        let parsed = parsed.and_then(|(columns, bias)| Some((columns.parse().ok()?, bias.parse().ok()?)));
        let (columns, bias) = parsed.ok_or_else(|| ServingError::CorruptModel {
            model: name.to_owned(),
            detail: "it is not of the form columns,bias".to_owned(),
        })?;
        Ok(Arc::new(SumModel {
            signature: signature(columns),
            bias,
        }))
    }
}

/// As Cortex trains them, with so many columns.
#[must_use]
pub fn signature(columns: i64) -> ModelSignature {
    let spec = |name: &str, width| TensorSpec {
        name: name.into(),
        datatype: "FP64".into(),
        shape: vec![-1, width],
    };
    ModelSignature {
        inputs: vec![spec(FEATURES_INPUT, columns)],
        outputs: vec![spec(SCORE_OUTPUT, 1)],
    }
}

#[async_trait]
impl LoadedModel for SumModel {
    fn signature(&self) -> &ModelSignature {
        &self.signature
    }

    fn instances(&self) -> usize {
        1
    }

    async fn infer(&self, inputs: Vec<Tensor>, outputs: &[String]) -> Result<Inference, ServingError> {
        check_inputs(&self.signature, &inputs)?;
        select_outputs(&self.signature, outputs)?;
        let rows = inputs[0].shape()[0];
        let width = usize::try_from(inputs[0].shape()[1]).unwrap_or(1).max(1);
        let values = inputs[0].to_f64()?;
        let sum = |row: &[f64]| self.bias + row.iter().filter(|value| !value.is_nan()).sum::<f64>();
        let scores: Vec<f64> = values.chunks(width).map(sum).collect();
        let output = Tensor::from_f64(SCORE_OUTPUT, vec![rows, 1], &scores)?;
        Ok(Inference {
            outputs: vec![output],
            timing: Timing::default(),
        })
    }
}

/// Scores nothing: gates are not what these tests are about.
#[derive(Debug)]
struct NoScorer;

#[async_trait]
impl Scorer for NoScorer {
    async fn score(&self, _onnx: &[u8], _rows: &[f64], _columns: usize) -> Result<Vec<f64>, RegistryError> {
        Err(RegistryError::RuntimeMissing("there is none in memory".to_owned()))
    }
}

/// A registry in memory whose versions and aliases are put there directly, past its gates.
#[derive(Debug)]
pub struct Shelf {
    store: Arc<MemoryRegistry>,
    artifacts: Arc<LossyArtifacts>,
    clock: Arc<dyn Clock>,
    pub registry: Arc<Registry>,
}

/// Artifacts that can be lost.
#[derive(Debug, Default)]
struct LossyArtifacts {
    kept: MemoryArtifacts,
    lost: AtomicBool,
}

#[async_trait]
impl ArtifactStore for LossyArtifacts {
    async fn put(&self, ctx: &RequestContext, bytes: &[u8]) -> Result<String, RegistryError> {
        self.kept.put(ctx, bytes).await
    }

    async fn get(&self, ctx: &RequestContext, digest: &str) -> Result<Vec<u8>, RegistryError> {
        match self.lost.load(Ordering::Relaxed) {
            true => Err(RegistryError::not_found("artifact", digest)),
            false => self.kept.get(ctx, digest).await,
        }
    }
}

impl Shelf {
    pub fn new(clock: Arc<dyn Clock>) -> Result<Self, RegistryError> {
        let (store, artifacts) = (Arc::<MemoryRegistry>::default(), Arc::<LossyArtifacts>::default());
        let registry = Registry::new(
            Arc::clone(&store) as Arc<dyn RegistryStore>,
            Arc::clone(&artifacts) as Arc<dyn ArtifactStore>,
            Arc::new(NoScorer),
            GatePolicies::builtin()?,
            Arc::clone(&clock),
        );
        Ok(Self {
            store,
            artifacts,
            clock,
            registry: Arc::new(registry),
        })
    }

    /// From now on there are no model files, as after somebody deleted their folder.
    pub fn lose_files(&self) {
        self.artifacts.lost.store(true, Ordering::Relaxed);
    }

    /// Adds a version, and answers its number.
    pub async fn publish(
        &self,
        ctx: &RequestContext,
        name: &str,
        onnx: &[u8],
        features: &[FeatureRef],
        params: BTreeMap<String, String>,
    ) -> Result<u32, RegistryError> {
        let lineage = Lineage {
            pipeline: name.to_owned(),
            entity: "customer".to_owned(),
            feature_service: "customer_repurchase".to_owned(),
            features: features.iter().map(ToString::to_string).collect(),
            as_of: self.clock.now(),
            frontier: Frontier::default(),
            tables: BTreeMap::new(),
            data_digest: String::new(),
            code_version: String::new(),
            trainer: "by-hand".to_owned(),
            params,
        };
        let version = ModelVersion {
            id: ModelVersionId::new(),
            name: name.into(),
            version: 0,
            run_id: RunId::new(),
            task: Task::BinaryClassification,
            signature: signature(i64::try_from(features.len()).unwrap_or(i64::MAX)),
            lineage,
            onnx_digest: self.artifacts.put(ctx, onnx).await?,
            evaluation_digest: None,
            metrics: BTreeMap::new(),
            created_at: self.clock.now(),
        };
        let event = self.event(name, 0, EventKind::Registered);
        Ok(self.store.create_version(ctx, version, event).await?.version)
    }

    /// Makes a version the champion.
    pub async fn promote(&self, ctx: &RequestContext, name: &str, version: u32) -> Result<(), RegistryError> {
        let expected = self.store.alias(ctx, name, CHAMPION).await?.map(|alias| alias.version);
        let alias = Alias {
            model: name.into(),
            alias: CHAMPION.into(),
            version,
            moved_at: self.clock.now(),
            moved_by: "test".into(),
        };
        self.store
            .move_alias(ctx, alias, expected, self.event(name, version, EventKind::AliasMoved))
            .await
    }

    fn event(&self, name: &str, version: u32, kind: EventKind) -> NewEvent {
        NewEvent {
            kind,
            model: name.to_owned(),
            version,
            at: self.clock.now(),
            detail: BTreeMap::new(),
        }
    }
}
