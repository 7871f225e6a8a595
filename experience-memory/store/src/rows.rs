//! Rows, and what they are.

use std::fmt::Display;
use std::str::FromStr;

use cortex_experience::{
    Decision, DecisionContext, DecisionHead, ExperienceError, FeedbackEntry, Matured, OutcomeEntry, OutcomeSource,
};
use cortex_store::sql::Instant;
use cortex_types::Frontier;

pub(crate) const DECISION_COLUMNS: &str =
    "id, tenant_id, model, version, arm, propensity, entity, entity_key, decided_at, score, action, context, frontier";

#[derive(Debug, sqlx::FromRow)]
pub(crate) struct DecisionRow {
    pub id: String,
    pub tenant_id: String,
    model: String,
    version: i64,
    arm: String,
    propensity: f64,
    entity: String,
    entity_key: String,
    decided_at: Instant,
    score: f64,
    action: Option<String>,
    context: String,
    frontier: String,
}

impl TryFrom<DecisionRow> for Decision {
    type Error = ExperienceError;
    fn try_from(row: DecisionRow) -> Result<Self, ExperienceError> {
        let what = || format!("decision {}", row.id);
        Ok(Self {
            id: parsed(&row.id, what)?,
            version: u32::try_from(row.version).map_err(|error| corrupt(what(), error))?,
            context: DecisionContext::from_json(&row.context).map_err(|error| corrupt(what(), error))?,
            frontier: serde_json::from_str::<Frontier>(&row.frontier).map_err(|error| corrupt(what(), error))?,
            model: row.model.into(),
            arm: row.arm.into(),
            propensity: row.propensity,
            entity: row.entity.into(),
            entity_key: row.entity_key.into(),
            decided_at: row.decided_at.0,
            score: row.score,
            action: row.action.map(Into::into),
        })
    }
}

#[derive(Debug, sqlx::FromRow)]
pub(crate) struct HeadRow {
    id: String,
    model: String,
    entity_key: String,
    decided_at: Instant,
}

impl TryFrom<HeadRow> for DecisionHead {
    type Error = ExperienceError;
    fn try_from(row: HeadRow) -> Result<Self, ExperienceError> {
        Ok(Self {
            id: parsed(&row.id, || format!("decision {}", row.id))?,
            model: row.model.into(),
            entity_key: row.entity_key.into(),
            decided_at: row.decided_at.0,
        })
    }
}

impl TryFrom<HeadRow> for Matured {
    type Error = ExperienceError;
    fn try_from(row: HeadRow) -> Result<Self, ExperienceError> {
        let DecisionHead {
            id,
            entity_key,
            decided_at,
            ..
        } = row.try_into()?;
        Ok(Self {
            id,
            entity_key,
            decided_at,
        })
    }
}

#[derive(Debug, sqlx::FromRow)]
pub(crate) struct FeedbackRow {
    id: String,
    event_id: String,
    action: Option<String>,
    rating: Option<i64>,
    given_at: Instant,
    given_by: String,
}

impl TryFrom<FeedbackRow> for FeedbackEntry {
    type Error = ExperienceError;
    fn try_from(row: FeedbackRow) -> Result<Self, ExperienceError> {
        Ok(Self {
            id: parsed(&row.id, || format!("feedback {}", row.id))?,
            event_id: row.event_id.into(),
            action: row.action.map(Into::into),
            rating: row.rating,
            given_at: row.given_at.0,
            given_by: row.given_by.into(),
        })
    }
}

#[derive(Debug, sqlx::FromRow)]
pub(crate) struct OutcomeRow {
    id: String,
    event_id: String,
    kind: String,
    value: f64,
    observed_at: Instant,
    source: String,
}

impl TryFrom<OutcomeRow> for OutcomeEntry {
    type Error = ExperienceError;
    fn try_from(row: OutcomeRow) -> Result<Self, ExperienceError> {
        let what = || format!("outcome {}", row.id);
        let source = [OutcomeSource::Erp, OutcomeSource::Api]
            .into_iter()
            .find(|source| source.as_str() == row.source);
        Ok(Self {
            id: parsed(&row.id, what)?,
            source: source.ok_or_else(|| corrupt(what(), format!("'{}' is no source", row.source)))?,
            event_id: row.event_id.into(),
            kind: row.kind.into(),
            value: row.value,
            observed_at: row.observed_at.0,
        })
    }
}

pub(crate) fn parsed<T: FromStr<Err: Display>>(
    text: &str,
    what: impl FnOnce() -> String,
) -> Result<T, ExperienceError> {
    text.parse().map_err(|error| corrupt(what(), error))
}

pub(crate) fn corrupt(what: String, detail: impl Display) -> ExperienceError {
    ExperienceError::Corrupt {
        what,
        detail: detail.to_string(),
    }
}
