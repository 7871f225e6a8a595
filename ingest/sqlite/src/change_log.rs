//! Reading the change log.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use cortex_ingest::{ChangeSlice, ChangeSource, IngestError};
use cortex_store::sql;
use cortex_store::{Database, table_columns};
use cortex_types::{Position, SourceId, TenantId, Timestamp};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::decode::{self, LoggedChange, TransactionRow};
use crate::readers;

/// The name of the embedded database as a source.
pub(crate) const SOURCE: &str = "erp";
/// It has one history: a database that is restored from a backup is another folder.
pub(crate) const EPOCH: u64 = 1;

/// The change log of a [`Database`]. Cloning it is cheap.
#[derive(Clone, Debug)]
pub struct SqliteChangeLog {
    pub(crate) database: Database,
    pub(crate) id: SourceId,
    /// The schema of each table's rows; it changes by migration only, before anything is read.
    schemas: Arc<Mutex<HashMap<String, SchemaRef>>>,
}

impl SqliteChangeLog {
    /// The database must have been migrated with [`MIGRATIONS`](crate::MIGRATIONS).
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self {
            database,
            id: SOURCE.into(),
            schemas: Arc::default(),
        }
    }

    pub(crate) fn failed(&self, error: sqlx::Error) -> IngestError {
        IngestError::source(&self.id, self.database.failed(error))
    }

    pub(crate) fn position(&self, commit_no: i64, seq: i64) -> Position {
        Position::new(
            Arc::clone(&self.id),
            EPOCH,
            commit_no.unsigned_abs(),
            seq.unsigned_abs(),
        )
    }

    /// The end of the commit with which at least `changes_min` changes after `after` are reached, else of the newest.
    async fn end_of_read(&self, after: &Position, changes_min: usize) -> Result<Option<Position>, IngestError> {
        let wanted = after.seq.saturating_add(changes_min as u64);
        let end: Option<(i64, i64)> = sql::query_as(
            "SELECT commit_no, last_seq FROM change_commits WHERE commit_no > $1 AND last_seq >= $2 \
             ORDER BY commit_no LIMIT 1",
        )
        .bind(after.commit.cast_signed())
        .bind(wanted.cast_signed())
        .fetch_optional(self.database.readers())
        .await
        .map_err(|error| self.failed(error))?;
        let end = match end {
            Some((commit_no, seq)) => self.position(commit_no, seq),
            None => self.head().await?,
        };
        Ok(Some(end).filter(|end| end.seq > after.seq))
    }

    async fn logged(&self, after: u64, to: u64) -> Result<Vec<LoggedChange>, IngestError> {
        let rows: Vec<LoggedChange> = sql::query_as(
            "SELECT seq, commit_no, tx_no, tenant_id, table_name, op, row_after, row_before FROM change_log \
             WHERE seq > $1 AND seq <= $2 ORDER BY seq",
        )
        .bind(after.cast_signed())
        .bind(to.cast_signed())
        .fetch_all(self.database.readers())
        .await
        .map_err(|error| self.failed(error))?;
        Ok(rows)
    }

    /// The transactions of `changes`, by number: they stand side by side, so one range reads them all.
    async fn transactions(&self, changes: &[LoggedChange]) -> Result<HashMap<i64, TransactionRow>, IngestError> {
        let numbers = changes.iter().map(|change| change.tx_no);
        let (Some(first), Some(last)) = (numbers.clone().min(), numbers.max()) else {
            return Ok(HashMap::new());
        };
        let rows: Vec<TransactionRow> = sql::query_as(
            "SELECT tx_no, known_at, known_by, principal, trace_id FROM tx_meta WHERE tx_no BETWEEN $1 AND $2",
        )
        .bind(first)
        .bind(last)
        .fetch_all(self.database.readers())
        .await
        .map_err(|error| self.failed(error))?;
        Ok(rows.into_iter().map(|row| (row.tx_no, row)).collect())
    }

    async fn schemas_of(&self, changes: &[LoggedChange]) -> Result<BTreeMap<String, SchemaRef>, IngestError> {
        let mut schemas = BTreeMap::new();
        for change in changes {
            if schemas.contains_key(&change.table_name) {
                continue;
            }
            let known = self.schemas.lock().get(&change.table_name).cloned();
            let schema = match known {
                Some(schema) => schema,
                None => {
                    let columns = table_columns(self.database.readers(), &change.table_name)
                        .await
                        .map_err(|error| IngestError::source(&self.id, error))?;
                    let schema = decode::row_schema(&columns);
                    self.schemas
                        .lock()
                        .insert(change.table_name.clone(), Arc::clone(&schema));
                    schema
                }
            };
            schemas.insert(change.table_name.clone(), schema);
        }
        Ok(schemas)
    }
}

#[async_trait]
impl ChangeSource for SqliteChangeLog {
    fn id(&self) -> SourceId {
        Arc::clone(&self.id)
    }

    async fn read(&self, after: &Position, changes_min: usize) -> Result<Option<ChangeSlice>, IngestError> {
        match self.end_of_read(after, changes_min).await? {
            Some(to) => Ok(Some(self.read_range(after, &to).await?)),
            None => Ok(None),
        }
    }

    async fn read_range(&self, after: &Position, to: &Position) -> Result<ChangeSlice, IngestError> {
        readers::check_kept(self, after).await?;
        let changes = self.logged(after.seq, to.seq).await?;
        // Pruning may have begun in between; then the rows may be fewer than there were.
        readers::check_kept(self, after).await?;
        let transactions = self.transactions(&changes).await?;
        let schemas = self.schemas_of(&changes).await?;
        let source = Arc::clone(&self.id);
        let decoded = tokio::task::spawn_blocking(move || decode::batches(&source, &changes, &transactions, &schemas));
        let batches = decoded.await.map_err(|error| IngestError::source(&self.id, error))??;
        Ok(ChangeSlice {
            after: after.clone(),
            to: to.clone(),
            batches,
        })
    }

    fn commits(&self) -> watch::Receiver<u64> {
        self.database.commits()
    }

    async fn head(&self) -> Result<Position, IngestError> {
        let newest: Option<(i64, i64)> =
            sql::query_as("SELECT commit_no, last_seq FROM change_commits ORDER BY commit_no DESC LIMIT 1")
                .fetch_optional(self.database.readers())
                .await
                .map_err(|error| self.failed(error))?;
        Ok(newest.map_or_else(
            || Position::origin(Arc::clone(&self.id)),
            |(commit_no, seq)| self.position(commit_no, seq),
        ))
    }

    async fn kept_after(&self) -> Result<Position, IngestError> {
        readers::kept_after(self).await
    }

    async fn pending_since(
        &self,
        after: &Position,
        tenant: &TenantId,
        table: &str,
    ) -> Result<Option<Timestamp>, IngestError> {
        let earliest: Option<i64> = sql::query_scalar(
            "SELECT min(tx_meta.known_at) FROM change_log JOIN tx_meta ON tx_meta.tx_no = change_log.tx_no \
             WHERE change_log.seq > $1 AND change_log.tenant_id = $2 AND change_log.table_name = $3",
        )
        .bind(after.seq.cast_signed())
        .bind(tenant.as_str())
        .bind(table)
        .fetch_one(self.database.readers())
        .await
        .map_err(|error| self.failed(error))?;
        Ok(earliest.map(Timestamp::from_micros))
    }

    async fn acknowledge(&self, reader: &str, upto: &Position) -> Result<(), IngestError> {
        readers::acknowledge(self, reader, upto).await
    }
}

impl TransactionRow {
    pub(crate) fn known_at(&self) -> Timestamp {
        Timestamp::from_micros(self.known_at)
    }
}
