//! What a lake can do.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use cortex_types::{Frontier, TenantId, Timestamp};
use datafusion::catalog::TableProvider;

use crate::{LakeError, TableRef};

/// Who writes, and up to where the rows reach.
///
/// `(pipeline, batch)` is the application transaction that makes an append idempotent: batches of one pipeline are
/// numbered 1, 2, 3, … per table, with gaps allowed and repetitions ignored.
#[derive(Clone, Debug)]
pub struct Commit {
    pub pipeline: Arc<str>,
    pub batch: u64,
    pub frontier: Frontier,
}

/// What became of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    Committed {
        version: u64,
    },
    /// The batch, or a later one of its pipeline, was there already; nothing was written.
    AlreadyThere,
}

/// Which state of a table is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AsOf {
    #[default]
    Latest,
    Version(u64),
}

/// One state of one table: reading it later gives the same rows.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub table: TableRef,
    pub version: u64,
    pub schema: SchemaRef,
    /// The columns that say which row of the source is meant; none where nothing is known of it.
    pub key: Vec<String>,
    pub provider: Arc<dyn TableProvider>,
}

/// One entry of a table's history.
#[derive(Clone, Debug, PartialEq)]
pub struct CommitRecord {
    pub version: u64,
    pub committed_at: Option<Timestamp>,
    pub operation: String,
    /// The pipeline and its batch. Present where Cortex wrote it, as are the others.
    pub batch: Option<(String, u64)>,
    pub frontier: Option<Frontier>,
    pub rows: Option<u64>,
}

/// What compacting a table did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compacted {
    pub files_before: u64,
    pub files_after: u64,
    /// Of the files before.
    pub bytes: u64,
}

#[async_trait]
pub trait Lake: Send + Sync + std::fmt::Debug {
    /// Appends `rows` as one commit and returns once it is durable (file and folder synced, where files are meant).
    ///
    /// The first append of a table creates it with the schema of its rows; a later one may bring additional nullable
    /// columns, and may leave nullable ones out. A batch number that is not greater than the pipeline's last one on
    /// this table writes nothing and answers [`Appended::AlreadyThere`]. A failed append leaves nothing visible.
    async fn append(&self, table: &TableRef, rows: Vec<RecordBatch>, commit: &Commit) -> Result<Appended, LakeError>;

    /// The last batch number `pipeline` committed to `table`; `None` before the first, or without the table.
    async fn last_batch(&self, table: &TableRef, pipeline: &str) -> Result<Option<u64>, LakeError>;

    /// [`LakeError::NoTable`] where nothing was ever appended, [`LakeError::Damaged`] where what was is not readable.
    async fn snapshot(&self, table: &TableRef, at: AsOf) -> Result<Snapshot, LakeError>;

    /// The tenant's tables, in order of their names; damaged ones too.
    async fn tables(&self, tenant: &TenantId) -> Result<Vec<TableRef>, LakeError>;

    /// Puts few large files in the place of many small ones, where there are many. Neither blocks an append nor loses to one, and
    /// changes nothing that a reader sees, of this version or an older one. A lake without files has nothing to do.
    async fn compact(&self, table: &TableRef) -> Result<Compacted, LakeError> {
        let _ = table;
        Ok(Compacted::default())
    }

    /// The newest `limit` commits, newest first.
    async fn history(&self, table: &TableRef, limit: usize) -> Result<Vec<CommitRecord>, LakeError>;
}
