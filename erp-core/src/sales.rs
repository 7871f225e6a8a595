//! Invoices and credit notes, as they are once posted.

use std::sync::Arc;

use cortex_types::{CreditNoteId, Currency, DecisionId, InvoiceId, LineId, PartyId, ProductId, Timestamp, Unit};
use serde::{Deserialize, Serialize};

use crate::ProductKind;

/// A line of an invoice or a credit note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SalesLine {
    pub id: LineId,
    /// From 1.
    pub line_no: u32,
    pub product_id: ProductId,
    pub product_code: Arc<str>,
    pub product_kind: ProductKind,
    /// Above zero: sold on an invoice, come back on a credit note.
    pub quantity_micro: i64,
    pub unit: Unit,
    /// Zero or more: billed on an invoice, credited on a credit note.
    pub net_minor: i64,
    /// Code of the taxes on it.
    pub tax: Option<Arc<str>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invoice {
    pub id: InvoiceId,
    pub number: Arc<str>,
    pub customer_id: PartyId,
    /// Absent on a cash sale to somebody without a name.
    pub customer_code: Option<Arc<str>>,
    pub country: Arc<str>,
    pub currency: Currency,
    pub net_minor: i64,
    pub tax_minor: i64,
    pub invoiced_at: Timestamp,
    /// Absent on a cash sale, and on what was posted before there were terms.
    pub due_at: Option<Timestamp>,
    /// The advice that was asked for when the invoice was entered.
    pub decision_id: Option<DecisionId>,
    /// Number of the sales order that it is for.
    pub order: Option<Arc<str>>,
    pub lines: Vec<SalesLine>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CreditReason {
    /// Goods came back, into stock.
    Return,
    Discount,
    Other,
}

impl CreditReason {
    pub const ALL: [Self; 3] = [Self::Return, Self::Discount, Self::Other];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Return => "return",
            Self::Discount => "discount",
            Self::Other => "other",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreditNoteLine {
    #[serde(flatten)]
    pub line: SalesLine,
    pub reason: CreditReason,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreditNote {
    pub id: CreditNoteId,
    pub number: Arc<str>,
    pub customer_id: PartyId,
    pub customer_code: Option<Arc<str>>,
    pub country: Arc<str>,
    pub currency: Currency,
    pub net_minor: i64,
    pub tax_minor: i64,
    /// The reason of all lines, or `other` where they differ.
    pub reason: CreditReason,
    /// The invoice it corrects, where that is known.
    pub invoice_id: Option<InvoiceId>,
    pub credited_at: Timestamp,
    pub lines: Vec<CreditNoteLine>,
}
