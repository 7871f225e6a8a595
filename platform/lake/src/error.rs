use std::error::Error;

use cortex_types::{Coded, ErrorCode};
use datafusion::arrow::error::ArrowError;
use datafusion::object_store;
use datafusion::parquet::errors::ParquetError;

/// What can go wrong in a lake. Adapters keep their own errors as the source.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    #[error("'{0}' cannot name a table: use 1 to 120 of a-z, 0-9, '_' and '-', beginning with a letter")]
    TableName(String),
    #[error("the lake has no table {0}")]
    NoTable(String),
    #[error("table {table} has no version {version}: the newest is {newest}")]
    NoVersion { table: String, version: u64, newest: u64 },
    #[error("nothing says which row of {0} a change is about: it has no key; its changes themselves can be read")]
    NoKey(String),
    #[error("the rows of {table} cannot be told from its changes: {detail}. Reading the source's tables anew mends it")]
    OtherKey { table: String, detail: String },
    #[error("rows for {table} do not fit its schema: {detail}")]
    Schema { table: String, detail: String },
    #[error("another writer is committing to {0}: one table has one writer")]
    Conflict(String),
    #[error("{table} in the lake is damaged: {detail}; restore the lake folder from a backup")]
    Damaged { table: String, detail: String },
    #[error("the lake could not store or read {what}: check the folder's permissions and free space")]
    Storage {
        what: String,
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

impl LakeError {
    /// A failure of the storage below, while doing `what` (a table, a file); [`Self::Damaged`] where files are not what
    /// was written, or are gone.
    pub fn storage(what: impl std::fmt::Display, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::of_reading(&what, source.into()).unwrap_or_else(|source| Self::Storage {
            what: what.to_string(),
            source: without_backtrace(source),
        })
    }

    /// Files that are not what was written.
    pub fn damaged(table: impl std::fmt::Display, detail: impl std::fmt::Display) -> Self {
        Self::Damaged {
            table: table.to_string(),
            detail: one_paragraph(&detail.to_string()),
        }
    }

    /// What `error` says of the files of `what`; the error itself where it is not about files, such as a query that
    /// cannot be planned.
    pub fn of_reading(
        what: impl std::fmt::Display,
        error: Box<dyn Error + Send + Sync>,
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let said = error.to_string();
        match system_error(&said) {
            Some(number) if number != NO_SUCH_FILE => Ok(Self::Storage {
                what: what.to_string(),
                source: without_backtrace(error),
            }),
            Some(_) => Ok(Self::damaged(what, said)),
            None if is_about_files(&*error) => Ok(Self::damaged(what, said)),
            None => Err(error),
        }
    }
}

/// What the system says of a file that is not there.
const NO_SUCH_FILE: u32 = 2;

/// The number in `(os error 13)`. Some libraries keep no source, but all of them repeat what the system said.
fn system_error(said: &str) -> Option<u32> {
    let (_, number) = said.split_once("(os error ")?;
    number.split_once(')')?.0.parse().ok()
}

fn is_about_files(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        let arrow = error.downcast_ref::<ArrowError>();
        if error.is::<ParquetError>()
            || error.is::<object_store::Error>()
            || arrow.is_some_and(|error| matches!(error, ArrowError::ParquetError(_)))
        {
            return true;
        }
        next = error.source();
    }
    false
}

/// Where the libraries' texts go over into a list of stack frames, which says nothing to whoever repairs files.
const BACKTRACE_BEGINS: [&str; 5] = [
    "\n\nbacktrace:",
    "\nbacktrace:",
    "\ndisabled backtrace",
    "\nunsupported backtrace",
    "\n   0: ",
];

/// What an error of the libraries below says, without its backtrace.
#[must_use]
pub fn one_paragraph(said: &str) -> String {
    let end = BACKTRACE_BEGINS.iter().filter_map(|begin| said.find(begin)).min();
    let said = end.map_or(said, |end| &said[..end]);
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn without_backtrace(error: Box<dyn Error + Send + Sync>) -> Box<dyn Error + Send + Sync> {
    let said = error.to_string();
    match BACKTRACE_BEGINS.iter().any(|begin| said.contains(begin)) {
        true => one_paragraph(&said).into(),
        false => error,
    }
}

impl Coded for LakeError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::TableName(_) | Self::Schema { .. } | Self::NoKey(_) | Self::OtherKey { .. } => {
                ErrorCode::InvalidArgument
            }
            Self::NoTable(_) | Self::NoVersion { .. } => ErrorCode::NotFound,
            Self::Conflict(_) => ErrorCode::Unavailable,
            Self::Damaged { .. } => ErrorCode::Corrupt,
            Self::Storage { .. } => ErrorCode::StorageFailed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::error::DataFusionError;

    fn of_parquet(said: &str) -> LakeError {
        let error = ParquetError::General(said.to_owned());
        LakeError::storage("acme/bronze/sales", DataFusionError::ParquetError(Box::new(error)))
    }

    #[test]
    fn a_file_that_is_not_what_was_written_is_damage_and_one_that_cannot_be_reached_is_not() {
        assert_eq!(of_parquet("Corrupt footer").code(), ErrorCode::Corrupt);
        let gone = of_parquet("part-1.parquet: No such file or directory (os error 2)");
        assert_eq!(gone.code(), ErrorCode::Corrupt);
        assert!(gone.to_string().contains("part-1.parquet"), "{gone}");
        let denied = of_parquet("Permission denied (os error 13)");
        assert_eq!(denied.code(), ErrorCode::StorageFailed);
        let full = LakeError::storage("acme/bronze/sales", "the disk is full");
        assert_eq!(full.code(), ErrorCode::StorageFailed);
    }

    #[test]
    fn what_the_libraries_say_is_one_paragraph_without_frames() {
        let said = "a line\ncaused by\nanother\n\nbacktrace:    0: some::frame\n   1: another::frame";
        assert_eq!(one_paragraph(said), "a line caused by another");
        let kernel = "key must be a string at line 1 column 2\ndisabled backtrace";
        assert_eq!(one_paragraph(kernel), "key must be a string at line 1 column 2");
    }
}
