//! Goods received from suppliers, and money received or paid.

use std::sync::Arc;

use cortex_types::{
    Currency, LineId, PartyId, PaymentId, ProductId, PurchaseBillId, ReceiptId, StockMoveId, Timestamp,
};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurchaseReceipt {
    pub id: ReceiptId,
    pub number: Arc<str>,
    pub supplier_id: PartyId,
    pub supplier_code: Arc<str>,
    pub currency: Currency,
    pub value_minor: i64,
    pub tax_minor: i64,
    pub received_at: Timestamp,
    /// Whether a bill is to come; it was billed with its receipt otherwise.
    pub to_be_billed: bool,
    /// Number of the purchase order that it came for.
    pub order: Option<Arc<str>>,
    pub lines: Vec<PurchaseReceiptLine>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurchaseReceiptLine {
    pub id: LineId,
    pub line_no: u32,
    pub product_id: ProductId,
    pub product_code: Arc<str>,
    pub quantity_micro: i64,
    /// What the whole line cost.
    pub value_minor: i64,
    /// Code of the taxes on it.
    pub tax: Option<Arc<str>>,
}

/// Goods of a receipt that neither are billed nor went back; below zero where they went back after they were billed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnbilledGoods {
    /// The move that they came with.
    pub id: StockMoveId,
    /// Number of the receipt.
    pub receipt: Arc<str>,
    pub supplier: Arc<str>,
    pub product_code: Arc<str>,
    pub quantity_micro: i64,
    /// What of them stands on goods received, in the currency of the goods.
    pub value_minor: i64,
    pub currency: Currency,
    pub received_at: Timestamp,
}

/// What a supplier billed; below zero what it credited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurchaseBill {
    pub id: PurchaseBillId,
    pub number: Arc<str>,
    pub supplier_id: PartyId,
    pub supplier_code: Arc<str>,
    /// The supplier's own number.
    pub reference: Option<Arc<str>>,
    pub currency: Currency,
    pub net_minor: i64,
    pub tax_minor: i64,
    pub memo: String,
    pub billed_at: Timestamp,
    pub due_at: Timestamp,
    pub lines: Vec<PurchaseBillLine>,
}

/// Goods of a receipt, or something else on an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurchaseBillLine {
    pub id: LineId,
    pub line_no: u32,
    /// Number of the receipt.
    pub receipt: Option<Arc<str>>,
    /// The move that the goods came with.
    pub of_move: Option<StockMoveId>,
    pub product_code: Option<Arc<str>>,
    pub quantity_micro: i64,
    /// What stood on goods received for it, in the currency of the goods.
    pub cleared_minor: i64,
    pub account: Option<Arc<str>>,
    pub cost_centre: Option<Arc<str>>,
    pub net_minor: i64,
    /// Code of the taxes on it.
    pub tax: Option<Arc<str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentDirection {
    /// Received.
    In,
    /// Paid.
    Out,
}

impl PaymentDirection {
    pub const ALL: [Self; 2] = [Self::In, Self::Out];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    pub id: PaymentId,
    pub number: Arc<str>,
    pub party_id: PartyId,
    pub party_code: Arc<str>,
    pub direction: PaymentDirection,
    pub amount_minor: i64,
    pub currency: Currency,
    pub paid_at: Timestamp,
}
