//! Manual entries, what undoes entries and documents, and the calendar of the books.

use std::sync::Arc;

use cortex_types::{Currency, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{DocumentKind, PeriodState};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct JournalLineInput {
    /// By its code, or by its role.
    pub account: String,
    #[serde(default)]
    pub debit_minor: i64,
    #[serde(default)]
    pub credit_minor: i64,
    /// The entry's where it is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub currency: Option<Currency>,
    /// What the amount is in the company's currency; by the rate of the day where it is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub base_minor: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cost_centre: Option<Arc<str>>,
    /// Whose account it is, on receivables and payables.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub party: Option<Arc<str>>,
    /// When that party owes it, or is owed it; at the time of the entry where it is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub due_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PostJournalEntry {
    pub memo: String,
    pub currency: Currency,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub posted_at: Option<Timestamp>,
    /// May go into a period that is soft-closed.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub adjusting: bool,
    pub lines: Vec<JournalLineInput>,
}

/// How a reversal undoes an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReversalMethod {
    /// What was debited is credited, and the other way round.
    #[default]
    CounterEntry,
    /// The same sides with negative amounts, so that the accounts' turnovers are as if it had never been.
    Storno,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReverseEntry {
    /// Number of the entry.
    pub entry: Arc<str>,
    pub method: ReversalMethod,
    /// `reversal of …` where it is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub memo: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub posted_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub adjusting: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenFiscalYear {
    /// `FY` and the year of its last day where it is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub code: Option<Arc<str>>,
    /// Its first day; the end of the newest year, where there is one.
    pub from: Timestamp,
    pub months: u32,
}

/// Closes a period, softly or for good, or opens one that is soft-closed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetPeriodState {
    pub period: Arc<str>,
    pub state: PeriodState,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CloseFiscalYear {
    pub year: Arc<str>,
}

/// Takes a document back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cancel {
    pub kind: DocumentKind,
    pub number: Arc<str>,
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub memo: String,
    /// At a time of its own. Without one the document is undone at its own time, as if it had never been.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reversal: Option<Reversal>,
}

/// How and when a document is taken back that stood until then.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reversal {
    pub method: ReversalMethod,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub posted_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub adjusting: bool,
}
