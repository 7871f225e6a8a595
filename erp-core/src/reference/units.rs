//! Units of measure by their codes in UN/ECE Recommendation 20 (and 21 for packages), and what each is in others.
//!
//! Factors are those of the definitions, not the rounded ones that the recommendation prints: a pound is 0.45359237 kg. A
//! conversion is exact or it is refused: nothing is rounded without a word.

mod table;

use std::collections::HashMap;
use std::sync::LazyLock;

use cortex_types::{Quantity, Unit};
use serde::{Deserialize, Serialize};

use self::table::UNITS;
use super::Ratio;
use crate::words::words;

words! {
    /// What a unit measures. Only units of one dimension are so many of each other.
    Dimension {
        /// In pieces (`C62`).
        Count = "count",
        /// In kilograms.
        Mass = "mass",
        /// In metres.
        Length = "length",
        /// In square metres.
        Area = "area",
        /// In cubic metres.
        Volume = "volume",
        /// In seconds.
        Time = "time",
        /// In joules.
        Energy = "energy",
    }
}

impl Dimension {
    /// The unit that all others are so many of.
    #[must_use]
    pub const fn base(self) -> &'static str {
        match self {
            Self::Count => "C62",
            Self::Mass => "KGM",
            Self::Length => "MTR",
            Self::Area => "MTK",
            Self::Volume => "MTQ",
            Self::Time => "SEC",
            Self::Energy => "JOU",
        }
    }
}

/// A unit of the recommendations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StandardUnit {
    pub code: &'static str,
    pub name: &'static str,
    pub symbol: &'static str,
    pub dimension: Dimension,
    /// How many of the dimension's base unit it is. `None` for what holds as many as its product says: boxes, sets, reams.
    pub factor: Option<Ratio>,
}

/// Why a quantity is not so much in another unit.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum UnitError {
    #[error("'{0}' is no unit of UN/ECE Recommendation 20 that is known here")]
    Unknown(Unit),
    #[error("{from} measures {}, not {} as {to} does", .measures.0.as_str(), .measures.1.as_str())]
    OtherDimension {
        from: Unit,
        to: Unit,
        measures: (Dimension, Dimension),
    },
    #[error("how much a {0} holds, each product says for itself")]
    NoFactor(Unit),
    #[error("{given} is not exact in {to}: it would have more than six decimals")]
    Inexact { given: Quantity, to: Unit },
    #[error("{given} is more in {to} than can be kept")]
    TooLarge { given: Quantity, to: Unit },
}

static BY_CODE: LazyLock<HashMap<&'static str, &'static StandardUnit>> =
    LazyLock::new(|| UNITS.iter().map(|unit| (unit.code, unit)).collect());

static SORTED: LazyLock<Vec<&'static StandardUnit>> = LazyLock::new(|| {
    let mut sorted: Vec<_> = UNITS.iter().collect();
    sorted.sort_by_key(|unit| unit.code);
    sorted
});

/// All units, by code.
#[must_use]
pub fn standard_units() -> &'static [&'static StandardUnit] {
    &SORTED
}

/// The unit with this code, such as `KGM`.
#[must_use]
pub fn standard_unit(code: &str) -> Option<&'static StandardUnit> {
    BY_CODE.get(code).copied()
}

/// How many of `to` one of `from` is.
pub fn ratio_between(from: &Unit, to: &Unit) -> Result<Ratio, UnitError> {
    if from == to {
        return Ok(Ratio::ONE);
    }
    let find = |unit: &Unit| standard_unit(unit.as_str()).ok_or_else(|| UnitError::Unknown(unit.clone()));
    let (one, other) = (find(from)?, find(to)?);
    // What holds what its product says may hold kilograms as well as pieces.
    let factor = |of: &StandardUnit, unit: &Unit| of.factor.ok_or_else(|| UnitError::NoFactor(unit.clone()));
    let (of_one, of_other) = (factor(one, from)?, factor(other, to)?);
    if one.dimension != other.dimension {
        return Err(UnitError::OtherDimension {
            from: from.clone(),
            to: to.clone(),
            measures: (one.dimension, other.dimension),
        });
    }
    of_one.per(of_other).ok_or_else(|| UnitError::Unknown(to.clone()))
}

/// The same quantity in another unit, of which one of its own is `ratio`.
pub fn convert(given: &Quantity, to: &Unit, ratio: Ratio) -> Result<Quantity, UnitError> {
    match ratio.times(given.micro) {
        Some((micro, true)) => Ok(Quantity::from_micro(micro, to.clone())),
        Some((_, false)) => Err(UnitError::Inexact {
            given: given.clone(),
            to: to.clone(),
        }),
        None => Err(UnitError::TooLarge {
            given: given.clone(),
            to: to.clone(),
        }),
    }
}

#[cfg(test)]
mod tests;
