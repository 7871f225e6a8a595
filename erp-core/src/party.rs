//! Whom the company trades with.

use std::sync::Arc;
use std::time::Duration;

use cortex_types::{Currency, PartyId, Timestamp};
use serde::{Deserialize, Serialize};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

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
    pub terms: PartyTerms,
    pub created_at: Timestamp,
}

/// How long a party may take to pay, and how much it may owe.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartyTerms {
    /// From the document on; at once where it is absent.
    pub payment_days: Option<u32>,
    /// In minor units of its currency. What is owed in others does not count.
    pub credit_limit: Option<(i64, Currency)>,
}

impl PartyTerms {
    /// When a document of this time is due.
    #[must_use]
    pub fn due_at(&self, at: Timestamp) -> Timestamp {
        at.saturating_add(DAY * self.payment_days.unwrap_or(0))
    }
}

impl Party {
    /// Under which subject's key the personal fields of a party are sealed; destroying that key erases them.
    #[must_use]
    pub fn subject(code: &str) -> String {
        format!("party/{code}")
    }
}
