//! How documents are numbered: a prefix, in which the year may stand, and digits that count without a gap.
//!
//! A number's last digits are its place, and what stands before them is its prefix, which therefore never ends in a digit. So each
//! number is of one prefix only, and two series that come to the same prefix count together.

use std::sync::Arc;

use chrono::Datelike;
use cortex_types::{NumberSeriesId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::limits::check_code;
use crate::{DocumentKind, ErpError, FiscalYear};

/// Stands for the year of the document's time, in UTC.
const YEAR: &str = "{year}";
/// Stands for the code of the fiscal year that the document's time is in.
const FISCAL_YEAR: &str = "{fiscal-year}";
/// Digits of a number whose series says nothing else.
pub const DIGITS: u8 = 6;
/// No 64-bit number has more.
const DIGITS_MAX: u8 = 18;
/// With all its digits a number is no longer than a code.
const PREFIX_LENGTH_MAX: usize = 40;
const YEARS_MAX: usize = 2;

/// A series that a company has for documents of a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberSeries {
    pub id: NumberSeriesId,
    pub code: Arc<str>,
    pub kind: DocumentKind,
    /// With `{year}` or `{fiscal-year}` as it was said.
    pub prefix: Arc<str>,
    /// At least so many: a series that counted further goes on with longer numbers.
    pub digits: u8,
    /// Documents that name no series are numbered by it.
    pub is_default: bool,
    /// Nothing is numbered by it any more.
    pub blocked: bool,
    pub created_at: Timestamp,
}

/// A number that was drawn: how far its prefix has counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawn {
    pub kind: DocumentKind,
    pub prefix: Arc<str>,
    pub place: u64,
}

/// What stands before the last digits of a number; `None` where it has no such digits.
#[must_use]
pub fn prefix_of(number: &str) -> Option<&str> {
    let prefix = number.trim_end_matches(|c: char| c.is_ascii_digit());
    (prefix.len() < number.len()).then_some(prefix)
}

/// Whether a document of the kind may draw the number: that it begins as numbers of another kind do is told without the books.
pub(crate) fn may_draw(kind: DocumentKind, number: &str) -> bool {
    let prefix = prefix_of(number);
    let of_another = |prefix| {
        DocumentKind::ALL
            .iter()
            .any(|other| *other != kind && other.prefix() == Some(prefix))
    };
    prefix.is_some_and(|prefix| kind.prefix() == Some(prefix) || !(prefix.is_empty() || of_another(prefix)))
}

/// The number at a place.
#[must_use]
pub fn number_at(prefix: &str, digits: u8, place: u64) -> Arc<str> {
    format!("{prefix}{place:0digits$}", digits = usize::from(digits)).into()
}

impl NumberSeries {
    /// Whether its prefix is that of the fiscal year.
    #[must_use]
    pub fn goes_by_fiscal_year(&self) -> bool {
        self.prefix.contains(FISCAL_YEAR)
    }

    /// The prefix of documents of a time.
    pub fn prefix_at(&self, at: Timestamp, years: &[FiscalYear]) -> Result<Arc<str>, ErpError> {
        if !self.prefix.contains('{') {
            return Ok(Arc::clone(&self.prefix));
        }
        let mut prefix = self.prefix.replace(YEAR, &format!("{:04}", at.to_datetime().year()));
        if self.goes_by_fiscal_year() {
            let year = years.iter().find(|year| (year.from..year.before).contains(&at));
            let year = year.ok_or_else(|| {
                let problem = format!(
                    "'{}' numbers by fiscal year, and none has {at} in it: open that year first",
                    self.code
                );
                ErpError::invalid("series", problem)
            })?;
            prefix = prefix.replace(FISCAL_YEAR, &year.code);
        }
        // A fiscal year may have a long code.
        if prefix.chars().count() > PREFIX_LENGTH_MAX {
            let problem = format!(
                "'{}' comes to '{prefix}', longer than {PREFIX_LENGTH_MAX} characters: give the fiscal year a shorter code",
                self.code
            );
            return Err(ErpError::invalid("series", problem));
        }
        Ok(prefix.into())
    }

    /// Whether the prefix of some year is this.
    #[must_use]
    pub fn may_come_to(&self, prefix: &str) -> bool {
        comes_to(&self.prefix, prefix)
    }
}

fn comes_to(pattern: &str, prefix: &str) -> bool {
    let Some((before, rest)) = pattern.split_once('{') else {
        return pattern == prefix;
    };
    let Some(prefix) = prefix.strip_prefix(before) else {
        return false;
    };
    match (rest.strip_prefix("year}"), rest.strip_prefix("fiscal-year}")) {
        (Some(rest), _) => {
            let is_year = prefix.bytes().take_while(u8::is_ascii_digit).take(4).count() == 4;
            is_year && comes_to(rest, &prefix[4..])
        }
        (_, Some(rest)) => {
            let mut ends = prefix.char_indices().skip(1).map(|(end, _)| end);
            ends.any(|end| comes_to(rest, &prefix[end..]))
        }
        _ => false,
    }
}

/// A prefix as it may be said: what is in braces is known, and the last character is no digit whatever year it is.
pub(crate) fn check_prefix(prefix: &str, digits: u8) -> Result<(), ErpError> {
    let refused = |problem: String| Err(ErpError::invalid("prefix", problem));
    // Where a code of a year ends is found by trying.
    if prefix.matches('{').count() > YEARS_MAX {
        return refused(format!("'{prefix}' has more than {YEARS_MAX} years in it"));
    }
    let plain = prefix.replace(YEAR, "2000").replace(FISCAL_YEAR, "2000");
    if plain.contains(['{', '}']) {
        return refused(format!(
            "'{prefix}' has braces around something else than {YEAR} or {FISCAL_YEAR}"
        ));
    }
    if plain.is_empty() || plain.ends_with(|c: char| c.is_ascii_digit()) {
        return refused(format!(
            "'{prefix}' must end in something else than a digit or a year, such as INV-{YEAR}-: the digits behind it are what is counted"
        ));
    }
    if !(1..=DIGITS_MAX).contains(&digits) {
        return Err(ErpError::invalid(
            "digits",
            format!("must be 1 to {DIGITS_MAX}, not {digits}"),
        ));
    }
    if plain.chars().count() > PREFIX_LENGTH_MAX {
        return refused(format!(
            "is longer than {PREFIX_LENGTH_MAX} characters: a number is short"
        ));
    }
    check_code("prefix", &number_at(&plain, digits, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(prefix: &str) -> NumberSeries {
        NumberSeries {
            id: NumberSeriesId::new(),
            code: "s".into(),
            kind: DocumentKind::SalesInvoice,
            prefix: prefix.into(),
            digits: DIGITS,
            is_default: false,
            blocked: false,
            created_at: Timestamp::MIN,
        }
    }

    #[test]
    fn a_number_is_of_the_prefix_before_its_last_digits() {
        for (number, prefix) in [
            ("INV-000007", Some("INV-")),
            ("INV-2026-7", Some("INV-2026-")),
            ("536365", Some("")),
            ("CN-", None),
            ("INV-7a", None),
        ] {
            assert_eq!(prefix_of(number), prefix, "{number}");
        }
        assert_eq!(&*number_at("R/", 4, 42), "R/0042");
        assert_eq!(&*number_at("R/", 2, 1234), "R/1234");
    }

    #[test]
    fn a_series_knows_the_prefixes_of_all_its_years() {
        let of_year = series("INV-{year}-");
        assert_eq!(
            &*of_year.prefix_at("2026-12-31T23:59:59Z".parse().unwrap(), &[]).unwrap(),
            "INV-2026-"
        );
        for (prefix, own) in [
            ("INV-2026-", true),
            ("INV-", false),
            ("INV-26-", false),
            ("INV-20266-", false),
        ] {
            assert_eq!(of_year.may_come_to(prefix), own, "{prefix}");
        }
        let of_fiscal_year = series("{fiscal-year}/R-");
        for (prefix, own) in [("FY26/R-", true), ("é/R-", true), ("/R-", false), ("FY26/", false)] {
            assert_eq!(of_fiscal_year.may_come_to(prefix), own, "{prefix}");
        }
        assert!(of_fiscal_year.prefix_at(Timestamp::MIN, &[]).is_err());
        assert!(series("R-").may_come_to("R-") && !series("R-").may_come_to("R-2026-"));
    }

    #[test]
    fn prefixes_that_could_not_be_told_from_their_digits_are_refused() {
        for good in ["INV-", "{year}/", "INV-{year}-", "R{fiscal-year}.", "Rechnung "] {
            let checked = check_prefix(good, DIGITS);
            assert!(checked.is_ok(), "{good}: {checked:?}");
        }
        for bad in [
            "",
            "INV",
            "INV1",
            "INV-{year}",
            "{month}-",
            "{year-",
            "}-",
            " R-",
            "R\n-",
        ] {
            let is_word = bad == "INV";
            assert_eq!(check_prefix(bad, DIGITS).is_ok(), is_word, "{bad}");
        }
        assert!(check_prefix("{year}-{fiscal-year}-", DIGITS).is_ok());
        assert!(check_prefix("{fiscal-year}-{fiscal-year}-{year}-", DIGITS).is_err());
        assert!(check_prefix("R-", 0).is_err() && check_prefix("R-", 19).is_err());
        assert!(check_prefix(&format!("{}-", "R".repeat(64)), DIGITS).is_err());
    }
}
