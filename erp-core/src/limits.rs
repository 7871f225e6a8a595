//! How much one command may say: what is posted can still be added up, and what is copied into every line stays short.

use crate::ErpError;

/// 10^15 minor units. Thousands of such postings still fit the 64 bits in which the accounts are added up.
pub const AMOUNT_MINOR_MAX: i64 = 1_000_000_000_000_000;
/// 10^15 millionths: a thousand million units.
pub const QUANTITY_MICRO_MAX: i64 = 1_000_000_000_000_000;
pub const MEMO_LENGTH_MAX: usize = 1_000;
pub const DESCRIPTION_LENGTH_MAX: usize = 500;
pub const NAME_LENGTH_MAX: usize = 200;
const CODE_LENGTH_MAX: usize = 64;

/// A code, number or country that people type: 1 to 64 characters, without spaces around it and without control
/// characters.
pub(crate) fn check_code(field: &str, code: &str) -> Result<(), ErpError> {
    let fits = (1..=CODE_LENGTH_MAX).contains(&code.chars().count());
    if fits && code.trim() == code && !code.chars().any(char::is_control) {
        return Ok(());
    }
    let problem = format!("must be 1 to {CODE_LENGTH_MAX} characters without spaces around it");
    Err(ErpError::invalid(field, problem))
}

pub(crate) fn check_length(field: &str, text: &str, characters_max: usize) -> Result<(), ErpError> {
    if text.chars().count() <= characters_max {
        return Ok(());
    }
    Err(ErpError::invalid(
        field,
        format!("is longer than {characters_max} characters"),
    ))
}

pub(crate) fn check_amount(field: &str, minor: i64) -> Result<(), ErpError> {
    check_size(field, minor, AMOUNT_MINOR_MAX, "minor units")
}

pub(crate) fn check_quantity(field: &str, micro: i64) -> Result<(), ErpError> {
    check_size(field, micro, QUANTITY_MICRO_MAX, "millionths of a unit")
}

fn check_size(field: &str, value: i64, max: i64, unit: &str) -> Result<(), ErpError> {
    if value.unsigned_abs() <= max.unsigned_abs() {
        return Ok(());
    }
    Err(ErpError::invalid(field, format!("is more than {max} {unit}: split it")))
}
