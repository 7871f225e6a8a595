use std::io;

use cortex_ingest::IngestError;
use cortex_types::{Coded, ErrorCode};

use crate::wire::Address;

/// SQLSTATEs that say what the operator can do.
pub(crate) mod sqlstate {
    pub(crate) const INSUFFICIENT_PRIVILEGE: &str = "42501";
    pub(crate) const DUPLICATE_OBJECT: &str = "42710";
    pub(crate) const OBJECT_IN_USE: &str = "55006";
    pub(crate) const UNDEFINED_COLUMN: &str = "42703";
    pub(crate) const UNDEFINED_TABLE: &str = "42P01";
}

/// What can go wrong between us and a PostgreSQL database.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    #[error("this is no address of a PostgreSQL database: {0}")]
    Address(String),
    #[error("{at} cannot be reached: {source}")]
    Unreachable {
        at: String,
        #[source]
        source: io::Error,
    },
    #[error("{at} cannot be reached with TLS: {detail}")]
    Tls { at: String, detail: String },
    #[error("{0} asks for a password; put it into the address, postgres://USER:PASSWORD@HOST/DATABASE")]
    Password(String),
    #[error("{at} refused: {message}{} (SQLSTATE {sqlstate})", advice(.detail, .hint))]
    Refused {
        at: String,
        sqlstate: String,
        message: String,
        detail: Option<String>,
        hint: Option<String>,
    },
    /// The database is not set up for what is asked of it; the text says what to do.
    #[error("{0}")]
    NotReady(String),
    /// What the source remembers of its history is not true of the database any more; the text says what to do.
    #[error("{0}")]
    HistoryLost(String),
    #[error("the snapshot of the tables cannot be read to its end and is taken anew: {0}")]
    SnapshotLost(String),
    #[error("the server's answer is not what PostgreSQL answers: {0}")]
    Protocol(String),
    #[error(transparent)]
    Book(IngestError),
    #[error("changes of a large transaction could not be kept in {at}: {source}")]
    Spool {
        at: String,
        #[source]
        source: io::Error,
    },
}

fn advice(detail: &Option<String>, hint: &Option<String>) -> String {
    let said = detail.iter().chain(hint);
    said.map(|text| format!("; {text}")).collect()
}

impl PostgresError {
    pub(crate) fn unreachable(address: &Address, source: io::Error) -> Self {
        Self::Unreachable {
            at: address.to_string(),
            source,
        }
    }

    /// What a failpoint says.
    pub(crate) fn failpoint() -> Self {
        Self::Unreachable {
            at: "failpoint".to_owned(),
            source: io::ErrorKind::Other.into(),
        }
    }

    pub(crate) fn protocol(what: impl Into<String>) -> Self {
        Self::Protocol(what.into())
    }

    /// The server's `ErrorResponse`: texts, each behind a letter that says what it is.
    pub(crate) fn refused(address: &Address, body: &[u8]) -> Self {
        let field = |kind: u8| {
            let found = body
                .split(|byte| *byte == 0)
                .find(|field| field.first() == Some(&kind))?;
            Some(String::from_utf8_lossy(&found[1..]).into_owned())
        };
        Self::Refused {
            at: address.to_string(),
            sqlstate: field(b'C').unwrap_or_default(),
            message: field(b'M').unwrap_or_else(|| "it did not say why".to_owned()),
            detail: field(b'D'),
            hint: field(b'H'),
        }
    }

    /// Whether the server said exactly this.
    pub(crate) fn is(&self, state: &str) -> bool {
        matches!(self, Self::Refused { sqlstate, .. } if sqlstate == state)
    }

    pub(crate) fn of(self, source_id: &str) -> IngestError {
        if let Self::Book(error) = self {
            return error;
        }
        IngestError::Source {
            source_id: source_id.to_owned(),
            code: self.code(),
            detail: self.to_string(),
            source: Some(Box::new(self)),
        }
    }
}

impl Coded for PostgresError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Address(_) | Self::Password(_) => ErrorCode::InvalidArgument,
            // What the server cannot do at the moment it may do later: a limit, a shutdown, a lock, a slot in use.
            Self::Refused { sqlstate, .. } => match sqlstate.get(..2) {
                Some("08" | "53" | "57" | "58" | "40") => ErrorCode::Unavailable,
                _ if sqlstate == sqlstate::OBJECT_IN_USE => ErrorCode::Unavailable,
                Some("28") => ErrorCode::Unauthenticated,
                _ if sqlstate == sqlstate::INSUFFICIENT_PRIVILEGE => ErrorCode::PermissionDenied,
                _ => ErrorCode::InvalidConfiguration,
            },
            Self::Unreachable { .. } | Self::Tls { .. } | Self::SnapshotLost(_) => ErrorCode::Unavailable,
            Self::NotReady(_) => ErrorCode::InvalidConfiguration,
            Self::HistoryLost(_) => ErrorCode::Corrupt,
            Self::Book(error) => error.code(),
            Self::Protocol(_) => ErrorCode::Internal,
            Self::Spool { .. } => ErrorCode::StorageFailed,
        }
    }
}
