//! What happened, told once for each command that was carried out.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use cortex_types::{TenantId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::words::words;
use crate::{Command, DocumentKind, ErpError, OrderChange, PeriodState, Receipt};

words! {
    /// What became of a document.
    What {
        Created = "created",
        Posted = "posted",
        Placed = "placed",
        Defined = "defined",
        TermsSet = "terms-set",
        Reversed = "reversed",
        Cancelled = "cancelled",
        Settled = "settled",
        Reserved = "reserved",
        Released = "released",
        Opened = "opened",
        Reopened = "reopened",
        SoftClosed = "soft-closed",
        HardClosed = "hard-closed",
        Closed = "closed",
    }
}

/// Such as `sales-invoice.posted`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EventName {
    pub kind: DocumentKind,
    pub what: What,
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.kind, self.what.as_str())
    }
}

impl FromStr for EventName {
    type Err = ErpError;

    fn from_str(text: &str) -> Result<Self, ErpError> {
        let parts = text.split_once('.');
        let name = parts.and_then(|(kind, what)| {
            Some(Self {
                kind: DocumentKind::ALL.into_iter().find(|known| known.as_str() == kind)?,
                what: *What::ALL.iter().find(|known| known.as_str() == what)?,
            })
        });
        name.ok_or_else(|| ErpError::invalid("event", format!("'{text}' is no event, such as sales-invoice.posted")))
    }
}

impl TryFrom<String> for EventName {
    type Error = ErpError;

    fn try_from(text: String) -> Result<Self, ErpError> {
        text.parse()
    }
}

impl From<EventName> for String {
    fn from(name: EventName) -> Self {
        name.to_string()
    }
}

/// One command that was carried out. It is written in the same transaction as everything else that the command did, so
/// that whoever reads events in their order misses none and sees none that did not happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Grows with each event; other things may happen between two of them.
    pub position: u64,
    pub tenant: TenantId,
    pub name: EventName,
    /// Number or code of the document that it happened to, which the receipt may be of another one about.
    pub subject: Arc<str>,
    pub by: Arc<str>,
    /// When it was decided.
    pub decided_at: Timestamp,
    pub receipt: Receipt,
}

impl Command {
    /// What it makes happen, and to which document where that is not its own.
    #[must_use]
    pub fn event(&self) -> (EventName, Option<&Arc<str>>) {
        let (what, subject) = match self {
            Self::CreateParty(_) | Self::CreateProduct(_) => (What::Created, None),
            Self::PostInvoice(_)
            | Self::PostCreditNote(_)
            | Self::PostJournalEntry(_)
            | Self::AdjustStock(_)
            | Self::ReceiveGoods(_)
            | Self::ReturnGoods(_)
            | Self::AddLandedCost(_)
            | Self::CountStock(_)
            | Self::TransferStock(_)
            | Self::RecordPayment(_)
            | Self::RevalueCurrencies(_)
            | Self::OpenBalances(_)
            | Self::DeliverGoods(_)
            | Self::PostBill(_) => (What::Posted, None),
            Self::DefineLocation(_)
            | Self::DefineParty(_)
            | Self::DefineProduct(_)
            | Self::SetStandardCost(_)
            | Self::DefineCompany(_)
            | Self::DefineAccount(_)
            | Self::DefineCostCentre(_)
            | Self::SetExchangeRate(_)
            | Self::DefineTaxCode(_)
            | Self::SetReorderRule(_)
            | Self::DefineApprovalRule(_)
            | Self::DefineNumberSeries(_)
            | Self::DefineProductUnit(_)
            | Self::DefineContact(_) => (What::Defined, None),
            Self::SetPartyTerms(_) => (What::TermsSet, None),
            Self::PlaceOrder(_) => (What::Placed, None),
            Self::ChangeOrder(change) => (change.change.what(), Some(&change.number)),
            Self::ReverseEntry(reversal) => (What::Reversed, Some(&reversal.entry)),
            Self::OpenFiscalYear(_) => (What::Opened, None),
            Self::CloseFiscalYear(_) => (What::Closed, None),
            Self::SetPeriodState(period) => (period.state.what(), None),
            Self::SettleItems(settlement) => {
                return (settlement.kind.that_was(What::Settled), Some(&settlement.number));
            }
            Self::Cancel(cancel) => return (cancel.kind.that_was(What::Cancelled), Some(&cancel.number)),
        };
        (self.kind().that_was(what), subject)
    }
}

impl DocumentKind {
    const fn that_was(self, what: What) -> EventName {
        EventName { kind: self, what }
    }
}

impl OrderChange {
    const fn what(self) -> What {
        match self {
            Self::Reserve => What::Reserved,
            Self::Release => What::Released,
            Self::Close => What::Closed,
            Self::Cancel => What::Cancelled,
        }
    }
}

impl PeriodState {
    const fn what(self) -> What {
        match self {
            Self::Open => What::Reopened,
            Self::SoftClosed => What::SoftClosed,
            Self::HardClosed => What::HardClosed,
        }
    }
}
