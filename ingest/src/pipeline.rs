//! Moving changes: who is driven with whom, and what becomes of a sink that fails.

use std::sync::Arc;
use std::time::Duration;

use cortex_types::{Coded, Frontier, Position};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::{Mutex, mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::drive::Until;
use crate::standing::Standings;
use crate::telemetry::LAG_CHANGES;
use crate::{ChangeSink, ChangeSource, IngestError, SinkFailure, SinkStanding};

#[derive(Clone, Debug)]
pub struct PipelineConfig {
    /// How many changes are read at once, where there are as many; whole commits, so it may be more.
    pub changes_per_read: usize,
    /// How long commits gather after a read before the next, which takes them together: what a sink may lack of the last
    /// of them. Reading each for itself costs about as much as committing it.
    pub gather: Duration,
    /// How many changes may wait for one sink, a change of many KiB counting for as many. When it has that many, reading waits for it.
    pub queued_changes_max: usize,
    /// How often a sink's progress is acknowledged to the source.
    pub acknowledge_every: Duration,
    /// The first and the longest pause after a sink failed to take a batch that it may take when it is tried again.
    pub retry_after: (Duration, Duration),
    /// How often one batch is tried again before the sink counts as failed: until then the others may have to wait.
    pub retries_in_place: u32,
    /// The first and the longest pause before a sink that failed is started again.
    pub restart_after: (Duration, Duration),
}

impl Default for PipelineConfig {
    fn default() -> Self {
        Self {
            changes_per_read: 20_000,
            gather: Duration::from_millis(20),
            queued_changes_max: 200_000,
            acknowledge_every: Duration::from_secs(1),
            retry_after: (Duration::from_millis(100), Duration::from_secs(5)),
            retries_in_place: 6,
            restart_after: (Duration::from_secs(1), Duration::from_secs(60)),
        }
    }
}

/// Moves the changes of one source to its sinks.
///
/// Sinks run concurrently and each at its own pace: one that takes small slices at once does not wait for one that joins
/// them to large batches, until that one is `queued_changes_max` behind. A sink that fails leaves the others: it is
/// started again by itself, with a reader of its own, and the source keeps for it what it does not have.
#[derive(Debug)]
pub struct Pipeline {
    pub(crate) source: Arc<dyn ChangeSource>,
    pub(crate) sinks: Vec<Arc<dyn ChangeSink>>,
    pub(crate) config: PipelineConfig,
    /// Held by whoever moves changes.
    driving: Mutex<()>,
    pub(crate) standings: Standings,
    /// Why the source cannot be read at the moment; it is tried again.
    pub(crate) unread: watch::Sender<Option<SinkFailure>>,
}

impl Pipeline {
    #[must_use]
    pub fn new(source: Arc<dyn ChangeSource>, sinks: Vec<Arc<dyn ChangeSink>>, config: PipelineConfig) -> Self {
        let standings = Standings::new(&sinks, &Position::origin(source.id()));
        Self {
            source,
            sinks,
            config,
            driving: Mutex::new(()),
            standings,
            unread: watch::Sender::new(None),
        }
    }

    /// Where each sink stands, and which of them failed.
    #[must_use]
    pub fn standings(&self) -> Vec<SinkStanding> {
        self.standings.all()
    }

    /// Why the source cannot be read at the moment, where it cannot; it is tried again.
    #[must_use]
    pub fn source_failure(&self) -> Option<SinkFailure> {
        self.unread.borrow().clone()
    }

    /// Moves changes until `cancel`, then lets the sinks finish what was read. A failing sink is logged, shown in
    /// [`standings`](Self::standings) and started again, and ends nothing; a source that cannot be read does.
    pub async fn run(&self, cancel: CancellationToken) -> Result<(), IngestError> {
        let driving = self.driving.lock().await;
        let ended = self.drive_apart(cancel).await;
        drop(driving);
        self.standings.announce();
        ended
    }

    /// Returns once every sink has what was committed before the call. Moves the changes itself unless `run` does.
    /// Where a sink fails, the others still get everything; then its error is returned.
    pub async fn catch_up(&self) -> Result<Frontier, IngestError> {
        let head = self.source.head().await?;
        let mut progress = self.standings.subscribe();
        loop {
            if let Ok(_driving) = self.driving.try_lock() {
                self.drive(&self.everyone(), &Until::Reached(head.clone()), None)
                    .await?;
                return Ok(self.slowest());
            }
            progress.mark_unchanged();
            let mut behind = self.standings.all();
            behind.retain(|standing| standing.position < head);
            if behind.is_empty() {
                return Ok(self.slowest());
            }
            let failures: Vec<IngestError> = behind.iter().filter_map(SinkStanding::error).collect();
            if failures.len() == behind.len() {
                return failures.into_iter().next().map_or_else(|| Ok(self.slowest()), Err);
            }
            // The sender lives as long as this pipeline.
            let _ = progress.changed().await;
        }
    }

    fn everyone(&self) -> Vec<usize> {
        (0..self.sinks.len()).collect()
    }

    /// What every sink has reached.
    fn slowest(&self) -> Frontier {
        let slowest = self.standings.slowest(&self.everyone());
        Frontier::of(slowest.unwrap_or_else(|| Position::origin(self.source.id())))
    }

    /// All together, and whoever fails alone from then on.
    async fn drive_apart(&self, cancel: CancellationToken) -> Result<(), IngestError> {
        let stop = cancel.child_token();
        // A sink fails at most once among the others.
        let (failures, mut failed) = mpsc::channel(self.sinks.len().max(1));
        let (everyone, until) = (self.everyone(), Until::Cancelled(stop.clone()));
        let together = self.drive(&everyone, &until, Some(failures));
        tokio::pin!(together);
        let mut alone = FuturesUnordered::new();
        let mut ended = None;
        loop {
            tokio::select! {
                read = &mut together, if ended.is_none() => {
                    if read.is_err() {
                        stop.cancel();
                    }
                    ended = Some(read);
                }
                Some(index) = failed.recv() => alone.push(self.restart(index, stop.clone())),
                Some(()) = alone.next() => {}
                // All is done: the channel is closed with `together`, and nobody is alone.
                else => return ended.unwrap_or(Ok(())),
            }
        }
    }

    /// Starts a sink that failed again and again, until it is told to stop.
    async fn restart(&self, index: usize, stop: CancellationToken) {
        let (shortest, longest) = self.config.restart_after;
        let (until, mut pause) = (Until::Cancelled(stop.clone()), shortest);
        loop {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => return,
            }
            let before = self.standings.position(index);
            if let Ok(head) = self.source.head().await {
                let lag = head.seq.saturating_sub(before.seq);
                metrics::gauge!(LAG_CHANGES, self.standings.labels(index)).set(lag as f64);
            }
            if let Err(error) = self.start_alone(index, &until).await {
                self.report(index, &error);
            }
            if stop.is_cancelled() {
                return;
            }
            let moved = self.standings.position(index) > before;
            pause = if moved { shortest } else { (pause * 2).min(longest) };
        }
    }

    async fn start_alone(&self, index: usize, until: &Until) -> Result<(), IngestError> {
        let kept_after = self.source.kept_after().await?;
        self.sinks[index].recover(&kept_after).await?;
        self.drive(&[index], until, None).await
    }

    /// A sink has failed.
    pub(crate) fn report(&self, index: usize, error: &IngestError) {
        self.standings.failed(index, error);
        tracing::error!(
            module = "ingest",
            sink = self.standings.name(index),
            code = error.code().as_str(),
            error = error as &dyn std::error::Error,
            "a sink failed and is started again later; the others go on"
        );
    }
}
