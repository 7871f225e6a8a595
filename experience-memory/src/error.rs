use cortex_lake::LakeError;
use cortex_types::{Coded, DecisionId, ErrorCode};

/// What the memory refuses, or could not do.
#[derive(Debug, thiserror::Error)]
pub enum ExperienceError {
    #[error("{0}")]
    Invalid(String),
    #[error("there is no decision {0}")]
    UnknownDecision(DecisionId),
    #[error("{kind} '{event_id}' was recorded before with other content: send it as it was, or under a new event_id")]
    EventConflict { kind: &'static str, event_id: String },
    #[error("decision {0} was recorded before with other content: decisions are never changed")]
    DecisionConflict(DecisionId),
    #[error("{given} events in one call are too many: send at most {max}")]
    BatchTooLarge { given: usize, max: usize },
    #[error("'{0}' is not a cursor: send the one that the last page gave")]
    Cursor(String),
    #[error("{queue} is full ({capacity} waiting): try again in a moment")]
    Overloaded { queue: &'static str, capacity: usize },
    #[error("the memory is closing: nothing more can be recorded here")]
    Closed,
    #[error("outcome rule {file}: {detail}")]
    Rule { file: String, detail: String },
    #[error("outcomes could not be read from the lake table {table}: {detail}")]
    LakeQuery { table: String, detail: String },
    #[error(transparent)]
    Lake(#[from] LakeError),
    #[error("the memory could not {what}: {source}")]
    Storage {
        what: &'static str,
        code: ErrorCode,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("what the memory holds of {what} does not read: {detail}")]
    Corrupt { what: String, detail: String },
}

impl ExperienceError {
    /// A failure of the storage below, which knows its code.
    pub fn storage(what: &'static str, source: impl Coded + Send + Sync + 'static) -> Self {
        Self::Storage {
            what,
            code: source.code(),
            source: Box::new(source),
        }
    }
}

impl Coded for ExperienceError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid(_) | Self::Cursor(_) => ErrorCode::InvalidArgument,
            Self::UnknownDecision(_) => ErrorCode::NotFound,
            Self::EventConflict { .. } | Self::DecisionConflict(_) => ErrorCode::IdempotencyConflict,
            Self::BatchTooLarge { .. } => ErrorCode::TooLarge,
            Self::Overloaded { .. } => ErrorCode::Overloaded,
            Self::Closed => ErrorCode::Unavailable,
            Self::Rule { .. } => ErrorCode::InvalidConfiguration,
            Self::LakeQuery { .. } => ErrorCode::StorageFailed,
            Self::Lake(error) => error.code(),
            Self::Storage { code, .. } => *code,
            Self::Corrupt { .. } => ErrorCode::Corrupt,
        }
    }
}
