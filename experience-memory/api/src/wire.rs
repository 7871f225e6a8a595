//! JSON bodies, and what they mean.

use std::sync::Arc;

use cortex_experience::{
    Decision, DecisionContext, DecisionPage, ExperienceError, Feedback, FeedbackEntry, Outcome, OutcomeEntry,
    OutcomeSource, Recorded, Reference, Remembered,
};
use cortex_runtime::http::objects;
use cortex_types::{DecisionId, RequestContext, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a person did with, or thinks of, a decision. Names the decision by `decision_id`, or by `model`, `entity_key`
/// and `at`: then it is the newest decision made by that time.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FeedbackBody {
    /// The caller's own id of this event: the same id with the same content changes nothing.
    pub event_id: String,
    #[schema(value_type = Option<String>, format = "uuid")]
    pub decision_id: Option<DecisionId>,
    pub model: Option<String>,
    pub entity_key: Option<String>,
    #[schema(value_type = Option<String>, format = "date-time")]
    pub at: Option<Timestamp>,
    /// What was done instead of what was advised.
    pub action: Option<String>,
    /// 1 (useless) to 5 (right).
    #[schema(minimum = 1, maximum = 5)]
    pub rating: Option<i64>,
    /// Who gave it; the caller, where it is absent.
    pub given_by: Option<String>,
    /// From 1900 on and before 2200, as all times are; now, where it is absent.
    #[schema(value_type = Option<String>, format = "date-time")]
    pub given_at: Option<Timestamp>,
}

impl FeedbackBody {
    pub(crate) fn feedback(self, ctx: &RequestContext) -> Result<Feedback, ExperienceError> {
        Ok(Feedback {
            of: reference(self.decision_id, self.model, self.entity_key, self.at.or(self.given_at))?,
            event_id: self.event_id.into(),
            action: self.action.map(Into::into),
            rating: self.rating,
            given_by: self.given_by.map_or_else(|| Arc::clone(&ctx.principal.id), Into::into),
            given_at: self.given_at,
        })
    }
}

/// What came of a decision. Names the decision by `decision_id`, or by `model`, `entity_key` and `at` (`observed_at`
/// serves where `at` is absent): then it is the newest decision made by that time.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OutcomeBody {
    /// The caller's own id of this event: the same id with the same content changes nothing.
    pub event_id: String,
    #[schema(value_type = Option<String>, format = "uuid")]
    pub decision_id: Option<DecisionId>,
    pub model: Option<String>,
    pub entity_key: Option<String>,
    #[schema(value_type = Option<String>, format = "date-time")]
    pub at: Option<Timestamp>,
    /// What was measured, such as `margin`.
    pub kind: String,
    /// In the unit of its kind; yes is 1 and no is 0. At most 1e15 to either side.
    pub value: f64,
    /// From 1900 on and before 2200, as all times are; now, where it is absent.
    #[schema(value_type = Option<String>, format = "date-time")]
    pub observed_at: Option<Timestamp>,
}

impl OutcomeBody {
    pub(crate) fn outcome(self) -> Result<Outcome, ExperienceError> {
        Ok(Outcome {
            of: reference(
                self.decision_id,
                self.model,
                self.entity_key,
                self.at.or(self.observed_at),
            )?,
            event_id: self.event_id.into(),
            kind: self.kind.into(),
            value: self.value,
            observed_at: self.observed_at,
            source: OutcomeSource::Api,
        })
    }
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OutcomeBatchBody {
    /// At most 1000; all are recorded, or none.
    #[serde(deserialize_with = "objects")]
    pub outcomes: Vec<OutcomeBody>,
}

fn reference(
    decision_id: Option<DecisionId>,
    model: Option<String>,
    entity_key: Option<String>,
    at: Option<Timestamp>,
) -> Result<Reference, ExperienceError> {
    match (decision_id, model, entity_key, at) {
        (Some(id), None, None, _) => Ok(Reference::Decision(id)),
        (None, Some(model), Some(entity_key), Some(at)) => Ok(Reference::Entity {
            model: model.into(),
            entity_key: entity_key.into(),
            at,
        }),
        _ => Err(ExperienceError::Invalid(
            "which decision is meant? Give decision_id alone, or model, entity_key and at".to_owned(),
        )),
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RecordedBody {
    /// The decision that the event belongs to; absent while it waits for one.
    #[schema(value_type = Option<String>, format = "uuid")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision_id: Option<DecisionId>,
    /// The decision is not there yet; the event joins when it comes.
    pub waiting: bool,
    /// The event had been recorded before, and nothing was changed.
    pub repeated: bool,
}

impl From<Recorded> for RecordedBody {
    fn from(recorded: Recorded) -> Self {
        Self {
            decision_id: recorded.decision_id,
            waiting: recorded.decision_id.is_none(),
            repeated: recorded.repeated,
        }
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RecordedBatchBody {
    /// One per outcome, in order.
    pub recorded: Vec<RecordedBody>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DecisionBody {
    #[schema(value_type = String, format = "uuid")]
    pub id: DecisionId,
    pub model: String,
    pub version: u32,
    /// `champion` or `canary`.
    pub arm: String,
    /// Probability with which the router gave this entity this arm.
    pub propensity: f64,
    pub entity: String,
    pub entity_key: String,
    #[schema(value_type = String, format = "date-time")]
    pub decided_at: Timestamp,
    pub score: f64,
    pub action: Option<String>,
    /// Feature values by `view:feature`.
    #[schema(value_type = Object)]
    pub context: DecisionContext,
    /// Where the features were computed: source@epoch.commit.seq, comma-separated.
    pub frontier: String,
}

impl From<Decision> for DecisionBody {
    fn from(decision: Decision) -> Self {
        Self {
            id: decision.id,
            model: decision.model.to_string(),
            version: decision.version,
            arm: decision.arm.to_string(),
            propensity: decision.propensity,
            entity: decision.entity.to_string(),
            entity_key: decision.entity_key.to_string(),
            decided_at: decision.decided_at,
            score: decision.score,
            action: decision.action.as_deref().map(str::to_owned),
            context: decision.context,
            frontier: decision.frontier.to_string(),
        }
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RememberedBody {
    pub decision: DecisionBody,
    /// In the order of recording: event_id, action, rating, given_by, given_at.
    #[schema(value_type = Vec<Object>)]
    pub feedback: Vec<FeedbackEntry>,
    /// In the order of recording: event_id, kind, value, observed_at, source.
    #[schema(value_type = Vec<Object>)]
    pub outcomes: Vec<OutcomeEntry>,
}

impl From<Remembered> for RememberedBody {
    fn from(remembered: Remembered) -> Self {
        Self {
            decision: remembered.decision.into(),
            feedback: remembered.feedback,
            outcomes: remembered.outcomes,
        }
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DecisionPageBody {
    /// Newest first.
    pub decisions: Vec<DecisionBody>,
    /// Send it as `cursor` to get the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

impl From<DecisionPage> for DecisionPageBody {
    fn from(page: DecisionPage) -> Self {
        Self {
            decisions: page.decisions.into_iter().map(Into::into).collect(),
            next_cursor: page.next.map(|cursor| cursor.to_string()),
        }
    }
}
