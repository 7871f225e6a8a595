//! One product at one location.

use cortex_types::{MoneyError, QuantityError, StockMoveId};
use serde::{Deserialize, Serialize};

use super::{CostBasis, Method, share};
use crate::ErpError;

/// How much of a product lies at a location, and what it is worth.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    #[serde(rename = "q")]
    pub quantity_micro: i64,
    /// Below zero where more left than had come.
    #[serde(rename = "v")]
    pub value_minor: i64,
    /// The newest known cost.
    #[serde(rename = "c", skip_serializing_if = "Option::is_none", default)]
    pub last_cost: Option<CostBasis>,
    /// First in, first out: what is there, oldest first. Otherwise empty.
    #[serde(rename = "l", skip_serializing_if = "Vec::is_empty", default)]
    pub layers: Vec<Layer>,
}

/// What is left of one move into stock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    #[serde(rename = "i")]
    pub of: StockMoveId,
    #[serde(rename = "q")]
    pub quantity_micro: i64,
    #[serde(rename = "v")]
    pub value_minor: i64,
}

impl Holding {
    /// What a piece costs whose cost nobody says, if a cost was ever known: the average, or the newest.
    fn known_cost(&self, method: Method) -> Option<CostBasis> {
        if method != Method::Fifo && self.quantity_micro > 0 && self.value_minor > 0 {
            Some(CostBasis {
                value_minor: self.value_minor,
                quantity_micro: self.quantity_micro,
            })
        } else {
            self.last_cost
        }
    }

    /// Takes `quantity_micro` (above zero) out; returns what it is worth.
    pub(super) fn issue(&mut self, method: Method, quantity_micro: i64) -> Result<i64, ErpError> {
        self.take_out(method, quantity_micro, |holding, taken| match method {
            Method::Fifo => holding.take_oldest(taken),
            Method::MovingAverage | Method::Standard => holding.take_average(taken),
        })
    }

    /// Takes out what goes back to where it came from and cost `given_minor`: that is what leaves, as far as it is there.
    pub(super) fn give_back(
        &mut self,
        method: Method,
        quantity_micro: i64,
        given_minor: i64,
        of: Option<StockMoveId>,
    ) -> Result<i64, ErpError> {
        self.take_out(method, quantity_micro, |holding, taken| match method {
            Method::Fifo => {
                let own = of.map_or(Ok((0, 0)), |of| holding.take_from(of, taken))?;
                Ok(own.1 + holding.take_oldest(taken - own.0)?)
            }
            Method::MovingAverage | Method::Standard if taken == holding.quantity_micro => Ok(holding.value_minor),
            // Less than all that is there is all that is wanted.
            Method::MovingAverage | Method::Standard => Ok(given_minor.min(holding.value_minor)),
        })
    }

    /// Puts `quantity_micro` (above zero) in, which cost `given_minor`; the known cost where that is `None`. Returns what
    /// stock is worth more by it: what fills a shortage replaces the value that this had.
    pub(super) fn enter(
        &mut self,
        method: Method,
        of: StockMoveId,
        quantity_micro: i64,
        given_minor: Option<i64>,
    ) -> Result<i64, ErpError> {
        let given = match (given_minor, self.known_cost(method)) {
            (Some(given), _) => given,
            (None, Some(cost)) => cost.of(quantity_micro)?,
            (None, None) => 0,
        };
        let short = self.short();
        let filled = quantity_micro.min(short);
        let estimated = if filled > 0 {
            share(self.value_minor.saturating_neg(), filled, short)?
        } else {
            0
        };
        let kept = given - share(given, filled, quantity_micro)?;
        if given > 0 {
            self.last_cost = Some(CostBasis {
                value_minor: given,
                quantity_micro,
            });
        }
        if method == Method::Fifo && quantity_micro > filled {
            self.layers.push(Layer {
                of,
                quantity_micro: quantity_micro - filled,
                value_minor: kept,
            });
        }
        let value = estimated.checked_add(kept).ok_or(MoneyError::Overflow)?;
        self.add(quantity_micro, value)?;
        Ok(value)
    }

    /// Adds to the cost of a move of `of_quantity_micro` that came in before; returns how much of it belongs to what is
    /// still there.
    pub(super) fn cost_more(
        &mut self,
        method: Method,
        of: StockMoveId,
        of_quantity_micro: i64,
        minor: i64,
    ) -> Result<i64, ErpError> {
        let value = if method == Method::Fifo {
            let Some(layer) = self.layers.iter_mut().find(|layer| layer.of == of) else {
                return Ok(0);
            };
            let value = share(minor, layer.quantity_micro, of_quantity_micro)?.max(-layer.value_minor);
            layer.value_minor = layer.value_minor.checked_add(value).ok_or(MoneyError::Overflow)?;
            if let (Some(cost), Some(true)) = (&mut self.last_cost, self.layers.last().map(|newest| newest.of == of)) {
                let dearer = share(minor, cost.quantity_micro, of_quantity_micro)?;
                let known = cost.value_minor.checked_add(dearer).ok_or(MoneyError::Overflow)?;
                cost.value_minor = if known > 0 { known } else { cost.value_minor };
            }
            value
        } else {
            let there = self.quantity_micro.clamp(0, of_quantity_micro);
            share(minor, there, of_quantity_micro)?.max(-self.value_minor.max(0))
        };
        self.add(0, value)?;
        Ok(value)
    }

    /// Moves `quantity_micro` in, or out where it is below zero, and makes everything worth `standard`.
    pub(super) fn move_at_standard(&mut self, quantity_micro: i64, standard: CostBasis) -> Result<i64, ErpError> {
        self.add(quantity_micro, 0)?;
        let value = standard
            .of(self.quantity_micro)?
            .checked_sub(self.value_minor)
            .ok_or(MoneyError::Overflow)?;
        self.add(0, value)?;
        Ok(value)
    }

    /// Makes it worth `minor` more, whatever the reason.
    pub(super) fn correct(&mut self, minor: i64) -> Result<(), ErpError> {
        if let Some(newest) = self.layers.last_mut() {
            newest.value_minor = newest.value_minor.checked_add(minor).ok_or(MoneyError::Overflow)?;
        }
        self.add(0, minor)
    }

    fn take_out(
        &mut self,
        method: Method,
        quantity_micro: i64,
        take: impl FnOnce(&mut Self, i64) -> Result<i64, ErpError>,
    ) -> Result<i64, ErpError> {
        // The average is gone with the last piece, and is still the last known cost.
        self.last_cost = self.known_cost(method);
        let taken = quantity_micro.min(self.quantity_micro.max(0));
        let mut value = if taken > 0 { take(self, taken)? } else { 0 };
        if let (true, Some(cost)) = (quantity_micro > taken, self.last_cost) {
            let short = cost.of(quantity_micro - taken)?;
            value = value.checked_add(short).ok_or(MoneyError::Overflow)?;
        }
        self.add(quantity_micro.saturating_neg(), value.saturating_neg())?;
        Ok(value)
    }

    fn take_average(&self, taken: i64) -> Result<i64, ErpError> {
        if taken == self.quantity_micro {
            return Ok(self.value_minor);
        }
        Ok(share(self.value_minor, taken, self.quantity_micro)?)
    }

    fn take_oldest(&mut self, mut wanted: i64) -> Result<i64, ErpError> {
        let (mut value, mut emptied) = (0, 0);
        for layer in &mut self.layers {
            if wanted == 0 {
                break;
            }
            let (quantity, worth) = layer.take(wanted)?;
            wanted -= quantity;
            value += worth;
            emptied += usize::from(layer.quantity_micro == 0);
        }
        self.layers.drain(..emptied);
        Ok(value)
    }

    /// How much of `wanted` one layer had, and what that was worth.
    fn take_from(&mut self, of: StockMoveId, wanted: i64) -> Result<(i64, i64), ErpError> {
        let Some(place) = self.layers.iter().position(|layer| layer.of == of) else {
            return Ok((0, 0));
        };
        let taken = self.layers[place].take(wanted)?;
        if self.layers[place].quantity_micro == 0 {
            self.layers.remove(place);
        }
        Ok(taken)
    }

    fn short(&self) -> i64 {
        self.quantity_micro.min(0).saturating_neg()
    }

    fn add(&mut self, quantity_micro: i64, value_minor: i64) -> Result<(), ErpError> {
        self.quantity_micro = self
            .quantity_micro
            .checked_add(quantity_micro)
            .ok_or(QuantityError::Overflow)?;
        self.value_minor = self.value_minor.checked_add(value_minor).ok_or(MoneyError::Overflow)?;
        Ok(())
    }
}

impl Layer {
    fn take(&mut self, wanted: i64) -> Result<(i64, i64), MoneyError> {
        let quantity = wanted.min(self.quantity_micro);
        let value = if quantity == self.quantity_micro {
            self.value_minor
        } else {
            share(self.value_minor, quantity, self.quantity_micro)?
        };
        self.quantity_micro -= quantity;
        self.value_minor -= value;
        Ok((quantity, value))
    }
}
