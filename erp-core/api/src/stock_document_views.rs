//! What is said of a document that moves stock.

use cortex_erp::{StockDocument, StockMove};
use serde::Serialize;
use utoipa::ToSchema;

use crate::cancellations::cancelled_by;
use crate::decimals::amount_text;
use crate::stock::MoveView;

#[derive(Serialize, ToSchema)]
pub(crate) struct StockDocumentView {
    id: String,
    number: String,
    /// The cancellation that took it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    cancelled_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    party: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_location: Option<String>,
    /// Number of the sales order that a delivery is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<String>,
    memo: String,
    currency: String,
    /// What stock was worth more by it; of a return what the supplier owes, of a landed cost what is owed.
    value: String,
    line_count: u32,
    moved_at: String,
    /// Where one document is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    moves: Option<Vec<MoveView>>,
}

cancelled_by!(StockDocumentView);

impl StockDocumentView {
    pub fn new(document: StockDocument, moves: Option<Vec<(StockMove, i64)>>) -> Self {
        Self {
            cancelled_by: None,
            id: document.id.to_string(),
            number: document.number.to_string(),
            party: document.party_code.map(|code| code.to_string()),
            location: document.location.map(|code| code.to_string()),
            to_location: document.to_location.map(|code| code.to_string()),
            order: document.order.map(|number| number.to_string()),
            memo: document.memo,
            currency: document.currency.to_string(),
            value: amount_text(document.value_minor, document.currency),
            line_count: document.line_count,
            moved_at: document.moved_at.to_string(),
            moves: moves.map(|moves| moves.into_iter().map(MoveView::from).collect()),
        }
    }
}
