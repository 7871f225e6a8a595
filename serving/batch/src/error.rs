use cortex_features::FeatureError;
use cortex_lake::LakeError;
use cortex_serving::ServingError;
use cortex_types::{Coded, ErrorCode};

/// Why a table could not be scored. Nothing was written then.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    #[error("{0}")]
    Invalid(String),
    #[error(
        "job '{job}' of '{model}' is in {table} already, but with another version, time or choice of rows: give this one \
         another name"
    )]
    OtherJob { job: String, model: String, table: String },
    #[error("table {table} cannot be read for scoring")]
    Read {
        table: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("the scores cannot be written as rows")]
    Rows(#[from] arrow::error::ArrowError),
    #[error(transparent)]
    Serving(#[from] ServingError),
    #[error(transparent)]
    Features(#[from] FeatureError),
    #[error(transparent)]
    Lake(#[from] LakeError),
}

impl BatchError {
    pub(crate) fn read(table: impl std::fmt::Display, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Read {
            table: table.to_string(),
            source: Box::new(source),
        }
    }
}

impl Coded for BatchError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid(_) => ErrorCode::InvalidArgument,
            Self::OtherJob { .. } => ErrorCode::IdempotencyConflict,
            Self::Read { .. } => ErrorCode::StorageFailed,
            Self::Rows(_) => ErrorCode::Internal,
            Self::Serving(error) => error.code(),
            Self::Features(error) => error.code(),
            Self::Lake(error) => error.code(),
        }
    }
}
