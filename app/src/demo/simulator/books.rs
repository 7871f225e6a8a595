//! What it came to, in money.

use std::ops::AddAssign;

/// Sums over days, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Books {
    /// Goods invoiced and sold over the counter, less credit notes; after discounts, without postage.
    pub revenue_minor: i64,
    /// What offers took off the revenue.
    pub offer_discounts_minor: i64,
    /// What reaching shops with offers cost.
    pub offer_contacts_minor: i64,
    /// Cost of goods sold, less what came back.
    pub cogs_minor: i64,
    /// Cost of holding stock.
    pub holding_minor: i64,
    /// What was wanted and not there, at the price it would have had.
    pub lost_revenue_minor: i64,
    /// What would have been earned on that.
    pub lost_margin_minor: i64,
    /// Received from shops and over the counter, less paid to suppliers, for offers and for holding stock.
    pub cash_minor: i64,
    pub offers: u64,
    pub orders: u64,
    /// Lines of which something was missing.
    pub short_lines: u64,
    pub lines: u64,
}

impl Books {
    /// What is left after goods, offers and holding stock. Discounts are gone from the revenue already; lost sales cost
    /// nothing here but what they would have brought.
    #[must_use]
    pub fn margin_minor(&self) -> i64 {
        self.revenue_minor - self.cogs_minor - self.offer_contacts_minor - self.holding_minor
    }

    /// Share of wanted lines that were delivered whole.
    #[must_use]
    pub fn fill_rate(&self) -> f64 {
        if self.lines == 0 {
            1.0
        } else {
            1.0 - self.short_lines as f64 / self.lines as f64
        }
    }
}

impl AddAssign for Books {
    fn add_assign(&mut self, day: Self) {
        self.revenue_minor += day.revenue_minor;
        self.offer_discounts_minor += day.offer_discounts_minor;
        self.offer_contacts_minor += day.offer_contacts_minor;
        self.cogs_minor += day.cogs_minor;
        self.holding_minor += day.holding_minor;
        self.lost_revenue_minor += day.lost_revenue_minor;
        self.lost_margin_minor += day.lost_margin_minor;
        self.cash_minor += day.cash_minor;
        self.offers += day.offers;
        self.orders += day.orders;
        self.short_lines += day.short_lines;
        self.lines += day.lines;
    }
}
