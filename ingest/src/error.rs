use cortex_lake::LakeError;
use cortex_types::{Coded, ErrorCode};

/// What can stop changes from flowing.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    #[error("the change source '{source_id}' could not be read: {detail}")]
    Source {
        source_id: String,
        /// Decides whether it is tried again.
        code: ErrorCode,
        detail: String,
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    #[error(
        "changes of '{source_id}' before {oldest} were pruned, but '{reader}' stands at {reader_at}: rebuild that reader from the lake"
    )]
    HistoryLost {
        source_id: String,
        reader: String,
        reader_at: String,
        oldest: String,
    },
    /// Not an error of anybody's: what was begun to be written is not to be finished.
    #[error("the changes of '{source_id}' in ({after}, {to}] were of a snapshot that has been taken anew since")]
    Superseded {
        source_id: String,
        after: String,
        to: String,
    },
    #[error(
        "{reader} has changes of '{source_id}' up to {reader_at}, but the database knows of none after {newest}: the \
         database is an older copy, or another one; put the newer database back (with its -wal file, where it has one), \
         or database and lake as one backup has them"
    )]
    Ahead {
        source_id: String,
        reader: String,
        reader_at: String,
        newest: String,
    },
    #[error("the sink '{sink}' could not take changes: {detail}")]
    Sink {
        sink: String,
        /// Decides whether the same batch is tried again at once.
        code: ErrorCode,
        detail: String,
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    #[error(transparent)]
    Lake(#[from] LakeError),
}

impl IngestError {
    /// A failure of the source `id` to read what it stores, which may pass.
    pub fn source(id: impl std::fmt::Display, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let error = error.into();
        Self::Source {
            source_id: id.to_string(),
            code: ErrorCode::StorageFailed,
            detail: error.to_string(),
            source: Some(error),
        }
    }

    /// A failure of the sink `name` to store something, which may pass.
    pub fn sink(name: impl std::fmt::Display, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let error = error.into();
        Self::Sink {
            sink: name.to_string(),
            code: ErrorCode::StorageFailed,
            detail: error.to_string(),
            source: Some(error),
        }
    }

    /// What the sink `name` says of itself with a code of its own.
    pub fn refused(name: impl std::fmt::Display, error: impl Coded + Send + Sync + 'static) -> Self {
        Self::Sink {
            sink: name.to_string(),
            code: error.code(),
            detail: error.to_string(),
            source: Some(Box::new(error)),
        }
    }
}

impl Coded for IngestError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Source { code, .. } | Self::Sink { code, .. } => *code,
            Self::Superseded { .. } => ErrorCode::NotFound,
            Self::HistoryLost { .. } | Self::Ahead { .. } => ErrorCode::Corrupt,
            Self::Lake(error) => error.code(),
        }
    }
}
