//! From a score to advice.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use crate::ServingError;

/// The action to advise, as a parameter of the version's lineage.
pub const ACTION_PARAM: &str = "policy.action";
/// When to advise it, such as `score < 0.35`.
pub const WHEN_PARAM: &str = "policy.when";

/// What a model advises, and on which scores. It belongs to the version, so that it passes the same gate.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    action: Arc<str>,
    when: Condition,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Condition {
    side: Side,
    threshold: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Below,
    AtMost,
    Above,
    AtLeast,
}

impl Policy {
    /// The policy that a version was registered with; `None` where it has none.
    pub fn from_params(params: &BTreeMap<String, String>) -> Result<Option<Self>, ServingError> {
        match (params.get(ACTION_PARAM), params.get(WHEN_PARAM)) {
            (None, None) => Ok(None),
            (Some(action), Some(when)) => Ok(Some(Self {
                action: action.as_str().into(),
                when: when.parse()?,
            })),
            _ => Err(ServingError::Invalid(format!(
                "a policy needs both {ACTION_PARAM} and {WHEN_PARAM}"
            ))),
        }
    }

    /// The action to advise on this score, if any. A score that is no number advises nothing.
    #[must_use]
    pub fn advise(&self, score: f64) -> Option<&Arc<str>> {
        self.when.holds(score).then_some(&self.action)
    }
}

impl Condition {
    fn holds(self, score: f64) -> bool {
        match self.side {
            Side::Below => score < self.threshold,
            Side::AtMost => score <= self.threshold,
            Side::Above => score > self.threshold,
            Side::AtLeast => score >= self.threshold,
        }
    }
}

impl FromStr for Condition {
    type Err = ServingError;
    fn from_str(text: &str) -> Result<Self, ServingError> {
        let comparison = text
            .trim()
            .strip_prefix("score")
            .map(str::trim_start)
            .unwrap_or_default();
        // The longer operators first: "<" is a prefix of "<=".
        let sides = [
            ("<=", Side::AtMost),
            (">=", Side::AtLeast),
            ("<", Side::Below),
            (">", Side::Above),
        ];
        let parsed = sides
            .into_iter()
            .find_map(|(operator, side)| Some((side, comparison.strip_prefix(operator)?)));
        let condition = parsed.and_then(|(side, threshold)| {
            Some(Self {
                side,
                threshold: threshold.trim().parse().ok()?,
            })
        });
        condition
            .filter(|condition| condition.threshold.is_finite())
            .ok_or_else(|| {
                ServingError::Invalid(format!("'{text}' is not a condition: write one such as 'score < 0.35'"))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(when: &str) -> Result<Option<Policy>, ServingError> {
        let pairs = [(ACTION_PARAM, "offer"), (WHEN_PARAM, when)];
        Policy::from_params(&pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into())
    }

    #[test]
    fn a_policy_advises_on_its_side_of_the_threshold_only() {
        for (when, below, at, above) in [
            ("score < 0.35", true, false, false),
            ("score<=0.35", true, true, false),
            ("score > 0.35", false, false, true),
            (" score >= 0.35 ", false, true, true),
        ] {
            let policy = policy(when).unwrap().unwrap();
            let advised = [0.3, 0.35, 0.4].map(|score| policy.advise(score).is_some());
            assert_eq!(advised, [below, at, above], "{when}");
            assert!(policy.advise(f64::NAN).is_none());
        }
    }

    #[test]
    fn a_condition_that_cannot_be_read_is_refused() {
        for when in ["", "0.35", "score", "score = 1", "score < ", "score < NaN", "price < 3"] {
            assert!(policy(when).is_err(), "{when:?} was accepted");
        }
    }

    #[test]
    fn a_model_without_a_policy_has_none_and_half_a_policy_is_an_error() {
        assert_eq!(Policy::from_params(&BTreeMap::new()).unwrap(), None);
        let half = BTreeMap::from([(ACTION_PARAM.to_owned(), "offer".to_owned())]);
        assert!(Policy::from_params(&half).is_err());
    }
}
