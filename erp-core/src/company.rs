//! What a company is for its books: its currency, what others are worth in it, and the parts that costs are counted for.

use std::sync::Arc;

use cortex_types::{CompanyId, CostCentreId, Currency, ExchangeRateId, Money, MoneyError, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{ErpError, TaxRounding};

/// The company that a tenant keeps books for. One that never said its currency keeps each currency by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Company {
    pub id: CompanyId,
    pub name: String,
    /// What its books are in. Amounts in others are kept in both.
    pub currency: Currency,
    /// The template of its chart of accounts.
    pub chart: Arc<str>,
    pub tax_rounding: TaxRounding,
    pub created_at: Timestamp,
}

/// The company's currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Base {
    pub currency: Currency,
    /// Entries were posted in it: it stays.
    pub is_settled: bool,
}

/// What one unit of a currency is worth in the company's, from the beginning of a day (UTC) on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeRate {
    pub id: ExchangeRateId,
    pub currency: Currency,
    pub base: Currency,
    pub valid_from: Timestamp,
    pub rate: Decimal,
}

/// A part of the company that costs and income are counted for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CostCentre {
    pub id: CostCentreId,
    pub code: Arc<str>,
    pub title: String,
    /// Nothing more is counted for it.
    pub blocked: bool,
    pub created_at: Timestamp,
}

/// From one currency to another and back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conversion {
    pub from: Currency,
    pub to: Currency,
    /// What one unit of `from` is worth in `to`; above zero.
    pub rate: Decimal,
}

impl Conversion {
    /// Halves go to even.
    pub fn convert(&self, minor: i64) -> Result<i64, ErpError> {
        let amount = Money::new(minor, self.from).to_decimal().checked_mul(self.rate);
        Ok(Money::rounded(amount.ok_or(MoneyError::Overflow)?, self.to)?.minor)
    }

    /// A price, as exact as decimals are.
    pub fn back(&self, amount: Decimal) -> Result<Decimal, ErpError> {
        Ok(amount.checked_div(self.rate).ok_or(MoneyError::Overflow)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conversion(from: &str, rate: &str) -> Conversion {
        let (from, to) = (from.parse().unwrap(), Currency::GBP);
        Conversion {
            from,
            to,
            rate: rate.parse().unwrap(),
        }
    }

    #[test]
    fn amounts_are_converted_by_their_decimals_and_halves_go_to_even() {
        assert_eq!(conversion("EUR", "0.85").convert(10_000).unwrap(), 8_500);
        assert_eq!(conversion("EUR", "0.5").convert(1).unwrap(), 0);
        assert_eq!(conversion("EUR", "0.5").convert(-3).unwrap(), -2);
        // 1,000 yen have no decimals, a pound has two.
        assert_eq!(conversion("JPY", "0.0075").convert(1_000).unwrap(), 750);
        assert_eq!(conversion("KWD", "2.5").convert(1_234).unwrap(), 308);
        assert!(
            conversion("EUR", "79228162514264337593543950335")
                .convert(i64::MAX)
                .is_err()
        );
    }
}
