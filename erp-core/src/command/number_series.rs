//! How documents are numbered.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::DocumentKind;

/// A series of numbers for documents of a kind; in place of what it was before. What it numbered keeps its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefineNumberSeries {
    pub code: Arc<str>,
    pub kind: DocumentKind,
    pub prefix: Arc<str>,
    pub digits: u8,
    pub is_default: bool,
    pub blocked: bool,
}
