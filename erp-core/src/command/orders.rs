//! Orders, what carries them on, and what suppliers bill.

use std::sync::Arc;

use cortex_types::{Currency, Timestamp, Unit};
use serde::{Deserialize, Serialize};

use super::{InvoiceLineInput, QuantityInput};

/// Which orders: of customers, or to suppliers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrderSide {
    Sales,
    Purchase,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlaceOrder {
    pub side: OrderSide,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub number: Option<Arc<str>>,
    /// The one that gives the number; the default where it is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub series: Option<Arc<str>>,
    /// The customer, or the supplier.
    pub party: Arc<str>,
    pub currency: Currency,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub location: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ordered_at: Option<Timestamp>,
    /// When it is wanted, or expected.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub due_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub prices_include_tax: bool,
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub memo: String,
    /// Sets goods aside for it, as far as they are there.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub reserve: bool,
    pub lines: Vec<InvoiceLineInput>,
}

/// What becomes of an order without a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrderChange {
    /// Goods are set aside for it, as far as they are there.
    Reserve,
    /// What was set aside for it is free again.
    Release,
    /// No more is to come of it.
    Close,
    /// It never was; nothing has come of it.
    Cancel,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangeOrder {
    pub side: OrderSide,
    pub number: Arc<str>,
    pub change: OrderChange,
}

/// Goods that leave for an order, before they are invoiced.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeliverGoods {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub number: Option<Arc<str>>,
    /// The one that gives the number; the default where it is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub series: Option<Arc<str>>,
    /// Number of the sales order.
    pub order: Arc<str>,
    /// The order's where it is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub location: Option<Arc<str>>,
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub memo: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub delivered_at: Option<Timestamp>,
    /// Everything that is open, where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub lines: Vec<QuantityInput>,
}

/// What a supplier bills for goods that came before, and for other things; below zero what it credits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PostBill {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub number: Option<Arc<str>>,
    /// The one that gives the number; the default where it is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub series: Option<Arc<str>>,
    pub supplier: Arc<str>,
    /// The supplier's own number: it bills once under each.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reference: Option<Arc<str>>,
    pub currency: Currency,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub billed_at: Option<Timestamp>,
    /// By the supplier's terms where it is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub due_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub prices_include_tax: bool,
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub memo: String,
    pub lines: Vec<BillLineInput>,
}

/// Either goods of a receipt, or something else on an account.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BillLineInput {
    /// Number of the receipt that the goods came with.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub receipt: Option<Arc<str>>,
    /// All products of the receipt where it is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub product: Option<Arc<str>>,
    /// Everything that is not billed where it is absent; below zero for goods that went back.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub quantity_micro: Option<i64>,
    /// The product's own where it is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unit: Option<Unit>,
    /// By its code, or by its role.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub account: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cost_centre: Option<Arc<str>>,
    /// What the whole line costs; what the receipt said where it is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub amount_minor: Option<i64>,
    /// Code of the taxes on it; that of the receipt's line where it is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tax: Option<Arc<str>>,
}

/// When a product is to be ordered again at a location. Said again, it replaces what was said before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetReorderRule {
    pub product: Arc<str>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub location: Option<Arc<str>>,
    /// Ordered again where no more than this is to be expected.
    pub point_micro: i64,
    /// So much is to be expected afterwards.
    pub up_to_micro: i64,
    /// Ordered in whole lots of this.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lot_micro: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub supplier: Option<Arc<str>>,
}
