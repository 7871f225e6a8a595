//! How large the business is, and when its year begins.

use chrono::NaiveDate;
use cortex_types::Currency;

#[derive(Clone, Debug, PartialEq)]
pub struct SimulatorConfig {
    pub seed: u64,
    /// Shops over the whole year; a fifth of them come during it.
    pub customers: u32,
    /// Goods in the catalogue.
    pub products: u32,
    pub start: NaiveDate,
    pub days: u32,
    pub currency: Currency,
    /// Growth of demand over a year: 0.1 is ten per cent.
    pub growth: f64,
    /// What reaching one shop costs (print, post, a call), in minor units.
    pub offer_contact_minor: i64,
    /// Share of the order's price that an offer takes off.
    pub offer_discount: f64,
    /// Cost of holding stock for a year, as a share of its value: capital, room, and what goes out of fashion.
    pub holding_rate: f64,
    /// Walk-in sales on an ordinary day.
    pub cash_sales_per_day: f64,
    /// Malformed lines in the raw feed on an ordinary day.
    pub dirty_rows_per_day: f64,
}

impl Default for SimulatorConfig {
    fn default() -> Self {
        Self {
            seed: 7,
            customers: 1200,
            products: 300,
            start: NaiveDate::from_ymd_opt(2024, 1, 1).unwrap_or_default(),
            days: 365,
            currency: Currency::GBP,
            growth: 0.1,
            offer_contact_minor: 150,
            offer_discount: 0.1,
            holding_rate: 0.4,
            cash_sales_per_day: 5.0,
            dirty_rows_per_day: 1.5,
        }
    }
}
