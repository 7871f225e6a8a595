use cortex_lake::LakeError;
use cortex_types::{Coded, ErrorCode};

/// What can go wrong with features.
#[derive(Debug, thiserror::Error)]
pub enum FeatureError {
    #[error("'{0}' is not the name of a feature: write view:feature, such as customer_sales:spend_30d")]
    FeatureName(String),
    #[error("there is no feature {name}; known here: {known}")]
    UnknownFeature { name: String, known: String },
    #[error("there is no feature service '{name}'; known here: {known}")]
    UnknownService { name: String, known: String },
    #[error("there is no entity '{name}'; known here: {known}")]
    UnknownEntity { name: String, known: String },
    #[error("{file}: {detail}")]
    Definition { file: String, detail: String },
    #[error("the request cannot be answered: {0}")]
    Request(String),
    #[error("the request is too large: {0}")]
    TooLarge(String),
    #[error("feature view '{view}' cannot be computed: {detail}")]
    Compute { view: String, detail: String },
    /// The view's definition, or the rows that it is given, do not go together with the source table.
    #[error("feature view '{view}' does not fit table '{table}': {detail}")]
    Source {
        view: String,
        table: String,
        detail: String,
    },
    #[error("the online store has to be rebuilt from the lake ('cortex features rebuild'): {0}")]
    NeedsRebuild(String),
    #[error("the online store could not {what}")]
    Storage {
        what: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error(transparent)]
    Lake(#[from] LakeError),
}

impl Coded for FeatureError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::FeatureName(_) | Self::Definition { .. } | Self::Request(_) => ErrorCode::InvalidArgument,
            Self::TooLarge(_) => ErrorCode::TooLarge,
            Self::Source { .. } => ErrorCode::InvalidConfiguration,
            Self::UnknownFeature { .. } | Self::UnknownService { .. } | Self::UnknownEntity { .. } => {
                ErrorCode::UnknownFeature
            }
            Self::NeedsRebuild(_) => ErrorCode::Unavailable,
            Self::Compute { .. } => ErrorCode::Internal,
            Self::Storage { .. } => ErrorCode::StorageFailed,
            Self::Lake(error) => error.code(),
        }
    }
}
