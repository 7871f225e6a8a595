//! The decision log on a memory whose store can be held back, so that a queue builds up.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use cortex_experience::contract::tenant;
use cortex_experience::{
    ContextValue, DecisionGroup, DecisionPage, DecisionQuery, Event, ExperienceError, ExperienceStore,
    InMemoryExperienceStore, Judged, JudgedQuery, Matured, MaturedQuery, Memory, Recorded, Remembered,
};
use cortex_experience_log::{LogConfig, MemoryDecisionLog};
use cortex_features::FeatureValue;
use cortex_lake::MemoryLake;
use cortex_serving::{Arm, Decision, DecisionLog, ServingError};
use cortex_types::{Coded, DecisionId, ErrorCode, Frontier, ManualClock, RequestContext, TenantId, Timestamp};
use tokio::sync::Semaphore;

/// Commits one time per permit; a closed one is busy for good.
#[derive(Debug)]
struct HeldBack {
    inner: InMemoryExperienceStore,
    commits: AtomicUsize,
    permits: Semaphore,
}

#[async_trait]
impl ExperienceStore for HeldBack {
    async fn record_decisions(
        &self,
        groups: &[DecisionGroup],
        horizon: Duration,
    ) -> Result<Vec<Result<(), ExperienceError>>, ExperienceError> {
        self.permits
            .acquire()
            .await
            .map_err(|_| ExperienceError::Storage {
                what: "record decisions",
                code: ErrorCode::Overloaded,
                source: "too many requests wait for the database".into(),
            })?
            .forget();
        self.commits.fetch_add(1, Ordering::SeqCst);
        self.inner.record_decisions(groups, horizon).await
    }

    async fn record_events(
        &self,
        ctx: &RequestContext,
        events: &[Event],
        horizon: Duration,
    ) -> Result<Vec<Recorded>, ExperienceError> {
        self.inner.record_events(ctx, events, horizon).await
    }

    async fn decision(&self, ctx: &RequestContext, id: DecisionId) -> Result<Option<Remembered>, ExperienceError> {
        self.inner.decision(ctx, id).await
    }

    async fn decisions(&self, ctx: &RequestContext, query: &DecisionQuery) -> Result<DecisionPage, ExperienceError> {
        self.inner.decisions(ctx, query).await
    }

    async fn matured(&self, ctx: &RequestContext, query: &MaturedQuery) -> Result<Vec<Matured>, ExperienceError> {
        self.inner.matured(ctx, query).await
    }

    async fn judged(&self, ctx: &RequestContext, query: &JudgedQuery) -> Result<Vec<Judged>, ExperienceError> {
        self.inner.judged(ctx, query).await
    }

    async fn pending(&self, ctx: &RequestContext) -> Result<u64, ExperienceError> {
        self.inner.pending(ctx).await
    }

    async fn newest_decision(&self) -> Result<Option<DecisionId>, ExperienceError> {
        self.inner.newest_decision().await
    }

    async fn tenants(&self) -> Result<Vec<TenantId>, ExperienceError> {
        self.inner.tenants().await
    }
}

fn held_back(waiting_calls_max: usize) -> (Arc<HeldBack>, Arc<MemoryDecisionLog>) {
    let clock = Arc::new(ManualClock::at(Timestamp::from_micros(0)));
    let store = Arc::new(HeldBack {
        inner: InMemoryExperienceStore::new(clock.clone()),
        commits: AtomicUsize::new(0),
        permits: Semaphore::new(0),
    });
    let memory = Memory::new(store.clone(), Arc::new(MemoryLake::default()), clock, Arc::default());
    let log = MemoryDecisionLog::start(
        memory,
        LogConfig {
            waiting_calls_max,
            commit_calls_max: 100,
        },
    );
    (store, Arc::new(log))
}

fn served(key: &str) -> Decision {
    Decision {
        id: DecisionId::new(),
        model: "repurchase-30d".into(),
        version: 2,
        arm: Arm::Canary,
        propensity: 0.1,
        entity: "customer".into(),
        entity_key: key.into(),
        decided_at: Timestamp::from_micros(5),
        score: 0.25,
        action: None,
        context: [("customer:spend".into(), FeatureValue::Float(0.5))].into(),
        frontier: Frontier::default(),
    }
}

fn record(log: &Arc<MemoryDecisionLog>, decision: &Decision) -> tokio::task::JoinHandle<Result<(), ServingError>> {
    let (log, decision) = (Arc::clone(log), decision.clone());
    tokio::spawn(async move { log.record(&tenant("acme"), &[decision]).await })
}

#[tokio::test]
async fn calls_that_wait_share_one_commit_and_each_is_answered() {
    let (store, log) = held_back(100);
    let decisions: Vec<Decision> = (0..21).map(|i| served(&format!("c{i}"))).collect();
    let first = record(&log, &decisions[0]);
    // On one thread: lets the committer take the first call before the others come.
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    let others: Vec<_> = decisions[1..].iter().map(|decision| record(&log, decision)).collect();
    tokio::task::yield_now().await;
    store.permits.add_permits(2);
    first.await.unwrap().unwrap();
    for other in others {
        other.await.unwrap().unwrap();
    }
    assert_eq!(store.commits.load(Ordering::SeqCst), 2);
    let remembered = store
        .decision(&tenant("acme"), decisions[20].id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&*remembered.decision.arm, "canary");
    assert_eq!(
        remembered.decision.context.get("customer:spend"),
        Some(&ContextValue::Float(0.5))
    );
}

#[tokio::test]
async fn a_full_queue_says_so_at_once() {
    let (store, log) = held_back(1);
    let taken = record(&log, &served("a"));
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    let waiting = record(&log, &served("b"));
    tokio::task::yield_now().await;
    let refused = log.record(&tenant("acme"), &[served("c")]).await;
    assert!(
        matches!(refused, Err(ServingError::Overloaded { capacity: 1, .. })),
        "{refused:?}"
    );
    store.permits.add_permits(2);
    taken.await.unwrap().unwrap();
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn one_callers_conflict_is_no_neighbours_trouble() {
    let (store, log) = held_back(100);
    store.permits.add_permits(10);
    let made = served("a");
    log.record(&tenant("acme"), std::slice::from_ref(&made)).await.unwrap();
    let altered = record(
        &log,
        &Decision {
            score: 0.9,
            ..made.clone()
        },
    );
    let neighbour = record(&log, &served("b"));
    let refused = altered.await.unwrap().unwrap_err();
    assert_eq!(refused.code(), ErrorCode::IdempotencyConflict);
    neighbour.await.unwrap().unwrap();
    log.record(&tenant("acme"), &[made]).await.unwrap();
}

#[tokio::test]
async fn draining_commits_what_was_taken_and_takes_no_more() {
    let (store, log) = held_back(100);
    let decision = served("a");
    let taken = record(&log, &decision);
    tokio::task::yield_now().await;
    store.permits.add_permits(1);
    log.drain().await;
    taken.await.unwrap().unwrap();
    assert!(store.decision(&tenant("acme"), decision.id).await.unwrap().is_some());
    assert!(log.record(&tenant("acme"), &[served("b")]).await.is_err());
    log.drain().await;
}

#[tokio::test]
async fn a_database_that_is_overloaded_is_no_broken_disk() {
    let (store, log) = held_back(100);
    store.permits.close();
    let refused = log.record(&tenant("acme"), &[served("a")]).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Overloaded, "{refused}");
}
