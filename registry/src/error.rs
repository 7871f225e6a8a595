use cortex_checks::CheckError;
use cortex_types::{Coded, ErrorCode};

/// What can go wrong in the registry.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    #[error("there is no {kind} '{name}'")]
    NotFound { kind: &'static str, name: String },
    #[error("there is a {kind} '{name}' already")]
    AlreadyExists { kind: &'static str, name: String },
    #[error("{0}")]
    Invalid(String),
    /// Something that is written once would be written again.
    #[error("{0}")]
    Immutable(String),
    #[error("alias '{alias}' of '{model}' stays where it is: version {version} {reason}")]
    GateFailed {
        model: String,
        alias: String,
        version: u32,
        reason: String,
    },
    #[error("alias '{alias}' of '{model}' was moved meanwhile: look where it is now, and propose again")]
    Moved { model: String, alias: String },
    #[error("the ONNX file of {model} cannot be used: {detail}")]
    CorruptModel { model: String, detail: String },
    #[error("artifact {digest} does not read as what was written: {detail}")]
    CorruptArtifact { digest: String, detail: String },
    #[error("a stored {what} does not read as what was written: {detail}")]
    Unreadable { what: &'static str, detail: String },
    #[error("ONNX Runtime is not available: {0}")]
    RuntimeMissing(String),
    #[error("{what}: try again in a moment")]
    Overloaded { what: String },
    #[error(transparent)]
    Check(#[from] CheckError),
    #[error("the registry could not store or read {what}")]
    Storage {
        what: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("the registry failed: {0}")]
    Internal(String),
}

impl RegistryError {
    /// A failure of the disk or the database while doing `what`.
    pub fn storage(what: impl Into<String>, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Storage {
            what: what.into(),
            source: source.into(),
        }
    }

    pub fn not_found(kind: &'static str, name: impl ToString) -> Self {
        Self::NotFound {
            kind,
            name: name.to_string(),
        }
    }
}

impl Coded for RegistryError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NotFound {
                kind: "model" | "model version" | "alias",
                ..
            } => ErrorCode::UnknownModel,
            Self::NotFound { .. } => ErrorCode::NotFound,
            Self::AlreadyExists { .. } => ErrorCode::AlreadyExists,
            Self::Invalid(_) => ErrorCode::InvalidArgument,
            Self::Immutable(_) => ErrorCode::Immutable,
            Self::GateFailed { .. } | Self::Moved { .. } => ErrorCode::GateFailed,
            Self::CorruptModel { .. } => ErrorCode::CorruptModel,
            Self::CorruptArtifact { .. } | Self::Unreadable { .. } => ErrorCode::Corrupt,
            Self::RuntimeMissing(_) => ErrorCode::RuntimeMissing,
            Self::Overloaded { .. } => ErrorCode::Overloaded,
            Self::Check(error) => error.code(),
            Self::Storage { .. } => ErrorCode::StorageFailed,
            Self::Internal(_) => ErrorCode::Internal,
        }
    }
}
