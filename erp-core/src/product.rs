//! What is sold, bought and stocked.

use std::sync::Arc;

use cortex_types::{Currency, ProductId, Timestamp, Unit};
use serde::{Deserialize, Serialize};

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
