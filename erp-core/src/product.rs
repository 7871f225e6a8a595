//! What is sold, bought and stocked.

use std::sync::Arc;

use cortex_types::{Currency, ProductId, Timestamp, Unit};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::reference::{Ratio, UnitError, ratio_between, standard_unit, standard_units};
use crate::valuation::Method;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProductKind {
    /// Lies in stock, and moves when it is sold.
    Goods,
    /// Postage, carriage, discounts: billed, never stocked.
    Service,
}

impl ProductKind {
    pub const ALL: [Self; 2] = [Self::Goods, Self::Service];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Goods => "goods",
            Self::Service => "service",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    pub id: ProductId,
    pub code: Arc<str>,
    pub description: String,
    pub kind: ProductKind,
    pub unit: Unit,
    pub currency: Currency,
    /// Price of one unit, in minor units.
    pub list_price_minor: Option<i64>,
    /// How its stock is valued.
    pub valuation: Method,
    pub created_at: Timestamp,
}

/// A unit that a product is traded in besides its own: a box of 12, a pallet of 480.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductUnit {
    pub id: Uuid,
    pub product_id: ProductId,
    pub product_code: Arc<str>,
    pub unit: Unit,
    /// How many of the product's own unit one is.
    pub factor: Decimal,
    pub created_at: Timestamp,
}

impl Product {
    /// How many of its own unit one of `unit` is: by its own `units` first, and else as it is for everybody.
    pub fn ratio_of(&self, units: &[ProductUnit], unit: &Unit) -> Result<Ratio, UnitError> {
        if let Some(of) = units.iter().find(|of| of.unit == *unit && of.unit != self.unit) {
            return Ratio::from_decimal(of.factor).ok_or_else(|| UnitError::NoFactor(unit.clone()));
        }
        ratio_between(unit, &self.unit)
    }

    /// The units that quantities of it may be in, its own first.
    pub fn units_right<'a>(&'a self, units: &'a [ProductUnit]) -> impl Iterator<Item = &'a str> {
        let own = std::iter::once(self.unit.as_str());
        let named = units.iter().map(|of| of.unit.as_str());
        let own_standard = standard_unit(self.unit.as_str()).filter(|own| own.factor.is_some());
        let fits = move |code: &&str| {
            let other = standard_unit(code).filter(|other| other.factor.is_some());
            let same = other
                .zip(own_standard)
                .is_some_and(|(other, own)| other.dimension == own.dimension);
            same && *code != self.unit.as_str() && !units.iter().any(|of| of.unit.as_str() == *code)
        };
        own.chain(named)
            .chain(standard_units().iter().map(|unit| unit.code).filter(fits))
    }
}
