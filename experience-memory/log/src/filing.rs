//! From the journal into the store, many decisions at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cortex_experience::{DecisionGroup, ExperienceError, ExperienceStore};
use cortex_types::{Coded, ErrorCode};
use fail::fail_point;
use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, mpsc, watch};

use crate::entry;
use crate::journal::{FrameNo, Journal};

/// Calls that are filed as one commit.
const GROUPS_MAX: usize = 1024;
/// How long what is recorded waits for company, unless somebody wants to see it.
const GATHER: Duration = Duration::from_millis(200);
/// Pauses between attempts: doubled after each, up to the longest.
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// How long somebody who wants to see everything filed waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

const FILING_FAILURES_TOTAL: &str = "cortex_experience_filing_failures_total";

/// A call's decisions, on the way from the journal to the store.
#[derive(Debug)]
pub(crate) struct Unfiled {
    pub frame: FrameNo,
    pub group: DecisionGroup,
    pub horizon: Duration,
    /// The room they take among those that wait; given back when this is dropped.
    #[expect(dead_code, reason = "held, not read")]
    pub room: Option<OwnedSemaphorePermit>,
}

/// How far filing is behind recording.
#[derive(Debug)]
pub(crate) struct Filing {
    recorded: AtomicU64,
    filed: watch::Sender<FrameNo>,
    wanted: Notify,
}

impl Filing {
    /// With that many frames still to be filed.
    pub(crate) fn behind(frames: u64) -> Self {
        Self {
            recorded: AtomicU64::new(frames),
            filed: watch::Sender::new(0),
            wanted: Notify::new(),
        }
    }

    pub(crate) fn recorded(&self, newest: FrameNo) {
        self.recorded.store(newest, Ordering::Release);
    }

    /// Waits until everything that was recorded before the call is filed, and answers up to where that is.
    pub(crate) async fn settled(&self) -> Result<FrameNo, ExperienceError> {
        let newest = self.recorded.load(Ordering::Acquire);
        let mut filed = self.filed.subscribe();
        if *filed.borrow_and_update() >= newest {
            return Ok(newest);
        }
        self.wanted.notify_one();
        match tokio::time::timeout(PATIENCE, filed.wait_for(|filed| *filed >= newest)).await {
            Ok(Ok(_)) => Ok(newest),
            Ok(Err(_)) => Err(ExperienceError::Closed),
            Err(_) => Err(overloaded(newest.saturating_sub(*self.filed.borrow()))),
        }
    }
}

pub(crate) fn overloaded(waiting: u64) -> ExperienceError {
    ExperienceError::Overloaded {
        queue: "the journal of decisions that wait for the database",
        capacity: usize::try_from(waiting).unwrap_or(usize::MAX),
    }
}

/// Files until the queue is closed and empty.
pub(crate) async fn run(
    store: Arc<dyn ExperienceStore>,
    journal: Arc<Mutex<Journal>>,
    filing: Arc<Filing>,
    mut queue: mpsc::UnboundedReceiver<Unfiled>,
) {
    let mut waiting = Vec::with_capacity(GROUPS_MAX);
    while queue.recv_many(&mut waiting, GROUPS_MAX).await > 0 {
        if waiting.len() < GROUPS_MAX && !queue.is_closed() {
            let _ = tokio::time::timeout(GATHER, filing.wanted.notified()).await;
            while waiting.len() < GROUPS_MAX
                && let Ok(unfiled) = queue.try_recv()
            {
                waiting.push(unfiled);
            }
        }
        for unfiled in waiting.chunk_by(|one, next| one.horizon == next.horizon) {
            file(&*store, &journal, unfiled).await;
        }
        let Some(newest) = waiting.drain(..).map(|unfiled| unfiled.frame).max() else {
            continue;
        };
        fail_point!("experience::after-filing");
        filing.filed.send_replace(newest);
        // An append holds the journal for as long as the disk takes.
        let journal = Arc::clone(&journal);
        let forgotten = tokio::task::spawn_blocking(move || journal.lock().forget(newest)).await;
        if let Ok(Err(error)) = forgotten {
            tracing::warn!(%error, "a full decision journal could not be deleted: what it holds is filed already");
        }
    }
}

/// Tries until the store takes them: they are durable, and somebody may have acted on them.
async fn file(store: &dyn ExperienceStore, journal: &Arc<Mutex<Journal>>, unfiled: &[Unfiled]) {
    let groups: Vec<DecisionGroup> = unfiled.iter().map(|unfiled| unfiled.group.clone()).collect();
    let horizon = unfiled.first().map(|unfiled| unfiled.horizon).unwrap_or_default();
    fail_point!("experience::before-filing");
    if filed(store, &groups, horizon).await.is_ok() {
        return;
    }
    // Something that belongs to one of them does not read: the others go in, and that one is kept for people to look at.
    for group in &groups {
        if let Err(error) = filed(store, std::slice::from_ref(group), horizon).await {
            let kept = entry::encode(group, horizon).map_err(std::io::Error::other);
            let kept = kept.and_then(|payload| journal.lock().set_aside(&payload));
            tracing::error!(%error, ?kept, tenant = %group.ctx.tenant, "decisions cannot be filed, and are set aside");
        }
    }
}

/// Goes on trying for as long as it may help; an error where it cannot.
async fn filed(
    store: &dyn ExperienceStore,
    groups: &[DecisionGroup],
    horizon: Duration,
) -> Result<(), ExperienceError> {
    let mut pause = PAUSE;
    loop {
        match store.record_decisions(groups, horizon).await {
            Ok(answers) => {
                for error in answers.into_iter().filter_map(Result::err) {
                    metrics::counter!(FILING_FAILURES_TOTAL).increment(1);
                    tracing::error!(%error, "a journalled decision was refused");
                }
                return Ok(());
            }
            Err(error) => {
                metrics::counter!(FILING_FAILURES_TOTAL).increment(1);
                if matches!(error.code(), ErrorCode::Corrupt | ErrorCode::InvalidArgument) {
                    return Err(error);
                }
                tracing::warn!(%error, "decisions wait in their journal until the database takes them");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(PAUSE_MAX);
            }
        }
    }
}
