//! Moving changes: one reader, and one task per sink.

use std::sync::Arc;
use std::time::Duration;

use cortex_types::{Frontier, Position};
use tokio::sync::{Mutex, Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::patience::Patience;
use crate::sink_task::{Queued, SinkTask};
use crate::{ChangeSink, ChangeSlice, ChangeSource, IngestError};

/// Slices that may wait for a sink; what really bounds its queue is the number of changes.
const QUEUED_SLICES_MAX: usize = 4_096;

#[derive(Clone, Debug)]
pub struct PipelineConfig {
    /// How many changes are read at once, where there are as many; whole commits, so it may be more.
    pub changes_per_read: usize,
    /// How many changes may wait for one sink. When it has that many, reading waits for it.
    pub queued_changes_max: usize,
    /// How often a sink's progress is acknowledged to the source.
    pub acknowledge_every: Duration,
    /// The first and the longest pause after a sink failed.
    pub retry_after: (Duration, Duration),
}

impl Default for PipelineConfig {
    fn default() -> Self {
        Self {
            changes_per_read: 20_000,
            queued_changes_max: 200_000,
            acknowledge_every: Duration::from_secs(1),
            retry_after: (Duration::from_millis(100), Duration::from_secs(10)),
        }
    }
}

/// Moves the changes of one source to its sinks.
///
/// Sinks run concurrently and each at its own pace: one that takes small slices at once does not wait for one that joins
/// them to large batches, until that one is `queued_changes_max` behind.
#[derive(Debug)]
pub struct Pipeline {
    source: Arc<dyn ChangeSource>,
    sinks: Vec<Arc<dyn ChangeSink>>,
    config: PipelineConfig,
    /// Held by whoever moves changes.
    driving: Mutex<()>,
    /// Up to where each sink is durable, as far as this process has seen.
    progress: watch::Sender<Vec<Position>>,
}

/// When the reader stops, and what a failing sink does until then.
#[derive(Clone, Debug)]
enum Until {
    /// Everything up to here is in every sink; a failure ends it.
    Reached(Position),
    /// Somebody cancels; a failure that may pass is tried again.
    Cancelled(CancellationToken),
}

impl Until {
    fn cancel(&self) -> Option<CancellationToken> {
        match self {
            Self::Cancelled(cancel) => Some(cancel.clone()),
            Self::Reached(_) => None,
        }
    }
}

impl Pipeline {
    #[must_use]
    pub fn new(source: Arc<dyn ChangeSource>, sinks: Vec<Arc<dyn ChangeSink>>, config: PipelineConfig) -> Self {
        let progress = vec![Position::origin(source.id()); sinks.len()];
        Self {
            source,
            sinks,
            config,
            driving: Mutex::new(()),
            progress: watch::Sender::new(progress),
        }
    }

    /// Moves changes until `cancel`, then lets the sinks finish what was read. Failures that may pass (a full disk, a
    /// lake that is away) are logged and tried again; others end it.
    pub async fn run(&self, cancel: CancellationToken) -> Result<(), IngestError> {
        let driving = self.driving.lock().await;
        let ended = self.drive(Until::Cancelled(cancel)).await;
        drop(driving);
        // Whoever waits in `catch_up` has to look again.
        self.progress.send_modify(|_| {});
        ended
    }

    /// Returns once every sink has what was committed before the call. Moves the changes itself unless `run` does.
    pub async fn catch_up(&self) -> Result<Frontier, IngestError> {
        let head = self.source.head().await?;
        let mut progress = self.progress.subscribe();
        loop {
            if let Ok(_driving) = self.driving.try_lock() {
                self.drive(Until::Reached(head.clone())).await?;
                return Ok(Frontier::of(self.slowest()));
            }
            if self.slowest() >= head {
                return Ok(Frontier::of(self.slowest()));
            }
            // The sender lives as long as this pipeline.
            let _ = progress.changed().await;
        }
    }

    /// The position that every sink has reached.
    fn slowest(&self) -> Position {
        let origin = || Position::origin(self.source.id());
        self.progress.borrow().iter().min().cloned().unwrap_or_else(origin)
    }

    async fn drive(&self, until: Until) -> Result<(), IngestError> {
        self.load_frontiers().await?;
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let mut queues = Vec::with_capacity(self.sinks.len());
        for (index, sink) in self.sinks.iter().enumerate() {
            let (sender, slices) = mpsc::channel(QUEUED_SLICES_MAX);
            let room = Arc::new(Semaphore::new(self.config.queued_changes_max));
            let task = SinkTask {
                index,
                sink: Arc::clone(sink),
                source: Arc::clone(&self.source),
                progress: self.progress.clone(),
                config: self.config.clone(),
                room: Arc::clone(&room),
                cancel: until.cancel(),
            };
            queues.push((sender, room));
            let stop = stop.clone();
            tasks.spawn(async move {
                let ended = task.run(slices).await;
                if ended.is_err() {
                    stop.cancel();
                }
                ended
            });
        }
        let read = tokio::select! {
            read = self.read(&until, &queues) => read,
            () = stop.cancelled() => Ok(()),
        };
        // Without senders the sinks finish what they have, and end.
        drop(queues);
        let mut first = read;
        while let Some(ended) = tasks.join_next().await {
            let ended = ended.unwrap_or_else(|panic| Err(panicked(&panic)));
            first = first.and(ended);
        }
        first
    }

    /// Where each sink stands, which the source is told too: from then on it keeps what a sink does not have.
    async fn load_frontiers(&self) -> Result<(), IngestError> {
        let source = self.source.id();
        let mut progress = Vec::with_capacity(self.sinks.len());
        for sink in &self.sinks {
            let frontier = sink.frontier().await?;
            let position = frontier
                .get(&source)
                .cloned()
                .unwrap_or_else(|| Position::origin(Arc::clone(&source)));
            self.source.acknowledge(sink.name(), &position).await?;
            progress.push(position);
        }
        self.progress.send_replace(progress);
        Ok(())
    }

    async fn read(&self, until: &Until, queues: &[(mpsc::Sender<Queued>, Arc<Semaphore>)]) -> Result<(), IngestError> {
        let mut at = self.slowest();
        let mut patience = Patience::new(until.cancel(), self.config.retry_after);
        loop {
            let read = match until {
                Until::Reached(head) if at >= *head => return Ok(()),
                Until::Reached(_) => self.source.read(&at, self.config.changes_per_read).await,
                Until::Cancelled(cancel) => tokio::select! {
                    () = cancel.cancelled() => return Ok(()),
                    read = self.source.read(&at, self.config.changes_per_read) => read,
                },
            };
            let next = match read {
                Ok(next) => next,
                Err(error) => {
                    patience.wait("reader", error).await?;
                    continue;
                }
            };
            patience.restore();
            match (next, until) {
                (Some(slice), _) => {
                    at = slice.to.clone();
                    self.hand_out(Arc::new(slice), queues).await;
                }
                // There was something up to the head when it was asked for; it can only have been pruned.
                (None, Until::Reached(_)) => return Ok(()),
                (None, Until::Cancelled(cancel)) => tokio::select! {
                    () = cancel.cancelled() => return Ok(()),
                    () = self.source.changed() => {}
                },
            }
        }
    }

    /// Waits while a queue is full. A sink that ended takes nothing; its error is reported when it is joined.
    async fn hand_out(&self, slice: Arc<ChangeSlice>, queues: &[(mpsc::Sender<Queued>, Arc<Semaphore>)]) {
        let room = slice.changes().clamp(1, self.config.queued_changes_max);
        for (index, (sender, free)) in queues.iter().enumerate() {
            let has_it = self
                .progress
                .borrow()
                .get(index)
                .is_some_and(|position| *position >= slice.to);
            if has_it {
                continue;
            }
            let permits = u32::try_from(room).unwrap_or(u32::MAX);
            // The semaphore is never closed.
            let Ok(room) = Arc::clone(free).acquire_many_owned(permits).await else {
                continue;
            };
            let _ = sender
                .send(Queued {
                    slice: Arc::clone(&slice),
                    room,
                })
                .await;
        }
    }
}

fn panicked(error: &tokio::task::JoinError) -> IngestError {
    IngestError::Sink {
        sink: "a sink's task".to_owned(),
        detail: error.to_string(),
        source: None,
    }
}
