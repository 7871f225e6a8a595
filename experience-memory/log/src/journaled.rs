//! Decisions that are durable before the store has them.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cortex_experience::{
    DecisionGroup, DecisionPage, DecisionQuery, Event, ExperienceError, ExperienceStore, Judged, JudgedQuery, Matured,
    MaturedQuery, Recorded, Remembered,
};
use cortex_types::{DecisionId, ErrorCode, RequestContext, TenantId};
use parking_lot::Mutex as SyncMutex;
use tokio::sync::{Mutex, Semaphore, mpsc};

use crate::entry;
use crate::filing::{self, Filing, PATIENCE, Unfiled};
use crate::journal::Journal;

/// Decisions that may wait to be filed; who records more waits for room.
const UNFILED_MAX: u32 = 16_384;
/// Ids that are remembered as taken, the newest of them.
const RECENT_MAX: usize = 65_536;
const RECORD: &str = "keep decisions in their journal";

/// A store in front of which decisions are journalled: [`record_decisions`](ExperienceStore::record_decisions) returns
/// after one append to a file, whoever holds the store's writer, and the decisions are filed in the store soon after,
/// many at a time. Whatever else is asked of the store waits until what was recorded before is filed, so nobody can tell
/// the difference. What a crash kept from being filed is filed when the journal is opened again.
#[derive(Debug)]
pub struct JournaledStore {
    inner: Arc<dyn ExperienceStore>,
    journal: Arc<SyncMutex<Journal>>,
    filing: Arc<Filing>,
    unfiled: mpsc::UnboundedSender<Unfiled>,
    /// Gone once filing has begun.
    queue: SyncMutex<Option<mpsc::UnboundedReceiver<Unfiled>>>,
    room: Arc<Semaphore>,
    /// The newest of those that the journal held when it was opened.
    replayed: Option<DecisionId>,
    /// Held while decisions are recorded, which they are one call after the other. `None` before the first.
    taken: Mutex<Option<TakenIds>>,
}

impl JournaledStore {
    /// Reads the journal in `folder`; nothing is filed, and nothing written, before [`begin_filing`](Self::begin_filing).
    /// [`ExperienceError::Storage`] where the folder cannot be read, [`ExperienceError::Corrupt`] where it holds what no
    /// version of this program wrote.
    pub fn open(folder: &Path, inner: Arc<dyn ExperienceStore>) -> Result<Self, ExperienceError> {
        let (journal, payloads) = Journal::open(folder).map_err(|error| failed("open the decision journal", error))?;
        let (unfiled, queue) = mpsc::unbounded_channel();
        let mut replayed = None;
        for (frame, payload) in (1..).zip(&payloads) {
            let (group, horizon) = entry::decode(payload).map_err(|error| ExperienceError::Corrupt {
                what: format!("frame {frame} of the decision journal in {}", folder.display()),
                detail: format!(
                    "{error}: start the version that wrote it, or move the file away and lose its decisions"
                ),
            })?;
            replayed = group.decisions.iter().map(|decision| decision.id).max().max(replayed);
            let _ = unfiled.send(Unfiled {
                frame,
                group,
                horizon,
                room: None,
            });
        }
        Ok(Self {
            inner,
            journal: Arc::new(SyncMutex::new(journal)),
            filing: Arc::new(Filing::behind(payloads.len() as u64)),
            unfiled,
            queue: SyncMutex::new(Some(queue)),
            room: Arc::new(Semaphore::new(UNFILED_MAX as usize)),
            replayed,
            taken: Mutex::new(None),
        })
    }

    /// Files what the journal still holds, and from now on whatever is recorded. The store's tables have to be there, and
    /// its database to be the one that the journal belongs to. Needs to be called within a Tokio runtime.
    pub fn begin_filing(&self) {
        if let Some(queue) = self.queue.lock().take() {
            let (inner, journal, filing) = (&self.inner, &self.journal, &self.filing);
            let filing = filing::run(Arc::clone(inner), Arc::clone(journal), Arc::clone(filing), queue);
            tokio::spawn(filing);
        }
    }

    /// Returns once everything that was recorded is filed; [`ExperienceError::Overloaded`] where the store does not take
    /// it in time.
    pub async fn settle(&self) -> Result<(), ExperienceError> {
        self.filing.settled().await.map(|_| ())
    }

    /// Files everything, and leaves no journal behind. What cannot be filed now stays in it.
    pub async fn drain(&self) {
        if self.queue.lock().is_some() {
            return;
        }
        match self.filing.settled().await {
            Ok(filed) => {
                if let Err(error) = self.journal.lock().clear(filed) {
                    tracing::warn!(%error, "the decision journal could not be cleared: what it holds is filed already");
                }
            }
            Err(error) => tracing::warn!(%error, "decisions stay in their journal, and are filed at the next start"),
        }
    }

    /// Appends and queues as one step that a caller who goes away does not interrupt.
    async fn keep(&self, groups: &[DecisionGroup], horizon: Duration) -> Result<(), ExperienceError> {
        let payloads = groups.iter().map(|group| entry::encode(group, horizon));
        let payloads = payloads
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| ExperienceError::Invalid(error.to_string()))?;
        let decisions = groups.iter().map(|group| group.decisions.len()).sum::<usize>();
        let permits = u32::try_from(decisions).unwrap_or(UNFILED_MAX).min(UNFILED_MAX);
        let room = Arc::clone(&self.room).acquire_many_owned(permits);
        let room = tokio::time::timeout(PATIENCE, room).await;
        let room = room.map_err(|_| filing::overloaded(UNFILED_MAX.into()))?;
        let mut room = room.map_err(|_closed| ExperienceError::Closed)?;
        let (journal, filing, unfiled) = (
            Arc::clone(&self.journal),
            Arc::clone(&self.filing),
            self.unfiled.clone(),
        );
        let groups = groups.to_vec();
        let kept = tokio::task::spawn_blocking(move || {
            let mut journal = journal.lock();
            let newest = journal.append(&payloads)?;
            for (frame, group) in (newest + 1 - payloads.len() as u64..).zip(groups) {
                let room = room.split(group.decisions.len().min(room.num_permits()));
                let unfiled = unfiled.send(Unfiled {
                    frame,
                    group,
                    horizon,
                    room,
                });
                unfiled.map_err(|_| std::io::Error::other("nobody files decisions any more: restart the server"))?;
            }
            filing.recorded(newest);
            Ok(())
        });
        let kept = kept
            .await
            .unwrap_or_else(|panicked| Err(std::io::Error::other(panicked)));
        kept.map_err(|error| failed(RECORD, error))
    }
}

#[async_trait]
impl ExperienceStore for JournaledStore {
    async fn record_decisions(
        &self,
        groups: &[DecisionGroup],
        horizon: Duration,
    ) -> Result<Vec<Result<(), ExperienceError>>, ExperienceError> {
        let mut taken = self.taken.lock().await;
        let taken = match &mut *taken {
            Some(taken) => taken,
            none => {
                let filed = self.inner.newest_decision().await?;
                none.insert(TakenIds::upto(filed.max(self.replayed)))
            }
        };
        if taken.take(groups) {
            self.keep(groups, horizon).await?;
            return Ok(groups.iter().map(|_| Ok(())).collect());
        }
        // Some of them may be there: only the store can say whether they are the same.
        self.settle().await?;
        self.inner.record_decisions(groups, horizon).await
    }

    async fn newest_decision(&self) -> Result<Option<DecisionId>, ExperienceError> {
        self.settle().await?;
        self.inner.newest_decision().await
    }

    async fn record_events(
        &self,
        ctx: &RequestContext,
        events: &[Event],
        horizon: Duration,
    ) -> Result<Vec<Recorded>, ExperienceError> {
        self.settle().await?;
        self.inner.record_events(ctx, events, horizon).await
    }

    async fn decision(&self, ctx: &RequestContext, id: DecisionId) -> Result<Option<Remembered>, ExperienceError> {
        self.settle().await?;
        self.inner.decision(ctx, id).await
    }

    async fn decisions(&self, ctx: &RequestContext, query: &DecisionQuery) -> Result<DecisionPage, ExperienceError> {
        self.settle().await?;
        self.inner.decisions(ctx, query).await
    }

    async fn matured(&self, ctx: &RequestContext, query: &MaturedQuery) -> Result<Vec<Matured>, ExperienceError> {
        self.settle().await?;
        self.inner.matured(ctx, query).await
    }

    async fn judged(&self, ctx: &RequestContext, query: &JudgedQuery) -> Result<Vec<Judged>, ExperienceError> {
        self.settle().await?;
        self.inner.judged(ctx, query).await
    }

    async fn pending(&self, ctx: &RequestContext) -> Result<u64, ExperienceError> {
        self.settle().await?;
        self.inner.pending(ctx).await
    }

    async fn tenants(&self) -> Result<Vec<TenantId>, ExperienceError> {
        self.settle().await?;
        self.inner.tenants().await
    }
}

/// Which ids are certainly new. Ids grow with time, so it is enough to remember the newest of those taken: an older one
/// is not certain, and goes the way through the store.
#[derive(Debug)]
struct TakenIds {
    /// Every id up to here may be taken.
    floor: Option<DecisionId>,
    recent: BTreeSet<DecisionId>,
}

impl TakenIds {
    fn upto(floor: Option<DecisionId>) -> Self {
        Self {
            floor,
            recent: BTreeSet::new(),
        }
    }

    /// Takes the ids of all groups; false where one of them may have been taken before.
    fn take(&mut self, groups: &[DecisionGroup]) -> bool {
        let mut new = true;
        for id in groups
            .iter()
            .flat_map(|group| &group.decisions)
            .map(|decision| decision.id)
        {
            new &= Some(id) > self.floor && self.recent.insert(id);
        }
        while self.recent.len() > RECENT_MAX {
            self.floor = self.recent.pop_first().max(self.floor);
        }
        new
    }
}

fn failed(what: &'static str, error: std::io::Error) -> ExperienceError {
    ExperienceError::Storage {
        what,
        code: ErrorCode::StorageFailed,
        source: error.into(),
    }
}
