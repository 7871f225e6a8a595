//! Quantities as integers: millionths of a unit of measure.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};

use crate::error::{Coded, ErrorCode};

const MICROS_PER_UNIT: i64 = 1_000_000;

#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum QuantityError {
    #[error("'{0}' is not a unit of measure: give 1 to 12 letters or digits, such as EA or KG")]
    InvalidUnit(String),
    #[error("cannot combine {left} with {right}: convert one of them first")]
    UnitMismatch { left: Unit, right: Unit },
    #[error("the quantity is larger than stock can hold (±9,223,372,036,854.775807)")]
    Overflow,
    #[error("{0} has more than six decimals")]
    TooPrecise(Decimal),
}

impl Coded for QuantityError {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidArgument
    }
}

/// A unit of measure, by its code (UN/CEFACT style: `EA` each, `KGM`, `LTR`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Unit(std::sync::Arc<str>);

impl Unit {
    /// Pieces.
    #[must_use]
    pub fn each() -> Self {
        Self("EA".into())
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Unit {
    type Err = QuantityError;
    fn from_str(text: &str) -> Result<Self, QuantityError> {
        if (1..=12).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric()) {
            Ok(Self(text.into()))
        } else {
            Err(QuantityError::InvalidUnit(text.to_owned()))
        }
    }
}

impl TryFrom<String> for Unit {
    type Error = QuantityError;
    fn try_from(text: String) -> Result<Self, QuantityError> {
        text.parse()
    }
}

impl From<Unit> for String {
    fn from(unit: Unit) -> String {
        unit.0.to_string()
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// So many millionths of a unit; negative where stock leaves.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Quantity {
    pub micro: i64,
    pub unit: Unit,
}

impl Quantity {
    #[must_use]
    pub const fn from_micro(micro: i64, unit: Unit) -> Self {
        Self { micro, unit }
    }

    /// Whole pieces.
    pub fn each(pieces: i64) -> Result<Self, QuantityError> {
        let micro = pieces.checked_mul(MICROS_PER_UNIT).ok_or(QuantityError::Overflow)?;
        Ok(Self {
            micro,
            unit: Unit::each(),
        })
    }

    pub fn from_decimal(amount: Decimal, unit: Unit) -> Result<Self, QuantityError> {
        let scaled = amount
            .checked_mul(Decimal::from(MICROS_PER_UNIT))
            .ok_or(QuantityError::Overflow)?;
        if !scaled.fract().is_zero() {
            return Err(QuantityError::TooPrecise(amount));
        }
        scaled
            .to_i64()
            .map(|micro| Self { micro, unit })
            .ok_or(QuantityError::Overflow)
    }

    #[must_use]
    pub fn to_decimal(&self) -> Decimal {
        Decimal::new(self.micro, 6).normalize()
    }

    pub fn checked_add(&self, other: &Self) -> Result<Self, QuantityError> {
        if self.unit != other.unit {
            return Err(QuantityError::UnitMismatch {
                left: self.unit.clone(),
                right: other.unit.clone(),
            });
        }
        let micro = self.micro.checked_add(other.micro).ok_or(QuantityError::Overflow)?;
        Ok(Self {
            micro,
            unit: self.unit.clone(),
        })
    }

    pub fn checked_neg(&self) -> Result<Self, QuantityError> {
        let micro = self.micro.checked_neg().ok_or(QuantityError::Overflow)?;
        Ok(Self {
            micro,
            unit: self.unit.clone(),
        })
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.to_decimal(), self.unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_kilo_is_half_a_million_micros() {
        let half = Quantity::from_decimal("0.5".parse().unwrap(), "KGM".parse().unwrap()).unwrap();
        assert_eq!(half.micro, 500_000);
        assert_eq!(half.to_string(), "0.5 KGM");
    }

    #[test]
    fn pieces_and_kilos_do_not_add_up() {
        let kilo = Quantity::from_decimal(Decimal::ONE, "KGM".parse().unwrap()).unwrap();
        assert!(matches!(
            Quantity::each(1).unwrap().checked_add(&kilo),
            Err(QuantityError::UnitMismatch { .. })
        ));
    }
}
