//! Typed identifiers: an invoice's id cannot be handed over where a product's is meant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::{Coded, ErrorCode};

/// A text that is not the id it should be.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("'{text}' is not a valid {kind}: {expected}")]
pub struct InvalidId {
    pub kind: &'static str,
    pub text: String,
    pub expected: &'static str,
}

impl Coded for InvalidId {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidArgument
    }
}

macro_rules! typed_ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new time-ordered id (UUIDv7).
            #[must_use]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::parse_str(text).map(Self).map_err(|_| InvalidId {
                    kind: stringify!($name),
                    text: text.to_owned(),
                    expected: "a UUID such as 0190f2f0-7c3e-7d52-9f43-5a2b1c0d9e8f",
                })
            }
        }
    )+};
}

typed_ids! {
    /// A customer, supplier or contact.
    PartyId,
    /// Something sold, bought or stocked.
    ProductId,
    /// A posted sales invoice.
    InvoiceId,
    /// A posted credit note.
    CreditNoteId,
    /// A receipt of purchased goods.
    ReceiptId,
    /// A payment received or made.
    PaymentId,
    /// A line of any document.
    LineId,
    /// A movement of stock.
    StockMoveId,
    /// Moves of stock that came to be worth something else.
    StockRevaluationId,
    /// A document that moves stock and nothing else.
    StockDocumentId,
    /// A place where stock lies.
    LocationId,
    /// What a product is said to cost, from some time on.
    StandardCostId,
    /// A document taken back as if it had never been.
    CancellationId,
    /// An account of a chart.
    AccountId,
    /// What a company is: its name and its currency.
    CompanyId,
    /// What one unit of a currency is worth from some day on.
    ExchangeRateId,
    /// A part of a company that costs are counted for.
    CostCentreId,
    /// Taxes that are charged together.
    TaxCodeId,
    /// An order of a customer, or to a supplier.
    OrderId,
    /// What a supplier bills.
    PurchaseBillId,
    /// When a product is to be ordered again.
    ReorderRuleId,
    /// A document that is not posted yet.
    DraftId,
    /// A person at a party.
    ContactId,
    /// Numbers that documents of one kind draw.
    NumberSeriesId,
    /// Whose word a document needs before it is posted.
    ApprovalRuleId,
    /// A balanced entry in the journal.
    JournalEntryId,
    /// One side of a journal entry.
    JournalLineId,
    /// A year of the books.
    FiscalYearId,
    /// A month of a fiscal year.
    FiscalPeriodId,
    /// A command accepted by the ERP.
    CommandId,
    /// A group of training runs.
    ExperimentId,
    /// One training run.
    RunId,
    /// One version of a registered model.
    ModelVersionId,
    /// One prediction that somebody may act upon.
    DecisionId,
    /// What a person did with, or said of, a decision.
    FeedbackId,
    /// What came of a decision.
    OutcomeId,
}

/// The company whose data a row, event, vector or decision is: a slug of 1 to 63 of `a-z`, `0-9` and `-`,
/// because it names folders, topics and metric labels.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TenantId(std::sync::Arc<str>);

impl TenantId {
    pub fn new(slug: impl AsRef<str>) -> Result<Self, InvalidId> {
        let slug = slug.as_ref();
        let valid = (1..=63).contains(&slug.len())
            && slug
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !slug.starts_with('-')
            && !slug.ends_with('-');
        if valid {
            Ok(Self(slug.into()))
        } else {
            Err(InvalidId {
                kind: "tenant",
                text: slug.to_owned(),
                expected: "1 to 63 of a-z, 0-9 and '-', not beginning or ending with '-'",
            })
        }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TenantId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::new(text)
    }
}

impl TryFrom<String> for TenantId {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        Self::new(text)
    }
}

impl From<TenantId> for String {
    fn from(tenant: TenantId) -> String {
        tenant.0.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_that_could_leave_its_folder_is_refused() {
        for bad in ["", "..", "a/b", "Acme", "-a", "a-", "a.b", &"x".repeat(64)] {
            assert!(TenantId::new(bad).is_err(), "{bad:?} was accepted");
        }
        assert_eq!(TenantId::new("acme-uk").unwrap().as_str(), "acme-uk");
    }

    #[test]
    fn ids_made_later_sort_later() {
        let ids: Vec<InvoiceId> = (0..100).map(|_| InvoiceId::new()).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
