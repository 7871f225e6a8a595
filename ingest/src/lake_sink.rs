//! The lake as a sink: exactly once, by batches whose bounds are fixed before they are written.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cortex_lake::{ChangeBatch, Commit, Lake, Layer, TableRef};
use cortex_types::{Frontier, Position};
use fail::fail_point;
use futures::StreamExt;
use tokio::sync::Mutex;

use crate::{Batching, ChangeSink, ChangeSlice, ChangeSource, IngestError, PlanLog, PlannedBatch};

/// Tables of one batch that are written at a time.
const TABLES_AT_ONCE: usize = 4;
const NAME: &str = "lake";

/// Writes changes to bronze: one table per source table and tenant.
///
/// A batch spans many tables, and a lake commits one table at a time. So the bounds of a batch are recorded first; a
/// crash in the middle leaves some tables with the batch and some without; then the same bounds are read again and the
/// tables that have the batch pass it over. Were the bounds not fixed, a longer batch under the same number would be
/// passed over too, and its additional changes lost.
#[derive(Debug)]
pub struct LakeSink {
    lake: Arc<dyn Lake>,
    plan: Arc<dyn PlanLog>,
    source: Arc<dyn ChangeSource>,
    pipeline: Arc<str>,
    batching: Batching,
    /// The newest batch, once the plan log was asked. Held while writing: there is one writer.
    newest: Mutex<Option<PlannedBatch>>,
}

impl LakeSink {
    /// Joins slices up to 50,000 changes or 250 ms.
    #[must_use]
    pub fn new(lake: Arc<dyn Lake>, plan: Arc<dyn PlanLog>, source: Arc<dyn ChangeSource>) -> Self {
        let pipeline = format!("ingest-{}", source.id()).into();
        let batching = Batching {
            changes: 50_000,
            linger: Duration::from_millis(250),
        };
        Self {
            lake,
            plan,
            source,
            pipeline,
            batching,
            newest: Mutex::new(None),
        }
    }

    #[must_use]
    pub fn with_batching(mut self, batching: Batching) -> Self {
        self.batching = batching;
        self
    }

    /// The newest batch there is; before the first, an empty one at the origin.
    async fn newest(&self, known: &mut Option<PlannedBatch>) -> Result<PlannedBatch, IngestError> {
        if let Some(batch) = known {
            return Ok(batch.clone());
        }
        let origin = Position::origin(self.source.id());
        let nothing = || PlannedBatch {
            batch: 0,
            after: origin.clone(),
            to: origin.clone(),
            committed: true,
        };
        let newest = self.plan.newest(&self.pipeline).await?.unwrap_or_else(nothing);
        *known = Some(newest.clone());
        Ok(newest)
    }

    async fn record(&self, known: &mut Option<PlannedBatch>, batch: PlannedBatch) -> Result<(), IngestError> {
        // Should the plan log fail, it alone knows what it kept.
        *known = None;
        self.plan.record(&self.pipeline, &batch).await?;
        *known = Some(batch);
        Ok(())
    }

    /// Writes a batch that was planned, and records that it is complete.
    async fn write(
        &self,
        known: &mut Option<PlannedBatch>,
        planned: PlannedBatch,
        changes: &[ChangeBatch],
    ) -> Result<(), IngestError> {
        let commit = Commit {
            pipeline: Arc::clone(&self.pipeline),
            batch: planned.batch,
            frontier: Frontier::of(planned.to.clone()),
        };
        // All of them, even when one fails: an append that is broken off would leave its table to be read again.
        let appends: Vec<Result<(), IngestError>> = futures::stream::iter(changes.to_vec())
            .map(|batch| self.append(batch, &commit))
            .buffer_unordered(TABLES_AT_ONCE)
            .collect()
            .await;
        appends.into_iter().collect::<Result<(), IngestError>>()?;
        fail_point!("ingest::before-committed", |_| Err(IngestError::sink(
            NAME,
            "failpoint"
        )));
        self.record(
            known,
            PlannedBatch {
                committed: true,
                ..planned
            },
        )
        .await
    }

    async fn append(&self, batch: ChangeBatch, commit: &Commit) -> Result<(), IngestError> {
        let table = TableRef::new(batch.tenant, Layer::Bronze, &batch.table)?;
        self.lake.append(&table, vec![batch.rows], commit).await?;
        fail_point!("ingest::after-append", |_| Err(IngestError::sink(NAME, "failpoint")));
        Ok(())
    }
}

#[async_trait]
impl ChangeSink for LakeSink {
    fn name(&self) -> &str {
        NAME
    }

    fn batching(&self) -> Batching {
        self.batching
    }

    async fn frontier(&self) -> Result<Frontier, IngestError> {
        let newest = self.newest(&mut *self.newest.lock().await).await?;
        Ok(Frontier::of(if newest.committed { newest.to } else { newest.after }))
    }

    async fn apply(&self, slice: &ChangeSlice) -> Result<(), IngestError> {
        let known = &mut *self.newest.lock().await;
        let mut newest = self.newest(known).await?;
        if !newest.committed {
            // What a crash or a failure interrupted comes first, with the bounds it had.
            if newest.after == slice.after && newest.to == slice.to {
                return self.write(known, newest, &slice.batches).await;
            }
            let changes = self.source.read_range(&newest.after, &newest.to).await?;
            self.write(known, newest.clone(), &changes.batches).await?;
            newest.committed = true;
        }
        if slice.to <= newest.to {
            return Ok(());
        }
        let planned = PlannedBatch {
            batch: newest.batch + 1,
            after: newest.to,
            to: slice.to.clone(),
            committed: false,
        };
        self.record(known, planned.clone()).await?;
        fail_point!("ingest::after-plan", |_| Err(IngestError::sink(NAME, "failpoint")));
        if planned.after == slice.after {
            self.write(known, planned, &slice.batches).await
        } else {
            let changes = self.source.read_range(&planned.after, &planned.to).await?;
            self.write(known, planned, &changes.batches).await
        }
    }
}
