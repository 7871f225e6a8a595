//! How far predictions are from what happened.

use crate::{CheckError, input};

pub fn root_mean_squared_error(labels: &[f64], predictions: &[f64]) -> Result<f64, CheckError> {
    input::numbers(labels, predictions)?;
    finite(
        "RMSE",
        (squared_errors(labels, predictions) / labels.len() as f64).sqrt(),
    )
}

pub fn mean_absolute_error(labels: &[f64], predictions: &[f64]) -> Result<f64, CheckError> {
    input::numbers(labels, predictions)?;
    finite("MAE", absolute_errors(labels, predictions) / labels.len() as f64)
}

/// Mean of |error| / |label|, where a label of 0 counts as a rounding step, as scikit-learn has it: one such label makes
/// the figure enormous. Forecasts of sparse demand want [`wape`].
pub fn mean_absolute_percentage_error(labels: &[f64], predictions: &[f64]) -> Result<f64, CheckError> {
    input::numbers(labels, predictions)?;
    let relative = |(label, prediction): (&f64, &f64)| (label - prediction).abs() / label.abs().max(f64::EPSILON);
    finite(
        "MAPE",
        labels.iter().zip(predictions).map(relative).sum::<f64>() / labels.len() as f64,
    )
}

/// Weighted absolute percentage error: Σ|error| / Σ|label|. Not defined where all labels are 0.
pub fn wape(labels: &[f64], predictions: &[f64]) -> Result<f64, CheckError> {
    input::numbers(labels, predictions)?;
    let total: f64 = labels.iter().map(|label| label.abs()).sum();
    if total == 0.0 {
        return Err(CheckError::Undefined {
            metric: "WAPE",
            why: "all labels are 0",
        });
    }
    finite("WAPE", absolute_errors(labels, predictions) / total)
}

/// Share of the labels' variance that the predictions explain; below 0 where the mean would have done better. For
/// constant labels it is 1 when they are met exactly and 0 otherwise, as scikit-learn has it. Needs two rows.
pub fn r_squared(labels: &[f64], predictions: &[f64]) -> Result<f64, CheckError> {
    input::numbers(labels, predictions)?;
    if labels.len() < 2 {
        return Err(CheckError::Undefined {
            metric: "R²",
            why: "it needs at least two rows",
        });
    }
    let mean = labels.iter().sum::<f64>() / labels.len() as f64;
    let total: f64 = labels.iter().map(|label| (label - mean).powi(2)).sum();
    let left = squared_errors(labels, predictions);
    if total == 0.0 {
        return Ok(if left == 0.0 { 1.0 } else { 0.0 });
    }
    finite("R²", 1.0 - left / total)
}

fn squared_errors(labels: &[f64], predictions: &[f64]) -> f64 {
    labels
        .iter()
        .zip(predictions)
        .map(|(label, prediction)| (label - prediction).powi(2))
        .sum()
}

fn absolute_errors(labels: &[f64], predictions: &[f64]) -> f64 {
    labels
        .iter()
        .zip(predictions)
        .map(|(label, prediction)| (label - prediction).abs())
        .sum()
}

fn finite(metric: &'static str, value: f64) -> Result<f64, CheckError> {
    if value.is_finite() {
        Ok(value)
    } else {
        Err(CheckError::Undefined {
            metric,
            why: "it exceeds what a double holds",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LABELS: [f64; 7] = [3.0, 0.5, 2.0, 7.0, 12.0, 1.0, 4.5];
    const PREDICTIONS: [f64; 7] = [2.5, 0.0, 2.1, 7.8, 9.0, 1.4, 6.0];

    #[test]
    fn figures_agree_with_scikit_learn() {
        for (figure, expected) in [
            (root_mean_squared_error(&LABELS, &PREDICTIONS), 1.339509505112119),
            (mean_absolute_error(&LABELS, &PREDICTIONS), 0.9714285714285715),
            (
                mean_absolute_percentage_error(&LABELS, &PREDICTIONS),
                0.3306122448979592,
            ),
            (r_squared(&LABELS, &PREDICTIONS), 0.8730397111913357),
            (wape(&LABELS, &PREDICTIONS), 0.22666666666666668),
        ] {
            let figure = figure.unwrap();
            assert!((figure - expected).abs() < 1e-12, "{figure} is not {expected}");
        }
    }

    #[test]
    fn constant_labels_are_explained_only_by_meeting_them() {
        assert_eq!(r_squared(&[2.0, 2.0], &[2.0, 2.0]), Ok(1.0));
        assert_eq!(r_squared(&[2.0, 2.0], &[2.0, 2.1]), Ok(0.0));
    }

    #[test]
    fn what_has_no_value_is_an_error() {
        assert!(matches!(
            wape(&[0.0, 0.0], &[1.0, 0.0]),
            Err(CheckError::Undefined { .. })
        ));
        assert!(matches!(r_squared(&[1.0], &[1.0]), Err(CheckError::Undefined { .. })));
        assert_eq!(
            root_mean_squared_error(&[], &[]),
            Err(CheckError::Empty { what: "labels" })
        );
        assert!(matches!(
            mean_absolute_error(&[f64::NAN], &[1.0]),
            Err(CheckError::Value { .. })
        ));
        assert!(matches!(
            wape(&[1e308, 1e-300], &[-1e308, f64::INFINITY]),
            Err(CheckError::Value { .. })
        ));
    }
}
