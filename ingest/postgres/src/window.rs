//! What was read and nobody has taken yet: bounded, so that a slow reader slows the reading.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arrow::array::AsArray;
use arrow::compute::min;
use arrow::datatypes::TimestampMicrosecondType;
use cortex_ingest::ChangeSlice;
use cortex_lake::changes::KNOWN_AT;
use cortex_types::{Position, Timestamp};
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::PostgresError;

/// What waits at most; a slice that is larger waits alone.
const WAITING_WEIGHT_MAX: usize = 40_000;

#[derive(Debug)]
pub(crate) struct Window {
    inner: Mutex<Inner>,
    /// Somebody took something, or wants more.
    asked: Notify,
    /// There is something, or never will be.
    filled: Notify,
    /// For whoever waits for changes of the source.
    commits: watch::Sender<u64>,
    /// Somebody waits until the log was read up to here.
    head_wanted: Arc<AtomicU64>,
}

#[derive(Debug)]
struct Inner {
    ready: VecDeque<ChangeSlice>,
    weight: usize,
    /// The position behind what was taken.
    next: Position,
    /// A reader waits for whatever there is.
    is_wanted: bool,
    /// A reader wants to know how far the server is, even if there is nothing.
    asks_for_head: bool,
    /// How often the server had nothing.
    answers: u64,
    /// Why nothing more will come.
    ended: Option<PostgresError>,
    is_over: bool,
    /// When a reader asked last.
    used: Instant,
}

/// What a reader finds.
#[derive(Debug)]
pub(crate) enum Taken {
    Slice(ChangeSlice),
    /// Another reader took what comes next.
    Elsewhere,
    /// Everything that the server had was taken.
    Nothing,
    /// The stream is over, and this is why where it is an error.
    Over(Option<PostgresError>),
}

/// Says that the window is over, whatever happens to whoever fills it.
struct Ending<'a> {
    window: &'a Window,
    why: Option<PostgresError>,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.window.end(self.why.take());
    }
}

impl Window {
    pub(crate) fn new(after: Position, commits: watch::Sender<u64>, head_wanted: Arc<AtomicU64>) -> Self {
        Self {
            inner: Mutex::new(Inner {
                ready: VecDeque::new(),
                weight: 0,
                next: after,
                is_wanted: false,
                asks_for_head: false,
                answers: 0,
                ended: None,
                is_over: false,
                used: Instant::now(),
            }),
            asked: Notify::new(),
            filled: Notify::new(),
            commits,
            head_wanted,
        }
    }

    pub(crate) fn head_wanted(&self) -> u64 {
        self.head_wanted.load(Ordering::Acquire)
    }

    /// Where a reader has to stand that reads from here.
    pub(crate) fn next(&self) -> Position {
        self.inner.lock().next.clone()
    }

    /// How long nobody has asked for anything.
    pub(crate) fn unused_for(&self) -> Duration {
        self.inner.lock().used.elapsed()
    }

    /// Whether nothing more will come, and all of it was taken.
    pub(crate) fn is_over(&self) -> bool {
        let inner = self.inner.lock();
        inner.is_over && inner.ready.is_empty() && inner.ended.is_none()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.inner.lock().weight >= WAITING_WEIGHT_MAX
    }

    /// Whether everything was taken, so that what comes next should not wait for more.
    pub(crate) fn is_empty(&self) -> bool {
        self.inner.lock().ready.is_empty()
    }

    pub(crate) fn is_wanted(&self) -> bool {
        let inner = self.inner.lock();
        inner.is_wanted && inner.ready.is_empty()
    }

    /// Once for each time that a reader asks.
    pub(crate) fn asks_for_head(&self) -> bool {
        std::mem::take(&mut self.inner.lock().asks_for_head)
    }

    /// Waits until a reader does something.
    pub(crate) async fn asked(&self) {
        self.asked.notified().await;
    }

    pub(crate) fn push(&self, slice: ChangeSlice) {
        let has_changes = slice.changes() > 0;
        {
            let mut inner = self.inner.lock();
            inner.weight += slice.weight();
            inner.is_wanted = false;
            inner.ready.push_back(slice);
        }
        self.filled.notify_waiters();
        if has_changes {
            self.commits.send_modify(|count| *count += 1);
        }
    }

    /// Wakes whoever waits for commits, so that they see how far the log has come.
    pub(crate) fn wake(&self) {
        self.commits.send_modify(|count| *count += 1);
    }

    /// The server said how far it is, and there is nothing before that.
    pub(crate) fn nothing(&self) {
        {
            let mut inner = self.inner.lock();
            inner.is_wanted = false;
            inner.answers += 1;
        }
        self.filled.notify_waiters();
    }

    /// Fills it by `work` until that ends, or is told to.
    pub(crate) async fn fill(
        &self,
        cancel: &CancellationToken,
        work: impl Future<Output = Result<(), PostgresError>> + Send,
    ) {
        let mut ending = Ending {
            window: self,
            why: Some(PostgresError::protocol(
                "reading it ended in a panic, which the log has",
            )),
        };
        let ended = tokio::select! {
            () = cancel.cancelled() => Ok(()),
            ended = work => ended,
        };
        ending.why = ended.err();
    }

    fn end(&self, why: Option<PostgresError>) {
        {
            let mut inner = self.inner.lock();
            inner.ended = why;
            inner.is_over = true;
        }
        self.filled.notify_waiters();
        self.wake();
    }

    /// What follows `after`, where it is here by now or comes before the server has said that there is nothing.
    pub(crate) async fn take(&self, after: &Position) -> Taken {
        let mut asked = None;
        loop {
            let filled = self.filled.notified();
            tokio::pin!(filled);
            filled.as_mut().enable();
            if let Some(taken) = self.take_ready(after) {
                return taken;
            }
            {
                let mut inner = self.inner.lock();
                match asked {
                    Some(before) if before != inner.answers => return Taken::Nothing,
                    _ => inner.is_wanted = true,
                }
                if asked.is_none() {
                    inner.asks_for_head = true;
                    asked = Some(inner.answers);
                }
            }
            self.asked.notify_one();
            filled.await;
        }
    }

    /// When the first of the changes of `table` after `after` was committed, of those that wait.
    pub(crate) fn pending_since(&self, after: &Position, table: &str) -> Option<Timestamp> {
        let inner = self.inner.lock();
        let slices = inner.ready.iter().filter(|slice| slice.to > *after);
        let batches = slices
            .flat_map(|slice| &slice.batches)
            .filter(|batch| *batch.table == *table);
        let times = batches.filter_map(|batch| {
            let known_at = batch.rows.column_by_name(KNOWN_AT)?;
            min(known_at.as_primitive::<TimestampMicrosecondType>())
        });
        times.min().map(Timestamp::from_micros)
    }

    fn take_ready(&self, after: &Position) -> Option<Taken> {
        let taken = {
            let mut inner = self.inner.lock();
            if inner.next != *after {
                return Some(Taken::Elsewhere);
            }
            inner.used = Instant::now();
            match inner.ready.pop_front() {
                Some(slice) => {
                    inner.weight -= slice.weight();
                    inner.next = slice.to.clone();
                    Some(Taken::Slice(slice))
                }
                None if inner.is_over => Some(Taken::Over(inner.ended.take())),
                None => None,
            }
        };
        if taken.is_some() {
            self.asked.notify_one();
        }
        taken
    }
}
