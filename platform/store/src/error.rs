use cortex_types::{Coded, ErrorCode};
use sqlx::postgres::PgDatabaseError;

/// What can go wrong with stored data. `at` is the path of the database or folder, where it is known.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(
        "{at} cannot be written or read ({source}): check that the folder exists and is yours, or name another with --data"
    )]
    Folder {
        at: String,
        #[source]
        source: std::io::Error,
    },
    #[error(
        "{at} is in use by process {pid}: one data folder serves one process; stop that one, or name another folder with --data"
    )]
    InUse { at: String, pid: String },
    #[error("{at} is served by another process already: stop that one, or name another database with database.url")]
    Served { at: String },
    #[error("database.url is no address of a PostgreSQL database: give postgres://user:password@host:port/database")]
    Address,
    #[error(
        "{at} cannot be reached or does not let us in ({source}): check that the server runs, and database.url with its user, \
         password and database"
    )]
    Unreachable {
        at: String,
        #[source]
        source: sqlx::Error,
    },
    #[error("{at} is locked by another process: stop what else has it open, then try again")]
    Locked { at: String },
    #[error("the disk that holds {at} is full: free some space, then try again; nothing of this transaction was kept")]
    DiskFull { at: String },
    #[error("{at} could not be stored or read ({source}): check the folder's permissions and the disk")]
    Storage {
        at: String,
        #[source]
        source: sqlx::Error,
    },
    #[error("{at} is damaged or no Cortex database ({source}): restore it from a backup")]
    Damaged {
        at: String,
        #[source]
        source: sqlx::Error,
    },
    #[error(
        "{at} is missing or empty, but {beside} was made from it: put the database back (with its -wal file, where it \
         has one); to begin anew, move {beside} away or name another folder with --data"
    )]
    Lost { at: String, beside: String },
    #[error("too many requests wait for the database: try again in a moment")]
    Overloaded,
    #[error(
        "migration {version} '{name}' of '{set}' is not what was applied to this database: an applied migration is never edited, add a new one"
    )]
    MigrationChanged { set: String, version: u32, name: String },
    #[error(
        "this database has migration {version} of '{set}', which this program does not know: it was written by a newer Cortex"
    )]
    MigrationUnknown { set: String, version: u32 },
    #[error("the migrations of '{0}' are not numbered 1, 2, 3, …")]
    MigrationOrder(&'static str),
    #[error("migration {version} '{name}' of '{set}' failed; nothing of it was kept")]
    Migration {
        set: &'static str,
        version: u32,
        name: &'static str,
        #[source]
        source: sqlx::Error,
    },
    #[error("the changes of table '{table}' cannot be captured: {detail}")]
    Capture { table: String, detail: String },
    #[error("tenants cannot be held apart in table '{table}': it has no column 'tenant_id'")]
    Tenantless { table: String },
    #[error("a stored {what} does not read as what was written: {detail}")]
    Unreadable { what: &'static str, detail: String },
    #[error("there is no {what} '{id}'")]
    NotFound { what: &'static str, id: String },
    #[error("a value cannot be stored ({0}): leave that out")]
    Unstorable(#[source] sqlx::Error),
    #[error("the database refused a statement")]
    Sql(#[source] sqlx::Error),
}

// https://www.sqlite.org/rescode.html; the low byte of an extended code is its primary code.
const SQLITE_BUSY: u32 = 5;
const SQLITE_READONLY: u32 = 8;
const SQLITE_IOERR: u32 = 10;
const SQLITE_CORRUPT: u32 = 11;
const SQLITE_FULL: u32 = 13;
const SQLITE_CANTOPEN: u32 = 14;
const SQLITE_NOTADB: u32 = 26;

// https://www.postgresql.org/docs/current/errcodes-appendix.html: connection, authorization, shutdown.
const UNREACHABLE: [&str; 3] = ["08", "28", "57P"];

impl StoreError {
    /// What `error` means for whoever runs the database `at`.
    pub(crate) fn of(at: impl std::fmt::Display, error: sqlx::Error) -> Self {
        if matches!(error, sqlx::Error::PoolTimedOut) {
            return Self::Overloaded;
        }
        if matches!(error, sqlx::Error::Encode(_)) {
            return Self::Unstorable(error);
        }
        let at = at.to_string();
        if matches!(
            error,
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolClosed
        ) {
            return Self::Unreachable { at, source: error };
        }
        let Some(refusal) = error.as_database_error() else {
            return Self::Sql(error);
        };
        let code = refusal.code().unwrap_or_default();
        if refusal.try_downcast_ref::<PgDatabaseError>().is_some() {
            return match code.as_ref() {
                "53100" => Self::DiskFull { at },
                "53300" => Self::Overloaded,
                "55P03" => Self::Locked { at },
                "58030" | "25006" => Self::Storage { at, source: error },
                "XX001" | "XX002" => Self::Damaged { at, source: error },
                "3D000" => Self::Unreachable { at, source: error },
                code if UNREACHABLE.iter().any(|class| code.starts_with(class)) => {
                    Self::Unreachable { at, source: error }
                }
                _ => Self::Sql(error),
            };
        }
        match code.parse::<u32>().ok().map(|code| code & 0xff) {
            Some(SQLITE_BUSY) => Self::Locked { at },
            Some(SQLITE_FULL) => Self::DiskFull { at },
            Some(SQLITE_READONLY | SQLITE_IOERR | SQLITE_CANTOPEN) => Self::Storage { at, source: error },
            Some(SQLITE_CORRUPT | SQLITE_NOTADB) => Self::Damaged { at, source: error },
            _ => Self::Sql(error),
        }
    }

    /// Whether a unique key or primary key was already taken.
    #[must_use]
    pub fn is_unique_violation(&self) -> bool {
        let source = match self {
            Self::Sql(source) | Self::Migration { source, .. } => source,
            _ => return false,
        };
        source
            .as_database_error()
            .is_some_and(sqlx::error::DatabaseError::is_unique_violation)
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::of("the database", error)
    }
}

impl Coded for StoreError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Folder { .. } | Self::DiskFull { .. } | Self::Storage { .. } => ErrorCode::StorageFailed,
            Self::InUse { .. } | Self::Locked { .. } | Self::Served { .. } => ErrorCode::DataInUse,
            Self::Unreachable { .. } => ErrorCode::Unavailable,
            Self::Address | Self::Unstorable(_) => ErrorCode::InvalidArgument,
            Self::Overloaded => ErrorCode::Overloaded,
            Self::Damaged { .. }
            | Self::Lost { .. }
            | Self::MigrationChanged { .. }
            | Self::MigrationUnknown { .. }
            | Self::Unreadable { .. } => ErrorCode::Corrupt,
            Self::NotFound { .. } => ErrorCode::NotFound,
            Self::MigrationOrder(_)
            | Self::Migration { .. }
            | Self::Capture { .. }
            | Self::Tenantless { .. }
            | Self::Sql(_) => ErrorCode::Internal,
        }
    }
}
