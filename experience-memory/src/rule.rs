//! Outcomes that the ERP knows, declared: which table says what came of a model's decisions.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use crate::{ExperienceError, horizon};

/// What to read for the decisions of one model: rows of `table` whose `key` is the decision's entity and whose
/// `event_time` lies in `(decided_at, decided_at + horizon]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutcomeRule {
    pub model: Arc<str>,
    /// What the outcome is called, such as `bought_again`.
    pub kind: Arc<str>,
    /// A bronze table.
    pub table: String,
    pub key: String,
    pub event_time: String,
    /// Text columns that must hold these values.
    #[serde(default, rename = "where")]
    pub filter: BTreeMap<String, String>,
    pub aggregate: Aggregate,
    #[serde(deserialize_with = "horizon::deserialize")]
    pub horizon: Duration,
}

/// What the rows come to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "WrittenAggregate")]
pub enum Aggregate {
    /// 1 where there is any row, otherwise 0.
    Exists,
    /// The sum of an integer column, divided by `per`; 0 where there is no row.
    Sum { column: String, per: i64 },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WrittenAggregate {
    Word(String),
    Sum(WrittenSum),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSum {
    sum: String,
    #[serde(default = "one")]
    per: i64,
}

fn one() -> i64 {
    1
}

impl TryFrom<WrittenAggregate> for Aggregate {
    type Error = String;
    fn try_from(written: WrittenAggregate) -> Result<Self, String> {
        match written {
            WrittenAggregate::Word(word) if word == "exists" => Ok(Self::Exists),
            WrittenAggregate::Sum(written) if written.per > 0 => Ok(Self::Sum {
                column: written.sum,
                per: written.per,
            }),
            WrittenAggregate::Sum(written) => Err(format!("per is {}: it must be positive", written.per)),
            WrittenAggregate::Word(word) => Err(format!(
                "'{word}' is no aggregate: write 'exists', or {{ sum: column, per: number }}"
            )),
        }
    }
}

/// The rules in force, in the order of their files' names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OutcomeRules(Vec<OutcomeRule>);

const BUILTIN: [(&str, &str); 2] = [
    (
        "repurchase-30d.yaml",
        include_str!("../../definitions/outcomes/repurchase-30d.yaml"),
    ),
    (
        "units-7d.yaml",
        include_str!("../../definitions/outcomes/units-7d.yaml"),
    ),
];

impl OutcomeRules {
    /// The rules that come with the platform.
    pub fn builtin() -> Result<Self, ExperienceError> {
        Self::parse(BUILTIN)
    }

    /// One rule per `.yaml` file of the folder.
    pub fn load(folder: &Path) -> Result<Self, ExperienceError> {
        let unreadable = |path: &Path, error: std::io::Error| ExperienceError::Rule {
            file: path.display().to_string(),
            detail: format!("cannot be read: {error}"),
        };
        let mut files = BTreeMap::new();
        for entry in std::fs::read_dir(folder).map_err(|error| unreadable(folder, error))? {
            let path = entry.map_err(|error| unreadable(folder, error))?.path();
            if path.extension().is_some_and(|extension| extension == "yaml") {
                let text = std::fs::read_to_string(&path).map_err(|error| unreadable(&path, error))?;
                files.insert(path.display().to_string(), text);
            }
        }
        Self::parse(files.iter().map(|(file, text)| (file.as_str(), text.as_str())))
    }

    fn parse<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, ExperienceError> {
        let mut rules: Vec<OutcomeRule> = Vec::new();
        for (file, text) in files {
            let refused = |detail: String| ExperienceError::Rule {
                file: file.to_owned(),
                detail,
            };
            let rule: OutcomeRule = serde_norway::from_str(text).map_err(|error| refused(error.to_string()))?;
            check(&rule).map_err(refused)?;
            if rules
                .iter()
                .any(|other| other.model == rule.model && other.kind == rule.kind)
            {
                return Err(refused(format!(
                    "'{}' of model '{}' is declared twice",
                    rule.kind, rule.model
                )));
            }
            rules.push(rule);
        }
        Ok(Self(rules))
    }

    pub fn iter(&self) -> impl Iterator<Item = &OutcomeRule> {
        self.0.iter()
    }

    pub fn of_model(&self, model: &str) -> impl Iterator<Item = &OutcomeRule> {
        self.0.iter().filter(move |rule| &*rule.model == model)
    }
}

fn check(rule: &OutcomeRule) -> Result<(), String> {
    let summed = match &rule.aggregate {
        Aggregate::Sum { column, .. } => Some(column),
        Aggregate::Exists => None,
    };
    let columns = [&rule.key, &rule.event_time]
        .into_iter()
        .chain(rule.filter.keys())
        .chain(summed);
    for column in columns {
        let word = column
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if column.is_empty() || !word {
            return Err(format!("'{column}' is no column name: write it with a-z, 0-9 and '_'"));
        }
    }
    if rule.model.is_empty() || rule.kind.is_empty() {
        return Err("model and kind must be given".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str = "{model: m, kind: k, table: t, key: c, event_time: at, aggregate: exists, horizon: 7d}";

    fn refused(text: &str) -> String {
        OutcomeRules::parse([("rule.yaml", text)]).unwrap_err().to_string()
    }

    #[test]
    fn the_builtin_rules_say_what_the_two_models_are_about() {
        let rules = OutcomeRules::builtin().unwrap();
        let kinds: Vec<(&str, &str)> = rules.iter().map(|rule| (&*rule.model, &*rule.kind)).collect();
        assert_eq!(kinds, [("repurchase-30d", "bought_again"), ("units-7d", "units_sold")]);
        let units = rules.of_model("units-7d").next().unwrap();
        assert_eq!(
            units.aggregate,
            Aggregate::Sum {
                column: "quantity_micro".to_owned(),
                per: 1_000_000
            }
        );
        assert_eq!(units.filter.get("product_kind").map(String::as_str), Some("goods"));
    }

    #[test]
    fn a_mistake_in_a_rule_is_refused_with_the_file_it_is_in() {
        assert!(refused(&RULE.replace("horizon: 7d", "horizon: 7")).contains("rule.yaml"));
        assert!(refused(&RULE.replace("exists", "mean")).contains("no aggregate"));
        assert!(refused(&RULE.replace("exists", "{sum: q, per: 0}")).contains("must be positive"));
        assert!(refused(&RULE.replace("key: c", "key: 'c\"; drop'")).contains("no column name"));
        assert!(refused(&RULE.replace("kind: k", "kind: k, colour: red")).contains("colour"));
    }

    #[test]
    fn a_rule_that_is_declared_twice_is_refused() {
        let error = OutcomeRules::parse([("a.yaml", RULE), ("b.yaml", RULE)]).unwrap_err();
        assert!(error.to_string().contains("b.yaml") && error.to_string().contains("twice"));
    }
}
