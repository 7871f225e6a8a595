//! Orders as they are read.

use cortex_erp::{DocumentKind, Order, OrderLine, OrderProgress};
use serde::Serialize;
use utoipa::ToSchema;

use crate::decimals::{amount_text, quantity_text};

#[derive(Serialize, ToSchema)]
pub(crate) struct OrderView {
    id: String,
    number: String,
    /// Of a sales order.
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<String>,
    /// Of a purchase order.
    #[serde(skip_serializing_if = "Option::is_none")]
    supplier: Option<String>,
    /// `open`, `complete` (everything moved and was billed), `closed` or `cancelled`.
    state: String,
    location: String,
    currency: String,
    prices_include_tax: bool,
    /// What all lines cost; with their taxes where prices include them.
    amount: String,
    memo: String,
    ordered_at: String,
    due_at: Option<String>,
    lines: Vec<OrderLineView>,
    /// What came of it, in the order in which it was posted; where one order is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<Vec<OrderProgressView>>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct OrderLineView {
    line_no: u32,
    product: String,
    quantity: String,
    unit: String,
    amount: String,
    /// The amount, where prices are without their taxes.
    #[serde(skip_serializing_if = "Option::is_none")]
    net: Option<String>,
    /// The amount, where prices include their taxes.
    #[serde(skip_serializing_if = "Option::is_none")]
    gross: Option<String>,
    /// Code of the taxes on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    tax: Option<String>,
    /// Set aside for it, and not delivered.
    reserved: String,
    /// Delivered, or received.
    moved: String,
    /// Invoiced, or billed.
    billed: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct OrderProgressView {
    /// The line of the order.
    line_no: u32,
    /// `reserved`, `moved` or `billed`.
    step: String,
    /// Below zero where the document was cancelled, or goods were released.
    quantity: String,
    document_kind: String,
    document: String,
    at: String,
}

impl OrderView {
    pub fn new(order: Order, progress: Option<Vec<OrderProgress>>) -> Self {
        let currency = order.currency;
        let party = order.party_code.to_string();
        let (customer, supplier) = match order.kind {
            DocumentKind::SalesOrder => (Some(party), None),
            _ => (None, Some(party)),
        };
        let step = |of: OrderProgress| {
            let line = order.lines.iter().find(|line| line.id == of.line_id);
            OrderProgressView {
                line_no: line.map_or(0, |line| line.line_no),
                step: of.step.as_str().to_owned(),
                quantity: quantity_text(of.quantity_micro),
                document_kind: of.document.kind.to_string(),
                document: of.number.to_string(),
                at: of.at.to_string(),
            }
        };
        let line = |line: &OrderLine| OrderLineView {
            line_no: line.line_no,
            product: line.product_code.to_string(),
            quantity: quantity_text(line.quantity_micro),
            unit: line.unit.to_string(),
            amount: amount_text(line.amount_minor, currency),
            net: (!order.prices_include_tax).then(|| amount_text(line.amount_minor, currency)),
            gross: order
                .prices_include_tax
                .then(|| amount_text(line.amount_minor, currency)),
            tax: line.tax.as_ref().map(ToString::to_string),
            reserved: quantity_text(line.reserved_micro),
            moved: quantity_text(line.moved_micro),
            billed: quantity_text(line.billed_micro),
        };
        Self {
            progress: progress.map(|progress| progress.into_iter().map(step).collect()),
            lines: order.lines.iter().map(line).collect(),
            id: order.id.to_string(),
            number: order.number.to_string(),
            customer,
            supplier,
            state: order.state.as_str().to_owned(),
            location: order.location.to_string(),
            currency: currency.to_string(),
            prices_include_tax: order.prices_include_tax,
            amount: amount_text(order.amount_minor, currency),
            memo: order.memo,
            ordered_at: order.ordered_at.to_string(),
            due_at: order.due_at.map(|due| due.to_string()),
        }
    }
}
