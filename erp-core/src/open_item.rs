//! What parties owe and are owed, document by document: every line on a control account is an open item, until others
//! settle it.

use std::sync::Arc;

use cortex_types::{Currency, JournalLineId, LineId, MoneyError, Timestamp};
use serde::{Deserialize, Serialize};

use crate::valuation::share;
use crate::{DocumentRef, Role};

/// Which control account an item is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ItemSide {
    /// With customers.
    Receivable,
    /// With suppliers.
    Payable,
}

impl ItemSide {
    pub const ALL: [Self; 2] = [Self::Receivable, Self::Payable];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Receivable => "receivable",
            Self::Payable => "payable",
        }
    }

    /// Whose account has it.
    #[must_use]
    pub const fn role(self) -> Role {
        match self {
            Self::Receivable => Role::Receivables,
            Self::Payable => Role::Payables,
        }
    }
}

/// A line on a control account, and what of it is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenItem {
    /// Of its line.
    pub id: JournalLineId,
    pub side: ItemSide,
    /// Absent where a manual entry named none.
    pub party: Option<Arc<str>>,
    pub document: DocumentRef,
    pub number: Arc<str>,
    pub currency: Currency,
    /// Debits less credits: above zero where the party owes.
    pub amount_minor: i64,
    /// What is not settled; it has the sign of the amount, or is zero.
    pub open_minor: i64,
    /// The amount in the company's currency, at what it was worth when it was posted, where the item is in another one.
    pub base_minor: Option<i64>,
    pub posted_at: Timestamp,
    pub due_at: Timestamp,
}

impl OpenItem {
    /// What is not settled, at what it was worth when it was posted; halves to even.
    pub fn open_base_minor(&self) -> Result<i64, MoneyError> {
        match self.base_minor {
            None => Ok(self.open_minor),
            Some(base) => open_base(base, self.open_minor, self.amount_minor),
        }
    }
}

/// What of `base_minor` so much of an amount is; halves to even. All parts are the whole together, whichever is settled when.
pub fn open_base(base_minor: i64, open_minor: i64, amount_minor: i64) -> Result<i64, MoneyError> {
    share(base_minor, open_minor.saturating_abs(), amount_minor.saturating_abs())
}

/// What a control account is worth in the company's currency by items in another one, at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carried {
    pub side: ItemSide,
    pub currency: Currency,
    /// What was open then, at what it was worth when it was posted.
    pub items_minor: i64,
    /// How much that may be off: parts that were settled later than they are dated are rounded in the order in which that was done.
    pub rounded_minor: i64,
    /// What revaluations had posted by then and take back later.
    pub taken_back_minor: i64,
}

/// So much of one item settles so much of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemAllocation {
    pub id: LineId,
    pub debit: JournalLineId,
    pub credit: JournalLineId,
    pub currency: Currency,
    /// Below zero where it takes another one back.
    pub amount_minor: i64,
    /// What was gained, in the company's currency, since the two were posted at different rates; below zero what was lost. Absent
    /// where they are in that currency.
    pub gained_minor: Option<i64>,
    pub allocated_at: Timestamp,
    /// What allocated it, and its number.
    pub document: DocumentRef,
    pub number: Arc<str>,
    /// The one that it takes back.
    pub undoes: Option<LineId>,
}

/// What a party owes, or is owed, by how long it is overdue, at one time and in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ageing {
    pub party: Option<Arc<str>>,
    pub currency: Currency,
    /// Debits less credits: not due yet, then overdue for up to so many days as each bucket says, then for longer.
    pub open_minor: Vec<i64>,
    pub total_minor: i64,
}
