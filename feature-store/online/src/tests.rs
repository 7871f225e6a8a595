//! The store against the lake, and against losing its memory.

use std::path::Path;
use std::sync::Arc;

use cortex_features::{Definitions, EntityKey, FeatureError, FeatureRef, FeatureStatus, FeatureValue, OnlineStore};
use cortex_lake::{ChangeBatch, Commit, Lake, Layer, MemoryLake, TableRef};
use cortex_types::{Coded, ErrorCode, Frontier, Position, RequestContext, TenantId, Timestamp};
use tempfile::TempDir;

use crate::EmbeddedOnlineStore;
use crate::sample::{DAY, DEFINITIONS, Version, bronze, day};

pub(crate) fn tenant() -> TenantId {
    TenantId::new("acme").unwrap()
}

pub(crate) fn definitions(text: &str) -> Arc<Definitions> {
    Arc::new(Definitions::parse([("sample.yaml", text)]).unwrap())
}

pub(crate) fn open(folder: &Path) -> EmbeddedOnlineStore {
    EmbeddedOnlineStore::open(folder, definitions(DEFINITIONS)).unwrap()
}

pub(crate) fn frontier(changes: usize) -> Frontier {
    Frontier::of(Position::new("erp", 1, changes as u64, changes as u64))
}

pub(crate) fn batch(versions: &[Version], range: std::ops::Range<usize>) -> Vec<ChangeBatch> {
    let rows = bronze(&versions[range.clone()], range.start, &versions[..range.start]);
    vec![ChangeBatch {
        tenant: tenant(),
        table: "lines".into(),
        rows,
    }]
}

pub(crate) async fn lake_of(versions: &[Version]) -> MemoryLake {
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

pub(crate) async fn folded(folder: &Path, versions: &[Version]) -> EmbeddedOnlineStore {
    let store = open(folder);
    store
        .fold(&batch(versions, 0..versions.len()), &frontier(versions.len()))
        .await
        .unwrap();
    store.settle().await.unwrap();
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
async fn a_store_that_must_be_rebuilt_answers_nothing_until_it_is() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    store.require_rebuild("its changes are gone");
    assert!(store.needs_rebuild().unwrap().contains("gone"));
    let features = [FeatureRef::new("sales", "spend_9d")];
    let read = store
        .read(&tenant(), &features, &[EntityKey::single("A")], day(3))
        .await;
    assert!(matches!(read, Err(FeatureError::NeedsRebuild(_))), "{read:?}");
    let lake = lake_of(&sales()).await;
    let rebuilt = store.rebuild(&lake, &[tenant()], &frontier(3)).await.unwrap();
    assert_eq!((rebuilt.changes, rebuilt.frontier), (3, frontier(3)));
    assert_eq!(spend(&store, "A", day(3)).await.0, FeatureValue::Int(12));
}

#[tokio::test]
async fn a_feature_that_is_asked_for_twice_is_answered_twice() {
    let folder = TempDir::new().unwrap();
    let store = folded(folder.path(), &sales()).await;
    let features = ["spend_9d", "recency", "spend_9d"].map(|name| FeatureRef::new("sales", name));
    let read = store
        .read(&tenant(), &features, &[EntityKey::single("A")], day(3))
        .await
        .unwrap();
    let row = &read.rows[0];
    assert_eq!(
        (&row.values[0], &row.values[2]),
        (&FeatureValue::Int(12), &FeatureValue::Int(12))
    );
    assert_eq!(row.statuses, [FeatureStatus::Present; 3]);
}

#[tokio::test]
async fn a_read_of_many_entities_answers_in_their_order_and_one_of_too_many_is_refused() {
    let folder = TempDir::new().unwrap();
    let store = folded(folder.path(), &sales()).await;
    let keys: Vec<EntityKey> = (0..1_000)
        .map(|number| EntityKey::single(["A", "B", "nobody"][number % 3]))
        .collect();
    let features = vec![FeatureRef::new("sales", "spend_9d"); 100];
    let read = store.read(&tenant(), &features, &keys, day(3)).await.unwrap();
    let spend: Vec<&FeatureValue> = read.rows.iter().map(|row| &row.values[99]).collect();
    let expected = [12, 9, 0].map(FeatureValue::Int);
    assert!(
        spend
            .iter()
            .zip(expected.iter().cycle())
            .all(|(found, wanted)| found == &wanted)
    );
    assert_eq!(spend.len(), 1_000);

    let one_more = vec![FeatureRef::new("sales", "spend_9d"); 101];
    let error = store.read(&tenant(), &one_more, &keys, day(3)).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::TooLarge, "{error}");
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

/// What becomes of a journal under `harm`: it is opened, and stands either where it stood or at nothing, with what was
/// there set aside.
async fn opened_after(harm: impl FnOnce(&mut Vec<u8>)) -> bool {
    let folder = TempDir::new().unwrap();
    drop(folded(folder.path(), &sales()).await);
    let file = folder.path().join("online.redb");
    let mut bytes = std::fs::read(&file).unwrap();
    harm(&mut bytes);
    std::fs::write(&file, &bytes).unwrap();
    let store = open(folder.path());
    let aside = folder.path().join("online.redb.damaged-1");
    if !aside.exists() {
        return false;
    }
    assert_eq!(std::fs::read(&aside).unwrap().len(), bytes.len());
    assert_eq!(store.frontier().await.unwrap(), Frontier::default());
    store
        .rebuild(&lake_of(&sales()).await, &[tenant()], &frontier(3))
        .await
        .unwrap();
    assert_eq!(spend(&store, "A", day(3)).await.0, FeatureValue::Int(12));
    true
}

#[tokio::test]
async fn a_damaged_journal_is_set_aside_and_the_store_can_be_made_again() {
    assert!(opened_after(|bytes| *bytes = b"no journal, but a text".to_vec()).await);
    assert!(opened_after(|bytes| bytes.truncate(bytes.len() / 2)).await);
    assert!(
        opened_after(|bytes| {
            // Everything behind the file's own header, so that it opens and its pages are read.
            let mut noise = 0x9e37_79b9_u32;
            for byte in bytes.iter_mut().skip(4_096) {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *byte = noise.to_be_bytes()[0];
            }
        })
        .await
    );
    assert!(!opened_after(|_| ()).await);
}
