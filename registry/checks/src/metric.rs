//! The measures of performance by name, so that a policy can ask for one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{
    CheckError, Confusion, average_precision, brier_score, expected_calibration_error, log_loss, mean_absolute_error,
    mean_absolute_percentage_error, r_squared, roc_auc, root_mean_squared_error, wape,
};

const CALIBRATION_BINS: usize = 10;

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    Higher,
    Lower,
}

impl Direction {
    /// By how much `new` is better than `old`; negative where it is worse.
    #[must_use]
    pub fn improvement(self, new: f64, old: f64) -> f64 {
        match self {
            Self::Higher => new - old,
            Self::Lower => old - new,
        }
    }
}

macro_rules! metrics {
    ($($name:ident = $text:literal, $direction:ident;)+) => {
        /// A measure of how good answers are.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub enum Metric { $($name,)+ }

        impl Metric {
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            #[must_use]
            pub const fn direction(self) -> Direction {
                match self { $(Self::$name => Direction::$direction,)+ }
            }
        }
    };
}

metrics! {
    RocAuc = "roc_auc", Higher;
    AveragePrecision = "average_precision", Higher;
    LogLoss = "log_loss", Lower;
    Brier = "brier", Lower;
    CalibrationError = "expected_calibration_error", Lower;
    Accuracy = "accuracy", Higher;
    Precision = "precision", Higher;
    Recall = "recall", Higher;
    F1 = "f1", Higher;
    Rmse = "rmse", Lower;
    Mae = "mae", Lower;
    Mape = "mape", Lower;
    Wape = "wape", Lower;
    R2 = "r2", Higher;
}

impl Metric {
    /// The figure for `scores` against `labels`. `threshold` makes a class out of a score, where the metric needs one.
    pub fn compute(self, labels: &[f64], scores: &[f64], threshold: f64) -> Result<f64, CheckError> {
        let at_threshold = || Confusion::at(labels, scores, threshold);
        match self {
            Self::RocAuc => roc_auc(labels, scores),
            Self::AveragePrecision => average_precision(labels, scores),
            Self::LogLoss => log_loss(labels, scores),
            Self::Brier => brier_score(labels, scores),
            Self::CalibrationError => expected_calibration_error(labels, scores, CALIBRATION_BINS),
            Self::Accuracy => at_threshold().map(|counts| counts.accuracy()),
            Self::Precision => at_threshold().map(|counts| counts.precision()),
            Self::Recall => at_threshold().map(|counts| counts.recall()),
            Self::F1 => at_threshold().map(|counts| counts.f1()),
            Self::Rmse => root_mean_squared_error(labels, scores),
            Self::Mae => mean_absolute_error(labels, scores),
            Self::Mape => mean_absolute_percentage_error(labels, scores),
            Self::Wape => wape(labels, scores),
            Self::R2 => r_squared(labels, scores),
        }
    }

    /// The one answer that does best by this metric when nothing is known of a row: the median of the labels where
    /// absolute distances count, their mean otherwise. Taken from the very labels it is judged by, so it is the hardest
    /// constant to beat.
    pub fn best_constant(self, labels: &[f64]) -> Result<f64, CheckError> {
        if labels.is_empty() {
            return Err(CheckError::Empty { what: "labels" });
        }
        match self {
            Self::Mae | Self::Mape | Self::Wape => {
                let mut sorted = labels.to_vec();
                sorted.sort_unstable_by(f64::total_cmp);
                Ok(sorted[(sorted.len() - 1) / 2])
            }
            _ => Ok(labels.iter().sum::<f64>() / labels.len() as f64),
        }
    }

    /// Whether the metric judges a classifier's scores; otherwise it judges numbers.
    #[must_use]
    pub const fn is_classification(self) -> bool {
        !matches!(self, Self::Rmse | Self::Mae | Self::Mape | Self::Wape | Self::R2)
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Metric {
    type Err = CheckError;
    fn from_str(text: &str) -> Result<Self, CheckError> {
        Self::ALL
            .iter()
            .copied()
            .find(|metric| metric.as_str() == text)
            .ok_or_else(|| CheckError::UnknownMetric {
                name: text.to_owned(),
                known: Self::ALL
                    .iter()
                    .map(|metric| metric.as_str())
                    .collect::<Vec<_>>()
                    .join(", "),
            })
    }
}

impl TryFrom<String> for Metric {
    type Error = CheckError;
    fn try_from(text: String) -> Result<Self, CheckError> {
        text.parse()
    }
}

impl From<Metric> for String {
    fn from(metric: Metric) -> String {
        metric.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_reads_back_by_its_name() {
        for metric in Metric::ALL {
            assert_eq!(metric.as_str().parse::<Metric>().as_ref(), Ok(metric));
        }
        assert!("auc".parse::<Metric>().unwrap_err().to_string().contains("roc_auc"));
    }

    #[test]
    fn perfect_answers_beat_constant_ones_by_every_metric() {
        let labels = [0.0, 1.0, 1.0, 0.0, 1.0];
        for metric in Metric::ALL {
            let constant = vec![metric.best_constant(&labels).unwrap(); labels.len()];
            let (perfect, dull) = (
                metric.compute(&labels, &labels, 0.5).unwrap(),
                metric.compute(&labels, &constant, 0.5).unwrap(),
            );
            assert!(
                metric.direction().improvement(perfect, dull) >= 0.0,
                "{metric}: {perfect} against {dull}"
            );
        }
    }
}
