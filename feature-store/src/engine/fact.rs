//! What a view sees of one change of its source table.

use std::sync::Arc;

use cortex_types::Timestamp;
use sha2::{Digest, Sha256};

use crate::value::EntityKey;

/// Which source row a fact is: a digest of source and primary key, because rows of two sources may share an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId(pub u128);

impl RowId {
    #[must_use]
    pub fn of(source: &str, id: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update((source.len() as u64).to_le_bytes());
        hash.update(source.as_bytes());
        hash.update(id.as_bytes());
        let digest: [u8; 32] = hash.finalize().into();
        Self(digest.iter().take(16).fold(0, |id, byte| id << 8 | u128::from(*byte)))
    }
}

/// A [`Position`](cortex_types::Position) within its source: orders the changes of one row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FactPosition {
    pub epoch: u64,
    pub commit: u64,
    pub seq: u64,
}

/// The value of one value expression for one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    Null,
    Int(i64),
    Text(Arc<str>),
}

/// What a row says of an entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    pub key: EntityKey,
    pub event_time: Timestamp,
    /// One per value column of the view.
    pub cells: Vec<Cell>,
}

/// Whether a row is new, or says something else than it said before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revision {
    New,
    /// From `known_at` on, no earlier version of the row counts.
    Supersedes {
        /// The key that the row had before; none where one of its parts was null.
        key_before: Option<EntityKey>,
    },
}

/// One change of one row, as one view sees it.
///
/// What a row says at an instant is what the newest of its changes that were known by then says. A correction
/// therefore never reaches back before it was known, and a value at an earlier instant stays what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactChange {
    pub row: RowId,
    pub position: FactPosition,
    pub known_at: Timestamp,
    pub revision: Revision,
    /// None where the row was deleted, or is no fact of the view (filter, missing key or event time).
    pub fact: Option<Fact>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_two_sources_with_one_id_are_two_rows() {
        assert_ne!(RowId::of("erp", "1"), RowId::of("crm", "1"));
        assert_ne!(RowId::of("erp", "11"), RowId::of("erp1", "1"));
        assert_eq!(RowId::of("erp", "1"), RowId::of("erp", "1"));
    }
}
