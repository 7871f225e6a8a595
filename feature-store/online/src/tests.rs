//! The store against the lake, and against losing its memory.

use std::path::Path;
use std::sync::Arc;

use cortex_features::{
    Definitions, EntityKey, EntityRows, FeatureError, FeatureRef, FeatureStatus, FeatureValue, OnlineStore,
    TrainingSets,
};
use cortex_lake::{ChangeBatch, Commit, Lake, Layer, MemoryLake, TableRef};
use cortex_types::{Frontier, Position, RequestContext, TenantId, Timestamp};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::EmbeddedOnlineStore;
use crate::sample::{DAY, DEFINITIONS, Version, bronze, day, histories};

fn tenant() -> TenantId {
    TenantId::new("acme").unwrap()
}

fn definitions(text: &str) -> Arc<Definitions> {
    Arc::new(Definitions::parse([("sample.yaml", text)]).unwrap())
}

fn open(folder: &Path) -> EmbeddedOnlineStore {
    EmbeddedOnlineStore::open(folder, definitions(DEFINITIONS)).unwrap()
}

fn frontier(changes: usize) -> Frontier {
    Frontier::of(Position::new("erp", 1, changes as u64, changes as u64))
}

fn batch(versions: &[Version], range: std::ops::Range<usize>) -> Vec<ChangeBatch> {
    let rows = bronze(&versions[range.clone()], range.start, &versions[..range.start]);
    vec![ChangeBatch {
        tenant: tenant(),
        table: "lines".into(),
        rows,
    }]
}

async fn lake_of(versions: &[Version]) -> MemoryLake {
    let lake = MemoryLake::default();
    let table = TableRef::new(tenant(), Layer::Bronze, "lines").unwrap();
    let commit = Commit {
        pipeline: "bronze".into(),
        batch: 1,
        frontier: frontier(versions.len()),
    };
    lake.append(&table, vec![bronze(versions, 0, &[])], &commit)
        .await
        .unwrap();
    lake
}

async fn spend(store: &EmbeddedOnlineStore, customer: &str, at: Timestamp) -> (FeatureValue, FeatureStatus) {
    let read = store
        .read(
            &tenant(),
            &[FeatureRef::new("sales", "spend_9d")],
            &[EntityKey::single(customer)],
            at,
        )
        .await;
    let row = read.unwrap().rows.remove(0);
    (row.values[0].clone(), row.statuses[0])
}

fn sales() -> Vec<Version> {
    vec![
        Version::sale(1, "A", DAY, 5),
        Version::sale(2, "A", 2 * DAY, 7),
        Version::sale(3, "B", 2 * DAY, 9),
    ]
}

async fn folded(folder: &Path, versions: &[Version]) -> EmbeddedOnlineStore {
    let store = open(folder);
    store
        .fold(&batch(versions, 0..versions.len()), &frontier(versions.len()))
        .await
        .unwrap();
    store
}

#[tokio::test]
async fn a_batch_that_comes_twice_counts_once() {
    let folder = TempDir::new().unwrap();
    let (store, versions) = (open(folder.path()), sales());
    store.fold(&batch(&versions, 0..2), &frontier(2)).await.unwrap();
    store.fold(&batch(&versions, 0..2), &frontier(2)).await.unwrap();
    assert_eq!(spend(&store, "A", day(3)).await.0, FeatureValue::Int(12));
    // A slice may begin before the frontier and end beyond it.
    store.fold(&batch(&versions, 1..3), &frontier(3)).await.unwrap();
    assert_eq!(spend(&store, "A", day(3)).await.0, FeatureValue::Int(12));
    assert_eq!(spend(&store, "B", day(3)).await.0, FeatureValue::Int(9));
    assert_eq!(store.frontier().await.unwrap(), frontier(3));
}

#[tokio::test]
async fn a_store_that_was_closed_knows_what_it_knew() {
    let folder = TempDir::new().unwrap();
    drop(folded(folder.path(), &sales()).await);
    let store = open(folder.path());
    assert_eq!(store.frontier().await.unwrap(), frontier(3));
    assert_eq!(
        spend(&store, "A", day(3)).await,
        (FeatureValue::Int(12), FeatureStatus::Present)
    );
}

#[tokio::test]
async fn nobody_is_a_row_of_not_founds_and_another_tenant_sees_nothing() {
    let folder = TempDir::new().unwrap();
    let store = folded(folder.path(), &sales()).await;
    assert_eq!(
        spend(&store, "nobody", day(3)).await,
        (FeatureValue::Int(0), FeatureStatus::NotFound)
    );
    let features = [
        FeatureRef::new("sales", "spend_9d"),
        FeatureRef::new("sales", "recency"),
    ];
    let other = TenantId::new("other").unwrap();
    let read = store
        .read(&other, &features, &[EntityKey::single("A")], day(3))
        .await
        .unwrap();
    assert_eq!(read.rows[0].statuses, [FeatureStatus::NotFound; 2]);
    assert_eq!(read.rows[0].values, [FeatureValue::Int(0), FeatureValue::Null]);
}

#[tokio::test]
async fn an_unknown_feature_is_refused_with_what_there_is() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    for (view, feature) in [("sales", "spent"), ("salles", "spend_9d")] {
        let error = store
            .read(&tenant(), &[FeatureRef::new(view, feature)], &[], day(3))
            .await
            .unwrap_err();
        assert!(
            matches!(&error, FeatureError::UnknownFeature { known, .. } if known.contains("s")),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_changed_filter_has_to_be_rebuilt_and_a_new_window_has_not() {
    let folder = TempDir::new().unwrap();
    drop(folded(folder.path(), &sales()).await);
    let wider = DEFINITIONS.replace(
        "lines_9d, aggregate: count, window: 9d",
        "lines_9d, aggregate: count, window: 20d",
    );
    assert_ne!(wider, DEFINITIONS);
    let store = EmbeddedOnlineStore::open(folder.path(), definitions(&wider)).unwrap();
    assert_eq!(store.needs_rebuild(), None);
    drop(store);

    let refiltered = DEFINITIONS.replace("kind = 'goods'", "kind = 'goods' AND net > 5");
    let store = EmbeddedOnlineStore::open(folder.path(), definitions(&refiltered)).unwrap();
    assert!(store.needs_rebuild().unwrap().contains("sales"));
    assert!(matches!(store.frontier().await, Err(FeatureError::NeedsRebuild(_))));
    assert!(matches!(
        store.fold(&[], &frontier(4)).await,
        Err(FeatureError::NeedsRebuild(_))
    ));
    store
        .rebuild(&lake_of(&sales()).await, &[tenant()], &frontier(3))
        .await
        .unwrap();
    assert_eq!(store.needs_rebuild(), None);
    assert_eq!(spend(&store, "A", day(3)).await.0, FeatureValue::Int(7));
    drop(store);
    let store = EmbeddedOnlineStore::open(folder.path(), definitions(&refiltered)).unwrap();
    assert_eq!(spend(&store, "A", day(3)).await.0, FeatureValue::Int(7));
}

#[tokio::test]
async fn a_rebuild_leaves_what_the_lake_may_lack_to_the_stream() {
    let folder = TempDir::new().unwrap();
    let (store, versions) = (open(folder.path()), sales());
    store
        .rebuild(&lake_of(&versions).await, &[tenant()], &frontier(2))
        .await
        .unwrap();
    assert_eq!(spend(&store, "B", day(3)).await.1, FeatureStatus::NotFound);
    store.fold(&batch(&versions, 0..3), &frontier(3)).await.unwrap();
    assert_eq!(spend(&store, "B", day(3)).await.0, FeatureValue::Int(9));
    assert_eq!(spend(&store, "A", day(3)).await.0, FeatureValue::Int(12));
}

#[tokio::test]
async fn verify_finds_what_the_lake_does_not_bear_out() {
    let folder = TempDir::new().unwrap();
    let store = folded(folder.path(), &sales()).await;
    let ctx = RequestContext::system(tenant());
    let mut other = sales();
    other[0].net = Some(6);
    other[2].customer = Some("C");
    let report = store
        .verify(&ctx, &lake_of(&other).await, &frontier(3), 100, day(3))
        .await
        .unwrap();
    let found = |key: &str, feature: &str| {
        report
            .mismatches
            .iter()
            .any(|found| found.key.as_str() == key && &*found.feature.feature == feature)
    };
    assert!(found("A", "spend_9d") && found("B", "spend_9d") && found("C", "spend_3d"));
    assert!(!found("A", "orders_9d"));
    let behind = store
        .verify(&ctx, &lake_of(&other).await, &frontier(2), 100, day(3))
        .await
        .unwrap_err();
    assert!(behind.to_string().contains("catch up"), "{behind}");
}

#[tokio::test]
async fn an_instant_that_was_compacted_away_is_refused_not_guessed() {
    let folder = TempDir::new().unwrap();
    let versions = [Version::sale(1, "A", 0, 5), Version::sale(2, "B", 40 * DAY, 7)];
    let store = folded(folder.path(), &versions).await;
    assert_eq!(
        spend(&store, "A", day(40)).await,
        (FeatureValue::Int(0), FeatureStatus::Present)
    );
    let features = [FeatureRef::new("sales", "spend_9d")];
    let error = store
        .read(&tenant(), &features, &[EntityKey::single("A")], day(5))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("training set"), "{error}");
}

/// Folds in slices that end at `cuts`, closing and opening the store at each of them.
async fn folded_in_slices(folder: &Path, versions: &[Version], cuts: &[usize]) -> EmbeddedOnlineStore {
    let mut ends: Vec<usize> = cuts
        .iter()
        .map(|cut| cut % (versions.len() + 1))
        .chain([versions.len()])
        .collect();
    ends.sort_unstable();
    let mut store = open(folder);
    let mut start = 0;
    for end in ends {
        store.fold(&batch(versions, start..end), &frontier(end)).await.unwrap();
        start = end;
        if end % 3 == 0 {
            drop(store);
            store = open(folder);
        }
    }
    store
}

async fn online_equals_offline(versions: Vec<Version>, cuts: Vec<usize>, at: i64) {
    let folder = TempDir::new().unwrap();
    let store = folded_in_slices(folder.path(), &versions, &cuts).await;
    let lake = Arc::new(lake_of(&versions).await);
    let (ctx, keys) = (RequestContext::system(tenant()), ["A", "B", "C"].map(EntityKey::single));
    let report = store
        .verify(&ctx, &*lake, &frontier(versions.len()), 100, day(at))
        .await
        .unwrap();
    assert_eq!(report.mismatches, []);

    let definitions = definitions(DEFINITIONS);
    let features = &definitions.service("sales").unwrap().features;
    let online = store.read(&tenant(), features, &keys, day(at)).await.unwrap();
    let sets = TrainingSets::new(lake, Arc::clone(&definitions));
    let offline = sets
        .build(&ctx, "sales", &EntityRows::at(keys.to_vec(), day(at)))
        .await
        .unwrap();
    for (row, online) in online.rows.iter().enumerate() {
        let online: Vec<u64> = online
            .values
            .iter()
            .map(|value| value.as_f64().unwrap().to_bits())
            .collect();
        let offline: Vec<u64> = offline.row(row).iter().map(|value| value.to_bits()).collect();
        assert_eq!(online, offline, "of {} on day {at}", keys[row]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn online_and_offline_agree_bit_for_bit(
        versions in histories(),
        cuts in proptest::collection::vec(0_usize..40, 0..6),
        at in 29_i64..45,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(online_equals_offline(versions, cuts, at));
    }
}
