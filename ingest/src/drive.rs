//! One reader, and one task per sink that it reads for.

use std::collections::HashMap;
use std::sync::Arc;

use cortex_types::Position;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::patience::Patience;
use crate::sink_task::{Queued, SinkTask};
use crate::{ChangeSlice, IngestError, Pipeline};

/// Slices that may wait for a sink; what really bounds its queue is the number of changes.
const QUEUED_SLICES_MAX: usize = 4_096;

/// When the reader stops, and what a failing sink does until then.
#[derive(Clone, Debug)]
pub(crate) enum Until {
    /// Everything up to here is in every sink; no failure is waited for.
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

/// The way to one sink.
struct Queue {
    index: usize,
    slices: mpsc::Sender<Queued>,
    /// The free room.
    room: Arc<Semaphore>,
}

/// Who failed, and whom to tell.
struct Failures<'a> {
    pipeline: &'a Pipeline,
    told: Option<mpsc::Sender<usize>>,
    /// Where nobody is told, the caller is.
    first: Option<IngestError>,
}

impl Failures<'_> {
    fn add(&mut self, index: usize, error: IngestError) {
        match &self.told {
            Some(told) => {
                self.pipeline.report(index, &error);
                // There is room for each sink once, and the receiver waits for this drive to end.
                let _ = told.try_send(index);
            }
            None => {
                self.first.get_or_insert(error);
            }
        }
    }
}

type Ended = Result<(Id, Result<(), IngestError>), JoinError>;

impl Pipeline {
    /// Moves changes to these sinks. A sink that fails ends for itself: its index goes to `told` at once, or, without
    /// that, its error is returned when the others are done.
    pub(crate) async fn drive(
        &self,
        members: &[usize],
        until: &Until,
        told: Option<mpsc::Sender<usize>>,
    ) -> Result<(), IngestError> {
        let mut failures = Failures {
            pipeline: self,
            told,
            first: None,
        };
        let ready = self.load(members, &mut failures).await?;
        let mut tasks = JoinSet::new();
        let mut sinks: HashMap<Id, usize> = HashMap::new();
        let mut queues = Vec::with_capacity(ready.len());
        for index in ready {
            let (queue, task, slices) = self.queue(index, until);
            queues.push(queue);
            sinks.insert(tasks.spawn(task.run(slices)).id(), index);
        }
        let mut note = |ended: Ended, failures: &mut Failures<'_>| {
            let (id, ended) = match ended {
                Ok((id, ended)) => (id, ended),
                Err(panic) => (panic.id(), Err(panicked(&panic))),
            };
            if let (Some(index), Err(error)) = (sinks.remove(&id), ended) {
                failures.add(index, error);
            }
        };
        let read = {
            let reading = self.read(until, &queues);
            tokio::pin!(reading);
            loop {
                tokio::select! {
                    // Whoever has failed is known before more is read for nobody.
                    biased;
                    ended = tasks.join_next_with_id() => match ended {
                        Some(ended) => note(ended, &mut failures),
                        None => break Ok(()),
                    },
                    read = &mut reading => break read,
                }
            }
        };
        // Without senders the sinks finish what they have, and end.
        drop(queues);
        while let Some(ended) = tasks.join_next_with_id().await {
            note(ended, &mut failures);
        }
        read.and(failures.first.map_or(Ok(()), Err))
    }

    fn queue(&self, index: usize, until: &Until) -> (Queue, SinkTask, mpsc::Receiver<Queued>) {
        let (sender, slices) = mpsc::channel(QUEUED_SLICES_MAX);
        let room = Arc::new(Semaphore::new(self.config.queued_changes_max));
        let task = SinkTask {
            index,
            sink: Arc::clone(&self.sinks[index]),
            source: Arc::clone(&self.source),
            standings: self.standings.clone(),
            config: self.config.clone(),
            room: Arc::clone(&room),
            cancel: until.cancel(),
        };
        let queue = Queue {
            index,
            slices: sender,
            room,
        };
        (queue, task, slices)
    }

    /// Where each of `members` durably stands, which the source is told too: from then on it keeps what a sink does not have.
    /// Answers those that can take changes.
    async fn load(&self, members: &[usize], failures: &mut Failures<'_>) -> Result<Vec<usize>, IngestError> {
        let (source, kept_after, head) = (
            self.source.id(),
            self.source.kept_after().await?,
            self.source.head().await?,
        );
        let mut ready = Vec::with_capacity(members.len());
        for &index in members {
            let sink = &self.sinks[index];
            let settled = async {
                sink.settle().await?;
                sink.frontier().await
            };
            let frontier = match settled.await {
                Ok(frontier) => frontier,
                Err(error) => {
                    // Nobody knows what it has, so all that there is is kept for it.
                    self.source.acknowledge(sink.name(), &kept_after).await?;
                    failures.add(index, error);
                    continue;
                }
            };
            let origin = || Position::origin(Arc::clone(&source));
            let position = frontier.get(&source).cloned().unwrap_or_else(origin);
            if position > head {
                // What it takes for changes that it has are others by now.
                self.source.acknowledge(sink.name(), &kept_after).await?;
                failures.add(index, self.ahead(index, &position, &head));
                continue;
            }
            self.source.acknowledge(sink.name(), &position).await?;
            self.standings.stands(index, position.clone());
            if position < kept_after {
                failures.add(index, self.lost(index, &position, &kept_after));
                continue;
            }
            if position >= head {
                self.standings.works(index);
            }
            ready.push(index);
        }
        Ok(ready)
    }

    fn lost(&self, index: usize, position: &Position, kept_after: &Position) -> IngestError {
        IngestError::HistoryLost {
            source_id: self.source.id().to_string(),
            reader: self.standings.name(index),
            reader_at: position.to_string(),
            oldest: kept_after.to_string(),
        }
    }

    fn ahead(&self, index: usize, position: &Position, head: &Position) -> IngestError {
        IngestError::Ahead {
            source_id: self.source.id().to_string(),
            reader: format!("the sink '{}'", self.standings.name(index)),
            reader_at: position.to_string(),
            newest: head.to_string(),
        }
    }

    async fn read(&self, until: &Until, queues: &[Queue]) -> Result<(), IngestError> {
        let members: Vec<usize> = queues.iter().map(|queue| queue.index).collect();
        let Some(mut at) = self.standings.slowest(&members) else {
            return Ok(());
        };
        let mut patience = Patience::new(until.cancel(), self.config.retry_after);
        let mut commits = self.source.commits();
        loop {
            // What is committed from here on may be missed by this read, and wakes the wait after it.
            commits.mark_unchanged();
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
                    self.unread.send_replace(Some((&error).into()));
                    patience.wait("reader", error).await?;
                    continue;
                }
            };
            patience.restore();
            self.unread.send_if_modified(|unread| unread.take().is_some());
            match (next, until) {
                (Some(slice), until) => {
                    at = slice.to.clone();
                    let caught_up = slice.changes() < self.config.changes_per_read;
                    self.hand_out(Arc::new(slice), queues).await;
                    if let Until::Cancelled(cancel) = until
                        && caught_up
                    {
                        let _ = tokio::time::timeout(self.config.gather, cancel.cancelled()).await;
                    }
                }
                // There was something up to the head when it was asked for; it can only have been pruned.
                (None, Until::Reached(_)) => return Ok(()),
                (None, Until::Cancelled(cancel)) => tokio::select! {
                    () = cancel.cancelled() => return Ok(()),
                    Ok(()) = commits.changed() => {}
                    // The source is gone: nothing will ever be committed.
                    else => cancel.cancelled().await,
                },
            }
        }
    }

    /// Waits while a queue is full. A sink that ended takes nothing; its error is reported when it is joined.
    async fn hand_out(&self, slice: Arc<ChangeSlice>, queues: &[Queue]) {
        let room = slice.weight().clamp(1, self.config.queued_changes_max);
        for queue in queues {
            if self.standings.has(queue.index, &slice.to) {
                continue;
            }
            let permits = u32::try_from(room).unwrap_or(u32::MAX);
            // The semaphore is never closed; of a sink that ended, the queue is gone and all of its room is free.
            let Ok(room) = Arc::clone(&queue.room).acquire_many_owned(permits).await else {
                continue;
            };
            let slice = Arc::clone(&slice);
            let _ = queue.slices.send(Queued { slice, room }).await;
        }
    }
}

fn panicked(error: &JoinError) -> IngestError {
    IngestError::sink("a sink's task", error.to_string())
}
