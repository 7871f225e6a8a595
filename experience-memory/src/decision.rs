//! A prediction that somebody may act upon.

use std::sync::Arc;

use cortex_types::{DecisionId, Frontier, Timestamp};
use serde::{Deserialize, Serialize};

use crate::event::named;
use crate::{DecisionContext, ExperienceError};

/// Everything that is needed to judge, or to recompute, one prediction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    pub id: DecisionId,
    /// Name of the registered model, such as `repurchase-30d`.
    pub model: Arc<str>,
    pub version: u32,
    /// Which of the versions in traffic answered: `champion` or `canary`.
    pub arm: Arc<str>,
    /// Probability, in (0, 1], with which the router gave this entity this arm.
    pub propensity: f64,
    pub entity: Arc<str>,
    pub entity_key: Arc<str>,
    pub decided_at: Timestamp,
    pub score: f64,
    /// What was advised on the strength of the score, such as `offer`; absent where only a score was asked.
    pub action: Option<Arc<str>>,
    pub context: DecisionContext,
    /// Where the features were computed.
    pub frontier: Frontier,
}

impl Decision {
    /// Refuses what could not be judged later: a propensity outside (0, 1], a score that is no number, an empty name.
    pub fn check(&self) -> Result<(), ExperienceError> {
        named("model", &self.model)?;
        named("arm", &self.arm)?;
        named("entity", &self.entity)?;
        named("entity_key", &self.entity_key)?;
        self.action
            .as_deref()
            .map_or(Ok(()), |action| named("action", action))?;
        if !(self.propensity > 0.0 && self.propensity <= 1.0) {
            return Err(ExperienceError::Invalid(format!(
                "decision {} has propensity {}: it must lie in (0, 1]",
                self.id, self.propensity
            )));
        }
        if !self.score.is_finite() {
            return Err(ExperienceError::Invalid(format!(
                "decision {} has score {}: not a number",
                self.id, self.score
            )));
        }
        Ok(())
    }
}
