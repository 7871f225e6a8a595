//! Whom the company trades with.

use std::sync::Arc;

use cortex_types::{PartyId, Timestamp};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartyKind {
    Customer,
    Supplier,
    /// Whoever pays in cash and leaves no name; one per company.
    WalkIn,
}

impl PartyKind {
    pub const ALL: [Self; 3] = [Self::Customer, Self::Supplier, Self::WalkIn];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Supplier => "supplier",
            Self::WalkIn => "walk_in",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    pub id: PartyId,
    pub code: Arc<str>,
    pub kind: PartyKind,
    /// The name, sealed under the key of this party, so that destroying the key erases it everywhere.
    pub name_sealed: Option<String>,
    pub country: Arc<str>,
    pub created_at: Timestamp,
}

impl Party {
    /// Under which subject's key the personal fields of a party are sealed; destroying that key erases them.
    #[must_use]
    pub fn subject(code: &str) -> String {
        format!("party/{code}")
    }
}
