//! What a feature is.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::window::{Span, Window};

/// Features that are folded from the rows of one source table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureView {
    pub name: Arc<str>,
    pub entity: Arc<str>,
    #[serde(default)]
    pub description: String,
    pub source: FactSource,
    /// How old the newest fact may be before the view's values are withheld, online and offline alike.
    #[serde(default)]
    pub ttl: Option<Span>,
    pub features: Vec<Feature>,
    #[serde(default)]
    pub owner: Option<String>,
    #[serde(default)]
    pub tags: Vec<String>,
}

/// Where a view's facts come from: every row of `table` that fulfils the filter and has a key and an event time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactSource {
    pub table: Arc<str>,
    /// The column that says when the fact was true.
    pub event_time: Arc<str>,
    /// A Boolean SQL expression over the table's columns.
    #[serde(default, rename = "where")]
    pub filter: Option<String>,
}

/// One number or text that a view says of its entity.
///
/// Either an `aggregate` of a `value` over a `window`, or the `ratio` of two other features of the view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feature {
    pub name: Arc<str>,
    #[serde(default)]
    pub aggregate: Option<Aggregate>,
    /// An SQL expression over the table's columns: whole numbers (or text, where the aggregate takes it). A row whose
    /// value is null counts for nothing but recency.
    #[serde(default)]
    pub value: Option<String>,
    #[serde(default)]
    pub window: Option<Window>,
    #[serde(default)]
    pub ratio: Option<Ratio>,
    #[serde(default)]
    pub description: String,
    /// The unit of the value, such as `minor` (of the row's currency), `micro-EA`, `days`.
    #[serde(default)]
    pub unit: Option<String>,
}

/// One feature divided by another; null where the divisor is zero or missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ratio {
    pub of: Arc<str>,
    pub to: Arc<str>,
}

/// How the facts in a window become one value. All of them are exact and none depends on the order of the facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// Of whole numbers; zero without facts.
    Sum,
    /// Of rows, or of the rows whose value is not null; zero without facts.
    Count,
    /// Of whole numbers; null without facts.
    Avg,
    Min,
    Max,
    /// Zero without facts.
    CountDistinct,
    /// Days, with fractions, since the newest event; null without facts.
    DaysSinceLast,
    /// Days, with fractions, since the oldest event; null without facts.
    DaysSinceFirst,
    /// The value of the newest event; on a tie of the one known last, then of the one that changed last.
    Last,
}

impl Aggregate {
    /// Whether the aggregate folds a value, and not just the fact that something happened.
    #[must_use]
    pub const fn needs_value(self) -> bool {
        !matches!(self, Self::Count | Self::DaysSinceLast | Self::DaysSinceFirst)
    }

    #[must_use]
    pub const fn takes_value(self) -> bool {
        !matches!(self, Self::DaysSinceLast | Self::DaysSinceFirst)
    }

    #[must_use]
    pub const fn takes_text(self) -> bool {
        matches!(self, Self::Count | Self::CountDistinct | Self::Last)
    }
}
