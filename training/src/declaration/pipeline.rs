//! A pipeline as it is declared.

use std::collections::BTreeMap;

use chrono::Weekday;
use cortex_checks::Metric;
use cortex_features::Span;
use cortex_registry::Task;
use serde::{Deserialize, Serialize};

use super::Label;

/// Everything that decides which model comes out, besides the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pipeline {
    pub pipeline: String,
    /// Name of the registered model.
    pub model: String,
    pub task: Task,
    pub entity: String,
    pub feature_service: String,
    pub label: Label,
    pub rows: RowRule,
    pub split: SplitRule,
    /// In order of preference where there is nothing to choose by.
    pub trainers: Vec<TrainerChoice>,
    #[serde(default)]
    pub choose: Choice,
    /// What decides between trainers, on rows later than those they saw.
    pub metric: Metric,
    /// What any model is compared with.
    pub baseline: TrainerChoice,
    #[serde(default)]
    pub seed: u64,
    /// What serving advises on the strength of a score.
    #[serde(default)]
    pub policy: Option<PolicyRule>,
    /// Sensitive columns, by the name under which gates know them.
    #[serde(default)]
    pub groups: BTreeMap<String, Group>,
    #[serde(default)]
    pub experience: ExperienceRule,
}

/// As of when, and for whom, there are rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowRule {
    /// Whole days between the instants of one entity.
    pub every: Span,
    /// The weekday, at 00:00 UTC, that instants fall on; then `every` is a number of weeks.
    #[serde(default)]
    pub on: Option<Weekday>,
    /// No row is older than this before the training's own instant.
    pub history: Span,
    /// Only entities that did something within this time before the row.
    pub active_within: Span,
    /// No more rows than this: where there are more, every so many-th is taken, over all instants and entities alike.
    #[serde(default = "rows_max")]
    pub max: usize,
}

const fn rows_max() -> usize {
    500_000
}

/// Which rows judge, by the time of the row: always the latest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitRule {
    /// The last rows judge the finished model.
    pub evaluation: Span,
    /// The rows before those judge the trainers.
    pub validation: Span,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainerChoice {
    pub trainer: String,
    #[serde(default, deserialize_with = "as_text")]
    pub params: BTreeMap<String, String>,
}

/// What becomes of several trainers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Choice {
    /// The one that does best on the validation rows is registered.
    #[default]
    Best,
    /// Each is registered.
    Each,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyRule {
    /// Such as `offer`.
    pub action: String,
    /// Such as `score < 0.35`.
    pub when: String,
}

/// Where the group of an entity stands: the newest row of a bronze table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    pub table: String,
    pub key: String,
    pub column: String,
}

/// Whether decisions and what came of them are rows too.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExperienceRule {
    pub include: bool,
    /// Decisions of arms that hardly ever answered are left out.
    #[serde(default)]
    pub min_propensity: f64,
}

impl Default for ExperienceRule {
    fn default() -> Self {
        Self {
            include: false,
            min_propensity: 0.0,
        }
    }
}

impl Pipeline {
    /// What the types cannot say; the message names the key.
    pub(super) fn check(&self) -> Result<(), String> {
        const DAY_MICROS: i64 = 86_400_000_000;
        let every = self.rows.every.micros();
        if every == 0 || every % DAY_MICROS != 0 {
            return Err("rows.every: rows are whole days apart, such as 7d".to_owned());
        }
        if self.rows.on.is_some() && every % (7 * DAY_MICROS) != 0 {
            return Err("rows.every: rows that fall on a weekday are whole weeks apart, such as 7d".to_owned());
        }
        if self.rows.max == 0 {
            return Err("rows.max: at least one row is needed".to_owned());
        }
        if self.trainers.is_empty() {
            return Err("trainers: name at least one".to_owned());
        }
        if self.metric.is_classification() != (self.task == Task::BinaryClassification) {
            return Err(format!("metric: {} does not judge this task", self.metric));
        }
        if !(0.0..=1.0).contains(&self.experience.min_propensity) {
            return Err("experience.min_propensity: a probability lies between 0 and 1".to_owned());
        }
        self.label.suits(self.task)
    }
}

/// `budget: 0.5` and `target: log1p` are both text to a trainer.
fn as_text<'de, D: serde::Deserializer<'de>>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Bool(bool),
        Int(i64),
        Float(f64),
        Text(String),
    }
    let written = BTreeMap::<String, Written>::deserialize(from)?;
    let text = |value| match value {
        Written::Bool(value) => value.to_string(),
        Written::Int(value) => value.to_string(),
        Written::Float(value) => value.to_string(),
        Written::Text(value) => value,
    };
    Ok(written.into_iter().map(|(name, value)| (name, text(value))).collect())
}
