//! What arguments of several commands mean.

use std::time::Duration;

use cortex_types::Timestamp;

const DAY_S: u64 = 24 * 60 * 60;
/// A hundred years. What is longer is a typing mistake, and would leave the calendar.
const SPAN_DAYS_MAX: u64 = 36_525;
/// Ten years. A token that shall outlive that is one without an end.
const LIFETIME_DAYS_MAX: u64 = 3_650;

/// A number and one of s, m, h, d; at most a hundred years.
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
        "d" => DAY_S,
        _ => return Err(expected()),
    };
    // An overlong row of digits is a number all the same, and its span is too long.
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return Err(expected());
    }
    let span = number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(seconds));
    span.filter(|span| *span <= SPAN_DAYS_MAX * DAY_S)
        .map(Duration::from_secs)
        .ok_or_else(|| format!("'{text}' is too long: a span is at most {SPAN_DAYS_MAX}d, a hundred years"))
}

/// How long a token is valid.
pub(crate) fn lifetime(text: &str) -> Result<Duration, String> {
    let allowed = Duration::from_secs(1)..=Duration::from_secs(LIFETIME_DAYS_MAX * DAY_S);
    let span = span(text)?;
    match allowed.contains(&span) {
        true => Ok(span),
        false => Err(format!(
            "a token is valid for 1s to {LIFETIME_DAYS_MAX}d (ten years), not {text}; leave the option out for one without \
             an end"
        )),
    }
}

/// A model's version.
pub(crate) fn version(text: &str) -> Result<u32, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| "a version is a number, 1, 2, 3, …: 'cortex models show MODEL' lists them".to_owned())
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
        assert_eq!(span("36525d"), Ok(Duration::from_secs(SPAN_DAYS_MAX * DAY_S)));
        for bad in [
            "",
            "d",
            "90",
            "1w",
            "-1h",
            "+1h",
            "1ä",
            "36526d",
            "99999999d",
            "99999999999999999999d",
            "999999999999999999d",
        ] {
            assert!(span(bad).is_err(), "{bad:?} was accepted");
        }
        assert!(span("99999999d").unwrap_err().contains("at most"));
    }

    #[test]
    fn a_token_lives_for_a_second_to_ten_years() {
        assert_eq!(lifetime("1s"), Ok(Duration::from_secs(1)));
        assert_eq!(lifetime("3650d"), Ok(Duration::from_secs(LIFETIME_DAYS_MAX * DAY_S)));
        for bad in ["0s", "0d", "3651d", "soon"] {
            assert!(lifetime(bad).is_err(), "{bad:?} was accepted");
        }
        assert!(lifetime("0s").unwrap_err().contains("1s to 3650d"));
    }

    #[test]
    fn a_version_is_a_number_from_one() {
        assert_eq!(version("3"), Ok(3));
        for bad in ["0", "-1", "abc", "", "4294967296"] {
            assert!(version(bad).unwrap_err().contains("1, 2, 3"), "{bad:?}");
        }
    }
}
