//! What stock is worth: moving average, first in first out, or standard cost.
//!
//! Quantity and value are what is stored; the cost of a unit is derived from the two. Stock may be let go below zero (the
//! books run behind the shelf): what leaves beyond what is there does so at the last known cost, and the stock has a value
//! below zero until a receipt fills it and says what it really cost.
//!
//! A [`Holding`] is one product at one location; a [`Timeline`] is a product's moves in the order of their time, so that one
//! that comes late, is cancelled or is dearer than was thought gives everything behind it its right value.

mod entry;
mod holding;
mod recording;
#[cfg(test)]
mod reference;
mod timeline;

use cortex_types::MoneyError;
use serde::{Deserialize, Serialize};

pub use entry::{Entry, Original, Originals, Recorded, Revalued, StandardCost, month_of};
pub use holding::{Holding, Layer};
pub use timeline::{Holdings, Timeline};

/// How the stock of a product is valued.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// What leaves costs the average of what is there.
    #[default]
    MovingAverage,
    /// What came first leaves first, at what it cost.
    Fifo,
    /// Everything is worth its standard cost; what it cost besides is a variance.
    Standard,
}

impl Method {
    pub const ALL: [Self; 3] = [Self::MovingAverage, Self::Fifo, Self::Standard];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MovingAverage => "moving-average",
            Self::Fifo => "fifo",
            Self::Standard => "standard",
        }
    }
}

/// A cost: this quantity is worth this much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CostBasis {
    pub value_minor: i64,
    pub quantity_micro: i64,
}

impl CostBasis {
    /// What `quantity_micro` costs, halves to even.
    pub fn of(self, quantity_micro: i64) -> Result<i64, MoneyError> {
        share(self.value_minor, quantity_micro, self.quantity_micro)
    }
}

/// `value · part / whole`, halves to even. `whole` is above zero.
pub(crate) fn share(value: i64, part: i64, whole: i64) -> Result<i64, MoneyError> {
    let (product, whole) = (i128::from(value) * i128::from(part), i128::from(whole.max(1)));
    let (quotient, remainder) = (product.div_euclid(whole), product.rem_euclid(whole));
    let rounded = match (remainder * 2).cmp(&whole) {
        std::cmp::Ordering::Greater => quotient + 1,
        std::cmp::Ordering::Equal => quotient + (quotient & 1),
        std::cmp::Ordering::Less => quotient,
    };
    i64::try_from(rounded).map_err(|_| MoneyError::Overflow)
}
