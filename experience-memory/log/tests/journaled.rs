//! The store behind the journal: nobody can tell it from the store itself, and what was recorded outlives a crash.

use std::sync::Arc;
use std::time::Duration;

use cortex_experience::contract::{decision, tenant};
use cortex_experience::{Decision, DecisionGroup, ExperienceError, ExperienceStore, InMemoryExperienceStore};
use cortex_experience_log::JournaledStore;
use cortex_types::{ManualClock, Timestamp};
use tempfile::TempDir;

const HORIZON: Duration = Duration::from_secs(30 * 86_400);

fn in_memory() -> Arc<InMemoryExperienceStore> {
    let clock = Arc::new(ManualClock::at(Timestamp::from_micros(0)));
    Arc::new(InMemoryExperienceStore::new(clock))
}

/// Not filing yet.
fn opened(folder: &TempDir, inner: &Arc<InMemoryExperienceStore>) -> JournaledStore {
    JournaledStore::open(&folder.path().join("decisions"), Arc::clone(inner) as _).unwrap()
}

async fn journaled() -> (JournaledStore, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = opened(&folder, &in_memory());
    store.begin_filing();
    (store, folder)
}

cortex_experience::experience_store_contract!(journaled);

async fn record(store: &JournaledStore, decision: &Decision) -> Result<(), ExperienceError> {
    let group = DecisionGroup {
        ctx: tenant("acme"),
        decisions: vec![decision.clone()],
    };
    store.record_decisions(&[group], HORIZON).await?.into_iter().collect()
}

async fn has(store: &impl ExperienceStore, made: &Decision) -> bool {
    let found = store.decision(&tenant("acme"), made.id).await.unwrap();
    found.is_some_and(|found| found.decision == *made)
}

/// `count` decisions, the first of which is filed: the ids that are there are asked for once.
async fn recorded(store: &JournaledStore, count: u32) -> Vec<Decision> {
    let made: Vec<Decision> = (0..count).map(|day| decision("ann", day)).collect();
    for decision in &made {
        record(store, decision).await.unwrap();
    }
    made
}

#[tokio::test]
async fn a_recorded_decision_outlives_the_process_that_did_not_file_it() {
    let (folder, inner) = (tempfile::tempdir().unwrap(), in_memory());
    let crashed = opened(&folder, &inner);
    let made = recorded(&crashed, 3).await;
    assert!(!has(&*inner, &made[2]).await, "nothing is filed before filing begins");
    drop(crashed);

    let store = opened(&folder, &inner);
    store.begin_filing();
    for decision in &made {
        assert!(has(&store, decision).await);
    }
    drop(store);
    let again = opened(&folder, &inner);
    again.begin_filing();
    assert_eq!(
        again.newest_decision().await.unwrap(),
        made.iter().map(|made| made.id).max()
    );
}

#[tokio::test]
async fn a_drained_journal_is_empty_and_takes_more() {
    let (store, folder) = journaled().await;
    let made = recorded(&store, 2).await;
    store.drain().await;
    assert_eq!(std::fs::read_dir(folder.path().join("decisions")).unwrap().count(), 0);
    assert!(has(&store, &made[1]).await);
    let late = decision("ben", 9);
    record(&store, &late).await.unwrap();
    assert!(has(&store, &late).await);
}

#[tokio::test]
async fn a_decision_is_never_replaced_by_another_of_its_id_filed_or_not() {
    let (store, _folder) = journaled().await;
    let made = recorded(&store, 2).await;
    let other = Decision {
        score: 0.5,
        ..made[1].clone()
    };
    assert!(matches!(record(&store, &other).await, Err(ExperienceError::DecisionConflict(id)) if id == other.id));
    record(&store, &made[1]).await.unwrap();
    assert!(has(&store, &made[1]).await);
}

#[tokio::test]
async fn a_journal_that_no_version_wrote_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let decisions = folder.path().join("decisions");
    std::fs::create_dir(&decisions).unwrap();
    let payload = b"{}";
    let mut frame = (payload.len() as u32).to_le_bytes().to_vec();
    frame.extend(crc32fast::hash(payload).to_le_bytes());
    frame.extend(payload);
    std::fs::write(decisions.join("decisions-000000000001.log"), frame).unwrap();
    let refused = JournaledStore::open(&decisions, in_memory() as _).unwrap_err();
    assert!(refused.to_string().contains("frame 1"), "{refused}");
}
