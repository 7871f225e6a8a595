//! What the model's own decisions taught: features as they were served, with what came of it.

use std::collections::{BTreeMap, HashMap};

use cortex_features::{EntityKey, EntityRows};
use cortex_lake::Lake;
use cortex_types::{DecisionId, RequestContext, Timestamp};
use serde_json::value::RawValue;

use super::bronze::{BronzeRows, is_text};
use crate::TrainingError;
use crate::declaration::Pipeline;

/// Bronze tables of the experience memory.
pub(crate) const DECISIONS: &str = "decisions";
pub(crate) const OUTCOMES: &str = "outcomes";

/// Matured decisions as rows, in the order in which they were made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Experience {
    pub decisions: Vec<DecisionId>,
    pub rows: EntityRows,
    /// Row-major, in the order of the pipeline's features.
    pub values: Vec<f64>,
    pub labels: Vec<f64>,
    /// Matured decisions whose context lacks a feature that the service has today, or does not read: they teach nothing.
    pub unusable: usize,
}

/// Reads them out of the lake.
#[derive(Clone, Copy, Debug)]
pub struct ExperienceSource<'a> {
    pub lake: &'a dyn Lake,
    pub pipeline: &'a Pipeline,
    /// `view:feature`, in the order of the service.
    pub features: &'a [String],
}

impl ExperienceSource<'_> {
    /// Decisions whose horizon was over by `as_of`, with the outcome that was known by then. A decision without one,
    /// older than the pipeline's history, or of an arm below its propensity, is left out.
    pub async fn read(&self, ctx: &RequestContext, as_of: Timestamp) -> Result<Experience, TrainingError> {
        let rule = self.pipeline.experience;
        if !rule.include {
            return Ok(Experience::default());
        }
        let outcomes = self.outcomes(ctx, as_of).await?;
        let columns = [
            DecisionColumns::ID,
            "entity",
            "entity_key",
            "decided_at",
            "propensity",
            "context",
        ];
        let of_model = is_text("model", &self.pipeline.model);
        let read = BronzeRows::read(self.lake, &ctx.tenant, DECISIONS, &columns, as_of, Some(of_model)).await?;
        let Some(decisions) = read else {
            return Ok(Experience::default());
        };
        let decisions = DecisionColumns::of(&decisions)?;

        let newest = as_of.saturating_sub(self.pipeline.label.horizon.duration());
        let oldest = as_of.saturating_sub(self.pipeline.rows.history.duration());
        let mut experience = Experience::default();
        for row in 0..decisions.ids.len() {
            let Some((id, key, at, context)) = decisions.row(row, &self.pipeline.entity) else {
                continue;
            };
            let Some(&outcome) = outcomes.get(id) else { continue };
            if at > newest || at < oldest || decisions.propensities[row] < rule.min_propensity {
                continue;
            }
            match (id.parse(), features_of(context, self.features)) {
                (Ok(id), Some(mut values)) => {
                    experience.values.append(&mut values);
                    experience.labels.push(self.pipeline.label.of_outcome(outcome));
                    experience.rows.push(EntityKey::single(key), at);
                    experience.decisions.push(id);
                }
                _ => experience.unusable += 1,
            }
        }
        Ok(experience)
    }

    /// By decision: the newest outcome of the label's kind that was counted from documents. What a client says came of a
    /// decision is kept, but labels nothing: it would be judged by those labels.
    async fn outcomes(&self, ctx: &RequestContext, as_of: Timestamp) -> Result<HashMap<String, f64>, TrainingError> {
        let of_kind = is_text("kind", &self.pipeline.label.outcome);
        let counted = of_kind.and(is_text("source", "erp"));
        let columns = ["decision_id", "value"];
        let rows = BronzeRows::read(self.lake, &ctx.tenant, OUTCOMES, &columns, as_of, Some(counted)).await?;
        let Some(rows) = rows else { return Ok(HashMap::new()) };
        let values = rows.numbers("value")?;
        let known = rows
            .text("decision_id")?
            .into_iter()
            .zip(values)
            .filter(|(_, value)| value.is_finite());
        Ok(known.filter_map(|(decision, value)| Some((decision?, value))).collect())
    }
}

struct DecisionColumns {
    ids: Vec<Option<String>>,
    entities: Vec<Option<String>>,
    keys: Vec<Option<String>>,
    times: Vec<Option<Timestamp>>,
    propensities: Vec<f64>,
    contexts: Vec<Option<String>>,
}

impl DecisionColumns {
    const ID: &str = "id";

    fn of(rows: &BronzeRows) -> Result<Self, TrainingError> {
        Ok(Self {
            ids: rows.text(Self::ID)?,
            entities: rows.text("entity")?,
            keys: rows.text("entity_key")?,
            times: rows.times("decided_at")?,
            propensities: rows.numbers("propensity")?,
            contexts: rows.text("context")?,
        })
    }

    /// Id, key, time and context, where the decision is about `entity`.
    fn row(&self, row: usize, entity: &str) -> Option<(&str, &str, Timestamp, &str)> {
        if self.entities[row].as_deref() != Some(entity) {
            return None;
        }
        Some((
            self.ids[row].as_deref()?,
            self.keys[row].as_deref()?,
            self.times[row]?,
            self.contexts[row].as_deref()?,
        ))
    }
}

/// The values of `features` in a logged context; `None` where one was not even asked for or is no number, or where
/// nothing was known of the entity. Numbers are read from their own text, because they must come back bit for bit.
fn features_of(context: &str, features: &[String]) -> Option<Vec<f64>> {
    let logged: BTreeMap<String, &RawValue> = serde_json::from_str(context).ok()?;
    let value = |feature: &String| match logged.get(feature.as_str())?.get() {
        "null" => Some(f64::NAN),
        number => number.parse::<f64>().ok().filter(|value| value.is_finite()),
    };
    let values: Vec<f64> = features.iter().map(value).collect::<Option<_>>()?;
    values.iter().any(|value| value.is_finite()).then_some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logged_context_reads_back_bit_for_bit_and_missing_is_nan() {
        let features = ["v:a".to_owned(), "v:b".to_owned(), "v:c".to_owned()];
        let read = features_of(
            r#"{"v:c":3,"v:a":0.1000000000000000055511151231257827,"v:b":null}"#,
            &features,
        )
        .unwrap();
        assert_eq!((read[0], read[2]), (0.1, 3.0));
        assert!(read[1].is_nan());
    }

    #[test]
    fn a_context_without_a_feature_of_today_teaches_nothing() {
        assert_eq!(features_of(r#"{"v:a":1}"#, &["v:a".to_owned(), "v:b".to_owned()]), None);
        assert_eq!(features_of("no context", &["v:a".to_owned()]), None);
        assert_eq!(features_of(r#"{"v:a":null}"#, &["v:a".to_owned()]), None);
        assert_eq!(features_of(r#"{"v:a":"text"}"#, &["v:a".to_owned()]), None);
    }
}
