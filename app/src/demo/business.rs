//! The business whose weeks the demo lives through: history from a file, or a simulated year.

use async_trait::async_trait;
use cortex_erp::Erp;
use cortex_serving::Prediction;
use cortex_types::{DecisionId, RequestContext, Timestamp};

use super::report::MoneyLine;

/// What one week came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Traded {
    pub invoices: u64,
    /// Invoiced less credited, in minor units.
    pub revenue_minor: i64,
    pub rejected: u64,
}

impl Traded {
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            invoices: self.invoices + other.invoices,
            revenue_minor: self.revenue_minor + other.revenue_minor,
            rejected: self.rejected + other.rejected,
        }
    }
}

/// Advice that was not followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    pub decision: DecisionId,
    /// What was done instead.
    pub action: &'static str,
}

/// A business that trades a week at a time, through the ERP's own services, and may listen to advice.
#[async_trait]
pub trait Business: Send {
    /// What the report calls it.
    fn source(&self) -> String;

    /// First instant, and the instant after the last.
    fn span(&self) -> (Timestamp, Timestamp);

    /// Everything that happens in `[from, to)` is posted, in the order in which it happened.
    async fn trade(
        &mut self,
        erp: &Erp,
        ctx: &RequestContext,
        from: Timestamp,
        to: Timestamp,
    ) -> anyhow::Result<Traded>;

    /// Advice for the week to come, and what was done otherwise. A history cannot follow advice; its decisions are
    /// remembered all the same.
    fn advised(&mut self, model: &str, predictions: &[Prediction]) -> Vec<Override>;

    /// How the same year went with and without the advice; empty where that cannot be known.
    fn money(&self) -> Vec<MoneyLine>;

    /// Cumulative profit by week for each line of [`Business::money`].
    fn money_weeks(&self) -> Vec<(String, Vec<f64>)>;

    /// What had to be assumed.
    fn assumptions(&self) -> Vec<String>;
}
