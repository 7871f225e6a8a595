//! One line, read and understood.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use cortex_types::{Currency, Money, Timestamp};
use rust_decimal::Decimal;

use crate::AMOUNT_MINOR_MAX;

/// The currency of the file.
pub(super) const CURRENCY: Currency = Currency::GBP;

/// What the first letter of an invoice number says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NumberKind {
    Sale,
    Cancellation,
    BadDebt,
}

#[derive(Clone, Debug)]
pub(super) struct RetailLine {
    pub record: u32,
    pub number: Arc<str>,
    pub kind: NumberKind,
    /// In capitals.
    pub code: Arc<str>,
    pub description: Arc<str>,
    pub pieces: i64,
    pub at: Timestamp,
    pub price: Decimal,
    pub customer: Option<Arc<str>>,
    pub country: Arc<str>,
    /// Quantity × price, in pence, with the file's signs.
    pub net_minor: i64,
}

/// Reads lines; texts that come again share their memory.
#[derive(Default)]
pub(super) struct LineReader {
    texts: HashSet<Arc<str>>,
    last_date: Option<(String, Timestamp)>,
}

impl LineReader {
    /// The line, or why it is refused.
    pub fn read(&mut self, record: u32, fields: [&[u8]; 8]) -> Result<RetailLine, String> {
        let [number, code, description, quantity, date, price, customer, country] = fields;
        let number = text("InvoiceNo", number)?.to_ascii_uppercase();
        let kind = number_kind(&number)?;
        let code = required("StockCode", text("StockCode", code)?)?.to_uppercase();
        let quantity = text("Quantity", quantity)?;
        let pieces = pieces(quantity)?;
        let at = self.date(text("InvoiceDate", date)?)?;
        let price = price_of(text("UnitPrice", price)?)?;
        let customer = text("CustomerID", customer)?;
        let country = required("Country", text("Country", country)?)?;
        let amount = Decimal::from(pieces)
            .checked_mul(price)
            .ok_or("quantity × price is too large")?;
        let net = Money::rounded(amount, CURRENCY).map_err(|error| error.to_string())?;
        if net.minor.unsigned_abs() > AMOUNT_MINOR_MAX.unsigned_abs() {
            return Err("quantity × price is too large".to_owned());
        }
        Ok(RetailLine {
            record,
            number: self.shared(&number),
            kind,
            code: self.shared(&code),
            description: self.shared(printed(description).trim()),
            pieces,
            at,
            price,
            // A spreadsheet made numbers of the ids.
            customer: Some(customer.strip_suffix(".0").unwrap_or(customer))
                .filter(|id| !id.is_empty())
                .map(|id| self.shared(id)),
            country: self.shared(country),
            net_minor: net.minor,
        })
    }

    fn shared(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&new));
        new
    }

    fn date(&mut self, text: &str) -> Result<Timestamp, String> {
        if let Some((last, at)) = &self.last_date
            && last == text
        {
            return Ok(*at);
        }
        let at: Timestamp = text
            .parse()
            .map_err(|_| format!("InvoiceDate '{text}' is not a time such as 2010-12-01 08:26:00"))?;
        at.check_given()
            .map_err(|error| format!("InvoiceDate '{text}' {error}"))?;
        self.last_date = Some((text.to_owned(), at));
        Ok(at)
    }
}

fn text<'a>(column: &str, field: &'a [u8]) -> Result<&'a str, String> {
    std::str::from_utf8(field)
        .map(str::trim)
        .map_err(|_| format!("{column} is not UTF-8"))
}

/// What can be read of a description: it says what the goods are, and is no reason to refuse their sale.
fn printed(description: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(description);
    if text.contains(char::is_control) {
        return text.replace(char::is_control, " ").into();
    }
    text
}

fn required<'a>(column: &str, text: &'a str) -> Result<&'a str, String> {
    if text.is_empty() {
        Err(format!("{column} is missing"))
    } else {
        Ok(text)
    }
}

fn number_kind(number: &str) -> Result<NumberKind, String> {
    let (kind, digits) = match number.as_bytes().first() {
        Some(b'C') => (NumberKind::Cancellation, &number[1..]),
        Some(b'A') => (NumberKind::BadDebt, &number[1..]),
        Some(_) => (NumberKind::Sale, number),
        None => return Err("InvoiceNo is missing".to_owned()),
    };
    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        Ok(kind)
    } else {
        Err(format!(
            "InvoiceNo '{number}' is not digits, with C before a cancellation or A before a bad debt"
        ))
    }
}

fn pieces(text: &str) -> Result<i64, String> {
    let whole = text.strip_suffix(".0").unwrap_or(text);
    match whole.parse::<i64>() {
        Ok(0) => Err("Quantity is 0".to_owned()),
        Ok(pieces) if pieces.unsigned_abs() <= 1_000_000_000 => Ok(pieces),
        Ok(_) => Err(format!("Quantity '{text}' is out of range")),
        Err(_) => Err(format!("Quantity '{text}' is not a whole number")),
    }
}

fn price_of(text: &str) -> Result<Decimal, String> {
    text.parse().map_err(|_| format!("UnitPrice '{text}' is not a number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<RetailLine, String> {
        let fields: Vec<&[u8]> = line.split(',').map(str::as_bytes).collect();
        LineReader::default().read(0, fields.try_into().unwrap())
    }

    #[test]
    fn a_line_is_read_with_its_net_rounded_half_to_even() {
        let line = read("700001,85123a,A HEART ,5,2010-12-01 08:26:00,0.125,17850.0,France").unwrap();
        assert_eq!(
            (&*line.code, line.net_minor, line.customer.as_deref()),
            ("85123A", 62, Some("17850"))
        );
        assert_eq!(&*line.description, "A HEART");
    }

    #[test]
    fn what_does_not_parse_is_refused_with_the_column_and_the_value() {
        for (line, reason) in [
            ("X1,1,D,5,2010-12-01,1.0,,UK", "InvoiceNo 'X1'"),
            (",1,D,5,2010-12-01,1.0,,UK", "InvoiceNo is missing"),
            ("7,,D,5,2010-12-01,1.0,,UK", "StockCode is missing"),
            ("7,1,D,1.5,2010-12-01,1.0,,UK", "Quantity '1.5'"),
            ("7,1,D,0,2010-12-01,1.0,,UK", "Quantity is 0"),
            ("7,1,D,5,31/12/2010,1.0,,UK", "InvoiceDate '31/12/2010'"),
            (
                "7,1,D,5,9999-12-31,1.0,,UK",
                "InvoiceDate '9999-12-31' must be a time from 1900",
            ),
            ("7,1,D,5,2010-12-01,free,,UK", "UnitPrice 'free'"),
            ("7,1,D,5,2010-12-01,1.0,,", "Country is missing"),
            (
                "7,1,D,1000000000,2010-12-01,1000000,,UK",
                "quantity × price is too large",
            ),
        ] {
            let error = read(line).unwrap_err();
            assert!(error.starts_with(reason), "{line}: {error}");
        }
    }
}
