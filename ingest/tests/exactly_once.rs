//! Exactly once, whatever fails in between: every change is in bronze once, in the order of positions.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::Int64Type;
use async_trait::async_trait;
use cortex_ingest::{
    Batching, ChangeSink, ChangeSlice, ChangeSource, IngestError, LakeSink, MemoryPlanLog, MemorySource, Pipeline,
    PipelineConfig, PlanLog, PlannedBatch,
};
use cortex_lake::{
    Appended, AsOf, ChangeBatch, Commit, CommitRecord, Lake, LakeError, Layer, MemoryLake, Snapshot, TableRef,
};
use cortex_types::{Frontier, Position, TenantId};
use datafusion::prelude::SessionContext;
use proptest::prelude::*;
use tokio_util::sync::CancellationToken;

const TABLES: [(&str, &str); 3] = [("acme", "invoices"), ("acme", "lines"), ("rival", "invoices")];

fn at(commit: u64, seq: u64) -> Position {
    Position::new("erp", 1, commit, seq)
}

fn rows(seqs: impl IntoIterator<Item = u64>) -> RecordBatch {
    let seqs: Vec<i64> = seqs.into_iter().map(u64::cast_signed).collect();
    RecordBatch::try_from_iter([("_seq", Arc::new(Int64Array::from(seqs)) as ArrayRef)]).unwrap()
}

/// Commits one change in each of the given tables; numbers go on from the last commit.
async fn commit(source: &MemorySource, tables: &[usize]) {
    let head = source.head().await.unwrap();
    let batches = (head.seq + 1..).zip(tables).map(|(seq, table)| {
        let (tenant, table) = TABLES[*table];
        ChangeBatch {
            tenant: TenantId::new(tenant).unwrap(),
            table: table.into(),
            rows: rows([seq]),
        }
    });
    source.commit(at(head.commit + 1, head.seq + tables.len() as u64), batches.collect());
}

async fn seqs(lake: &dyn Lake, table: usize) -> Vec<u64> {
    let (tenant, table) = TABLES[table];
    let table = TableRef::new(TenantId::new(tenant).unwrap(), Layer::Bronze, table).unwrap();
    let snapshot = match lake.snapshot(&table, AsOf::Latest).await {
        Ok(snapshot) => snapshot,
        Err(LakeError::NoTable(_)) => return Vec::new(),
        Err(error) => panic!("{error}"),
    };
    let batches = SessionContext::new()
        .read_table(snapshot.provider)
        .unwrap()
        .collect()
        .await
        .unwrap();
    let column = |batch: &RecordBatch| batch.column(0).as_primitive::<Int64Type>().values().to_vec();
    batches.iter().flat_map(column).map(i64::unsigned_abs).collect()
}

/// Fails the next few appends or plan records, some before and some after the work was done.
#[derive(Debug, Default)]
struct Faulty<T> {
    inner: T,
    calls: AtomicUsize,
    /// The calls that fail, and whether they do their work before.
    faults: Vec<(usize, bool)>,
}

impl<T> Faulty<T> {
    fn fault(&self) -> Option<bool> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        self.faults
            .iter()
            .find(|(faulty, _)| *faulty == call)
            .map(|(_, works)| *works)
    }
}

#[async_trait]
impl Lake for Faulty<Arc<MemoryLake>> {
    async fn append(&self, table: &TableRef, rows: Vec<RecordBatch>, commit: &Commit) -> Result<Appended, LakeError> {
        let fault = self.fault();
        if fault == Some(false) {
            return Err(LakeError::storage(table, "power cut"));
        }
        let appended = self.inner.append(table, rows, commit).await?;
        if fault == Some(true) {
            Err(LakeError::storage(table, "power cut"))
        } else {
            Ok(appended)
        }
    }
    async fn last_batch(&self, table: &TableRef, pipeline: &str) -> Result<Option<u64>, LakeError> {
        self.inner.last_batch(table, pipeline).await
    }
    async fn snapshot(&self, table: &TableRef, at: AsOf) -> Result<Snapshot, LakeError> {
        self.inner.snapshot(table, at).await
    }
    async fn tables(&self, tenant: &TenantId) -> Result<Vec<TableRef>, LakeError> {
        self.inner.tables(tenant).await
    }
    async fn history(&self, table: &TableRef, limit: usize) -> Result<Vec<CommitRecord>, LakeError> {
        self.inner.history(table, limit).await
    }
}

#[async_trait]
impl PlanLog for Faulty<Arc<MemoryPlanLog>> {
    async fn newest(&self, pipeline: &str) -> Result<Option<PlannedBatch>, IngestError> {
        self.inner.newest(pipeline).await
    }
    async fn record(&self, pipeline: &Arc<str>, batch: &PlannedBatch) -> Result<(), IngestError> {
        let fault = self.fault();
        if fault == Some(false) {
            return Err(IngestError::sink("plan", "power cut"));
        }
        self.inner.record(pipeline, batch).await?;
        if fault == Some(true) {
            Err(IngestError::sink("plan", "power cut"))
        } else {
            Ok(())
        }
    }

    async fn tables(&self, pipeline: &str) -> Result<BTreeSet<TableRef>, IngestError> {
        self.inner.tables(pipeline).await
    }
    async fn wrote(&self, pipeline: &Arc<str>, tables: &[TableRef]) -> Result<(), IngestError> {
        self.inner.wrote(pipeline, tables).await
    }
}

struct House {
    source: Arc<MemorySource>,
    lake: Arc<MemoryLake>,
    plan: Arc<MemoryPlanLog>,
}

impl House {
    fn new() -> Self {
        Self {
            source: Arc::new(MemorySource::new("erp")),
            lake: Arc::default(),
            plan: Arc::default(),
        }
    }

    /// A pipeline of a process that just started, in which these calls of the lake and of the plan log fail.
    fn restart(&self, lake_faults: &[(usize, bool)], plan_faults: &[(usize, bool)]) -> Pipeline {
        let lake = Faulty {
            inner: Arc::clone(&self.lake),
            calls: AtomicUsize::new(0),
            faults: lake_faults.to_vec(),
        };
        let plan = Faulty {
            inner: Arc::clone(&self.plan),
            calls: AtomicUsize::new(0),
            faults: plan_faults.to_vec(),
        };
        let source: Arc<dyn ChangeSource> = Arc::clone(&self.source) as _;
        let sink = LakeSink::new(Arc::new(lake), Arc::new(plan), Arc::clone(&source)).with_batching(Batching {
            changes: 4,
            linger: Duration::ZERO,
        });
        Pipeline::new(source, vec![Arc::new(sink)], config())
    }
}

fn config() -> PipelineConfig {
    PipelineConfig {
        changes_per_read: 2,
        acknowledge_every: Duration::ZERO,
        retry_after: (Duration::from_millis(1), Duration::from_millis(2)),
        ..PipelineConfig::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_change_is_in_bronze_once_and_in_order_whatever_fails(
        commits in proptest::collection::vec(proptest::collection::vec(0..TABLES.len(), 1..4), 1..12),
        crashes in proptest::collection::vec((0..6_usize, any::<bool>(), 0..6_usize, any::<bool>(), 1..4_usize), 0..8),
    ) {
        // At most one change of a table in a commit, as a slice has one batch per table.
        let commits: Vec<Vec<usize>> = commits.into_iter().map(|mut tables| {
            tables.sort_unstable();
            tables.dedup();
            tables
        }).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let house = House::new();
            let mut expected = vec![Vec::new(); TABLES.len()];
            let mut seq = 0;
            let mut rest = commits.iter();
            for (lake_call, lake_works, plan_call, plan_works, commits_between) in crashes {
                for tables in rest.by_ref().take(commits_between) {
                    commit(&house.source, tables).await;
                }
                // Each attempt is a process that ends at its first failure.
                let _ = house.restart(&[(lake_call, lake_works)], &[(plan_call, plan_works)]).catch_up().await;
            }
            for tables in rest {
                commit(&house.source, tables).await;
            }
            for tables in &commits {
                for table in tables {
                    seq += 1;
                    expected[*table].push(seq);
                }
            }
            let head = house.source.head().await.unwrap();
            let frontier = house.restart(&[], &[]).catch_up().await.unwrap();
            prop_assert_eq!(frontier, Frontier::of(head.clone()));
            for (table, expected) in expected.into_iter().enumerate() {
                prop_assert_eq!(seqs(&*house.lake, table).await, expected, "{:?}", TABLES[table]);
            }
            let acknowledged = house.source.acknowledged();
            prop_assert_eq!(acknowledged.get("lake"), Some(&head));
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn a_batch_that_a_crash_interrupted_keeps_its_bounds_though_more_was_committed_since() {
    let house = House::new();
    commit(&house.source, &[0, 1]).await;
    // The first table gets the batch, the second does not.
    let crashed = house.restart(&[(1, false)], &[]).catch_up().await;
    assert!(crashed.is_err());
    commit(&house.source, &[0]).await;
    house.restart(&[], &[]).catch_up().await.unwrap();
    assert_eq!(
        (seqs(&*house.lake, 0).await, seqs(&*house.lake, 1).await),
        (vec![1, 3], vec![2])
    );
}

#[tokio::test]
async fn two_tenants_are_kept_apart() {
    let house = House::new();
    commit(&house.source, &[0, 2]).await;
    house.restart(&[], &[]).catch_up().await.unwrap();
    assert_eq!(
        (seqs(&*house.lake, 0).await, seqs(&*house.lake, 2).await),
        (vec![1], vec![2])
    );
}

#[tokio::test]
async fn a_failure_that_passes_does_not_stop_a_running_pipeline() {
    let house = House::new();
    let pipeline = Arc::new(house.restart(&[(0, false), (1, true)], &[(1, false)]));
    let cancel = CancellationToken::new();
    let running = tokio::spawn({
        let (pipeline, cancel) = (Arc::clone(&pipeline), cancel.clone());
        async move { pipeline.run(cancel).await }
    });
    tokio::task::yield_now().await;
    for _ in 0..3 {
        commit(&house.source, &[0, 1]).await;
        pipeline.catch_up().await.unwrap();
    }
    assert_eq!(seqs(&*house.lake, 1).await, [2, 4, 6]);
    cancel.cancel();
    running.await.unwrap().unwrap();
}

/// Applies nothing until it is let go.
#[derive(Debug)]
struct Stuck(tokio::sync::Semaphore);

#[async_trait]
impl ChangeSink for Stuck {
    fn name(&self) -> &str {
        "stuck"
    }
    async fn frontier(&self) -> Result<Frontier, IngestError> {
        Ok(Frontier::default())
    }
    async fn apply(&self, _: &ChangeSlice) -> Result<(), IngestError> {
        let _ = self.0.acquire().await.unwrap();
        Ok(())
    }
}

/// Remembers up to where it was brought.
#[derive(Debug)]
struct Online(tokio::sync::watch::Sender<u64>);

#[async_trait]
impl ChangeSink for Online {
    fn name(&self) -> &str {
        "online"
    }
    async fn frontier(&self) -> Result<Frontier, IngestError> {
        Ok(Frontier::default())
    }
    async fn apply(&self, slice: &ChangeSlice) -> Result<(), IngestError> {
        self.0.send_replace(slice.to.commit);
        Ok(())
    }
}

#[tokio::test]
async fn a_slow_sink_holds_up_neither_a_fast_one_nor_memory() {
    let source = Arc::new(MemorySource::new("erp"));
    let (stuck, online) = (
        Arc::new(Stuck(tokio::sync::Semaphore::new(0))),
        Arc::new(Online(tokio::sync::watch::Sender::new(0))),
    );
    let config = PipelineConfig {
        queued_changes_max: 10,
        ..config()
    };
    let sinks: Vec<Arc<dyn ChangeSink>> = vec![Arc::clone(&online) as _, Arc::clone(&stuck) as _];
    let pipeline = Arc::new(Pipeline::new(Arc::clone(&source) as _, sinks, config));
    for _ in 0..40 {
        commit(&source, &[0]).await;
    }
    let cancel = CancellationToken::new();
    let running = tokio::spawn({
        let (pipeline, cancel) = (Arc::clone(&pipeline), cancel.clone());
        async move { pipeline.run(cancel).await }
    });
    // The fast one goes on while there is room in the queue of the slow one, and not much further.
    online.0.subscribe().wait_for(|commit| *commit >= 10).await.unwrap();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(*online.0.borrow() <= 14, "read {} commits ahead", *online.0.borrow());
    stuck.0.add_permits(1_000);
    assert_eq!(pipeline.catch_up().await.unwrap(), Frontier::of(at(40, 40)));
    cancel.cancel();
    running.await.unwrap().unwrap();
}
