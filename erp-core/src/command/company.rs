//! The company, its chart of accounts, its cost centres, what other currencies are worth, and what it brings along.

use std::sync::Arc;

use cortex_types::{Currency, Timestamp, Unit};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{AccountKind, JournalLineInput, Role, TaxComponent, TaxRounding};

/// Says what the company is, or changes it. Its currency and its chart stay once something is posted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DefineCompany {
    pub name: String,
    pub currency: Currency,
    /// Name of a template; `trading` where it is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub chart: Option<Arc<str>>,
    /// Per document where it was never said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tax_rounding: Option<TaxRounding>,
}

/// Creates a tax code, or changes the one that there is. What was posted stays as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DefineTaxCode {
    pub code: Arc<str>,
    pub title: String,
    pub components: Vec<TaxComponent>,
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub blocked: bool,
}

/// Creates an account, or changes the one that there is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DefineAccount {
    pub code: Arc<str>,
    pub title: String,
    pub kind: AccountKind,
    /// What posting rules are to use it for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub role: Option<Role>,
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub blocked: bool,
}

/// Creates a cost centre, or changes the one that there is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DefineCostCentre {
    pub code: Arc<str>,
    pub title: String,
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub blocked: bool,
}

/// Says what a currency is worth from a day on. What was posted stays as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetExchangeRate {
    pub currency: Currency,
    /// The day, in UTC.
    pub valid_from: Timestamp,
    /// What one unit is worth in the company's currency.
    pub rate: Decimal,
}

/// Brings what is owned and owed in other currencies to what it is worth at a time; the difference is an exchange difference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RevalueCurrencies {
    /// The first instant that does not count.
    pub before: Timestamp,
    /// May go into a period that is soft-closed.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub adjusting: bool,
}

/// Stock that a company brings along.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpeningStockInput {
    pub product: Arc<str>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub location: Option<Arc<str>>,
    /// Above zero.
    pub quantity_micro: i64,
    /// The product's own where it is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unit: Option<Unit>,
    /// What all of it is worth, in the product's currency.
    pub value_minor: i64,
}

/// What a company brings along from its books before. Both sides need not come to the same: the rest stays on the account for
/// opening balances until everything is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenBalances {
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub memo: String,
    pub currency: Currency,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub opened_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub lines: Vec<JournalLineInput>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub stock: Vec<OpeningStockInput>,
}
