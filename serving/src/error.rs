use cortex_features::FeatureError;
use cortex_registry::RegistryError;
use cortex_types::{Coded, ErrorCode};

/// What can go wrong between a request and a score.
#[derive(Debug, thiserror::Error)]
pub enum ServingError {
    #[error("there is no model '{0}' here")]
    UnknownModel(String),
    #[error("model '{0}' was unloaded: load it before asking it")]
    Unloaded(String),
    #[error("model '{0}' has no champion yet: promote a version of it, or name the version to ask")]
    NoChampion(String),
    #[error("{0}")]
    Invalid(String),
    #[error("input '{input}' has shape {given:?}, but the model takes {expected:?} (-1 stands for any)")]
    WrongShape {
        input: String,
        given: Vec<i64>,
        expected: Vec<i64>,
    },
    #[error("input '{input}' is {given}, but the model takes {expected}")]
    WrongType {
        input: String,
        given: String,
        expected: String,
    },
    #[error("the model file of '{model}' cannot be loaded: {detail}")]
    CorruptModel { model: String, detail: String },
    #[error(
        "version {version} of '{model}' is registered, but its file is gone or damaged ({detail}): restore the artifacts \
         folder from a backup, or make another version the champion ('cortex models alias')"
    )]
    LostModel {
        model: String,
        version: u32,
        detail: String,
    },
    #[error("ONNX Runtime was not found: {0}")]
    RuntimeMissing(String),
    #[error("{queue} is full ({capacity} waiting): try again in a moment")]
    Overloaded { queue: &'static str, capacity: usize },
    #[error("the decision could not be remembered: {detail}")]
    Memory { code: ErrorCode, detail: String },
    #[error("inference failed: {0}")]
    Inference(String),
    #[error(transparent)]
    Features(#[from] FeatureError),
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl Coded for ServingError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::UnknownModel(_) => ErrorCode::UnknownModel,
            Self::Unloaded(_) | Self::NoChampion(_) => ErrorCode::ModelNotReady,
            Self::Invalid(_) => ErrorCode::InvalidArgument,
            Self::WrongShape { .. } => ErrorCode::WrongShape,
            Self::WrongType { .. } => ErrorCode::WrongType,
            Self::LostModel { .. } => ErrorCode::Corrupt,
            Self::CorruptModel { .. } => ErrorCode::CorruptModel,
            Self::RuntimeMissing(_) => ErrorCode::RuntimeMissing,
            Self::Overloaded { .. } => ErrorCode::Overloaded,
            Self::Memory { code, .. } => *code,
            Self::Inference(_) => ErrorCode::Internal,
            Self::Features(error) => error.code(),
            Self::Registry(error) => error.code(),
        }
    }
}
