//! What the model shall foretell.

use cortex_features::{LabelAggregate, LabelSpec, Span};
use cortex_registry::Task;
use serde::{Deserialize, Serialize};

/// The label of a row at `t`: what the events of `(t, t + horizon]` come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// A bronze table.
    pub table: String,
    /// The column that holds the entity's key.
    pub key: String,
    pub event_time: String,
    /// A Boolean SQL expression over the table's columns.
    #[serde(default, rename = "where")]
    pub filter: Option<String>,
    pub aggregate: LabelValue,
    pub horizon: Span,
    /// The kind of outcome that says the same of a decision, such as `bought_again`.
    pub outcome: String,
}

/// How events become a number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WrittenValue", into = "WrittenValue")]
pub enum LabelValue {
    /// 1 where there is any event, otherwise 0.
    Exists,
    Count,
    CountDistinct(String),
    /// The sum of an integer expression, divided by `per`: micro-units to units.
    Sum {
        value: String,
        per: i64,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum WrittenValue {
    Word(String),
    Sum(WrittenSum),
    CountDistinct(WrittenCount),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSum {
    sum: String,
    #[serde(default = "one")]
    per: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCount {
    count_distinct: String,
}

const fn one() -> i64 {
    1
}

impl TryFrom<WrittenValue> for LabelValue {
    type Error = String;
    fn try_from(written: WrittenValue) -> Result<Self, String> {
        match written {
            WrittenValue::Word(word) if word == "exists" => Ok(Self::Exists),
            WrittenValue::Word(word) if word == "count" => Ok(Self::Count),
            WrittenValue::Word(word) => Err(format!(
                "'{word}' is no aggregate: write exists, count, {{ count_distinct: column }} or {{ sum: column, per: 1 }}"
            )),
            WrittenValue::CountDistinct(written) => Ok(Self::CountDistinct(written.count_distinct)),
            WrittenValue::Sum(written) if written.per > 0 => Ok(Self::Sum {
                value: written.sum,
                per: written.per,
            }),
            WrittenValue::Sum(written) => Err(format!("per is {}: it must be positive", written.per)),
        }
    }
}

impl From<LabelValue> for WrittenValue {
    fn from(value: LabelValue) -> Self {
        match value {
            LabelValue::Exists => Self::Word("exists".to_owned()),
            LabelValue::Count => Self::Word("count".to_owned()),
            LabelValue::CountDistinct(column) => Self::CountDistinct(WrittenCount { count_distinct: column }),
            LabelValue::Sum { value, per } => Self::Sum(WrittenSum { sum: value, per }),
        }
    }
}

impl Label {
    #[must_use]
    pub fn spec(&self) -> LabelSpec {
        let aggregate = match &self.aggregate {
            LabelValue::Exists | LabelValue::Count => LabelAggregate::Count,
            LabelValue::CountDistinct(column) => LabelAggregate::CountDistinct(column.clone()),
            LabelValue::Sum { value, .. } => LabelAggregate::Sum(value.clone()),
        };
        LabelSpec {
            table: self.table.clone(),
            keys: vec![self.key.clone()],
            event_time: self.event_time.clone(),
            filter: self.filter.clone(),
            aggregate,
            horizon: self.horizon.duration(),
        }
    }

    /// The label that a folded number means. Missing is zero: the horizon is over, and nothing happened in it.
    #[must_use]
    pub fn of_folded(&self, folded: f64) -> f64 {
        let folded = if folded.is_nan() { 0.0 } else { folded };
        match self.aggregate {
            LabelValue::Exists => f64::from(u8::from(folded > 0.0)),
            LabelValue::Count | LabelValue::CountDistinct(_) => folded,
            LabelValue::Sum { per, .. } => folded / per as f64,
        }
    }

    /// The label that an outcome means: in its own unit already, and for [`LabelValue::Exists`] anything above zero is 1.
    #[must_use]
    pub fn of_outcome(&self, value: f64) -> f64 {
        if self.aggregate == LabelValue::Exists {
            f64::from(u8::from(value > 0.0))
        } else {
            value
        }
    }

    /// Whether `task` can learn it; says why not.
    pub fn suits(&self, task: Task) -> Result<(), String> {
        match (task, &self.aggregate) {
            (Task::BinaryClassification, LabelValue::Exists) | (Task::Regression, _) => Ok(()),
            (Task::BinaryClassification, _) => Err(
                "label.aggregate: a binary_classification learns whether something happens: write exists".to_owned(),
            ),
        }
    }
}
