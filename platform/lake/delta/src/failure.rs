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
        other => LakeError::storage(table, other),
    }
}

pub(crate) fn misfit(table: &TableRef, detail: impl ToString) -> LakeError {
    LakeError::Schema {
        table: table.to_string(),
        detail: detail.to_string(),
    }
}
