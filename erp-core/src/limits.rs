//! How much one command may say: what is posted can still be added up, and what is copied into every line stays short.

use cortex_types::{Currency, Timestamp};

use crate::ErpError;

/// 10^15 minor units. Thousands of such postings still fit the 64 bits in which the accounts are added up.
pub const AMOUNT_MINOR_MAX: i64 = 1_000_000_000_000_000;
/// 10^15 millionths: a thousand million units.
pub const QUANTITY_MICRO_MAX: i64 = 1_000_000_000_000_000;
pub const MEMO_LENGTH_MAX: usize = 1_000;
pub const DESCRIPTION_LENGTH_MAX: usize = 500;
pub const NAME_LENGTH_MAX: usize = 200;
const CODE_LENGTH_MAX: usize = 64;

/// A code, number or country that people type: 1 to 64 characters, without spaces around it and without characters that
/// nobody sees. Two codes that look the same must be the same.
pub(crate) fn check_code(field: &str, code: &str) -> Result<(), ErpError> {
    let fits = (1..=CODE_LENGTH_MAX).contains(&code.chars().count());
    let seen = !code.chars().any(|c| c.is_control() || is_format_control(c));
    if fits && code.trim() == code && seen {
        return Ok(());
    }
    let problem = format!(
        "must be 1 to {CODE_LENGTH_MAX} characters, without spaces around it and without control characters or \
         invisible ones"
    );
    Err(ErpError::invalid(field, problem))
}

/// A name: one line.
pub(crate) fn check_name(field: &str, text: &str, characters_max: usize) -> Result<(), ErpError> {
    if text.chars().any(char::is_control) {
        return Err(ErpError::invalid(field, "must not hold control characters"));
    }
    check_length(field, text, characters_max)
}

/// A text that people write for people. It may have lines and tabs.
pub(crate) fn check_text(field: &str, text: &str, characters_max: usize) -> Result<(), ErpError> {
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(ErpError::invalid(
            field,
            "must not hold control characters other than ends of lines and tabs",
        ));
    }
    check_length(field, text, characters_max)
}

fn check_length(field: &str, text: &str, characters_max: usize) -> Result<(), ErpError> {
    if text.chars().count() <= characters_max {
        return Ok(());
    }
    Err(ErpError::invalid(
        field,
        format!("is longer than {characters_max} characters"),
    ))
}

/// Characters that show nothing or turn the direction of what follows (category Cf, and the separators of lines and
/// paragraphs).
pub(crate) const fn is_format_control(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{600}'..='\u{605}'
            | '\u{61c}'
            | '\u{6dd}'
            | '\u{70f}'
            | '\u{890}'..='\u{891}'
            | '\u{8e2}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{110bd}'
            | '\u{110cd}'
            | '\u{13430}'..='\u{1343f}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

/// A time that came with a command; now where there is none.
pub(crate) fn check_time(field: &str, given: Option<Timestamp>) -> Result<(), ErpError> {
    given
        .map_or(Ok(()), Timestamp::check_given)
        .map_err(|error| ErpError::invalid(field, error.to_string()))
}

pub(crate) fn check_currency(currency: Currency) -> Result<(), ErpError> {
    if currency.is_iso_4217() {
        return Ok(());
    }
    let problem = format!("'{currency}' is not an ISO 4217 currency code, such as GBP");
    Err(ErpError::invalid("currency", problem))
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
