//! One sink at work: joins slices to the batches that it likes, applies them, acknowledges.

use std::sync::Arc;
use std::time::Instant;

use cortex_types::Position;
use fail::fail_point;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use crate::patience::Patience;
use crate::slice::Joining;
use crate::standing::Standings;
use crate::telemetry::{APPLY_SECONDS, BATCHES_TOTAL, CHANGES_TOTAL, LAG_CHANGES};
use crate::{ChangeSink, ChangeSlice, ChangeSource, IngestError, PipelineConfig};

/// A slice in a sink's queue, and the room that it takes there until it was applied.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) slice: Arc<ChangeSlice>,
    pub(crate) room: OwnedSemaphorePermit,
}

pub(crate) struct SinkTask {
    pub(crate) index: usize,
    pub(crate) sink: Arc<dyn ChangeSink>,
    pub(crate) source: Arc<dyn ChangeSource>,
    pub(crate) standings: Standings,
    /// The free room in the queue.
    pub(crate) room: Arc<Semaphore>,
    pub(crate) config: PipelineConfig,
    /// Where there is one, failures that may pass are tried again, a few times, until it is cancelled.
    pub(crate) cancel: Option<CancellationToken>,
}

impl SinkTask {
    /// Takes slices until the queue is closed and empty.
    pub(crate) async fn run(self, mut slices: mpsc::Receiver<Queued>) -> Result<(), IngestError> {
        let mut left_over = None;
        let mut acknowledged = Instant::now();
        let mut unacknowledged = None;
        loop {
            let next = match left_over.take() {
                Some(next) => Some(next),
                None => self.next(&mut slices, &mut unacknowledged, &mut acknowledged).await?,
            };
            let Some(first) = next else { break };
            let (joined, room, next) = self.gather(first, &mut slices).await;
            left_over = next;
            if let Some(slice) = joined.join()? {
                self.apply(&slice).await?;
                unacknowledged = Some(slice.to.clone());
            }
            drop(room);
            metrics::gauge!(LAG_CHANGES, self.standings.labels(self.index)).set(self.lag());
            if acknowledged.elapsed() >= self.config.acknowledge_every {
                self.acknowledge(&mut unacknowledged, &mut acknowledged).await?;
            }
        }
        self.acknowledge(&mut unacknowledged, &mut acknowledged).await
    }

    /// The next slice; meanwhile, what was applied is acknowledged when its time has come.
    async fn next(
        &self,
        slices: &mut mpsc::Receiver<Queued>,
        unacknowledged: &mut Option<Position>,
        acknowledged: &mut Instant,
    ) -> Result<Option<Queued>, IngestError> {
        if unacknowledged.is_some() {
            let rest = self.config.acknowledge_every.saturating_sub(acknowledged.elapsed());
            match tokio::time::timeout(rest, slices.recv()).await {
                Ok(next) => return Ok(next),
                Err(_) => self.acknowledge(unacknowledged, acknowledged).await?,
            }
        }
        Ok(slices.recv().await)
    }

    /// Joins what comes after `first` until the sink's batch is full or has waited long enough. Also answers the room
    /// that it takes in the queue, and the slice that could not be joined.
    async fn gather(
        &self,
        first: Queued,
        slices: &mut mpsc::Receiver<Queued>,
    ) -> (Joining, Vec<OwnedSemaphorePermit>, Option<Queued>) {
        let batching = self.sink.batching();
        let deadline = tokio::time::Instant::now() + batching.linger;
        let mut joining = Joining::default();
        let mut room = Vec::new();
        let mut next = Some(first);
        while let Some(queued) = next {
            if !joining.is_empty() && !joining.takes(&queued.slice) {
                return (joining, room, Some(queued));
            }
            joining.push(queued.slice);
            room.push(queued.room);
            if joining.weight() >= batching.changes {
                break;
            }
            // A closed queue ends the batch at once.
            next = tokio::time::timeout_at(deadline, slices.recv()).await.ok().flatten();
        }
        (joining, room, None)
    }

    async fn apply(&self, slice: &ChangeSlice) -> Result<(), IngestError> {
        let patience = Patience::new(self.cancel.clone(), self.config.retry_after);
        let mut patience = patience.at_most(self.config.retries_in_place);
        loop {
            let start = Instant::now();
            match self.sink.apply(slice).await {
                Ok(()) => {
                    metrics::counter!(CHANGES_TOTAL, self.standings.labels(self.index))
                        .increment(slice.changes() as u64);
                    metrics::counter!(BATCHES_TOTAL, self.standings.labels(self.index)).increment(1);
                    metrics::histogram!(APPLY_SECONDS, self.standings.labels(self.index))
                        .record(start.elapsed().as_secs_f64());
                    self.standings.reached(self.index, &slice.to);
                    return Ok(());
                }
                Err(error) => patience.wait(self.sink.name(), error).await?,
            }
        }
    }

    async fn acknowledge(&self, upto: &mut Option<Position>, at: &mut Instant) -> Result<(), IngestError> {
        if let Some(upto) = upto.take() {
            fail_point!("ingest::before-acknowledge", |_| Err(IngestError::sink(
                self.sink.name(),
                "failpoint"
            )));
            self.sink.settle().await?;
            self.source.acknowledge(self.sink.name(), &upto).await?;
        }
        *at = Instant::now();
        Ok(())
    }

    /// Changes in the queue, and in the batch that is being joined.
    fn lag(&self) -> f64 {
        self.config
            .queued_changes_max
            .saturating_sub(self.room.available_permits()) as f64
    }
}
