//! Parties, products, locations and what products cost.

use std::sync::Arc;

use cortex_types::{Currency, Timestamp, Unit};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::SealedText;
use crate::limits::{NAME_LENGTH_MAX, check_code, check_name, check_time};
use crate::valuation::Method;
use crate::{ErpError, NegativeStock, PartyKind, PartyTerms, ProductKind};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CreateParty {
    pub code: Arc<str>,
    pub kind: PartyKind,
    pub country: Arc<str>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name_sealed: Option<SealedText>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub terms: Option<PartyTerms>,
    /// Now, where it is absent; so with the times of all commands.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub created_at: Option<Timestamp>,
}

impl CreateParty {
    /// What is wrong with it whatever the books hold, so that nobody makes a key for a party that can never be.
    pub fn check(&self) -> Result<(), ErpError> {
        check_code("code", &self.code)?;
        check_code("country", &self.country)?;
        check_time("created_at", self.created_at)
    }

    /// The name in clear, before it is sealed.
    pub fn check_name(name: &str) -> Result<(), ErpError> {
        check_name("name", name, NAME_LENGTH_MAX)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CreateProduct {
    pub code: Arc<str>,
    pub description: String,
    pub kind: ProductKind,
    pub unit: Unit,
    pub currency: Currency,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub list_price_minor: Option<i64>,
    /// Moving average where it is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub valuation: Option<Method>,
    /// Of one unit, in the product's currency: for products that are valued at it, and for no other.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub standard_cost: Option<Decimal>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub created_at: Option<Timestamp>,
}

/// Another unit that a product is traded in; said again, its factor is another one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DefineProductUnit {
    pub product: Arc<str>,
    pub unit: Unit,
    /// How many of the product's own unit one is.
    pub factor: Decimal,
}

/// Creates a location, or changes the one that there is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DefineLocation {
    pub code: Arc<str>,
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub name: String,
    pub negative_stock: NegativeStock,
}

/// Another standard cost for a product that is valued at it; stock is revalued.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetStandardCost {
    pub product: Arc<str>,
    /// Of one unit, in the product's currency.
    pub cost: Decimal,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub from: Option<Timestamp>,
}

/// How long a party may take to pay, and how much it may owe: what is absent, it has no longer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetPartyTerms {
    pub party: Arc<str>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub payment_days: Option<u32>,
    /// In minor units, for customers alone.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub credit_limit: Option<(i64, Currency)>,
}
