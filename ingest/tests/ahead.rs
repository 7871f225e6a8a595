//! A database that was put back from a backup, and a lake that lost a table: neither goes on as if nothing were missing.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use async_trait::async_trait;
use cortex_ingest::{
    Batching, ChangeSink, ChangeSlice, ChangeSource, IngestError, LakeSink, MemoryPlanLog, MemorySource, Pipeline,
    PipelineConfig, PlanLog,
};
use cortex_lake::{ChangeBatch, Lake, Layer, MemoryLake, TableRef};
use cortex_types::{Coded, ErrorCode, Frontier, Position, TenantId};

fn at(commit: u64) -> Position {
    Position::new("erp", 1, commit, commit)
}

fn acme() -> TenantId {
    TenantId::new("acme").unwrap()
}

/// A source whose newest commit is this one, each with one change.
fn source(commits: u64) -> Arc<MemorySource> {
    let source = MemorySource::new("erp");
    for commit in 1..=commits {
        let rows = Arc::new(Int64Array::from(vec![commit.cast_signed()])) as ArrayRef;
        let batch = ChangeBatch {
            tenant: acme(),
            table: "invoices".into(),
            rows: RecordBatch::try_from_iter([("_seq", rows)]).unwrap(),
        };
        source.commit(at(commit), vec![batch]);
    }
    Arc::new(source)
}

fn sink(lake: &Arc<MemoryLake>, plan: &Arc<MemoryPlanLog>, source: &Arc<MemorySource>) -> Arc<LakeSink> {
    let sink = LakeSink::new(Arc::clone(lake) as _, Arc::clone(plan) as _, Arc::clone(source) as _);
    Arc::new(sink.with_batching(Batching {
        changes: 1_000,
        linger: Duration::ZERO,
    }))
}

async fn catch_up(source: &Arc<MemorySource>, sink: Arc<dyn ChangeSink>) -> Result<Frontier, IngestError> {
    let pipeline = Pipeline::new(Arc::clone(source) as _, vec![sink], PipelineConfig::default());
    pipeline.catch_up().await
}

#[tokio::test]
async fn a_lake_with_batches_that_were_never_planned_here_is_ahead() {
    let (lake, plan) = (Arc::<MemoryLake>::default(), Arc::<MemoryPlanLog>::default());
    let newer = source(3);
    catch_up(&newer, sink(&lake, &plan, &newer)).await.unwrap();
    sink(&lake, &plan, &newer).refuse_if_ahead(&[acme()]).await.unwrap();

    // The plan log is in the database that was put back.
    let (older, planned) = (source(2), Arc::<MemoryPlanLog>::default());
    catch_up(&older, sink(&Arc::default(), &planned, &older)).await.unwrap();
    for plan in [planned, Arc::default()] {
        let refused = sink(&lake, &plan, &older).refuse_if_ahead(&[acme()]).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::Corrupt);
        assert!(refused.to_string().contains("acme/bronze/invoices"), "{refused}");
    }
}

#[tokio::test]
async fn a_table_that_was_written_to_and_is_gone_stops_the_sink_instead_of_being_begun_anew() {
    let plan = Arc::<MemoryPlanLog>::default();
    let source = source(3);
    catch_up(&source, sink(&Arc::default(), &plan, &source)).await.unwrap();
    let table = TableRef::new(acme(), Layer::Bronze, "invoices").unwrap();
    let written = plan.tables("ingest-erp").await.unwrap();
    assert_eq!(written.into_iter().collect::<Vec<_>>(), [table]);

    let emptied = Arc::<MemoryLake>::default();
    let sink = sink(&emptied, &plan, &source);
    let refused = sink.frontier().await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Corrupt);
    assert!(refused.to_string().contains("acme/bronze/invoices"), "{refused}");
    assert!(catch_up(&source, sink).await.is_err());
    assert!(emptied.tables(&acme()).await.unwrap().is_empty());
}

/// A sink that remembers more than the source has.
#[derive(Debug)]
struct Ahead;

#[async_trait]
impl ChangeSink for Ahead {
    fn name(&self) -> &str {
        "ahead"
    }

    async fn frontier(&self) -> Result<Frontier, IngestError> {
        Ok(Frontier::of(at(5)))
    }

    async fn apply(&self, _slice: &ChangeSlice) -> Result<(), IngestError> {
        panic!("it takes nothing")
    }
}

#[tokio::test]
async fn a_sink_ahead_of_its_source_fails_and_nothing_is_pruned_for_it() {
    let source = source(3);
    let refused = catch_up(&source, Arc::new(Ahead)).await.unwrap_err();
    assert!(matches!(refused, IngestError::Ahead { .. }), "{refused}");
    assert_eq!(refused.code(), ErrorCode::Corrupt);
    let origin = Position::origin(source.id());
    assert_eq!(source.acknowledged()["ahead"], origin);
}
