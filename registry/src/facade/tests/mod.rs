mod gates;
mod refusals;
mod rollback;

use std::collections::BTreeMap;

use async_trait::async_trait;
use cortex_types::{Coded, ErrorCode, ManualClock, RequestContext, Timestamp};

use super::*;
use crate::contract::{context, sample_version};
use crate::memory::{MemoryArtifacts, MemoryRegistry};
use crate::{
    EvaluationSet, GateReport, ModelVersion, NewVersion, PromotionStore, RegistryError, RunStatus, Severity,
    SignedReport,
};

/// Takes "ONNX files" that say in words which column is the score: `column 0`, or `column 0 reversed`.
#[derive(Debug)]
struct ByColumn;

#[async_trait]
impl Scorer for ByColumn {
    async fn score(&self, onnx: &[u8], rows: &[f64], columns: usize) -> Result<Vec<f64>, RegistryError> {
        let text = String::from_utf8_lossy(onnx);
        let mut words = text.split(' ');
        let (Some("column"), Some(Ok(column))) = (words.next(), words.next().map(str::parse::<usize>)) else {
            return Err(RegistryError::CorruptModel {
                model: "it".to_owned(),
                detail: "no such graph".to_owned(),
            });
        };
        let reversed = words.next() == Some("reversed");
        let score = |row: &[f64]| if reversed { 1.0 - row[column] } else { row[column] };
        Ok(rows.chunks_exact(columns).map(score).collect())
    }
}

struct Bench {
    registry: Registry,
    store: Arc<MemoryRegistry>,
    artifacts: Arc<MemoryArtifacts>,
    ctx: RequestContext,
}

const POLICY: &str = "
model: m
bootstrap: {resamples: 50}
metrics: [{name: roc_auc, limit: 0.55}]
drift: {warn_from: 0.25, fail_from: 5.0}
fairness: [{group: country, max_difference: 0.2, min_group_size: 30, action: fail, incomparable: warn}]
";

fn bench_with(policy: &str) -> Bench {
    let files = [
        ("m.yaml", policy),
        ("b.yaml", "task: binary_classification\nmetrics: [{name: roc_auc}]"),
        ("r.yaml", "task: regression\nmetrics: [{name: wape}]"),
    ];
    let (store, artifacts) = (
        Arc::new(MemoryRegistry::default()),
        Arc::new(MemoryArtifacts::default()),
    );
    let clock = Arc::new(ManualClock::at(Timestamp::from_micros(1_300_000_000_000_000)));
    let gates = GatePolicies::from_yaml(&files).unwrap();
    let registry = Registry::new(store.clone(), artifacts.clone(), Arc::new(ByColumn), gates, clock);
    Bench {
        registry,
        store,
        artifacts,
        ctx: context("acme"),
    }
}

fn bench() -> Bench {
    bench_with(POLICY)
}

/// 200 rows; column `good` is nearly the label, `poor` is noise, `biased` is nearly the label but never picks one country.
fn evaluation() -> EvaluationSet {
    let mut set = EvaluationSet {
        features: ["good", "poor", "biased"].map(str::to_owned).to_vec(),
        ..Default::default()
    };
    let mut countries = Vec::new();
    for row in 0..200_u32 {
        let (label, german) = (row % 2 == 1, row % 4 < 2);
        let good = if label != (row % 9 == 0) { 0.8 } else { 0.2 };
        let poor = f64::from(row * 37 % 101) / 101.0;
        set.rows.extend([good, poor, if german { good / 2.0 } else { good }]);
        set.labels.push(f64::from(u8::from(label)));
        countries.push(if german { "DE" } else { "UK" }.to_owned());
    }
    set.reference = set.rows.clone();
    set.groups.insert("country".to_owned(), countries);
    set
}

impl Bench {
    async fn new_version(&self, onnx: &str) -> NewVersion {
        let run = self.registry.start_run(&self.ctx, "tests", "run").await.unwrap();
        let sample = sample_version("m", run.id);
        let features = evaluation().features;
        NewVersion {
            name: sample.name,
            run_id: run.id,
            task: sample.task,
            signature: sample.signature,
            lineage: crate::Lineage {
                features,
                ..sample.lineage
            },
            onnx: onnx.as_bytes().to_vec(),
            evaluation: Some(evaluation()),
            metrics: BTreeMap::new(),
        }
    }

    async fn register(&self, onnx: &str) -> ModelVersion {
        self.registry
            .register(&self.ctx, self.new_version(onnx).await)
            .await
            .unwrap()
    }

    async fn propose(&self, version: u32) -> GateReport {
        self.registry.propose(&self.ctx, "m", version, CHAMPION).await.unwrap()
    }

    async fn promote(&self, version: u32) -> Result<(), RegistryError> {
        self.registry
            .move_alias(&self.ctx, "m", CHAMPION, version)
            .await
            .map(drop)
    }
}

fn refusal(result: Result<(), RegistryError>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.code(), ErrorCode::GateFailed, "{error}");
    error.to_string()
}

mod memory_keeps_the_contract {
    use super::*;

    crate::registry_store_contract!(async {
        let store: Arc<dyn RegistryStore> = Arc::new(MemoryRegistry::default());
        (store, ())
    });
    crate::artifact_store_contract!(async {
        let store: Arc<dyn ArtifactStore> = Arc::new(MemoryArtifacts::default());
        (store, ())
    });
}
