//! Spans of time as definitions write them: `30d`, `12h`, `90m`.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

pub(crate) fn parse(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let seconds: u64 = match unit {
        'd' => 86_400,
        'h' => 3_600,
        'm' => 60,
        _ => return None,
    };
    let count: u64 = text.strip_suffix(unit)?.parse().ok().filter(|count| *count > 0)?;
    // A hundred thousand years are no horizon, but a slip of the finger.
    count
        .checked_mul(seconds)
        .filter(|seconds| *seconds < 86_400 * 36_500)
        .map(Duration::from_secs)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).ok_or_else(|| {
        serde::de::Error::custom(format!(
            "'{text}' is not a span of time: write a number and d, h or m, such as 30d"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_positive_number_and_a_unit() {
        assert_eq!(parse("30d"), Some(Duration::from_secs(30 * 86_400)));
        assert_eq!(parse("12h"), Some(Duration::from_secs(12 * 3_600)));
        for bad in [
            "",
            "30",
            "d",
            "0d",
            "-1d",
            "1.5d",
            "30 d",
            "30w",
            "99999999999999999999d",
            "3é",
        ] {
            assert_eq!(parse(bad), None, "{bad:?} was accepted");
        }
    }
}
