use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use cortex_erp::{Advice, Receipt};
use cortex_runtime::http::Json;
use serde::Serialize;
use utoipa::ToSchema;

use crate::decimals::amount_text;

/// A command that was carried out, durably.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ReceiptView {
    pub id: String,
    /// Such as `sales-invoice`.
    #[schema(example = "sales-invoice")]
    pub kind: String,
    /// Number of the document, or code of the party or product.
    #[schema(example = "INV-000042")]
    pub number: String,
    /// Number of the journal entry, where one was posted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    #[schema(example = "15.30")]
    pub amount: String,
    pub currency: String,
    /// When it was true, RFC 3339.
    pub at: String,
    /// This is the first answer once more.
    pub repeated: bool,
    /// What a model advised when the invoice was entered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<AdviceView>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct AdviceView {
    /// Feedback and outcomes join by it.
    pub decision_id: String,
    pub score: f64,
    /// What the model's policy advises, where it has one.
    pub action: Option<String>,
    pub model_version: u32,
}

impl From<Receipt> for ReceiptView {
    fn from(receipt: Receipt) -> Self {
        Self {
            id: receipt.id.to_string(),
            kind: receipt.kind.to_string(),
            number: receipt.number.to_string(),
            entry: receipt.entry.map(|entry| entry.to_string()),
            amount: amount_text(receipt.amount_minor, receipt.currency),
            currency: receipt.currency.to_string(),
            at: receipt.at.to_string(),
            repeated: receipt.repeated,
            advice: None,
        }
    }
}

impl From<Advice> for AdviceView {
    fn from(advice: Advice) -> Self {
        Self {
            decision_id: advice.decision_id.to_string(),
            score: advice.score,
            action: advice.action.map(|action| action.to_string()),
            model_version: advice.model_version,
        }
    }
}

/// 201 for what was made now, 200 for what had been made before.
impl IntoResponse for ReceiptView {
    fn into_response(self) -> Response {
        let status = if self.repeated {
            StatusCode::OK
        } else {
            StatusCode::CREATED
        };
        (status, Json(self)).into_response()
    }
}
