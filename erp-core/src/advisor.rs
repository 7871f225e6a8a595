//! The port to whoever advises those who enter documents.

use std::sync::Arc;

use async_trait::async_trait;
use cortex_types::{Coded, DecisionId, ErrorCode, RequestContext, Timestamp};
use serde::{Deserialize, Serialize};

/// What advice is asked for: a registered model, about one entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdviceRequest {
    pub model: Arc<str>,
    /// Business key of the entity, such as the customer's code.
    pub entity_key: Arc<str>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Advice {
    /// Stored with the document that it was asked for; outcomes join by it.
    pub decision_id: DecisionId,
    /// Outcomes of the decision come after this instant.
    pub decided_at: Timestamp,
    pub score: f64,
    /// What the model's policy advises, where it has one.
    pub action: Option<Arc<str>>,
    pub model_version: u32,
}

/// The advice that an invoice was entered with. The invoice happens at the instant of the decision, where it names no
/// other, so that it is not counted as what came of the advice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advised {
    pub decision: DecisionId,
    pub at: Timestamp,
}

impl From<&Advice> for Advised {
    fn from(advice: &Advice) -> Self {
        Self {
            decision: advice.decision_id,
            at: advice.decided_at,
        }
    }
}

/// Why there is no advice.
#[derive(Clone, Debug, thiserror::Error)]
#[error("no advice: {reason}")]
pub struct AdvisorError {
    pub code: ErrorCode,
    pub reason: String,
}

impl Coded for AdvisorError {
    fn code(&self) -> ErrorCode {
        self.code
    }
}

#[async_trait]
pub trait Advisor: Send + Sync + std::fmt::Debug {
    /// The decision is durable on the other side when it returns.
    async fn advise(&self, ctx: &RequestContext, request: AdviceRequest) -> Result<Advice, AdvisorError>;
}
