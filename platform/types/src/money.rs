//! Money as integers: minor units of an ISO 4217 currency.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};

use crate::error::{Coded, ErrorCode};

#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum MoneyError {
    #[error("'{0}' is not an ISO 4217 currency code: give three capital letters, such as GBP")]
    UnknownCurrency(String),
    #[error("cannot combine {left} with {right}: convert one of them first")]
    CurrencyMismatch { left: Currency, right: Currency },
    #[error("the amount is larger than the ledger can hold (±92,233,720,368,547,758.07 at two decimals)")]
    Overflow,
    #[error("{amount} has more decimals than {currency} has ({exponent})")]
    TooPrecise {
        amount: Decimal,
        currency: Currency,
        exponent: u32,
    },
}

impl Coded for MoneyError {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidArgument
    }
}

/// The codes of ISO 4217 that money is kept in, and those withdrawn since 2020, in which history may still be posted. Not
/// among them: metals, units of account, and the codes for testing and for no currency.
const ISO_4217: &str = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP \
    BYN BZD CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL \
    GHS GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT \
    LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB \
    PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS \
    TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG \
    ZWL";

/// A currency by its code: three capital letters. Whether anybody has such a currency is another question, which
/// [`Currency::is_iso_4217`] answers: what was stored must be read even when its code is withdrawn.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

impl Currency {
    pub const GBP: Self = Self(*b"GBP");
    pub const EUR: Self = Self(*b"EUR");
    pub const USD: Self = Self(*b"USD");

    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only capital letters get in, so this is always valid UTF-8.
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }

    /// Whether new documents may be in it.
    #[must_use]
    pub fn is_iso_4217(&self) -> bool {
        ISO_4217.split(' ').any(|code| code == self.as_str())
    }

    /// Decimal places of the minor unit (ISO 4217: 0 for JPY, 3 for KWD, 2 for most).
    #[must_use]
    pub fn exponent(&self) -> u32 {
        match &self.0 {
            b"BIF" | b"CLP" | b"DJF" | b"GNF" | b"ISK" | b"JPY" | b"KMF" | b"KRW" | b"PYG" | b"RWF" | b"UGX"
            | b"UYI" | b"VND" | b"VUV" | b"XAF" | b"XOF" | b"XPF" => 0,
            b"BHD" | b"IQD" | b"JOD" | b"KWD" | b"LYD" | b"OMR" | b"TND" => 3,
            b"CLF" | b"UYW" => 4,
            _ => 2,
        }
    }
}

impl FromStr for Currency {
    type Err = MoneyError;
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        match <[u8; 3]>::try_from(text.as_bytes()) {
            Ok(code) if code.iter().all(u8::is_ascii_uppercase) => Ok(Self(code)),
            _ => Err(MoneyError::UnknownCurrency(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Currency {
    type Error = MoneyError;
    fn try_from(text: String) -> Result<Self, MoneyError> {
        text.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> String {
        currency.as_str().to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An amount of one currency, in its minor unit (pence, cents).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Money {
    pub minor: i64,
    pub currency: Currency,
}

impl Money {
    #[must_use]
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    #[must_use]
    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// The exact amount; one with more decimals than the currency has is refused.
    pub fn from_decimal(amount: Decimal, currency: Currency) -> Result<Self, MoneyError> {
        let scaled = scale(amount, currency)?;
        if scaled.fract().is_zero() {
            scaled
                .to_i64()
                .map(|minor| Self { minor, currency })
                .ok_or(MoneyError::Overflow)
        } else {
            Err(MoneyError::TooPrecise {
                amount,
                currency,
                exponent: currency.exponent(),
            })
        }
    }

    /// The amount rounded to the minor unit, halves to even.
    pub fn rounded(amount: Decimal, currency: Currency) -> Result<Self, MoneyError> {
        let minor = scale(amount, currency)?.round().to_i64().ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, currency })
    }

    #[must_use]
    pub fn to_decimal(self) -> Decimal {
        Decimal::new(self.minor, self.currency.exponent())
    }

    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        let minor = self.minor.checked_add(other.minor).ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, ..self })
    }

    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.checked_add(other.checked_neg()?)
    }

    pub fn checked_neg(self) -> Result<Self, MoneyError> {
        let minor = self.minor.checked_neg().ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, ..self })
    }

    fn same_currency(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency {
            Ok(())
        } else {
            Err(MoneyError::CurrencyMismatch {
                left: self.currency,
                right: other.currency,
            })
        }
    }
}

fn scale(amount: Decimal, currency: Currency) -> Result<Decimal, MoneyError> {
    amount
        .checked_mul(Decimal::from(10_i64.pow(currency.exponent())))
        .ok_or(MoneyError::Overflow)
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.to_decimal(), self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_amount_finer_than_the_currency_is_refused_not_rounded() {
        let amount: Decimal = "2.555".parse().unwrap();
        assert!(matches!(
            Money::from_decimal(amount, Currency::GBP),
            Err(MoneyError::TooPrecise { .. })
        ));
        assert_eq!(Money::rounded(amount, Currency::GBP).unwrap().minor, 256);
    }

    #[test]
    fn three_letters_are_not_yet_a_currency() {
        for (code, known) in [
            ("GBP", true),
            ("JPY", true),
            ("HRK", true),
            ("ZZZ", false),
            ("XXX", false),
            ("XAU", false),
        ] {
            assert_eq!(code.parse::<Currency>().unwrap().is_iso_4217(), known, "{code}");
        }
        let codes: std::collections::BTreeSet<&str> = ISO_4217.split(' ').collect();
        assert_eq!(codes.len(), ISO_4217.split(' ').count(), "a code stands twice");
        assert!(codes.iter().all(|code| code.parse::<Currency>().is_ok()));
    }

    #[test]
    fn pounds_and_euros_do_not_add_up() {
        let sum = Money::new(1, Currency::GBP).checked_add(Money::new(1, Currency::EUR));
        assert!(matches!(sum, Err(MoneyError::CurrencyMismatch { .. })));
    }

    proptest! {
        #[test]
        fn decimal_and_back_is_the_same_money(minor in any::<i64>()) {
            let money = Money::new(minor, Currency::GBP);
            prop_assert_eq!(Money::from_decimal(money.to_decimal(), Currency::GBP), Ok(money));
        }
    }
}
