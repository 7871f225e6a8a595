//! What is on disk after a commit or a flush that failed.

use std::path::Path;
use std::sync::Arc;

use cortex_features::{Definitions, EntityKey, FeatureRef, FeatureValue, OnlineStore};
use cortex_features_online::EmbeddedOnlineStore;
use cortex_lake::ChangeBatch;
use cortex_types::{Frontier, Position, TenantId};
use tempfile::TempDir;

#[path = "../../src/engine/sample.rs"]
#[allow(dead_code)]
mod sample;

use sample::{DAY, DEFINITIONS, Version, bronze, day};

fn open(folder: &Path) -> EmbeddedOnlineStore {
    let definitions = Definitions::parse([("sample.yaml", DEFINITIONS)]).unwrap();
    EmbeddedOnlineStore::open(folder, Arc::new(definitions)).unwrap()
}

#[tokio::test]
async fn values_and_frontier_become_durable_together_when_the_store_settles_or_not_at_all() {
    let tenant = TenantId::new("acme").unwrap();
    let sales = [Version::sale(1, "A", DAY, 5), Version::sale(2, "A", 2 * DAY, 7)];
    let batches = [ChangeBatch {
        tenant: tenant.clone(),
        table: "lines".into(),
        rows: bronze(&sales, 0, &[]),
    }];
    let upto = Frontier::of(Position::new("erp", 1, 2, 2));
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let nothing = Frontier::default();
    let on_disk = async || {
        let copy = TempDir::new().unwrap();
        std::fs::copy(folder.path().join("online.redb"), copy.path().join("online.redb")).unwrap();
        open(copy.path()).frontier().await.unwrap()
    };
    for (failpoint, folded) in [("online::before-commit", &nothing), ("online::after-commit", &upto)] {
        fail::cfg(failpoint, "return").unwrap();
        assert!(store.fold(&batches, &upto).await.is_err());
        fail::cfg(failpoint, "off").unwrap();
        assert_eq!(store.frontier().await.unwrap(), *folded);
        assert_eq!(on_disk().await, nothing, "nobody has asked for durability yet");
    }
    for (failpoint, durable) in [("online::before-settle", &nothing), ("online::after-settle", &upto)] {
        fail::cfg(failpoint, "return").unwrap();
        assert!(store.settle().await.is_err());
        fail::cfg(failpoint, "off").unwrap();
        assert_eq!(store.frontier().await.unwrap(), upto);
        assert_eq!(on_disk().await, *durable);
    }
    // The caller does not know that the second attempt was durable, and so tries again.
    store.fold(&batches, &upto).await.unwrap();
    let read = store
        .read(
            &tenant,
            &[FeatureRef::new("sales", "spend_9d")],
            &[EntityKey::single("A")],
            day(3),
        )
        .await;
    assert_eq!(read.unwrap().rows[0].values, [FeatureValue::Int(12)]);
}
