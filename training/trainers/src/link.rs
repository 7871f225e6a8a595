//! Between what a model adds up and what it answers.

use cortex_registry::Task;
use cortex_training::onnx::{ScoreGraph, Value};
use cortex_training::{Params, TrainingError};

/// The same function natively and as ONNX operators, written so that both round alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Log-odds to a probability.
    Logistic,
    /// As it is.
    Identity,
    /// The model learns `ln(1 + label)` and answers `exp(raw) - 1`, not below zero. Fits counts with a long tail, and
    /// answers closer to their median than to their mean.
    Log1p,
}

/// Past this a double overflows in `exp`; no count of anything is that large.
const RAW_MAX: f64 = 700.0;

impl Link {
    /// A binary task is always logistic; a regression chooses with the parameter `target`: `plain` or `log1p`.
    pub fn chosen(task: Task, params: &Params<'_>) -> Result<Self, TrainingError> {
        let target = params.choice("target", &["plain", "log1p"])?;
        Ok(match (task, target) {
            (Task::BinaryClassification, _) => Self::Logistic,
            (Task::Regression, "log1p") => Self::Log1p,
            (Task::Regression, _) => Self::Identity,
        })
    }

    /// What to learn for each label. `Log1p` takes none below zero.
    pub fn targets(self, labels: &[f64]) -> Result<Vec<f64>, TrainingError> {
        if self != Self::Log1p {
            return Ok(labels.to_vec());
        }
        match labels.iter().position(|label| *label < 0.0) {
            Some(row) => {
                let expected = "zero or more, as the parameter target=log1p needs";
                Err(TrainingError::Label {
                    row,
                    value: labels[row],
                    expected,
                })
            }
            None => Ok(labels.iter().map(|label| label.ln_1p()).collect()),
        }
    }

    #[must_use]
    pub fn score(self, raw: f64) -> f64 {
        match self {
            Self::Logistic => 1.0 / (1.0 + (-raw).exp()),
            Self::Identity => raw,
            Self::Log1p => (raw.min(RAW_MAX).exp() - 1.0).max(0.0),
        }
    }

    pub fn add_to(self, graph: &mut ScoreGraph, raw: &Value) -> Value {
        match self {
            Self::Logistic => graph.apply("Sigmoid", &[raw]),
            Self::Identity => graph.apply("Identity", &[raw]),
            Self::Log1p => {
                let (most, one, zero) = (
                    graph.constant(&[], &[RAW_MAX]),
                    graph.constant(&[], &[1.0]),
                    graph.constant(&[], &[0.0]),
                );
                let bounded = graph.apply("Min", &[raw, &most]);
                let grown = graph.apply("Exp", &[&bounded]);
                let score = graph.apply("Sub", &[&grown, &one]);
                graph.apply("Max", &[&score, &zero])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_comes_back_from_its_logarithm() {
        let raw = Link::Log1p.targets(&[0.0, 41.0]).unwrap();
        assert!((Link::Log1p.score(raw[1]) - 41.0).abs() < 1e-9);
        assert_eq!(Link::Log1p.score(-0.3), 0.0);
        assert!(Link::Log1p.score(f64::MAX).is_finite());
    }

    #[test]
    fn a_negative_label_has_no_logarithm() {
        assert!(matches!(
            Link::Log1p.targets(&[1.0, -2.0]),
            Err(TrainingError::Label { row: 1, .. })
        ));
    }
}
