use cortex_features::FeatureError;
use cortex_lake::LakeError;
use cortex_registry::RegistryError;
use cortex_types::{Coded, ErrorCode};

/// What can go wrong between a declaration and a registered model.
#[derive(Debug, thiserror::Error)]
pub enum TrainingError {
    #[error("{file}: {detail}")]
    Definition { file: String, detail: String },
    #[error("there is no pipeline '{name}'; known here: {known}")]
    UnknownPipeline { name: String, known: String },
    #[error("there is no trainer '{name}'; known here: {known}")]
    UnknownTrainer { name: String, known: String },
    #[error("trainer '{trainer}': {detail}")]
    Param { trainer: String, detail: String },
    #[error("{pipeline} has no {what} rows as of {as_of}: {hint}")]
    NoRows {
        pipeline: String,
        what: &'static str,
        as_of: cortex_types::Timestamp,
        hint: &'static str,
    },
    #[error("all {rows} labels are {value}: there is nothing to tell apart. Train over a longer history")]
    SingleClass { rows: usize, value: f64 },
    #[error("the label of row {row} is {value}, which is not {expected}")]
    Label {
        row: usize,
        value: f64,
        expected: &'static str,
    },
    #[error("feature {feature} is infinite in row {row}: check its expression for a division by zero")]
    InfiniteFeature { feature: String, row: usize },
    #[error("none of the {features} features has a value in any of the {rows} rows: is the feature service fed?")]
    NoFeatureValues { features: usize, rows: usize },
    #[error("the matrix does not fit together: {0}")]
    Shape(String),
    #[error("trainer '{trainer}' failed: {detail}")]
    Failed { trainer: String, detail: String },
    #[error(
        "the ONNX file of '{trainer}' says {onnx} where the trainer says {native} (row {row}, {over} of {rows} rows differ \
         by more than {tolerance}): it was not registered"
    )]
    Disagreement {
        trainer: String,
        row: usize,
        native: f64,
        onnx: f64,
        over: usize,
        rows: usize,
        tolerance: f64,
    },
    #[error("the stage cache could not {what}: check the folder's permissions and free space")]
    Cache {
        what: String,
        #[source]
        source: std::io::Error,
    },
    #[error("{capacity} trainings are running already: try again when one has ended")]
    Overloaded { capacity: usize },
    #[error("the lake's rows could not be read: {0}")]
    Read(String),
    #[error(transparent)]
    Features(#[from] FeatureError),
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Lake(#[from] LakeError),
}

impl Coded for TrainingError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Definition { .. } => ErrorCode::InvalidConfiguration,
            Self::UnknownPipeline { .. } => ErrorCode::NotFound,
            Self::UnknownTrainer { .. }
            | Self::Param { .. }
            | Self::NoRows { .. }
            | Self::SingleClass { .. }
            | Self::Label { .. }
            | Self::InfiniteFeature { .. }
            | Self::NoFeatureValues { .. } => ErrorCode::InvalidArgument,
            Self::Shape(_) | Self::Failed { .. } | Self::Read(_) => ErrorCode::Internal,
            Self::Disagreement { .. } => ErrorCode::CorruptModel,
            Self::Cache { .. } => ErrorCode::StorageFailed,
            Self::Overloaded { .. } => ErrorCode::Overloaded,
            Self::Features(error) => error.code(),
            Self::Registry(error) => error.code(),
            Self::Lake(error) => error.code(),
        }
    }
}
