//! Moving-average cost. Quantity and value on hand are what is stored; the unit cost is derived from the two.
//!
//! Stock may be sold before it is received (the books run behind the shelf). What is sold beyond the quantity on hand
//! carries no value, because its cost is not known; the receipt that makes up for it is expensed to that extent. So a
//! level that is not above zero never has a value, and value on hand is never negative.

use cortex_types::{MoneyError, QuantityError};
use serde::{Deserialize, Serialize};

use crate::ErpError;

/// A cost as it was last known: this quantity was worth this much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CostBasis {
    pub value_minor: i64,
    pub quantity_micro: i64,
}

/// How much of a product lies at a location, and what it is worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockLevel {
    pub quantity_micro: i64,
    pub value_minor: i64,
    /// The newest known cost; it values what comes back when nothing is on hand.
    pub last_cost: Option<CostBasis>,
}

impl StockLevel {
    /// The cost that stock is valued at now, if one was ever known.
    #[must_use]
    pub fn cost(&self) -> Option<CostBasis> {
        if self.quantity_micro > 0 && self.value_minor > 0 {
            Some(CostBasis {
                value_minor: self.value_minor,
                quantity_micro: self.quantity_micro,
            })
        } else {
            self.last_cost
        }
    }

    /// Takes `quantity_micro` (above zero) out; returns the value that leaves with it.
    pub fn issue(&mut self, quantity_micro: i64) -> Result<i64, ErpError> {
        let on_hand = self.quantity_micro.max(0);
        let value = if quantity_micro >= on_hand {
            self.value_minor
        } else {
            share(self.value_minor, quantity_micro, on_hand)?
        };
        self.last_cost = self.cost();
        self.quantity_micro = self
            .quantity_micro
            .checked_sub(quantity_micro)
            .ok_or(QuantityError::Overflow)?;
        self.value_minor -= value;
        Ok(value)
    }

    /// Puts `quantity_micro` (above zero) back at the known cost; returns the value that enters with it.
    pub fn restore(&mut self, quantity_micro: i64) -> Result<i64, ErpError> {
        let valued = quantity_micro - quantity_micro.min(self.oversold());
        let value = match self.cost() {
            Some(cost) if valued > 0 => share(cost.value_minor, valued, cost.quantity_micro)?,
            _ => 0,
        };
        self.last_cost = self.cost();
        self.enter(quantity_micro, value)?;
        Ok(value)
    }

    /// Receives `quantity_micro` (above zero) that cost `value_minor` (zero or more); returns how much of that is the
    /// cost of what was sold before it came.
    pub fn receive(&mut self, quantity_micro: i64, value_minor: i64) -> Result<i64, ErpError> {
        let sold_before = share(value_minor, quantity_micro.min(self.oversold()), quantity_micro)?;
        if value_minor > 0 {
            self.last_cost = Some(CostBasis {
                value_minor,
                quantity_micro,
            });
        }
        self.enter(quantity_micro, value_minor - sold_before)?;
        Ok(sold_before)
    }

    fn oversold(&self) -> i64 {
        self.quantity_micro.min(0).saturating_neg()
    }

    fn enter(&mut self, quantity_micro: i64, value_minor: i64) -> Result<(), ErpError> {
        self.quantity_micro = self
            .quantity_micro
            .checked_add(quantity_micro)
            .ok_or(QuantityError::Overflow)?;
        self.value_minor = self.value_minor.checked_add(value_minor).ok_or(MoneyError::Overflow)?;
        Ok(())
    }
}

/// `value · part / whole`, halves to even. `whole` is above zero.
fn share(value: i64, part: i64, whole: i64) -> Result<i64, MoneyError> {
    let (product, whole) = (i128::from(value) * i128::from(part), i128::from(whole.max(1)));
    let (quotient, remainder) = (product.div_euclid(whole), product.rem_euclid(whole));
    let rounded = match (remainder * 2).cmp(&whole) {
        std::cmp::Ordering::Greater => quotient + 1,
        std::cmp::Ordering::Equal => quotient + (quotient & 1),
        std::cmp::Ordering::Less => quotient,
    };
    i64::try_from(rounded).map_err(|_| MoneyError::Overflow)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PIECE: i64 = 1_000_000;

    #[test]
    fn a_sale_leaves_at_the_average_of_two_receipts() {
        let mut level = StockLevel::default();
        level.receive(10 * PIECE, 1000).unwrap();
        level.receive(10 * PIECE, 2000).unwrap();
        assert_eq!(level.issue(5 * PIECE).unwrap(), 750);
        assert_eq!((level.quantity_micro, level.value_minor), (15 * PIECE, 2250));
    }

    #[test]
    fn the_last_piece_takes_the_last_penny() {
        let mut level = StockLevel::default();
        level.receive(3 * PIECE, 100).unwrap();
        let issued: i64 = (0..3).map(|_| level.issue(PIECE).unwrap()).sum();
        assert_eq!((issued, level.value_minor, level.quantity_micro), (100, 0, 0));
    }

    #[test]
    fn what_was_sold_before_it_came_is_expensed_when_it_comes() {
        let mut level = StockLevel::default();
        assert_eq!(level.issue(4 * PIECE).unwrap(), 0);
        assert_eq!(level.receive(10 * PIECE, 1000).unwrap(), 400);
        assert_eq!((level.quantity_micro, level.value_minor), (6 * PIECE, 600));
    }

    #[test]
    fn a_return_into_an_empty_shelf_takes_the_newest_known_cost() {
        let mut level = StockLevel::default();
        level.receive(2 * PIECE, 500).unwrap();
        level.issue(2 * PIECE).unwrap();
        assert_eq!(level.restore(PIECE).unwrap(), 250);
    }

    proptest! {
        #[test]
        fn value_on_hand_is_never_negative_and_empty_stock_is_worth_nothing(
            moves in proptest::collection::vec((0_u8..3, 1_i64..50_000_000, 0_i64..100_000), 1..60)
        ) {
            let mut level = StockLevel::default();
            for (kind, quantity, value) in moves {
                match kind {
                    0 => { level.issue(quantity).unwrap(); }
                    1 => { level.restore(quantity).unwrap(); }
                    _ => { level.receive(quantity, value).unwrap(); }
                }
                prop_assert!(level.value_minor >= 0);
                prop_assert!(level.quantity_micro > 0 || level.value_minor == 0);
            }
        }
    }
}
