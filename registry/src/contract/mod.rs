//! What every implementation of the registry's stores must do. An adapter runs it by [`registry_store_contract!`](crate::registry_store_contract)
//! and [`artifact_store_contract!`](crate::artifact_store_contract); each promise is a test of its own.

mod models;
mod promotions;
mod runs;

use std::collections::BTreeMap;
use std::sync::Arc;

use cortex_types::{
    ExperimentId, Frontier, ModelVersionId, Position, Principal, RequestContext, Role, RunId, TenantId, Timestamp,
};
use uuid::Uuid;

use crate::event::{EventKind, NewEvent, facts, first_broken};
use crate::gate::{ReportId, SignedReport};
use crate::runs::{Experiment, MetricPoint, Run, RunStatus};
use crate::{
    Alias, ArtifactStore, CHAMPION, Canary, Lineage, ModelSignature, ModelVersion, RegistryError, RegistryStore, Task,
    TensorSpec, Traffic,
};

/// One `#[tokio::test]` per promise of [`RegistryStore`]. The expression answers `(Arc<dyn RegistryStore>, guard)`, where
/// the guard keeps what the store stands on; it is evaluated for each test.
#[macro_export]
macro_rules! registry_store_contract {
    ($store:expr) => {
        $crate::registry_store_contract!(@promises $store;
            an_experiment_is_made_once_per_name
            a_run_reads_back_with_what_was_logged
            parameters_are_written_once_all_or_nothing
            a_run_that_ended_does_not_end_again
            metrics_come_by_key_and_step_and_may_be_nan
            versions_are_numbered_without_gaps_however_many_register_at_once
            a_version_reads_back_as_it_was_stored
            an_alias_moves_only_from_where_it_is_expected
            promoting_the_canary_ends_it
            reports_come_newest_first_and_byte_for_byte
            every_change_of_a_model_is_in_a_chain_that_holds
            another_tenant_sees_nothing
        );
    };
    (@promises $store:expr; $($promise:ident)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $promise() {
            let (store, _guard) = $store.await;
            $crate::contract::$promise(store).await;
        }
    )+};
}

/// One `#[tokio::test]` per promise of [`ArtifactStore`]; the expression answers `(Arc<dyn ArtifactStore>, guard)`.
#[macro_export]
macro_rules! artifact_store_contract {
    ($store:expr) => {
        #[tokio::test]
        async fn artifacts_are_named_by_their_content_and_belong_to_one_tenant() {
            let (store, _guard) = $store.await;
            $crate::contract::artifacts_are_named_by_their_content_and_belong_to_one_tenant(store).await;
        }
    };
}

pub use models::*;
pub use promotions::*;
pub use runs::*;

pub type Store = Arc<dyn RegistryStore>;

/// The context that a contract's calls are made in.
pub fn context(tenant: &str) -> RequestContext {
    let tenant = TenantId::new(tenant).expect("a tenant of the tests");
    RequestContext::new(tenant, Principal::new("ada", [Role::Admin]))
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(second * 1_000_000)
}

/// A version with every field filled, as a trainer would have made it.
#[must_use]
pub fn sample_version(name: &str, run_id: RunId) -> ModelVersion {
    let tensor = |name: &str, columns| TensorSpec {
        name: name.into(),
        datatype: "FP64".into(),
        shape: vec![-1, columns],
    };
    ModelVersion {
        id: ModelVersionId::new(),
        name: name.into(),
        version: 0,
        run_id,
        task: Task::BinaryClassification,
        signature: ModelSignature {
            inputs: vec![tensor("features", 2)],
            outputs: vec![tensor("score", 1)],
        },
        lineage: Lineage {
            pipeline: "repurchase".to_owned(),
            entity: "customer".to_owned(),
            feature_service: "customer_repurchase".to_owned(),
            features: vec!["spend:sum_30d".to_owned(), "orders:count_30d".to_owned()],
            as_of: at(1_300_000_000),
            frontier: Frontier::of(Position::new("erp", 1, 7, 42)),
            tables: BTreeMap::from([("bronze/sales_invoices".to_owned(), 3)]),
            data_digest: "d".repeat(64),
            code_version: "0.1.0".to_owned(),
            trainer: "trees".to_owned(),
            params: BTreeMap::from([("budget".to_owned(), "0.5".to_owned())]),
        },
        onnx_digest: "a".repeat(64),
        evaluation_digest: Some("e".repeat(64)),
        metrics: BTreeMap::from([("roc_auc".to_owned(), 0.75)]),
        created_at: at(1_300_000_001),
    }
}

fn event(kind: EventKind, model: &str, version: u32) -> NewEvent {
    NewEvent {
        kind,
        model: model.to_owned(),
        version,
        at: at(9),
        detail: facts([("why", Some("contract".to_owned()))]),
    }
}

/// A run in an experiment of its own.
pub async fn start_run(store: &dyn RegistryStore, ctx: &RequestContext) -> Run {
    let new = Experiment {
        id: ExperimentId::new(),
        name: "contract".to_owned(),
        created_at: at(1),
    };
    let experiment = store.ensure_experiment(ctx, new).await.unwrap();
    let run = Run {
        id: RunId::new(),
        experiment: experiment.id,
        name: "first".to_owned(),
        status: RunStatus::Running,
        started_at: at(2),
        ended_at: None,
        params: BTreeMap::new(),
        tags: BTreeMap::new(),
    };
    store.create_run(ctx, run.clone()).await.unwrap();
    run
}

async fn register(store: &dyn RegistryStore, ctx: &RequestContext, model: &str, run: &Run) -> ModelVersion {
    let version = sample_version(model, run.id);
    store
        .create_version(ctx, version, event(EventKind::Registered, model, 0))
        .await
        .unwrap()
}

fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

pub async fn artifacts_are_named_by_their_content_and_belong_to_one_tenant(store: Arc<dyn ArtifactStore>) {
    let (ours, theirs) = (context("acme"), context("rival"));
    let digest = store.put(&ours, b"abc").await.unwrap();
    assert_eq!(
        digest,
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
    assert_eq!(store.put(&ours, b"abc").await.unwrap(), digest);
    assert_eq!(store.get(&ours, &digest).await.unwrap(), b"abc");
    assert!(matches!(
        store.get(&theirs, &digest).await,
        Err(RegistryError::NotFound { kind: "artifact", .. })
    ));
    for no_digest in ["", "..", "../../etc/passwd", "ABC", &"0".repeat(64)] {
        assert!(store.get(&ours, no_digest).await.is_err(), "{no_digest:?}");
    }
}
