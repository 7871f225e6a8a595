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
            Some(base) => share(
                base,
                self.open_minor.saturating_abs(),
                self.amount_minor.saturating_abs(),
            ),
        }
    }
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
