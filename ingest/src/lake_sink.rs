//! The lake as a sink: exactly once, by batches whose bounds are fixed before they are written.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cortex_lake::{ChangeBatch, Commit, CommitRecord, Lake, LakeError, Layer, TableRef};
use cortex_types::{Frontier, Position, TenantId};
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
    /// What the plan log says, once it was asked. Held while writing: there is one writer.
    known: Mutex<Option<Known>>,
}

/// What was written, and what is being written.
#[derive(Clone, Debug)]
struct Known {
    newest: PlannedBatch,
    tables: BTreeSet<TableRef>,
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
            known: Mutex::new(None),
        }
    }

    #[must_use]
    pub fn with_batching(mut self, batching: Batching) -> Self {
        self.batching = batching;
        self
    }

    /// The newest batch there is; before the first, an empty one at the origin. [`LakeError::Damaged`] where a table
    /// that was written to is not in the lake any more: a new one in its place would lack its history, and not show it.
    async fn newest(&self, known: &mut Option<Known>) -> Result<PlannedBatch, IngestError> {
        if let Some(known) = known {
            return Ok(known.newest.clone());
        }
        let origin = Position::origin(self.source.id());
        let nothing = || PlannedBatch {
            batch: 0,
            after: origin.clone(),
            to: origin.clone(),
            committed: true,
        };
        let newest = self.plan.newest(&self.pipeline).await?.unwrap_or_else(nothing);
        let tables = self.plan.tables(&self.pipeline).await?;
        for table in &tables {
            self.newest_commit(table).await?.ok_or_else(|| {
                let gone = "it was written to, and its folder is gone or holds nothing of it";
                LakeError::damaged(table, gone)
            })?;
        }
        *known = Some(Known {
            newest: newest.clone(),
            tables,
        });
        Ok(newest)
    }

    async fn newest_commit(&self, table: &TableRef) -> Result<Option<CommitRecord>, LakeError> {
        match self.lake.history(table, 1).await {
            Ok(mut newest) => Ok(newest.pop()),
            Err(LakeError::NoTable(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// [`IngestError::Ahead`] where a table of these tenants has a batch of which the plan log knows nothing. The plan
    /// log is in the source's database, and a batch is planned before it is written: that database is an older copy,
    /// or another one. Its next batches would get numbers that the tables have already, and be passed over.
    pub async fn refuse_if_ahead(&self, tenants: &[TenantId]) -> Result<(), IngestError> {
        let source = self.source.id();
        let planned = self.plan.newest(&self.pipeline).await?.map(|newest| newest.to);
        let planned = planned.unwrap_or_else(|| Position::origin(Arc::clone(&source)));
        for tenant in tenants {
            let tables = self.lake.tables(tenant).await?;
            for table in tables.iter().filter(|table| table.layer == Layer::Bronze) {
                let newest = match self.newest_commit(table).await {
                    Ok(newest) => newest.and_then(|commit| commit.frontier),
                    // The sink says so itself, and the other tables may still tell.
                    Err(LakeError::Damaged { .. }) => continue,
                    Err(error) => return Err(error.into()),
                };
                if let Some(written) = newest.as_ref().and_then(|frontier| frontier.get(&source))
                    && *written > planned
                {
                    return Err(IngestError::Ahead {
                        source_id: source.to_string(),
                        reader: format!("the lake's table {table}"),
                        reader_at: written.to_string(),
                        newest: planned.to_string(),
                    });
                }
            }
        }
        Ok(())
    }

    async fn record(&self, known: &mut Option<Known>, batch: PlannedBatch) -> Result<(), IngestError> {
        // Should the plan log fail, it alone knows what it kept.
        let tables = known.take().map(|known| known.tables);
        self.plan.record(&self.pipeline, &batch).await?;
        *known = tables.map(|tables| Known { newest: batch, tables });
        Ok(())
    }

    /// Remembers the tables that this batch was the first of.
    async fn record_tables(&self, known: &mut Option<Known>, changes: &[ChangeBatch]) -> Result<(), IngestError> {
        let Some(known) = known else { return Ok(()) };
        let mut new = Vec::new();
        for batch in changes {
            let table = TableRef::new(batch.tenant.clone(), Layer::Bronze, &batch.table)?;
            if !known.tables.contains(&table) {
                new.push(table);
            }
        }
        if !new.is_empty() {
            self.plan.wrote(&self.pipeline, &new).await?;
            known.tables.extend(new);
        }
        Ok(())
    }

    /// Writes a batch that was planned, and records that it is complete.
    async fn write(
        &self,
        known: &mut Option<Known>,
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
        self.record_tables(known, changes).await?;
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
        let newest = self.newest(&mut *self.known.lock().await).await?;
        Ok(Frontier::of(if newest.committed { newest.to } else { newest.after }))
    }

    async fn apply(&self, slice: &ChangeSlice) -> Result<(), IngestError> {
        let known = &mut *self.known.lock().await;
        let mut newest = self.newest(known).await?;
        if !newest.committed {
            // What a crash or a failure interrupted comes first, with the bounds it had.
            if newest.after == slice.after && newest.to == slice.to {
                return self.write(known, newest, &slice.batches).await;
            }
            newest.committed = true;
            match self.source.read_range(&newest.after, &newest.to).await {
                Ok(changes) => self.write(known, newest.clone(), &changes.batches).await?,
                // What tables have of it is replaced by what comes next.
                Err(IngestError::Superseded { .. }) => self.record(known, newest.clone()).await?,
                Err(error) => return Err(error),
            }
        }
        if slice.to <= newest.to {
            return Ok(());
        }
        if slice.changes() == 0 && newest.to == slice.after {
            let to = slice.to.clone();
            return self.record(known, PlannedBatch { to, ..newest }).await;
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
