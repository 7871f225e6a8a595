//! Whatever the history: the store agrees with the lake, and a rebuilt store with one that was never deleted.

use std::path::Path;
use std::sync::Arc;

use cortex_features::{EntityKey, EntityRows, FeatureRef, OnlineStore, TrainingSets};
use cortex_types::{Frontier, RequestContext};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::EmbeddedOnlineStore;
use crate::sample::{DAY, DEFINITIONS, Version, day, histories};
use crate::tests::{batch, definitions, folded, frontier, lake_of, open, tenant};

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
            store.settle().await.unwrap();
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
    let online = match store.read(&tenant(), features, &keys, day(at)).await {
        Ok(online) => online,
        // What was compacted away is refused, and only that.
        Err(error) => {
            let newest_known = versions.iter().map(|version| version.known).max().unwrap_or(0);
            assert!(at * DAY < newest_known - DAY, "on day {at}: {error}");
            return;
        }
    };
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

/// The store is deleted when the lake has `cut` changes, rebuilt from there, and the stream goes on behind it.
async fn deleted_equals_kept(versions: Vec<Version>, cut: usize, overlap: usize, at: i64) {
    let cut = cut % (versions.len() + 1);
    let (kept_folder, folder) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let kept = folded(kept_folder.path(), &versions).await;
    let store = folded(folder.path(), &versions[..cut]).await;
    drop(store);
    std::fs::remove_dir_all(folder.path()).unwrap();
    let store = open(folder.path());
    assert_eq!(store.frontier().await.unwrap(), Frontier::default());
    // The lake may hold more than what it is known to be complete up to.
    let lake = lake_of(&versions).await;
    store.rebuild(&lake, &[tenant()], &frontier(cut)).await.unwrap();
    let start = cut.saturating_sub(overlap);
    store
        .fold(&batch(&versions, start..versions.len()), &frontier(versions.len()))
        .await
        .unwrap();
    store.settle().await.unwrap();
    let definitions = definitions(DEFINITIONS);
    let view = definitions.view("sales").unwrap();
    let features: Vec<FeatureRef> = view
        .features
        .iter()
        .map(|feature| FeatureRef::new("sales", Arc::clone(&feature.name)))
        .collect();
    let keys = ["A", "B", "C"].map(EntityKey::single);
    let read = async |store: &EmbeddedOnlineStore| {
        let read = store.read(&tenant(), &features, &keys, day(at)).await;
        read.map_err(|error| error.to_string())
    };
    assert_eq!(read(&store).await, read(&kept).await);
    drop(store);
    assert_eq!(read(&open(folder.path())).await, read(&kept).await);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_store_that_was_deleted_and_rebuilt_answers_as_one_that_never_was(
        versions in histories(),
        cut in 0_usize..40,
        overlap in 0_usize..5,
        at in 29_i64..45,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(deleted_equals_kept(versions, cut, overlap, at));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn online_and_offline_agree_bit_for_bit(
        versions in histories(),
        cuts in proptest::collection::vec(0_usize..40, 0..6),
        // Changes are known on days 0 to 29: some of them after the read.
        at in 10_i64..45,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(online_equals_offline(versions, cuts, at));
    }
}
