//! A source, and a book and a plan log for others, that forget everything when they are dropped.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::TimestampMicrosecondType;
use async_trait::async_trait;
use cortex_lake::{ChangeBatch, TableRef, changes};
use cortex_types::{Position, SourceId, TenantId, Timestamp};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::slice::Joining;
use crate::{ChangeSlice, ChangeSource, IngestError, PlanLog, PlannedBatch, SourceBook};

/// Commits in memory, for tests.
#[derive(Debug)]
pub struct MemorySource {
    id: SourceId,
    commits: Mutex<Vec<Arc<ChangeSlice>>>,
    acknowledged: Mutex<BTreeMap<String, Position>>,
    /// Changes up to here are gone.
    pruned: Mutex<Position>,
    committed: watch::Sender<u64>,
}

impl MemorySource {
    #[must_use]
    pub fn new(id: impl Into<SourceId>) -> Self {
        let id = id.into();
        Self {
            pruned: Mutex::new(Position::origin(Arc::clone(&id))),
            id,
            commits: Mutex::default(),
            acknowledged: Mutex::default(),
            committed: watch::Sender::new(0),
        }
    }

    /// Adds a commit that ends at `to`, which must be after all before it.
    pub fn commit(&self, to: Position, batches: Vec<ChangeBatch>) {
        let mut commits = self.commits.lock();
        let after = commits
            .last()
            .map_or_else(|| self.pruned.lock().clone(), |last| last.to.clone());
        commits.push(Arc::new(ChangeSlice { after, to, batches }));
        self.committed.send_modify(|commits| *commits += 1);
    }

    /// Forgets what was committed up to `upto`, as a source does once all of its readers have it.
    pub fn prune(&self, upto: &Position) {
        self.commits.lock().retain(|commit| commit.to > *upto);
        self.pruned.lock().clone_from(upto);
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

    fn check_kept(&self, after: &Position) -> Result<(), IngestError> {
        let oldest = self.pruned.lock().clone();
        if *after >= oldest {
            return Ok(());
        }
        Err(IngestError::HistoryLost {
            source_id: self.id.to_string(),
            reader: "a reader".to_owned(),
            reader_at: after.to_string(),
            oldest: oldest.to_string(),
        })
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
        self.check_kept(after)?;
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
        self.check_kept(after)?;
        let slice = self.slice(after, self.first_after(after)..self.first_after(to))?;
        Ok(slice.unwrap_or_else(|| ChangeSlice {
            after: after.clone(),
            to: to.clone(),
            batches: Vec::new(),
        }))
    }

    fn commits(&self) -> watch::Receiver<u64> {
        self.committed.subscribe()
    }

    async fn head(&self) -> Result<Position, IngestError> {
        let newest = self.commits.lock().last().map(|commit| commit.to.clone());
        Ok(newest.unwrap_or_else(|| self.pruned.lock().clone()))
    }

    async fn kept_after(&self) -> Result<Position, IngestError> {
        Ok(self.pruned.lock().clone())
    }

    async fn pending_since(
        &self,
        after: &Position,
        tenant: &TenantId,
        table: &str,
    ) -> Result<Option<Timestamp>, IngestError> {
        let commits = self.commits.lock();
        let pending = commits.iter().filter(|commit| commit.to > *after);
        let batches = pending.flat_map(|commit| &commit.batches);
        let of_table = batches.filter(|batch| batch.tenant == *tenant && &*batch.table == table);
        let known = of_table.filter_map(|batch| batch.rows.column_by_name(changes::KNOWN_AT));
        let known = known.filter_map(|column| column.as_primitive_opt::<TimestampMicrosecondType>());
        let earliest = known.flat_map(|column| column.values().iter().copied()).min();
        Ok(earliest.map(Timestamp::from_micros))
    }

    async fn acknowledge(&self, reader: &str, upto: &Position) -> Result<(), IngestError> {
        self.acknowledged.lock().insert(reader.to_owned(), upto.clone());
        Ok(())
    }
}

/// Planned batches in memory, for tests.
#[derive(Debug, Default)]
pub struct MemoryPlanLog {
    batches: Mutex<HashMap<String, PlannedBatch>>,
    tables: Mutex<HashMap<String, BTreeSet<TableRef>>>,
}

#[async_trait]
impl PlanLog for MemoryPlanLog {
    async fn newest(&self, pipeline: &str) -> Result<Option<PlannedBatch>, IngestError> {
        Ok(self.batches.lock().get(pipeline).cloned())
    }

    async fn record(&self, pipeline: &Arc<str>, batch: &PlannedBatch) -> Result<(), IngestError> {
        self.batches.lock().insert(pipeline.to_string(), batch.clone());
        Ok(())
    }

    async fn tables(&self, pipeline: &str) -> Result<BTreeSet<TableRef>, IngestError> {
        Ok(self.tables.lock().get(pipeline).cloned().unwrap_or_default())
    }

    async fn wrote(&self, pipeline: &Arc<str>, tables: &[TableRef]) -> Result<(), IngestError> {
        let mut all = self.tables.lock();
        all.entry(pipeline.to_string())
            .or_default()
            .extend(tables.iter().cloned());
        Ok(())
    }
}

/// Notes and readers in memory, for tests.
#[derive(Debug, Default)]
pub struct MemorySourceBook {
    notes: Mutex<BTreeMap<String, String>>,
    readers: Mutex<BTreeMap<String, BTreeMap<String, Position>>>,
}

#[async_trait]
impl SourceBook for MemorySourceBook {
    async fn notes(&self, source: &str) -> Result<Option<String>, IngestError> {
        Ok(self.notes.lock().get(source).cloned())
    }

    async fn note(&self, source: &str, notes: &str) -> Result<(), IngestError> {
        self.notes.lock().insert(source.to_owned(), notes.to_owned());
        Ok(())
    }

    async fn readers(&self, source: &str) -> Result<BTreeMap<String, Position>, IngestError> {
        Ok(self.readers.lock().get(source).cloned().unwrap_or_default())
    }

    async fn acknowledge(&self, source: &str, reader: &str, upto: &Position) -> Result<(), IngestError> {
        let mut readers = self.readers.lock();
        let readers = readers.entry(source.to_owned()).or_default();
        readers.insert(reader.to_owned(), upto.clone());
        Ok(())
    }
}
