//! Rules of approval.

use std::sync::Arc;

use cortex_types::{Currency, Role};
use serde::{Deserialize, Serialize};

use crate::DocumentKind;

/// Whose word documents of a kind need above an amount; in place of what the rule said before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefineApprovalRule {
    pub code: Arc<str>,
    pub kind: DocumentKind,
    pub above_minor: i64,
    pub currency: Currency,
    pub role: Role,
    pub blocked: bool,
}
