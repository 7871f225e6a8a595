//! Values as PostgreSQL writes them: ISO dates, hexadecimal bytes, arrays in braces.

const MICROS_PER_DAY: i64 = 86_400_000_000;
/// PostgreSQL's calendar ends there.
const YEAR_MAX: i64 = 5_874_897;

/// Days from 1970-01-01; `None` for the infinities.
pub(crate) fn date(text: &str) -> Option<i32> {
    let (text, before_christ) = era(text);
    let days = days(text, before_christ)?;
    i32::try_from(days).ok()
}

/// Microseconds from 1970 in UTC, of a time in UTC or without a zone; `None` for the infinities.
pub(crate) fn timestamp(text: &str) -> Option<i64> {
    let (text, before_christ) = era(text);
    let (day, time) = text.split_once(' ')?;
    let micros = time_of_day(time.strip_suffix("+00").unwrap_or(time))?;
    days(day, before_christ)?
        .checked_mul(MICROS_PER_DAY)?
        .checked_add(micros)
}

fn era(text: &str) -> (&str, bool) {
    match text.strip_suffix(" BC") {
        Some(text) => (text, true),
        None => (text, false),
    }
}

fn days(text: &str, before_christ: bool) -> Option<i64> {
    let mut parts = text.splitn(3, '-');
    let mut part = || parts.next()?.parse::<i64>().ok();
    let (year, month, day) = (part()?, part()?, part()?);
    if !(0..=YEAR_MAX).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // There is no year 0: before 1 AD comes 1 BC.
    let year = if before_christ { 1 - year } else { year };
    Some(days_from_civil(year, month, day))
}

/// Howard Hinnant's `days_from_civil`: the year begins in March, so that the leap day is its last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// A time of `micros` from 2000 on, as PostgreSQL writes it in UTC.
pub(crate) fn written_timestamp(micros: i64) -> String {
    const DAYS_TO_2000: i64 = 10_957;
    let (days, rest) = (micros.div_euclid(MICROS_PER_DAY), micros.rem_euclid(MICROS_PER_DAY));
    let (year, month, day) = civil_from_days(days + DAYS_TO_2000);
    let (seconds, fraction) = (rest / 1_000_000, rest % 1_000_000);
    let fraction = format!(".{fraction:06}");
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
    format!("{year:04}-{month:02}-{day:02} {hours:02}:{minutes:02}:{seconds:02}{fraction}+00")
}

/// The inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

fn time_of_day(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, ':');
    let mut part = || parts.next();
    let (hours, minutes, seconds) = (part()?.parse::<i64>().ok()?, part()?.parse::<i64>().ok()?, part()?);
    let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    if fraction.len() > 6 {
        return None;
    }
    let mut micros: i64 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    for _ in fraction.len()..6 {
        micros *= 10;
    }
    let seconds = seconds.parse::<i64>().ok()?;
    if !(0..=24).contains(&hours) || !(0..60).contains(&minutes) || !(0..=60).contains(&seconds) {
        return None;
    }
    let seconds = (hours * 60 + minutes) * 60 + seconds;
    Some(seconds * 1_000_000 + micros)
}

/// A number with at most `scale` digits behind its point, as an integer of that many; `None` for NaN and the infinities.
pub(crate) fn decimal(text: &str, scale: i8) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let missing = usize::try_from(scale).ok()?.checked_sub(fraction.len())?;
    let mut value: i128 = 0;
    for digit in whole
        .bytes()
        .chain(fraction.bytes())
        .chain(std::iter::repeat_n(b'0', missing))
    {
        let digit = digit.is_ascii_digit().then(|| i128::from(digit - b'0'))?;
        value = value.checked_mul(10)?.checked_add(digit)?;
    }
    Some(if negative { -value } else { value })
}

/// `\x` and two hexadecimal digits a byte.
pub(crate) fn bytes(text: &[u8]) -> Option<Vec<u8>> {
    let digits = text.strip_prefix(b"\\x")?;
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = |pair: &[u8; 2]| u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok();
    pairs.iter().map(byte).collect()
}

/// The elements of an array of one dimension that begins at 1, `None` for a null; nothing where it is another one.
pub(crate) fn array(text: &str) -> Option<Vec<Option<String>>> {
    let inner = text.strip_prefix('{')?.strip_suffix('}')?;
    let mut elements = Vec::new();
    let mut rest = inner.chars().peekable();
    if rest.peek().is_none() {
        return Some(elements);
    }
    loop {
        match rest.peek()? {
            '{' => return None,
            '"' => {
                rest.next();
                let mut element = String::new();
                loop {
                    match rest.next()? {
                        '"' => break,
                        '\\' => element.push(rest.next()?),
                        other => element.push(other),
                    }
                }
                elements.push(Some(element));
            }
            _ => {
                let mut element = String::new();
                while let Some(next) = rest.next_if(|next| *next != ',') {
                    element.push(next);
                }
                elements.push((!element.eq_ignore_ascii_case("null")).then_some(element));
            }
        }
        match rest.next() {
            Some(',') => {}
            Some(_) => return None,
            None => return Some(elements),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar_before_christ_too() {
        assert_eq!(date("1970-01-01"), Some(0));
        assert_eq!(date("2024-02-29"), Some(19_782));
        assert_eq!(date("0001-12-31 BC"), Some(-719_163));
        assert_eq!(date("0001-01-01"), Some(-719_162));
        assert_eq!(date("5874897-12-31"), Some(2_145_042_905));
        assert_eq!(date("infinity"), None);
        assert_eq!(timestamp("1970-01-01 00:00:01.5+00"), Some(1_500_000));
        assert_eq!(timestamp("1969-12-31 23:59:59.999999"), Some(-1));
        assert_eq!(timestamp("294247-01-10 04:00:54.775807+00"), Some(i64::MAX));
        // PostgreSQL counts from 2000, and so comes further.
        assert_eq!(timestamp("294276-12-31 23:59:59.999999+00"), None);
        assert_eq!(timestamp("-infinity"), None);
        assert_eq!(timestamp("2024-01-01 00:00:00+05:30"), None);
    }

    #[test]
    fn decimals_and_bytes_and_arrays_read_as_they_were_written() {
        assert_eq!(decimal("-12.3", 2), Some(-1_230));
        assert_eq!(
            decimal("99999999999999999999999999999999999999", 0),
            Some(10_i128.pow(38) - 1)
        );
        assert_eq!(decimal("NaN", 2), None);
        assert_eq!(bytes(b"\\x00ff"), Some(vec![0, 255]));
        assert_eq!(bytes(b"\\x0"), None);
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(array("{}"), Some(vec![]));
        assert_eq!(
            array(r#"{1,NULL,"NULL","a \"b\", c\\"}"#),
            Some(vec![text("1"), None, text("NULL"), text("a \"b\", c\\")])
        );
        assert_eq!(array("{{1},{2}}"), None);
        assert_eq!(array("[0:1]={1,2}"), None);
    }
}
