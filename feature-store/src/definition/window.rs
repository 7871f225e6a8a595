//! How far back a feature looks.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

const HOUR_SECONDS: u64 = 3_600;
const DAY_SECONDS: u64 = 86_400;

/// The events that count for a value at `t`: those in `(t - span, t]`, or all until `t`.
///
/// Written `90m`, `12h`, `30d`, `4w` or `lifetime`. Ordered by length, lifetime last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Window {
    Last(Span),
    Lifetime,
}

/// A length of time that is written with its unit: `30d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(Duration);

impl Span {
    #[must_use]
    pub const fn days(days: u32) -> Self {
        Self(Duration::from_secs(days as u64 * DAY_SECONDS))
    }

    #[must_use]
    pub const fn duration(self) -> Duration {
        self.0
    }

    #[must_use]
    pub fn micros(self) -> i64 {
        i64::try_from(self.0.as_micros()).unwrap_or(i64::MAX)
    }
}

impl From<Duration> for Span {
    fn from(span: Duration) -> Self {
        Self(span)
    }
}

impl FromStr for Span {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let invalid = || {
            format!("'{text}' is not a length of time: write a whole number and a unit, such as 90m, 12h, 30d or 4w")
        };
        let unit_at = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(invalid)?;
        let (number, unit) = text.split_at(unit_at);
        let unit_seconds = match unit {
            "m" => 60,
            "h" => HOUR_SECONDS,
            "d" => DAY_SECONDS,
            "w" => 7 * DAY_SECONDS,
            _ => return Err(invalid()),
        };
        let number: u32 = number.parse().map_err(|_| invalid())?;
        // A hundred years: beyond it a window is a lifetime, and micros stay far from overflow.
        match u64::from(number) * unit_seconds {
            seconds @ 1..=3_155_760_000 => Ok(Self(Duration::from_secs(seconds))),
            _ => Err(invalid()),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        match seconds {
            _ if seconds.is_multiple_of(DAY_SECONDS) => write!(f, "{}d", seconds / DAY_SECONDS),
            _ if seconds.is_multiple_of(HOUR_SECONDS) => write!(f, "{}h", seconds / HOUR_SECONDS),
            _ => write!(f, "{}m", seconds / 60),
        }
    }
}

impl FromStr for Window {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "lifetime" => Ok(Self::Lifetime),
            _ => text
                .parse()
                .map(Self::Last)
                .map_err(|error: String| format!("{error}; or lifetime")),
        }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Last(span) => span.fmt(f),
            Self::Lifetime => f.write_str("lifetime"),
        }
    }
}

macro_rules! as_text {
    ($($name:ident),+) => {$(
        impl TryFrom<String> for $name {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.to_string()
            }
        }
    )+};
}

as_text!(Span, Window);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_reads_as_it_is_written() {
        for text in ["90m", "12h", "30d", "lifetime"] {
            assert_eq!(text.parse::<Window>().unwrap().to_string(), text);
        }
        assert_eq!("4w".parse::<Window>(), "28d".parse());
        for bad in ["", "30", "d", "0d", "-1d", "30 d", "1y", "99999999999d", "ever"] {
            assert!(bad.parse::<Window>().is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn a_lifetime_is_longer_than_any_span() {
        assert!(Window::Lifetime > Window::Last(Span::days(36_500)));
    }
}
