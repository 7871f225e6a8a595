//! What Delta's errors mean in the words of the port.

use cortex_lake::{LakeError, TableRef};
use deltalake_core::DeltaTableError;
use deltalake_core::kernel::transaction::TransactionError;

pub(crate) fn failed(table: &TableRef, error: impl Into<DeltaTableError>) -> LakeError {
    match error.into() {
        DeltaTableError::VersionAlreadyExists(_)
        | DeltaTableError::Transaction {
            source:
                TransactionError::VersionAlreadyExists(_)
                | TransactionError::CommitConflict(_)
                | TransactionError::MaxCommitAttempts(_),
        } => LakeError::Conflict(table.to_string()),
        DeltaTableError::SchemaMismatch { msg } => misfit(table, msg),
        other => match (says_damage(&other), LakeError::of_reading(table, other.into())) {
            (_, Ok(about_files)) => about_files,
            (true, Err(error)) => LakeError::damaged(table, error),
            (false, Err(error)) => LakeError::storage(table, error),
        },
    }
}

/// Whether it says that the log was read and does not make a table. What the system said of a file comes before this.
fn says_damage(error: &DeltaTableError) -> bool {
    matches!(
        error,
        DeltaTableError::KernelError(_)
            | DeltaTableError::Kernel { .. }
            | DeltaTableError::Arrow { .. }
            | DeltaTableError::InvalidJsonLog { .. }
            | DeltaTableError::InvalidStatsJson { .. }
            | DeltaTableError::InvalidVersion(_)
            | DeltaTableError::NotATable(_)
            | DeltaTableError::NoSchema
            | DeltaTableError::MetadataError(_)
    )
}

pub(crate) fn misfit(table: &TableRef, detail: impl ToString) -> LakeError {
    LakeError::Schema {
        table: table.to_string(),
        detail: detail.to_string(),
    }
}
