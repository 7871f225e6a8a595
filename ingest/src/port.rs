//! Where changes come from, and where they go.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cortex_lake::ChangeBatch;
use cortex_types::{Frontier, Position, SourceId};

use crate::IngestError;

/// The changes in `(after, to]` of one source. `to` ends a commit of the source: a slice never splits a transaction.
#[derive(Clone, Debug)]
pub struct ChangeSlice {
    pub after: Position,
    pub to: Position,
    /// At most one batch per tenant and table.
    pub batches: Vec<ChangeBatch>,
}

impl ChangeSlice {
    #[must_use]
    pub fn changes(&self) -> usize {
        self.batches.iter().map(|batch| batch.rows.num_rows()).sum()
    }
}

#[async_trait]
pub trait ChangeSource: Send + Sync + std::fmt::Debug {
    fn id(&self) -> SourceId;

    /// The committed changes after `after`, whole commits until at least `changes_min` are reached; `None` when there
    /// are none. The same `after` gives the same changes in the same order for as long as they are kept.
    async fn read(&self, after: &Position, changes_min: usize) -> Result<Option<ChangeSlice>, IngestError>;

    /// Exactly the changes in `(after, to]`, for a batch that was planned before a crash.
    async fn read_range(&self, after: &Position, to: &Position) -> Result<ChangeSlice, IngestError>;

    /// Returns when something may have been committed after the call; may return early.
    async fn changed(&self);

    /// The position of the newest committed change.
    async fn head(&self) -> Result<Position, IngestError>;

    /// `reader` has made everything up to `upto` durable; what all readers have acknowledged may be pruned. A reader is
    /// known from its first acknowledgement on, even if that is of the origin.
    async fn acknowledge(&self, reader: &str, upto: &Position) -> Result<(), IngestError>;
}

/// How a sink likes its changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batching {
    /// Slices are joined until they have this many changes,
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

    /// Up to where everything is durable here.
    async fn frontier(&self) -> Result<Frontier, IngestError>;

    /// Takes a slice that begins at or before the sink's frontier. Changes at or before the frontier are passed over,
    /// so the same slice may come twice. Durable when it returns.
    async fn apply(&self, slice: &ChangeSlice) -> Result<(), IngestError>;
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

/// Remembers, durably, the newest batch of each pipeline.
#[async_trait]
pub trait PlanLog: Send + Sync + std::fmt::Debug {
    async fn newest(&self, pipeline: &str) -> Result<Option<PlannedBatch>, IngestError>;

    /// Replaces the newest batch. Durable when it returns.
    async fn record(&self, pipeline: &Arc<str>, batch: &PlannedBatch) -> Result<(), IngestError>;
}
