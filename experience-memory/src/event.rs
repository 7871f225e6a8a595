//! What is said of a decision afterwards: feedback by people, outcomes by the world.

use std::sync::Arc;

use cortex_types::{DecisionId, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ExperienceError;

/// Most events that one call may bring.
pub const BATCH_MAX: usize = 1000;
const NAME_BYTES_MAX: usize = 200;
const RATINGS: std::ops::RangeInclusive<i64> = 1..=5;

/// Which decision is meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reference {
    Decision(DecisionId),
    /// By business key: the newest decision of this model on this entity that was made by `at`, and not longer before
    /// it than the join horizon.
    Entity {
        model: Arc<str>,
        entity_key: Arc<str>,
        at: Timestamp,
    },
}

/// What a person did with, or thinks of, a decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Feedback {
    /// The sender's own id of this event: the same id again is the same event.
    pub event_id: Arc<str>,
    pub of: Reference,
    /// What was done instead of what was advised.
    pub action: Option<Arc<str>>,
    /// 1 (useless) to 5 (right).
    pub rating: Option<i64>,
    pub given_by: Arc<str>,
    /// Absent: when it was recorded.
    pub given_at: Option<Timestamp>,
}

/// Who says what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutcomeSource {
    /// Read from the ERP's own tables by an [`OutcomeRule`](crate::OutcomeRule).
    Erp,
    /// Told through the API.
    Api,
}

impl OutcomeSource {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Erp => "erp",
            Self::Api => "api",
        }
    }
}

/// What came of a decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The sender's own id of this event: the same id again is the same event.
    pub event_id: Arc<str>,
    pub of: Reference,
    /// What was measured, such as `bought_again`.
    pub kind: Arc<str>,
    /// In the unit of its kind; yes is 1 and no is 0.
    pub value: f64,
    /// Absent: when it was recorded.
    pub observed_at: Option<Timestamp>,
    pub source: OutcomeSource,
}

/// Feedback and outcomes are numbered apart: an event id is unique within its kind and tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    Feedback,
    Outcome,
}

impl EventKind {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Feedback => "feedback",
            Self::Outcome => "outcome",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    Feedback(Feedback),
    Outcome(Outcome),
}

impl Event {
    #[must_use]
    pub fn kind(&self) -> EventKind {
        match self {
            Self::Feedback(_) => EventKind::Feedback,
            Self::Outcome(_) => EventKind::Outcome,
        }
    }

    #[must_use]
    pub fn event_id(&self) -> &Arc<str> {
        match self {
            Self::Feedback(feedback) => &feedback.event_id,
            Self::Outcome(outcome) => &outcome.event_id,
        }
    }

    #[must_use]
    pub fn reference(&self) -> &Reference {
        match self {
            Self::Feedback(feedback) => &feedback.of,
            Self::Outcome(outcome) => &outcome.of,
        }
    }

    /// SHA-256 of the event as it was sent, hex: what the same event id must repeat. A time that the sender left out is
    /// not part of it, or no retry could ever match.
    pub fn digest(&self) -> Result<String, ExperienceError> {
        let content = serde_json::to_vec(self).map_err(|error| ExperienceError::Invalid(error.to_string()))?;
        Ok(hex::encode(Sha256::digest(content)))
    }

    pub fn check(&self) -> Result<(), ExperienceError> {
        named("event_id", self.event_id())?;
        if let Reference::Entity { model, entity_key, .. } = self.reference() {
            named("model", model)?;
            named("entity_key", entity_key)?;
        }
        match self {
            Self::Feedback(feedback) => check_feedback(feedback),
            Self::Outcome(outcome) => check_outcome(outcome),
        }
    }
}

fn check_feedback(feedback: &Feedback) -> Result<(), ExperienceError> {
    named("given_by", &feedback.given_by)?;
    feedback
        .action
        .as_deref()
        .map_or(Ok(()), |action| named("action", action))?;
    match feedback.rating {
        None if feedback.action.is_none() => Err(ExperienceError::Invalid(
            "feedback says nothing: give an action, a rating, or both".to_owned(),
        )),
        Some(rating) if !RATINGS.contains(&rating) => Err(ExperienceError::Invalid(format!(
            "rating {rating} is out of range: give 1 (useless) to 5 (right)"
        ))),
        _ => Ok(()),
    }
}

fn check_outcome(outcome: &Outcome) -> Result<(), ExperienceError> {
    named("kind", &outcome.kind)?;
    if outcome.value.is_finite() {
        Ok(())
    } else {
        Err(ExperienceError::Invalid(format!(
            "value {} of outcome '{}' is not a number",
            outcome.value, outcome.kind
        )))
    }
}

/// A name that must say something, and must not fill the disk.
pub(crate) fn named(field: &str, text: &str) -> Result<(), ExperienceError> {
    if text.trim().is_empty() || text.len() > NAME_BYTES_MAX {
        return Err(ExperienceError::Invalid(format!(
            "{field} must have 1 to {NAME_BYTES_MAX} bytes"
        )));
    }
    Ok(())
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The decision it belongs to; `None` while it waits for one.
    pub decision_id: Option<DecisionId>,
    /// It had been recorded before, and nothing was changed.
    pub repeated: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feedback(action: Option<&str>, rating: Option<i64>) -> Event {
        Event::Feedback(Feedback {
            event_id: "e1".into(),
            of: Reference::Decision(DecisionId::new()),
            action: action.map(Arc::from),
            rating,
            given_by: "ann".into(),
            given_at: None,
        })
    }

    #[test]
    fn feedback_that_says_nothing_is_refused() {
        assert!(feedback(None, None).check().is_err());
        assert!(feedback(Some("call"), None).check().is_ok());
        assert!(feedback(None, Some(5)).check().is_ok());
    }

    #[test]
    fn a_rating_lies_between_one_and_five() {
        assert!(feedback(None, Some(0)).check().is_err());
        assert!(feedback(None, Some(6)).check().is_err());
    }

    #[test]
    fn an_outcome_that_is_no_number_is_refused() {
        let outcome = Outcome {
            event_id: "e1".into(),
            of: Reference::Decision(DecisionId::new()),
            kind: "units_sold".into(),
            value: f64::NAN,
            observed_at: None,
            source: OutcomeSource::Api,
        };
        assert!(Event::Outcome(outcome).check().is_err());
    }
}
