//! One sink's failure is its own: the others go on, it is started again, and what it lacks is kept for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use async_trait::async_trait;
use cortex_ingest::{
    ChangeSink, ChangeSlice, ChangeSource, IngestError, MemorySource, Pipeline, PipelineConfig, SinkStanding,
};
use cortex_lake::ChangeBatch;
use cortex_types::{Coded, ErrorCode, Frontier, Position, TenantId};
use parking_lot::Mutex;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

fn at(commit: u64) -> Position {
    Position::new("erp", 1, commit, commit)
}

/// One change in one commit.
async fn commit(source: &MemorySource) {
    let number = source.head().await.unwrap().commit + 1;
    let column = Arc::new(Int64Array::from(vec![number.cast_signed()])) as ArrayRef;
    let batch = ChangeBatch {
        tenant: TenantId::new("acme").unwrap(),
        table: "lines".into(),
        rows: RecordBatch::try_from_iter([("_seq", column)]).unwrap(),
    };
    source.commit(at(number), vec![batch]);
}

async fn source(commits: usize) -> Arc<MemorySource> {
    let source = Arc::new(MemorySource::new("erp"));
    for _ in 0..commits {
        commit(&source).await;
    }
    source
}

#[derive(Debug, thiserror::Error)]
#[error("quantity is zero")]
struct DividedByZero(ErrorCode);

impl Coded for DividedByZero {
    fn code(&self) -> ErrorCode {
        self.0
    }
}

/// Remembers up to where it was brought; refuses everything while it is broken.
#[derive(Debug)]
struct Sink {
    name: &'static str,
    broken: AtomicBool,
    code: ErrorCode,
    tries: AtomicUsize,
    position: Mutex<Position>,
    /// Whether it can be made again from elsewhere.
    recovers: bool,
}

impl Sink {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            broken: AtomicBool::new(false),
            code: ErrorCode::InvalidConfiguration,
            tries: AtomicUsize::new(0),
            position: Mutex::new(Position::origin("erp")),
            recovers: false,
        }
    }

    fn broken(name: &'static str, code: ErrorCode) -> Self {
        Self {
            broken: AtomicBool::new(true),
            code,
            ..Self::new(name)
        }
    }
}

#[async_trait]
impl ChangeSink for Sink {
    fn name(&self) -> &str {
        self.name
    }

    async fn frontier(&self) -> Result<Frontier, IngestError> {
        Ok(Frontier::of(self.position.lock().clone()))
    }

    async fn apply(&self, slice: &ChangeSlice) -> Result<(), IngestError> {
        self.tries.fetch_add(1, Ordering::SeqCst);
        if self.broken.load(Ordering::SeqCst) {
            return Err(IngestError::refused(self.name, DividedByZero(self.code)));
        }
        let mut position = self.position.lock();
        // A slice that begins after what the sink has would leave a gap.
        assert!(slice.after <= *position, "{} after {position}", slice.after);
        if *position < slice.to {
            position.clone_from(&slice.to);
        }
        Ok(())
    }

    async fn recover(&self, kept_after: &Position) -> Result<(), IngestError> {
        if self.recovers {
            self.position.lock().clone_from(kept_after);
        }
        Ok(())
    }
}

struct Running {
    pipeline: Arc<Pipeline>,
    cancel: CancellationToken,
    task: JoinHandle<Result<(), IngestError>>,
}

impl Running {
    fn start(source: &Arc<MemorySource>, sinks: [&Arc<Sink>; 2]) -> Self {
        let pipeline = Arc::new(pipeline(source, sinks));
        let cancel = CancellationToken::new();
        let task = tokio::spawn({
            let (pipeline, cancel) = (Arc::clone(&pipeline), cancel.clone());
            async move { pipeline.run(cancel).await }
        });
        Self { pipeline, cancel, task }
    }

    async fn until(&self, wanted: impl Fn(&[SinkStanding]) -> bool) {
        let standing = async {
            while !wanted(&self.pipeline.standings()) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(20), standing).await;
        assert!(waited.is_ok(), "{:?}", self.pipeline.standings());
    }

    async fn stop(self) {
        self.cancel.cancel();
        self.task.await.unwrap().unwrap();
    }
}

fn pipeline(source: &Arc<MemorySource>, sinks: [&Arc<Sink>; 2]) -> Pipeline {
    let millis = Duration::from_millis;
    let config = PipelineConfig {
        changes_per_read: 1,
        gather: Duration::ZERO,
        queued_changes_max: 4,
        acknowledge_every: Duration::ZERO,
        retry_after: (millis(1), millis(2)),
        retries_in_place: 2,
        restart_after: (millis(1), millis(5)),
    };
    let sinks = sinks.map(|sink| Arc::clone(sink) as Arc<dyn ChangeSink>);
    Pipeline::new(Arc::clone(source) as _, sinks.to_vec(), config)
}

#[tokio::test]
async fn a_sink_that_refuses_holds_up_nobody_and_gets_everything_once_it_is_repaired() {
    // Whether its failure may pass or not: more is committed than the queue of a sink holds.
    for code in [ErrorCode::InvalidConfiguration, ErrorCode::StorageFailed] {
        let source = source(40).await;
        let (lake, online) = (Arc::new(Sink::new("lake")), Arc::new(Sink::broken("online", code)));
        let running = Running::start(&source, [&lake, &online]);
        running.until(|standings| standings[0].position == at(40)).await;
        commit(&source).await;
        running.until(|standings| standings[0].position == at(41)).await;

        running.until(|standings| standings[1].failure.is_some()).await;
        let failure = running.pipeline.standings()[1].failure.clone().unwrap();
        assert_eq!(failure.code, code);
        assert!(failure.detail.contains("quantity is zero"), "{failure:?}");
        assert_eq!(running.pipeline.standings()[0].failure, None);
        // What it lacks is kept for it.
        assert_eq!(source.acknowledged()["online"], Position::origin("erp"));
        let waiting = running.pipeline.catch_up().await;
        assert_eq!(waiting.unwrap_err().code(), code);

        let tries = online.tries.load(Ordering::SeqCst);
        running.until(|_| online.tries.load(Ordering::SeqCst) > tries).await;
        online.broken.store(false, Ordering::SeqCst);
        let repaired = |standings: &[SinkStanding]| standings[1].position == at(41) && standings[1].failure.is_none();
        running.until(repaired).await;
        commit(&source).await;
        assert_eq!(running.pipeline.catch_up().await.unwrap(), Frontier::of(at(42)));
        running.stop().await;
    }
}

#[tokio::test]
async fn a_sink_whose_changes_are_gone_recovers_and_holds_up_nobody() {
    let source = source(40).await;
    source.prune(&at(30));
    let lake = Arc::new(Sink::new("lake"));
    lake.position.lock().clone_from(&at(30));
    for recovers in [false, true] {
        let online = Arc::new(Sink {
            recovers,
            ..Sink::new("online")
        });
        let running = Running::start(&source, [&lake, &online]);
        running.until(|standings| standings[0].position == at(40)).await;
        if recovers {
            running.until(|standings| standings[1].position == at(40)).await;
            running.until(|standings| standings[1].failure.is_none()).await;
        } else {
            running.until(|standings| standings[1].failure.is_some()).await;
            let failure = running.pipeline.standings()[1].failure.clone().unwrap();
            assert_eq!(failure.code, ErrorCode::Corrupt);
            assert!(failure.detail.contains("'online'"), "{failure:?}");
        }
        running.stop().await;
    }
}

#[tokio::test]
async fn catching_up_brings_the_others_to_the_end_and_then_says_who_failed() {
    let source = source(40).await;
    let lake = Arc::new(Sink::new("lake"));
    let online = Arc::new(Sink::broken("online", ErrorCode::InvalidConfiguration));
    let pipeline = pipeline(&source, [&online, &lake]);
    let error = pipeline.catch_up().await.unwrap_err();
    assert!(error.to_string().contains("'online'"), "{error}");
    assert_eq!(*lake.position.lock(), at(40));
    online.broken.store(false, Ordering::SeqCst);
    assert_eq!(pipeline.catch_up().await.unwrap(), Frontier::of(at(40)));
}
