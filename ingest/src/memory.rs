//! A source and a plan log that forget everything when they are dropped.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use cortex_lake::ChangeBatch;
use cortex_types::{Position, SourceId};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::slice::Joining;
use crate::{ChangeSlice, ChangeSource, IngestError, PlanLog, PlannedBatch};

/// Commits in memory, for tests.
#[derive(Debug)]
pub struct MemorySource {
    id: SourceId,
    commits: Mutex<Vec<Arc<ChangeSlice>>>,
    acknowledged: Mutex<BTreeMap<String, Position>>,
    newest: watch::Sender<usize>,
    /// How many commits there were when somebody last read.
    seen: AtomicUsize,
}

impl MemorySource {
    #[must_use]
    pub fn new(id: impl Into<SourceId>) -> Self {
        Self {
            id: id.into(),
            commits: Mutex::default(),
            acknowledged: Mutex::default(),
            newest: watch::Sender::new(0),
            seen: AtomicUsize::new(0),
        }
    }

    /// Adds a commit that ends at `to`, which must be after all before it.
    pub fn commit(&self, to: Position, batches: Vec<ChangeBatch>) {
        let mut commits = self.commits.lock();
        let after = commits
            .last()
            .map_or_else(|| Position::origin(Arc::clone(&self.id)), |last| last.to.clone());
        commits.push(Arc::new(ChangeSlice { after, to, batches }));
        self.newest.send_replace(commits.len());
    }

    /// Up to where each reader has acknowledged.
    #[must_use]
    pub fn acknowledged(&self) -> BTreeMap<String, Position> {
        self.acknowledged.lock().clone()
    }

    fn slice(&self, after: &Position, range: Range<usize>) -> Result<Option<ChangeSlice>, IngestError> {
        let mut joining = Joining::default();
        for commit in &self.commits.lock()[range] {
            joining.push(Arc::clone(commit));
        }
        let joined = joining.join()?;
        Ok(joined.map(|slice| ChangeSlice {
            after: after.clone(),
            ..Arc::unwrap_or_clone(slice)
        }))
    }

    /// The index of the first commit that ends after `position`.
    fn first_after(&self, position: &Position) -> usize {
        self.commits.lock().partition_point(|commit| commit.to <= *position)
    }
}

#[async_trait]
impl ChangeSource for MemorySource {
    fn id(&self) -> SourceId {
        Arc::clone(&self.id)
    }

    async fn read(&self, after: &Position, changes_min: usize) -> Result<Option<ChangeSlice>, IngestError> {
        self.seen.store(*self.newest.borrow(), Ordering::SeqCst);
        let start = self.first_after(after);
        let mut changes = 0;
        let enough = |commit: &Arc<ChangeSlice>| {
            changes += commit.changes();
            changes >= changes_min
        };
        let end = {
            let commits = self.commits.lock();
            commits[start..]
                .iter()
                .position(enough)
                .map_or(commits.len(), |index| start + index + 1)
        };
        self.slice(after, start..end)
    }

    async fn read_range(&self, after: &Position, to: &Position) -> Result<ChangeSlice, IngestError> {
        let slice = self.slice(after, self.first_after(after)..self.first_after(to))?;
        Ok(slice.unwrap_or_else(|| ChangeSlice {
            after: after.clone(),
            to: to.clone(),
            batches: Vec::new(),
        }))
    }

    async fn changed(&self) {
        // The sender lives as long as `self`.
        let _ = self
            .newest
            .subscribe()
            .wait_for(|newest| *newest != self.seen.load(Ordering::SeqCst))
            .await;
    }

    async fn head(&self) -> Result<Position, IngestError> {
        let newest = self.commits.lock().last().map(|commit| commit.to.clone());
        Ok(newest.unwrap_or_else(|| Position::origin(Arc::clone(&self.id))))
    }

    async fn acknowledge(&self, reader: &str, upto: &Position) -> Result<(), IngestError> {
        self.acknowledged.lock().insert(reader.to_owned(), upto.clone());
        Ok(())
    }
}

/// Planned batches in memory, for tests.
#[derive(Debug, Default)]
pub struct MemoryPlanLog(Mutex<HashMap<String, PlannedBatch>>);

#[async_trait]
impl PlanLog for MemoryPlanLog {
    async fn newest(&self, pipeline: &str) -> Result<Option<PlannedBatch>, IngestError> {
        Ok(self.0.lock().get(pipeline).cloned())
    }

    async fn record(&self, pipeline: &Arc<str>, batch: &PlannedBatch) -> Result<(), IngestError> {
        self.0.lock().insert(pipeline.to_string(), batch.clone());
        Ok(())
    }
}
