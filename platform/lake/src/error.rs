use cortex_types::{Coded, ErrorCode};

/// What can go wrong in a lake. Adapters keep their own errors as the source.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    #[error("'{0}' cannot name a table: use 1 to 120 of a-z, 0-9, '_' and '-', beginning with a letter")]
    TableName(String),
    #[error("the lake has no table {0}")]
    NoTable(String),
    #[error("table {table} has no version {version}: the newest is {newest}")]
    NoVersion { table: String, version: u64, newest: u64 },
    #[error("rows for {table} do not fit its schema: {detail}")]
    Schema { table: String, detail: String },
    #[error("another writer is committing to {0}: one table has one writer")]
    Conflict(String),
    #[error("the lake could not store or read {what}: check the folder's permissions and free space")]
    Storage {
        what: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl LakeError {
    /// A failure of the storage below, while doing `what` (a table, a file).
    pub fn storage(what: impl std::fmt::Display, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Storage {
            what: what.to_string(),
            source: source.into(),
        }
    }
}

impl Coded for LakeError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::TableName(_) | Self::Schema { .. } => ErrorCode::InvalidArgument,
            Self::NoTable(_) | Self::NoVersion { .. } => ErrorCode::NotFound,
            Self::Conflict(_) => ErrorCode::Unavailable,
            Self::Storage { .. } => ErrorCode::StorageFailed,
        }
    }
}
