//! Databases that are read besides our own: which there are, and what each remembers.

use std::collections::BTreeMap;

use async_trait::async_trait;
use cortex_ingest::{IngestError, SourceBook};
use cortex_store::sql;
use cortex_store::{Database, StoreError};
use cortex_types::{Position, TenantId, Timestamp};

/// A source as it was added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRecord {
    /// Names it in positions and in the lake; one of a kind, whoever's it is.
    pub source: String,
    /// Whose rows they are.
    pub tenant: TenantId,
    /// Sealed: it may hold a password.
    pub address: String,
    /// What is read of it, as JSON.
    pub settings: String,
    pub added_at: Timestamp,
    /// Its tables are to be read anew.
    pub renew: bool,
}

/// The sources, and the [`SourceBook`] of each. Cloning it is cheap.
#[derive(Clone, Debug)]
pub struct SqlSources(Database);

#[derive(sqlx::FromRow)]
struct SourceRow {
    source: String,
    tenant_id: String,
    address: String,
    settings: String,
    added_at: i64,
    renew: bool,
}

#[derive(sqlx::FromRow)]
struct ReaderRow {
    reader: String,
    epoch: i64,
    commit_no: i64,
    seq: i64,
}

impl SqlSources {
    /// The database must have been migrated with [`MIGRATIONS`](crate::MIGRATIONS).
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self(database)
    }

    /// In the order of their names.
    pub async fn all(&self) -> Result<Vec<SourceRecord>, StoreError> {
        let rows: Vec<SourceRow> =
            sql::query_as("SELECT source, tenant_id, address, settings, added_at, renew FROM sources ORDER BY source")
                .fetch_all(self.0.readers())
                .await
                .map_err(|error| self.0.failed(error))?;
        let record = |row: SourceRow| {
            // It was one when it was added.
            let tenant = TenantId::new(&row.tenant_id).ok()?;
            Some(SourceRecord {
                source: row.source,
                tenant,
                address: row.address,
                settings: row.settings,
                added_at: Timestamp::from_micros(row.added_at),
                renew: row.renew,
            })
        };
        Ok(rows.into_iter().filter_map(record).collect())
    }

    /// `false` where there is one of this name already.
    pub async fn add(&self, record: &SourceRecord) -> Result<bool, StoreError> {
        let mut write = self.0.begin().await?;
        let added = sql::query(
            "INSERT INTO sources (source, tenant_id, address, settings, added_at, renew) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT DO NOTHING",
        )
        .bind(&record.source)
        .bind(record.tenant.as_str())
        .bind(&record.address)
        .bind(&record.settings)
        .bind(record.added_at.micros())
        .bind(record.renew)
        .execute(write.connection())
        .await?;
        write.commit().await?;
        Ok(added.rows_affected() == 1)
    }

    /// Whether the tables of a source are to be read anew; `false` where there is none of this name.
    pub async fn set_renew(&self, source: &str, renew: bool) -> Result<bool, StoreError> {
        let mut write = self.0.begin().await?;
        let set = sql::query("UPDATE sources SET renew = $1 WHERE source = $2")
            .bind(renew)
            .bind(source)
            .execute(write.connection())
            .await?;
        write.commit().await?;
        Ok(set.rows_affected() == 1)
    }

    /// Why it is not read at the moment; `None` where it is.
    pub async fn set_trouble(&self, source: &str, trouble: Option<&str>) -> Result<(), StoreError> {
        let mut write = self.0.begin().await?;
        sql::query("UPDATE sources SET trouble = $1 WHERE source = $2")
            .bind(trouble)
            .bind(source)
            .execute(write.connection())
            .await?;
        write.commit().await.map(drop)
    }

    /// What was said of it last.
    pub async fn trouble(&self, source: &str) -> Result<Option<String>, StoreError> {
        let found: Option<Option<String>> = sql::query_scalar("SELECT trouble FROM sources WHERE source = $1")
            .bind(source)
            .fetch_optional(self.0.readers())
            .await
            .map_err(|error| self.0.failed(error))?;
        Ok(found.flatten())
    }

    /// Reads it no more; `false` where there is none of this name. Its notes stay: should it be added again, its epochs
    /// go on, and so do its batches in the lake.
    pub async fn remove(&self, source: &str) -> Result<bool, StoreError> {
        let mut write = self.0.begin().await?;
        let removed = sql::query("DELETE FROM sources WHERE source = $1")
            .bind(source)
            .execute(write.connection())
            .await?;
        write.commit().await?;
        Ok(removed.rows_affected() == 1)
    }

    async fn store_notes(&self, source: &str, notes: &str) -> Result<(), StoreError> {
        let mut write = self.0.begin().await?;
        sql::query(
            "INSERT INTO source_notes (source, notes) VALUES ($1, $2) ON CONFLICT (source) DO UPDATE SET notes = excluded.notes",
        )
        .bind(source)
        .bind(notes)
        .execute(write.connection())
        .await?;
        write.commit().await.map(drop)
    }

    async fn store_reader(&self, source: &str, reader: &str, upto: &Position) -> Result<(), StoreError> {
        let mut write = self.0.begin().await?;
        let now = self.0.clock().now().micros();
        sql::query(
            "INSERT INTO source_readers (source, reader, epoch, commit_no, seq, acknowledged_at) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (source, reader) DO UPDATE SET epoch = excluded.epoch, commit_no = excluded.commit_no, \
             seq = excluded.seq, acknowledged_at = excluded.acknowledged_at",
        )
        .bind(source)
        .bind(reader)
        .bind(upto.epoch.cast_signed())
        .bind(upto.commit.cast_signed())
        .bind(upto.seq.cast_signed())
        .bind(now)
        .execute(write.connection())
        .await?;
        write.commit().await.map(drop)
    }
}

#[async_trait]
impl SourceBook for SqlSources {
    async fn notes(&self, source: &str) -> Result<Option<String>, IngestError> {
        sql::query_scalar("SELECT notes FROM source_notes WHERE source = $1")
            .bind(source)
            .fetch_optional(self.0.readers())
            .await
            .map_err(|error| IngestError::source(source, self.0.failed(error)))
    }

    async fn note(&self, source: &str, notes: &str) -> Result<(), IngestError> {
        let stored = self.store_notes(source, notes).await;
        stored.map_err(|error| IngestError::source(source, error))
    }

    async fn readers(&self, source: &str) -> Result<BTreeMap<String, Position>, IngestError> {
        let rows: Vec<ReaderRow> =
            sql::query_as("SELECT reader, epoch, commit_no, seq FROM source_readers WHERE source = $1")
                .bind(source)
                .fetch_all(self.0.readers())
                .await
                .map_err(|error| IngestError::source(source, self.0.failed(error)))?;
        let reader = |row: ReaderRow| {
            let [epoch, commit, seq] = [row.epoch, row.commit_no, row.seq].map(i64::unsigned_abs);
            (row.reader, Position::new(source, epoch, commit, seq))
        };
        Ok(rows.into_iter().map(reader).collect())
    }

    async fn acknowledge(&self, source: &str, reader: &str, upto: &Position) -> Result<(), IngestError> {
        let stored = self.store_reader(source, reader, upto).await;
        stored.map_err(|error| IngestError::source(source, error))
    }
}
