//! One change of one row, as it leaves its source.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::context::TraceId;
use crate::ids::TenantId;
use crate::position::Position;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeOp {
    Insert,
    Update,
    Delete,
}

impl ChangeOp {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// What every transaction says of itself, once; it travels with its changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransactionMeta {
    /// Number of the transaction in its source.
    pub tx: u64,
    pub tenant: TenantId,
    /// When the system could know of it.
    pub known_at: Timestamp,
    /// How that is known: `clock`, or a declaration such as `event-time+0s` for history imported from elsewhere.
    pub known_by: Arc<str>,
    pub principal: Arc<str>,
    pub trace_id: TraceId,
}

/// One change of one row. Batches of them travel as Arrow; this is the same thing one at a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangeEvent {
    pub table: Arc<str>,
    pub op: ChangeOp,
    pub position: Position,
    pub transaction: Arc<TransactionMeta>,
    /// The row before the change: on update and delete.
    pub before: Option<serde_json::Value>,
    /// The row after the change: on insert and update.
    pub after: Option<serde_json::Value>,
}
