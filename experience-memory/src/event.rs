//! What is said of a decision afterwards: feedback by people, outcomes by the world.

use std::sync::Arc;

use cortex_types::{DecisionId, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ExperienceError;

/// Most events that one call may bring.
pub const BATCH_MAX: usize = 1000;
/// Largest value of an outcome, to either side of zero: millions of such values still add up to a mean that is a number.
pub const OUTCOME_VALUE_MAX: f64 = 1e15;
const NAME_BYTES_MAX: usize = 200;
const MODEL_NAME_BYTES_MAX: usize = 128;
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
        match self {
            Self::Feedback(feedback) => check_feedback(feedback),
            Self::Outcome(outcome) => check_outcome(outcome),
        }?;
        if let Reference::Entity { model, entity_key, at } = self.reference() {
            check_model(model)?;
            named("entity_key", entity_key)?;
            check_time("at", Some(*at))?;
        }
        Ok(())
    }
}

/// An event may come before the model that it names was registered, but not for one that never can be: it would wait for
/// good. The rule is the registry's.
fn check_model(model: &str) -> Result<(), ExperienceError> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    let begins = model.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
    if begins && model.len() <= MODEL_NAME_BYTES_MAX && model.bytes().all(allowed) {
        return Ok(());
    }
    Err(ExperienceError::Invalid(format!(
        "model: no model can have this name: use 1 to {MODEL_NAME_BYTES_MAX} letters, digits, '.', '_' and '-', beginning \
         with a letter or digit"
    )))
}

fn check_time(field: &str, at: Option<Timestamp>) -> Result<(), ExperienceError> {
    at.map_or(Ok(()), Timestamp::check_given)
        .map_err(|error| ExperienceError::Invalid(format!("{field}: {error}")))
}

fn check_feedback(feedback: &Feedback) -> Result<(), ExperienceError> {
    named("given_by", &feedback.given_by)?;
    check_time("given_at", feedback.given_at)?;
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
    check_time("observed_at", outcome.observed_at)?;
    // NaN lies in no range.
    if outcome.value.abs() <= OUTCOME_VALUE_MAX {
        Ok(())
    } else {
        Err(ExperienceError::Invalid(format!(
            "value: {:e} of outcome '{}' is not a number from -1e15 to 1e15",
            outcome.value, outcome.kind
        )))
    }
}

/// A name that must say something, and must not fill the disk.
pub(crate) fn named(field: &str, text: &str) -> Result<(), ExperienceError> {
    if text.trim().is_empty() || text.len() > NAME_BYTES_MAX || text.contains('\0') {
        return Err(ExperienceError::Invalid(format!(
            "{field} must have 1 to {NAME_BYTES_MAX} bytes, and no NUL among them"
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

    fn outcome(value: f64, of: Reference, observed_at: Option<Timestamp>) -> Event {
        Event::Outcome(Outcome {
            event_id: "e1".into(),
            of,
            kind: "units_sold".into(),
            value,
            observed_at,
            source: OutcomeSource::Api,
        })
    }

    #[test]
    fn an_outcome_that_is_no_number_or_spoils_every_mean_is_refused() {
        let of = || Reference::Decision(DecisionId::new());
        for value in [f64::NAN, f64::INFINITY, 1e308, -1e308, 1.1e15] {
            let refused = outcome(value, of(), None).check().unwrap_err().to_string();
            assert!(refused.starts_with("value:"), "{refused}");
        }
        for value in [0.0, -0.5, OUTCOME_VALUE_MAX, -OUTCOME_VALUE_MAX] {
            assert!(outcome(value, of(), None).check().is_ok(), "{value}");
        }
    }

    #[test]
    fn a_time_that_nobody_can_mean_is_refused_by_its_field() {
        for at in [Timestamp::MIN, Timestamp::MAX] {
            let Event::Feedback(mut given) = feedback(None, Some(3)) else {
                unreachable!()
            };
            given.given_at = Some(at);
            let entity = Reference::Entity {
                model: "units-7d".into(),
                entity_key: "85123A".into(),
                at,
            };
            for (event, field) in [
                (Event::Feedback(given), "given_at:"),
                (
                    outcome(1.0, Reference::Decision(DecisionId::new()), Some(at)),
                    "observed_at:",
                ),
                (outcome(1.0, entity, None), "at:"),
            ] {
                let refused = event.check().unwrap_err().to_string();
                assert!(refused.starts_with(field), "{refused}");
            }
        }
    }

    #[test]
    fn nothing_waits_for_a_model_that_can_never_be() {
        let of = |model: &str| Reference::Entity {
            model: model.into(),
            entity_key: "85123A".into(),
            at: Timestamp::from_micros(0),
        };
        assert!(outcome(1.0, of("never-registered.v2"), None).check().is_ok());
        for model in ["", " units-7d", "units 7d", "-x", "../x", "é", &"x".repeat(129)] {
            let refused = outcome(1.0, of(model), None).check().unwrap_err().to_string();
            assert!(refused.starts_with("model:"), "{refused}");
        }
    }
}
