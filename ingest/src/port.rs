//! Where changes come from, and where they go.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::Array;
use async_trait::async_trait;
use cortex_lake::{ChangeBatch, TableRef};
use cortex_types::{Frontier, Position, SourceId, TenantId, Timestamp};
use tokio::sync::watch;

use crate::IngestError;
use crate::slice::Joining;

/// The changes in `(after, to]` of one source. `to` ends a commit of the source: a slice never splits a transaction, unless
/// it is too large for memory. One without changes says that there were none.
#[derive(Clone, Debug)]
pub struct ChangeSlice {
    pub after: Position,
    pub to: Position,
    /// At most one batch per tenant and table.
    pub batches: Vec<ChangeBatch>,
}

impl ChangeSlice {
    /// One slice of several that follow one another, in which no table changes its columns; `None` of none.
    pub fn join(slices: Vec<Self>) -> Result<Option<Self>, IngestError> {
        let mut joining = Joining::default();
        for slice in slices {
            joining.push(Arc::new(slice));
        }
        Ok(joining.join()?.map(Arc::unwrap_or_clone))
    }

    #[must_use]
    pub fn changes(&self) -> usize {
        self.batches.iter().map(|batch| batch.rows.num_rows()).sum()
    }

    /// What it counts where queues are bounded by changes: one that takes more than a KiB of memory counts for as many.
    #[must_use]
    pub fn weight(&self) -> usize {
        let columns = self.batches.iter().flat_map(|batch| batch.rows.columns());
        let bytes = columns.map(|column| column.to_data().get_slice_memory_size().unwrap_or_default());
        self.changes().max(bytes.sum::<usize>() / 1024)
    }
}

#[async_trait]
pub trait ChangeSource: Send + Sync + std::fmt::Debug {
    fn id(&self) -> SourceId;

    /// The committed changes after `after`, whole commits until at least `changes_min` are reached; `None` when there
    /// are none. The same `after` gives the same changes in the same order for as long as they are kept.
    async fn read(&self, after: &Position, changes_min: usize) -> Result<Option<ChangeSlice>, IngestError>;

    /// Exactly the changes in `(after, to]`, for a batch that was planned before a crash. [`IngestError::Superseded`] where
    /// they were of a snapshot that is gone: what is read after `after` by now replaces them.
    async fn read_range(&self, after: &Position, to: &Position) -> Result<ChangeSlice, IngestError>;

    /// Changes with each commit, once that commit can be read. Each reader has its own receiver: several may read at
    /// once, each from its own position.
    fn commits(&self) -> watch::Receiver<u64>;

    /// The position of the newest committed change.
    async fn head(&self) -> Result<Position, IngestError>;

    /// Changes after this position are kept. A reader that stands before it gets [`IngestError::HistoryLost`].
    async fn kept_after(&self) -> Result<Position, IngestError>;

    /// Of the changes of `table` after `after`: when the one that was known first became known. `None` where there are
    /// none, so that nothing of the table is on its way.
    async fn pending_since(
        &self,
        after: &Position,
        tenant: &TenantId,
        table: &str,
    ) -> Result<Option<Timestamp>, IngestError>;

    /// `reader` has made everything up to `upto` durable; what all readers have acknowledged may be pruned. A reader is
    /// known from its first acknowledgement on, even if that is of the origin.
    async fn acknowledge(&self, reader: &str, upto: &Position) -> Result<(), IngestError>;
}

/// How a sink likes its changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batching {
    /// Slices are joined until they weigh as much as this many changes,
    pub changes: usize,
    /// or until the first of them has waited this long.
    pub linger: Duration,
}

impl Batching {
    /// Each slice as soon as it was read.
    pub const AT_ONCE: Self = Self {
        changes: 0,
        linger: Duration::ZERO,
    };
}

#[async_trait]
pub trait ChangeSink: Send + Sync + std::fmt::Debug {
    /// The name under which the sink acknowledges.
    fn name(&self) -> &str;

    fn batching(&self) -> Batching {
        Batching::AT_ONCE
    }

    /// Up to where everything is here.
    async fn frontier(&self) -> Result<Frontier, IngestError>;

    /// Takes a slice that begins at or before the sink's frontier. Changes at or before the frontier are passed over,
    /// so the same slice may come twice. Durable once the sink has [settled](Self::settle).
    async fn apply(&self, slice: &ChangeSlice) -> Result<(), IngestError>;

    /// Makes durable what was applied: asked before progress is acknowledged to the source, which then forgets it. A sink
    /// whose `apply` is durable has nothing to do.
    async fn settle(&self) -> Result<(), IngestError> {
        Ok(())
    }

    /// Asked before a sink that failed is tried again; `kept_after` is where the source's history begins. A sink that
    /// can be made again from elsewhere does so here where it has to be; others do nothing.
    async fn recover(&self, kept_after: &Position) -> Result<(), IngestError> {
        let _ = kept_after;
        Ok(())
    }
}

/// A batch whose bounds were fixed before the first byte of it was written, so that a crash cannot move them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedBatch {
    pub batch: u64,
    pub after: Position,
    pub to: Position,
    /// Whether every table of the batch is in the lake.
    pub committed: bool,
}

/// Remembers, durably, what a source has to know of itself and of its readers where the database that it reads is not ours.
#[async_trait]
pub trait SourceBook: Send + Sync + std::fmt::Debug {
    /// What the source noted last.
    async fn notes(&self, source: &str) -> Result<Option<String>, IngestError>;

    /// Replaces its notes. Durable when it returns.
    async fn note(&self, source: &str, notes: &str) -> Result<(), IngestError>;

    /// Where each reader of the source stands.
    async fn readers(&self, source: &str) -> Result<BTreeMap<String, Position>, IngestError>;

    /// Where one of them stands from now on. Durable when it returns.
    async fn acknowledge(&self, source: &str, reader: &str, upto: &Position) -> Result<(), IngestError>;
}

/// Remembers, durably, the newest batch of each pipeline, and the tables that it has written to.
#[async_trait]
pub trait PlanLog: Send + Sync + std::fmt::Debug {
    async fn newest(&self, pipeline: &str) -> Result<Option<PlannedBatch>, IngestError>;

    /// Replaces the newest batch. Durable when it returns.
    async fn record(&self, pipeline: &Arc<str>, batch: &PlannedBatch) -> Result<(), IngestError>;

    /// Every table that `pipeline` has said it [wrote](Self::wrote).
    async fn tables(&self, pipeline: &str) -> Result<BTreeSet<TableRef>, IngestError>;

    /// These tables are in the lake from now on. Durable when it returns; saying it again changes nothing.
    async fn wrote(&self, pipeline: &Arc<str>, tables: &[TableRef]) -> Result<(), IngestError>;
}
