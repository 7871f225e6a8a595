//! Time: microseconds since the Unix epoch, UTC, always from a [`Clock`] and never from the operating system directly,
//! so that a time-lapse of a year runs in minutes and a test decides what time it is.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use crate::error::{Coded, ErrorCode};
use crate::ids::InvalidId;

/// Microseconds since 1970-01-01T00:00:00Z. Written as RFC 3339 wherever a person may read it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp(i64);

/// A time that no caller can mean: a slip of a unit or of a digit, or text that was no date.
#[derive(Debug, Clone, Copy, thiserror::Error, PartialEq, Eq)]
#[error("must be a time from 1900-01-01 on and before 2200-01-01, UTC")]
pub struct TimeOutOfRange;

impl Coded for TimeOutOfRange {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidArgument
    }
}

impl Timestamp {
    pub const MIN: Self = Self(i64::MIN);
    pub const MAX: Self = Self(i64::MAX);
    /// 1900-01-01T00:00:00Z, the first instant that a caller may give.
    pub const GIVEN_FROM: Self = Self(-2_208_988_800_000_000);
    /// 2200-01-01T00:00:00Z, the first instant that is too late to be given.
    pub const GIVEN_BEFORE: Self = Self(7_258_118_400_000_000);

    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Refuses what no caller can mean. Every time that comes from outside goes through here: 64 bits of microseconds
    /// reach years that RFC 3339 cannot write.
    pub fn check_given(self) -> Result<(), TimeOutOfRange> {
        if (Self::GIVEN_FROM..Self::GIVEN_BEFORE).contains(&self) {
            Ok(())
        } else {
            Err(TimeOutOfRange)
        }
    }

    #[must_use]
    pub fn saturating_add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span_micros(span)))
    }

    #[must_use]
    pub fn saturating_sub(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(span_micros(span)))
    }

    /// Zero where `earlier` is in fact later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    #[must_use]
    pub fn to_datetime(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).unwrap_or(if self.0 < 0 {
            DateTime::<Utc>::MIN_UTC
        } else {
            DateTime::<Utc>::MAX_UTC
        })
    }
}

fn span_micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(at: DateTime<Utc>) -> Self {
        Self(at.timestamp_micros())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_datetime().to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = InvalidId;
    /// RFC 3339; a date alone is its first instant, and a time without a zone is UTC.
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let text = text.trim();
        if let Ok(at) = DateTime::parse_from_rfc3339(text) {
            return Ok(at.to_utc().into());
        }
        for format in ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"] {
            if let Ok(at) = NaiveDateTime::parse_from_str(text, format) {
                return Ok(at.and_utc().into());
            }
        }
        NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .map(|day| day.and_time(chrono::NaiveTime::MIN).and_utc().into())
            .map_err(|_| InvalidId {
                kind: "time",
                text: text.to_owned(),
                expected: "an RFC 3339 time such as 2011-08-31T12:00:00Z, or a date such as 2011-08-31",
            })
    }
}

impl TryFrom<String> for Timestamp {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<Timestamp> for String {
    fn from(at: Timestamp) -> String {
        at.to_string()
    }
}

/// What time it is for the business.
pub trait Clock: Send + Sync + fmt::Debug {
    fn now(&self) -> Timestamp;
}

/// The operating system's clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Utc::now().into()
    }
}

/// A clock that stands still until it is moved; never backwards.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    #[must_use]
    pub fn at(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.micros()))
    }

    /// Moves the clock to `to`, or leaves it where it is when that is in the past.
    pub fn advance_to(&self, to: Timestamp) {
        self.0.fetch_max(to.micros(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_reads_and_writes_as_rfc_3339() {
        let at: Timestamp = "2010-12-01 08:26:00".parse().unwrap();
        assert_eq!(at.to_string(), "2010-12-01T08:26:00Z");
        assert_eq!("2010-12-01T09:26:00+01:00".parse::<Timestamp>().unwrap(), at);
        assert!("yesterday".parse::<Timestamp>().is_err());
    }

    #[test]
    fn a_time_that_nobody_can_mean_may_not_be_given() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(
            (Timestamp::GIVEN_FROM, Timestamp::GIVEN_BEFORE),
            (at("1900-01-01"), at("2200-01-01"))
        );
        for fine in [at("1900-01-01"), at("1970-01-01"), at("2199-12-31T23:59:59.999999Z")] {
            assert_eq!(fine.check_given(), Ok(()), "{fine}");
        }
        let rubbish = [
            at("0000-01-01"),
            at("1899-12-31T23:59:59Z"),
            at("2200-01-01"),
            at("9999-12-31"),
        ];
        for rubbish in rubbish.into_iter().chain([Timestamp::MIN, Timestamp::MAX]) {
            assert_eq!(rubbish.check_given(), Err(TimeOutOfRange), "{rubbish}");
        }
    }

    #[test]
    fn a_manual_clock_never_goes_back() {
        let clock = ManualClock::at("2011-01-02".parse().unwrap());
        clock.advance_to("2011-01-01".parse().unwrap());
        assert_eq!(clock.now(), "2011-01-02".parse().unwrap());
    }
}
