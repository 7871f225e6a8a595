//! Goods that come, go back, are counted, moved and cost more.

use std::sync::Arc;

use cortex_types::{Currency, Timestamp, Unit};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdjustmentLineInput {
    pub product: Arc<str>,
    /// Below zero: written off; above zero: found.
    pub quantity_micro: i64,
    /// The product's own where it is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unit: Option<Unit>,
    /// What was found is worth, in minor units; the known cost where it is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub value_minor: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdjustStock {
    pub memo: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub location: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub moved_at: Option<Timestamp>,
    pub lines: Vec<AdjustmentLineInput>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReceiptLineInput {
    pub product: Arc<str>,
    pub quantity_micro: i64,
    /// The product's own where it is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unit: Option<Unit>,
    /// What the whole line cost, in minor units; what the order says where it is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub value_minor: Option<i64>,
    /// Code of the taxes on it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tax: Option<Arc<str>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReceiveGoods {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub number: Option<Arc<str>>,
    /// The one that gives the number; the default where it is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub series: Option<Arc<str>>,
    pub supplier: Arc<str>,
    pub currency: Currency,
    /// Number of the purchase order that it came for. Without lines, everything of it that is open came.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub order: Option<Arc<str>>,
    /// Whether the supplier's bill comes later, and what is owed and its taxes with it.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub to_be_billed: bool,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub location: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub received_at: Option<Timestamp>,
    /// When it is to be paid; by the supplier's terms where it is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub due_at: Option<Timestamp>,
    /// Whether values have their taxes within them.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub prices_include_tax: bool,
    pub lines: Vec<ReceiptLineInput>,
}

/// Goods that go back to the supplier, at what they cost when they came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReturnGoods {
    /// Number of the receipt that they came with.
    pub receipt: Arc<str>,
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub memo: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub returned_at: Option<Timestamp>,
    pub lines: Vec<QuantityInput>,
}

/// So much of a product.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuantityInput {
    pub product: Arc<str>,
    pub quantity_micro: i64,
    /// The product's own where it is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unit: Option<Unit>,
}

/// How a cost is shared among the lines of the receipts that it was for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Allocation {
    #[default]
    ByValue,
    ByQuantity,
}

/// Freight, duty, insurance, or a bill that differs from what was thought: goods that came cost more, or less.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AddLandedCost {
    /// Who bills it.
    pub supplier: Arc<str>,
    pub currency: Currency,
    /// Below zero where the goods cost less.
    pub amount_minor: i64,
    /// Numbers of the receipts that it was for.
    pub receipts: Vec<Arc<str>>,
    #[serde(default)]
    pub allocation: Allocation,
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub memo: String,
    /// When it was billed. The goods have cost it from their receipt on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub billed_at: Option<Timestamp>,
}

/// What was counted at a location; stock is adjusted to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CountStock {
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub memo: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub location: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub counted_at: Option<Timestamp>,
    pub lines: Vec<QuantityInput>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TransferStock {
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub memo: String,
    pub from: Arc<str>,
    pub to: Arc<str>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub moved_at: Option<Timestamp>,
    pub lines: Vec<QuantityInput>,
}
