//! What a gate asks, declared in YAML: one file per model, and one per task for models without a file of their own.

use std::collections::BTreeMap;
use std::path::Path;

use cortex_checks::{Bootstrap, Metric};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{RegistryError, Task};

/// The policies that come with Cortex.
const BUILTIN: [(&str, &str); 4] = [
    (
        "repurchase-30d.yaml",
        include_str!("../../../definitions/gates/repurchase-30d.yaml"),
    ),
    (
        "units-7d.yaml",
        include_str!("../../../definitions/gates/units-7d.yaml"),
    ),
    (
        "any-binary-classification.yaml",
        include_str!("../../../definitions/gates/any-binary-classification.yaml"),
    ),
    (
        "any-regression.yaml",
        include_str!("../../../definitions/gates/any-regression.yaml"),
    ),
];

/// What becomes of a version that does not meet a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The report says so, and the gate opens all the same.
    Warn,
    Fail,
}

/// How an uncertain figure is held against its limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Judgement {
    /// By the figure itself.
    #[default]
    Point,
    /// The whole bootstrap interval must be within the limit: doubt counts against the version.
    Strict,
    /// Some of the interval must be within the limit: only what the rows prove counts against the version.
    Lenient,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricRule {
    /// The metric decides which direction is better.
    pub name: Metric,
    /// The worst value that is acceptable whatever the incumbent does.
    pub limit: Option<f64>,
    /// By how much it may be worse than the incumbent.
    #[serde(default)]
    pub tolerance: f64,
    /// How the difference from the incumbent is judged.
    #[serde(default)]
    pub judge: Judgement,
    /// From which score on an answer counts as 1, for metrics of classes.
    #[serde(default = "half")]
    pub threshold: f64,
}

/// Population stability index of each feature, training sample against evaluation rows.
/// A feature that varied and has one single value now is told as well, with the worst that the rule can do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DriftRule {
    /// From here on the report warns.
    pub warn_from: Option<f64>,
    /// From here on the gate stays shut.
    pub fail_from: Option<f64>,
    /// By how much the share of missing values may change before the report warns, `0..=1`.
    pub missing_change_max: Option<f64>,
}

/// Demographic parity over a group column of the evaluation set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FairnessRule {
    /// Column such as `country`.
    pub group: String,
    /// Largest difference between two groups' selection rates.
    pub max_difference: f64,
    /// Groups with fewer members (customers, not rows) are not compared.
    pub min_group_size: usize,
    /// From which score on a row counts as selected.
    #[serde(default = "half")]
    pub threshold: f64,
    pub action: Action,
    /// What becomes of a version whose rows have fewer than two groups that are large enough.
    pub incomparable: Action,
    #[serde(default)]
    pub judge: Judgement,
}

/// Everything that is asked of a version of one model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatePolicy {
    /// The model it is for …
    pub model: Option<String>,
    /// … or the task, for models that have no policy of their own. One of the two is given.
    pub task: Option<Task>,
    /// Aliases that move only through the gate.
    #[serde(default = "champion")]
    pub protected: Vec<String>,
    pub metrics: Vec<MetricRule>,
    pub drift: Option<DriftRule>,
    #[serde(default)]
    pub fairness: Vec<FairnessRule>,
    #[serde(default)]
    pub bootstrap: Bootstrap,
    /// Largest share of traffic that a version may have without having passed.
    #[serde(default = "half")]
    pub canary_weight_max: f64,
}

const fn half() -> f64 {
    0.5
}

fn champion() -> Vec<String> {
    vec!["champion".to_owned()]
}

impl GatePolicy {
    /// SHA-256 of the policy: a report made under another one does not open the gate.
    #[must_use]
    pub fn digest(&self) -> String {
        let content = serde_json::to_string(self).unwrap_or_default();
        hex::encode(Sha256::digest(content.as_bytes()))
    }

    #[must_use]
    pub fn protects(&self, alias: &str) -> bool {
        self.protected.iter().any(|protected| protected == alias)
    }

    /// Refuses a policy that would let everything through, or that nothing could be held against.
    fn check(&self) -> Result<(), String> {
        if self.model.is_some() == self.task.is_some() {
            return Err("give either 'model' or 'task'".to_owned());
        }
        if self.protected.is_empty() || self.metrics.is_empty() {
            return Err("it needs at least one protected alias and one metric".to_owned());
        }
        for rule in &self.metrics {
            let numbers = [rule.tolerance, rule.threshold, rule.limit.unwrap_or(0.0)];
            if numbers.iter().any(|number| !number.is_finite()) || rule.tolerance < 0.0 {
                return Err(format!(
                    "metric {}: limits are finite, and a tolerance is not negative",
                    rule.name
                ));
            }
            if self
                .task
                .is_some_and(|task| rule.name.is_classification() != (task == Task::BinaryClassification))
            {
                return Err(format!("metric {} does not judge that task", rule.name));
            }
        }
        let drift = self
            .drift
            .iter()
            .flat_map(|rule| [rule.warn_from, rule.fail_from, rule.missing_change_max])
            .flatten();
        let fairness = self.fairness.iter().map(|rule| rule.max_difference);
        if drift.chain(fairness).any(|limit| !limit.is_finite() || limit < 0.0) {
            return Err("limits of drift and fairness are finite and not negative".to_owned());
        }
        if self
            .drift
            .as_ref()
            .is_some_and(|rule| rule.warn_from.is_none() && rule.fail_from.is_none())
        {
            return Err("drift: give warn_from, fail_from or both".to_owned());
        }
        if !(self.canary_weight_max > 0.0 && self.canary_weight_max < 1.0) {
            return Err("canary_weight_max is above 0 and below 1".to_owned());
        }
        self.bootstrap.check().map_err(|error| error.to_string())
    }
}

/// The policies in force: by model, and by task for the rest. Every model has one.
#[derive(Clone, Debug)]
pub struct GatePolicies {
    by_model: BTreeMap<String, GatePolicy>,
    binary: GatePolicy,
    regression: GatePolicy,
}

impl GatePolicies {
    /// The policies that come with Cortex.
    pub fn builtin() -> Result<Self, RegistryError> {
        Self::from_yaml(&BUILTIN)
    }

    /// The built-in policies, with those of `folder` (`*.yaml`) laid over them.
    pub fn load(folder: &Path) -> Result<Self, RegistryError> {
        let unreadable = |error| RegistryError::storage(format!("the gate policies in {}", folder.display()), error);
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .map_err(unreadable)?
            .collect::<Result<_, _>>()
            .map_err(unreadable)?;
        files.sort_by_key(std::fs::DirEntry::file_name);
        let mut texts = Vec::new();
        for path in files
            .iter()
            .map(std::fs::DirEntry::path)
            .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        {
            texts.push((
                path.display().to_string(),
                std::fs::read_to_string(&path).map_err(unreadable)?,
            ));
        }
        let overlay = texts.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        Self::from_yaml(&BUILTIN.into_iter().chain(overlay).collect::<Vec<_>>())
    }

    /// Policies from `(file name, YAML)`; a later one replaces an earlier one for the same model or task. Both tasks need
    /// a policy.
    pub fn from_yaml(files: &[(&str, &str)]) -> Result<Self, RegistryError> {
        let (mut by_model, mut by_task) = (BTreeMap::new(), BTreeMap::new());
        for (file, text) in files {
            let refuse = |problem: String| RegistryError::Invalid(format!("gate policy {file}: {problem}"));
            let policy: GatePolicy = serde_norway::from_str(text).map_err(|error| refuse(error.to_string()))?;
            policy.check().map_err(refuse)?;
            match (&policy.model, policy.task) {
                (Some(model), _) => drop(by_model.insert(model.clone(), policy)),
                (None, Some(task)) => drop(by_task.insert(task == Task::BinaryClassification, policy)),
                (None, None) => {}
            }
        }
        let mut of_task = |binary: bool, name: &str| {
            by_task
                .remove(&binary)
                .ok_or_else(|| RegistryError::Invalid(format!("there is no gate policy for task {name}")))
        };
        let binary = of_task(true, "binary_classification")?;
        Ok(Self {
            by_model,
            binary,
            regression: of_task(false, "regression")?,
        })
    }

    #[must_use]
    pub fn policy(&self, model: &str, task: Task) -> &GatePolicy {
        self.by_model.get(model).unwrap_or(match task {
            Task::BinaryClassification => &self.binary,
            Task::Regression => &self.regression,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_has_a_policy_that_protects_the_champion() {
        let policies = GatePolicies::builtin().unwrap();
        for (model, task) in [
            ("repurchase-30d", Task::BinaryClassification),
            ("units-7d", Task::Regression),
            ("something-else", Task::BinaryClassification),
            ("something-else", Task::Regression),
        ] {
            assert!(policies.policy(model, task).protects("champion"), "{model}");
        }
        assert_eq!(
            policies.policy("units-7d", Task::Regression).model.as_deref(),
            Some("units-7d")
        );
    }

    #[test]
    fn a_policy_that_says_nothing_or_misspells_something_is_refused() {
        for (bad, why) in [
            ("model: m\nmetrics: []", "at least one"),
            ("metrics: [{name: wape}]", "either 'model' or 'task'"),
            ("model: m\nmetrics: [{name: wape}]\nprotekted: [champion]", "protekted"),
            ("model: m\nmetrics: [{name: auc}]", "roc_auc"),
            ("task: regression\nmetrics: [{name: roc_auc}]", "does not judge"),
            ("model: m\nmetrics: [{name: wape, tolerance: .nan}]", "finite"),
            ("model: m\nmetrics: [{name: wape}]\ndrift: {}", "warn_from"),
            (
                "model: m\nmetrics: [{name: wape}]\nprotected: []",
                "at least one protected",
            ),
            ("model: m\nmetrics: [{name: wape}]\ncanary_weight_max: 1.0", "below 1"),
        ] {
            let error = GatePolicies::from_yaml(&[("bad.yaml", bad)]).unwrap_err().to_string();
            assert!(error.contains("bad.yaml") && error.contains(why), "{bad}: {error}");
        }
    }

    #[test]
    fn another_limit_is_another_policy() {
        let policies = GatePolicies::builtin().unwrap();
        let policy = policies.policy("units-7d", Task::Regression);
        let mut looser = policy.clone();
        looser.metrics[0].tolerance += 0.5;
        assert_ne!(policy.digest(), looser.digest());
        assert_eq!(policy.digest(), policy.clone().digest());
    }
}
