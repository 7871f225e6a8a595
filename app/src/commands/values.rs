//! What arguments of several commands mean.

use std::time::Duration;

use cortex_types::Timestamp;

/// A number and one of s, m, h, d.
pub(crate) fn span(text: &str) -> Result<Duration, String> {
    let expected = || format!("'{text}' is no span: give a number and one of s, m, h, d, such as 90d");
    let unit_at = text
        .len()
        .checked_sub(1)
        .filter(|at| text.is_char_boundary(*at))
        .ok_or_else(expected)?;
    let (number, unit) = text.split_at(unit_at);
    let seconds: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return Err(expected()),
    };
    let number: u64 = number.parse().map_err(|_| expected())?;
    number
        .checked_mul(seconds)
        .map(Duration::from_secs)
        .ok_or_else(expected)
}

/// A time, or a date for its first instant.
pub(crate) fn instant(text: &str) -> Result<Timestamp, String> {
    text.parse()
        .map_err(|error: cortex_types::ids::InvalidId| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_number_and_a_unit() {
        assert_eq!(span("90d"), Ok(Duration::from_secs(90 * 24 * 60 * 60)));
        assert_eq!(span("0s"), Ok(Duration::ZERO));
        for bad in [
            "",
            "d",
            "90",
            "1w",
            "-1h",
            "1ä",
            "99999999999999999999d",
            "999999999999999999d",
        ] {
            assert!(span(bad).is_err(), "{bad:?} was accepted");
        }
    }
}
