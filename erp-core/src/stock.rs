//! Stock: every movement, and what lies where.

use std::sync::Arc;

use cortex_types::{Currency, ProductId, StockMoveId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::DocumentRef;

/// Where stock lies when nobody says otherwise.
pub const MAIN_LOCATION: &str = "main";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MoveReason {
    Sale,
    Return,
    WriteOff,
    Found,
    Receipt,
}

impl MoveReason {
    pub const ALL: [Self; 5] = [Self::Sale, Self::Return, Self::WriteOff, Self::Found, Self::Receipt];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sale => "sale",
            Self::Return => "return",
            Self::WriteOff => "write_off",
            Self::Found => "found",
            Self::Receipt => "receipt",
        }
    }
}

/// One movement: what enters stock is positive, what leaves it negative, in quantity and in value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockMove {
    pub id: StockMoveId,
    pub product_id: ProductId,
    pub product_code: Arc<str>,
    pub location: Arc<str>,
    pub quantity_micro: i64,
    pub value_minor: i64,
    pub currency: Currency,
    pub reason: MoveReason,
    pub document: DocumentRef,
    pub moved_at: Timestamp,
}

/// A product at a location.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LevelKey {
    pub product_id: ProductId,
    pub location: Arc<str>,
}
