//! Join-key values as clients send them: numbers or texts.

use std::borrow::Cow;

use serde_json::Value;
use serde_json::value::RawValue;

/// Whole numbers beyond this have no exact double, and so no one text.
const EXACT_DOUBLE_MAX: f64 = 9_007_199_254_740_992.0;

/// The text of a key value: that of a whole number is its decimal digits, also where a data frame made a float of it.
/// `None` for what cannot be a key.
pub(crate) fn key_text(value: &RawValue) -> Option<Cow<'_, str>> {
    let raw = value.get();
    match raw.as_bytes().first()? {
        b'"' => match serde_json::from_str::<&str>(raw) {
            Ok(text) => Some(Cow::Borrowed(text)),
            // Escapes cannot be borrowed.
            Err(_) => serde_json::from_str(raw).ok().map(Cow::Owned),
        },
        b'-' | b'0'..=b'9' if raw.bytes().all(|b| b == b'-' || b.is_ascii_digit()) => Some(Cow::Borrowed(raw)),
        b'-' | b'0'..=b'9' => match raw.parse::<f64>() {
            Ok(number) if number.fract() == 0.0 && number.abs() <= EXACT_DOUBLE_MAX => {
                Some(Cow::Owned((number as i64).to_string()))
            }
            _ => Some(Cow::Borrowed(raw)),
        },
        b't' | b'f' => Some(Cow::Borrowed(raw)),
        _ => None,
    }
}

/// As [`key_text`], of a parsed value.
pub(crate) fn value_text(value: &Value) -> Option<String> {
    let raw = serde_json::value::to_raw_value(value).ok()?;
    key_text(&raw).map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &str) -> Option<String> {
        let raw: &RawValue = serde_json::from_str(json).unwrap();
        key_text(raw).map(Cow::into_owned)
    }

    #[test]
    fn a_number_its_text_and_a_data_frames_float_are_one_key() {
        for json in ["12345", "\"12345\"", "12345.0", "1.2345e4"] {
            assert_eq!(text(json).as_deref(), Some("12345"), "{json}");
        }
        assert_eq!(text("\"a\\u0062\"").as_deref(), Some("ab"));
        assert_eq!(text("-7").as_deref(), Some("-7"));
        assert_eq!(text("1.5").as_deref(), Some("1.5"));
    }

    #[test]
    fn null_and_nested_values_are_no_keys() {
        assert!(["null", "[1]", "{}"].iter().all(|json| text(json).is_none()));
    }
}
