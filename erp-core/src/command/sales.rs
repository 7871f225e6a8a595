//! Invoices, credit notes and payments.

use std::sync::Arc;

use cortex_types::{Currency, DecisionId, Timestamp, Unit};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{CreditReason, DocumentKind, PaymentDirection};

/// What a line costs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinePrice {
    /// Price of one unit, in the document's currency; the line's net is rounded to the minor unit, halves to even.
    Unit(Decimal),
    /// Net of the whole line, in minor units.
    Net(i64),
    /// The product's list price.
    List,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InvoiceLineInput {
    pub product: Arc<str>,
    /// Above zero.
    pub quantity_micro: i64,
    /// The product's own where it is absent. A unit price is of one of this.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unit: Option<Unit>,
    pub price: LinePrice,
    /// Code of the taxes on it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tax: Option<Arc<str>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PostInvoice {
    /// Kept where it is given; the next of the series otherwise.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub number: Option<Arc<str>>,
    /// The one that gives the number; the default where it is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub series: Option<Arc<str>>,
    /// Absent on a cash sale.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub customer: Option<Arc<str>>,
    /// Where it went; the customer's country where it is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub country: Option<Arc<str>>,
    pub currency: Currency,
    /// Number of the sales order that it is for: it bills what was delivered and not billed, or what its lines say.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub order: Option<Arc<str>>,
    /// Where the goods leave from.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub location: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub invoiced_at: Option<Timestamp>,
    /// By the customer's terms where it is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub due_at: Option<Timestamp>,
    /// The advice that the caller had when entering it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub decision_id: Option<DecisionId>,
    /// Whether prices have their taxes within them.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub prices_include_tax: bool,
    pub lines: Vec<InvoiceLineInput>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CreditLineInput {
    #[serde(flatten)]
    pub line: InvoiceLineInput,
    pub reason: CreditReason,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PostCreditNote {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub number: Option<Arc<str>>,
    /// The one that gives the number; the default where it is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub series: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub customer: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub country: Option<Arc<str>>,
    pub currency: Currency,
    /// Where the goods come back to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub location: Option<Arc<str>>,
    /// Number of the invoice it corrects.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub invoice: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub credited_at: Option<Timestamp>,
    /// Whether prices have their taxes within them.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub prices_include_tax: bool,
    pub lines: Vec<CreditLineInput>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordPayment {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub number: Option<Arc<str>>,
    /// The one that gives the number; the default where it is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub series: Option<Arc<str>>,
    pub party: Arc<str>,
    pub direction: PaymentDirection,
    /// Above zero.
    pub amount_minor: i64,
    pub currency: Currency,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub paid_at: Option<Timestamp>,
    /// What it is for; nothing of it is settled where it is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub settles: Option<Settle>,
}

/// Which open items are settled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Settle {
    /// As many as it reaches for, from the one that was due first.
    Oldest,
    Named(Vec<SettleInput>),
}

impl Settle {
    /// Of the documents that are named.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = &Arc<str>> {
        let named = match self {
            Self::Oldest => &[],
            Self::Named(named) => named.as_slice(),
        };
        named.iter().map(|input| &input.number)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SettleInput {
    /// An invoice of a customer, a bill or a receipt of a supplier where it is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub kind: Option<DocumentKind>,
    pub number: Arc<str>,
    /// All that is open, as far as it reaches, where it is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub amount_minor: Option<i64>,
}

/// What is left of a payment or a credit note settles other items of its party.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SettleItems {
    pub kind: DocumentKind,
    pub number: Arc<str>,
    /// Of the amounts.
    pub currency: Currency,
    pub settles: Settle,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub settled_at: Option<Timestamp>,
}
