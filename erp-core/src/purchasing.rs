//! Goods received from suppliers, and money received or paid.

use std::sync::Arc;

use cortex_types::{Currency, LineId, PartyId, PaymentId, ProductId, ReceiptId, Timestamp};
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
