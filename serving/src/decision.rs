//! A prediction that somebody may act upon, as it is remembered.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use cortex_features::FeatureValue;
use cortex_types::{DecisionId, Frontier, RequestContext, Timestamp};
use serde::{Deserialize, Serialize};

use crate::ServingError;

/// Which of the versions in traffic answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arm {
    Champion,
    Canary,
}

impl Arm {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Champion => "champion",
            Self::Canary => "canary",
        }
    }
}

/// Everything that is needed to judge, or to recompute, one prediction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    pub id: DecisionId,
    pub model: Arc<str>,
    pub version: u32,
    pub arm: Arm,
    /// Probability with which the router gave this entity this arm.
    pub propensity: f64,
    pub entity: Arc<str>,
    pub entity_key: Arc<str>,
    /// Outcomes join by decision id, or by this business key and the time.
    pub decided_at: Timestamp,
    pub score: f64,
    /// What was advised on the strength of the score, such as `offer` or `reorder`; absent where the policy advised
    /// nothing.
    pub action: Option<Arc<str>>,
    /// Feature values by `view:feature`.
    pub context: BTreeMap<Arc<str>, FeatureValue>,
    pub frontier: Frontier,
}

/// Where decisions are remembered.
#[async_trait]
pub trait DecisionLog: Send + Sync + std::fmt::Debug {
    /// Returns once the decisions are durable. The same decision id again changes nothing.
    async fn record(&self, ctx: &RequestContext, decisions: &[Decision]) -> Result<(), ServingError>;
}
