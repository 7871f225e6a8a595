//! What is read of a database, and by which means.

use std::path::PathBuf;

use cortex_types::{SourceId, TenantId};

use crate::Selection;
use crate::wire::Address;

/// What is read, and how.
#[derive(Clone, Debug)]
pub struct PostgresConfig {
    /// Names the source in positions, in the lake and to people.
    pub source: SourceId,
    /// Whose rows they are.
    pub tenant: TenantId,
    pub address: Address,
    pub tables: Selection,
    /// The replication slot that keeps what was not read yet; made where it is not there.
    pub slot: String,
    /// The publication; made, and extended by what it lacks.
    pub publication: String,
    /// Where transactions in progress are kept that are too large for memory.
    pub spool_folder: PathBuf,
}

impl PostgresConfig {
    /// Slot and publication named after the source.
    #[must_use]
    pub fn new(source: &str, tenant: TenantId, address: Address, tables: Selection, spool_folder: PathBuf) -> Self {
        let word: String = source
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
            .collect();
        let name = format!("cortex_{}", word.to_lowercase());
        Self {
            source: source.into(),
            tenant,
            address,
            tables,
            slot: name.clone(),
            publication: name,
            spool_folder,
        }
    }
}
