//! Decimals out of JSON, as they were written: a number there has no width, and going through a float would post other
//! pence than the caller sent.

use std::str::FromStr;

use rust_decimal::Decimal;
use serde::de::{Deserialize, Deserializer, Error};
use serde_json::value::RawValue;

/// Text such as `"12.50"`, or a number.
pub(crate) fn decimal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
    let raw = Box::<RawValue>::deserialize(deserializer)?;
    parse(raw.get()).ok_or_else(|| refused(raw.get()))
}

/// The same, or nothing.
pub(crate) fn decimal_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Decimal>, D::Error> {
    let raw = Option::<Box<RawValue>>::deserialize(deserializer)?;
    raw.map(|raw| parse(raw.get()).ok_or_else(|| refused(raw.get())))
        .transpose()
}

fn refused<E: Error>(json: &str) -> E {
    E::custom(no_decimal(json))
}

/// Decimals as texts, which is what they are over gRPC; the error says what is wanted.
pub(crate) fn decimal_of_text(text: &str) -> Result<Decimal, String> {
    exact(text).ok_or_else(|| no_decimal(&format!("'{text}'")))
}

fn no_decimal(given: &str) -> String {
    const SHOWN: usize = 40;
    let shown: String = given.chars().take(SHOWN).collect();
    format!("{shown} is not a decimal that can be kept exactly, such as \"12.50\"")
}

/// As the API describes it. Rust reads `1_000`, `+1` and `.5` as well.
fn exact(text: &str) -> Option<Decimal> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let are_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_decimal = are_digits(whole) && are_digits(fraction);
    is_decimal.then(|| Decimal::from_str_exact(text).ok()).flatten()
}

/// `None` for what is no decimal, and for one of more than 28 digits.
fn parse(json: &str) -> Option<Decimal> {
    if json.starts_with('"') {
        let text: String = serde_json::from_str(json).ok()?;
        return exact(&text);
    }
    let Some((digits, exponent)) = json.split_once(['e', 'E']) else {
        return Decimal::from_str_exact(json).ok();
    };
    let digits = Decimal::from_str_exact(digits).ok()?;
    let scale = i64::from(digits.scale()).checked_sub(i64::from_str(exponent).ok()?)?;
    let (mantissa, scale) = match u32::try_from(scale) {
        Ok(scale) => (digits.mantissa(), scale),
        Err(_) => {
            let zeros = u32::try_from(scale.checked_neg()?).ok()?;
            (digits.mantissa().checked_mul(10_i128.checked_pow(zeros)?)?, 0)
        }
    };
    Decimal::try_from_i128_with_scale(mantissa, scale).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_what_was_written_down_to_the_last_digit() {
        for (json, expected) in [
            ("1234567890123456.78", "1234567890123456.78"),
            ("\"1234567890123456.78\"", "1234567890123456.78"),
            ("-0.10", "-0.10"),
            ("4", "4"),
            ("1.25e2", "125"),
            ("1e-3", "0.001"),
        ] {
            assert_eq!(parse(json).unwrap(), expected.parse().unwrap(), "{json}");
        }
    }

    #[test]
    fn what_cannot_be_kept_exactly_is_refused() {
        for json in [
            "0.12345678901234567890123456789",
            "1e40",
            "\"1e2\"",
            "\"1_000\"",
            "\"+1\"",
            "\".5\"",
            "\"1.\"",
            "\"1_\"",
            "\"ten\"",
            "true",
            "null",
            "[1]",
            "1e-99999999999999999999",
        ] {
            assert_eq!(parse(json), None, "{json}");
        }
    }
}
