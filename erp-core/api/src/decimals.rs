//! Decimals at the edge, integers inside.

use cortex_erp::ErpError;
use cortex_types::{Currency, Money, Quantity, Unit};
use rust_decimal::Decimal;

/// Millionths of a unit; the error names the field.
pub(crate) fn quantity_micro(field: &str, quantity: Decimal) -> Result<i64, ErpError> {
    match Quantity::from_decimal(quantity, Unit::each()) {
        Ok(quantity) => Ok(quantity.micro),
        Err(error) => Err(ErpError::invalid(field, error.to_string())),
    }
}

/// Minor units; more decimals than the currency has are refused, not rounded.
pub(crate) fn amount_minor(field: &str, amount: Decimal, currency: Currency) -> Result<i64, ErpError> {
    match Money::from_decimal(amount, currency) {
        Ok(money) => Ok(money.minor),
        Err(error) => Err(ErpError::invalid(field, error.to_string())),
    }
}

pub(crate) fn amount_text(minor: i64, currency: Currency) -> String {
    Money::new(minor, currency).to_decimal().to_string()
}

pub(crate) fn quantity_text(micro: i64) -> String {
    Decimal::new(micro, 6).normalize().to_string()
}
