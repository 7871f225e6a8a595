//! The newest batch of each pipeline, in SQL.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use cortex_ingest::{IngestError, PlanLog, PlannedBatch};
use cortex_lake::{Layer, TableRef};
use cortex_store::StoreError;
use cortex_store::sql;
use cortex_types::{Position, TenantId};

use crate::SqliteChangeLog;

#[derive(sqlx::FromRow)]
struct PlannedRow {
    batch: i64,
    source: String,
    after_epoch: i64,
    after_commit: i64,
    after_seq: i64,
    to_epoch: i64,
    to_commit: i64,
    to_seq: i64,
    committed: bool,
}

impl SqliteChangeLog {
    async fn store_plan(&self, pipeline: &str, batch: &PlannedBatch) -> Result<(), StoreError> {
        let mut write = self.database.begin().await?;
        sql::query(
            "INSERT INTO planned_batches (pipeline, batch, source, after_epoch, after_commit, after_seq, to_epoch, \
             to_commit, to_seq, committed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
             ON CONFLICT (pipeline) DO UPDATE SET batch = excluded.batch, source = excluded.source, \
             after_epoch = excluded.after_epoch, after_commit = excluded.after_commit, \
             after_seq = excluded.after_seq, to_epoch = excluded.to_epoch, to_commit = excluded.to_commit, \
             to_seq = excluded.to_seq, committed = excluded.committed",
        )
        .bind(pipeline)
        .bind(batch.batch.cast_signed())
        .bind(&*batch.to.source)
        .bind(batch.after.epoch.cast_signed())
        .bind(batch.after.commit.cast_signed())
        .bind(batch.after.seq.cast_signed())
        .bind(batch.to.epoch.cast_signed())
        .bind(batch.to.commit.cast_signed())
        .bind(batch.to.seq.cast_signed())
        .bind(batch.committed)
        .execute(write.connection())
        .await?;
        write.commit().await?;
        Ok(())
    }
}

impl SqliteChangeLog {
    async fn store_tables(&self, pipeline: &str, tables: &[TableRef]) -> Result<(), StoreError> {
        let mut write = self.database.begin().await?;
        for table in tables {
            sql::query(
                "INSERT INTO lake_tables (pipeline, tenant_id, layer, table_name) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT DO NOTHING",
            )
            .bind(pipeline)
            .bind(table.tenant.as_str())
            .bind(table.layer.as_str())
            .bind(table.name())
            .execute(write.connection())
            .await?;
        }
        write.commit().await?;
        Ok(())
    }
}

#[async_trait]
impl PlanLog for SqliteChangeLog {
    async fn newest(&self, pipeline: &str) -> Result<Option<PlannedBatch>, IngestError> {
        let row: Option<PlannedRow> = sql::query_as("SELECT * FROM planned_batches WHERE pipeline = $1")
            .bind(pipeline)
            .fetch_optional(self.database.readers())
            .await
            .map_err(|error| self.failed(error))?;
        Ok(row.map(|row| {
            let source: Arc<str> = row.source.into();
            let position = |epoch: i64, commit: i64, seq: i64| {
                Position::new(
                    Arc::clone(&source),
                    epoch.unsigned_abs(),
                    commit.unsigned_abs(),
                    seq.unsigned_abs(),
                )
            };
            PlannedBatch {
                batch: row.batch.unsigned_abs(),
                after: position(row.after_epoch, row.after_commit, row.after_seq),
                to: position(row.to_epoch, row.to_commit, row.to_seq),
                committed: row.committed,
            }
        }))
    }

    async fn record(&self, pipeline: &Arc<str>, batch: &PlannedBatch) -> Result<(), IngestError> {
        self.store_plan(pipeline, batch)
            .await
            .map_err(|error| IngestError::sink(pipeline, error))
    }

    async fn tables(&self, pipeline: &str) -> Result<BTreeSet<TableRef>, IngestError> {
        let rows: Vec<(String, String, String)> =
            sql::query_as("SELECT tenant_id, layer, table_name FROM lake_tables WHERE pipeline = $1")
                .bind(pipeline)
                .fetch_all(self.database.readers())
                .await
                .map_err(|error| self.failed(error))?;
        let mut tables = BTreeSet::new();
        for (tenant, layer, name) in rows {
            let tenant = TenantId::new(&tenant).map_err(|error| IngestError::source(&self.id, error))?;
            // One in a layer that this program does not know was not written by it.
            if let Some(layer) = Layer::ALL.into_iter().find(|known| known.as_str() == layer) {
                tables.insert(TableRef::new(tenant, layer, name)?);
            }
        }
        Ok(tables)
    }

    async fn wrote(&self, pipeline: &Arc<str>, tables: &[TableRef]) -> Result<(), IngestError> {
        self.store_tables(pipeline, tables)
            .await
            .map_err(|error| IngestError::sink(pipeline, error))
    }
}
