//! The file must say what the trainer says.

use cortex_registry::Scorer;
use serde::Serialize;

use crate::TrainingError;
use crate::dataset::{Examples, Split};

/// Largest difference between the trainer's score and the file's, relative where scores are above 1.
pub const AGREEMENT_TOLERANCE: f64 = 1e-6;

/// Rows that are compared besides the evaluation rows.
const TRAINING_PROBES_MAX: usize = 5_000;
/// Rows that get a hole each, so that every feature is missing somewhere.
const HOLES_MAX: usize = 512;

/// How well a file and its trainer agree.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Agreement {
    pub rows: usize,
    /// Largest difference, relative where scores are above 1.
    pub worst: f64,
}

/// Rows to compare on, row-major: those that judge first, then a sample of those that taught (whose values are the
/// thresholds of trees), then rows with a missing value each, and one with all missing.
#[must_use]
pub fn probes(examples: &Examples, split: &Split) -> Vec<f64> {
    let step = split.train.len().div_ceil(TRAINING_PROBES_MAX).max(1);
    let sample: Vec<usize> = split.train.iter().copied().step_by(step).collect();
    let mut probes = examples.values_of(&split.evaluation);
    probes.extend(examples.values_of(&sample));
    let width = examples.features.len();
    for (number, &row) in sample.iter().take(HOLES_MAX).enumerate() {
        let start = probes.len();
        probes.extend_from_slice(examples.row(row));
        probes[start + number % width] = f64::NAN;
    }
    probes.extend(std::iter::repeat_n(f64::NAN, width));
    probes
}

/// Scores `probes` with the file and compares with what the trainer said. Returns the file's scores;
/// [`TrainingError::Disagreement`] where any is further off than [`AGREEMENT_TOLERANCE`].
pub async fn check(
    scorer: &dyn Scorer,
    trainer: &str,
    onnx: &[u8],
    native: &[f64],
    probes: &[f64],
    columns: usize,
) -> Result<(Agreement, Vec<f64>), TrainingError> {
    let scores = scorer.score(onnx, probes, columns).await?;
    if scores.len() != native.len() {
        let shape = format!(
            "{} scores of the file for {} of the trainer",
            scores.len(),
            native.len()
        );
        return Err(TrainingError::Shape(shape));
    }
    let agreement = compare(trainer, native, &scores)?;
    Ok((agreement, scores))
}

fn compare(trainer: &str, native: &[f64], onnx: &[f64]) -> Result<Agreement, TrainingError> {
    // A score that is no number agrees with nothing.
    let off = |native: f64, onnx: f64| {
        let difference = (native - onnx).abs() / native.abs().max(1.0);
        if difference.is_nan() { f64::INFINITY } else { difference }
    };
    let differences: Vec<f64> = native
        .iter()
        .zip(onnx)
        .map(|(native, onnx)| off(*native, *onnx))
        .collect();
    let over = differences
        .iter()
        .filter(|difference| **difference > AGREEMENT_TOLERANCE)
        .count();
    let worst = differences.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
    match worst {
        Some((row, _)) if over > 0 => Err(TrainingError::Disagreement {
            trainer: trainer.to_owned(),
            row,
            native: native[row],
            onnx: onnx[row],
            over,
            rows: native.len(),
            tolerance: AGREEMENT_TOLERANCE,
        }),
        worst => Ok(Agreement {
            rows: native.len(),
            worst: worst.map_or(0.0, |(_, worst)| *worst),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_off_by_more_than_a_millionth_is_refused_with_its_worst_row() {
        let error = compare("t", &[0.5, 0.5, 1e6], &[0.5, 0.500_01, 1e6 + 0.5]).unwrap_err();
        assert!(
            matches!(
                error,
                TrainingError::Disagreement {
                    row: 1,
                    over: 1,
                    rows: 3,
                    ..
                }
            ),
            "{error}"
        );
        assert!(compare("t", &[0.5], &[f64::NAN]).is_err());
    }

    #[test]
    fn large_scores_agree_relatively() {
        let agreement = compare("t", &[1e9], &[1e9 + 1.0]).unwrap();
        assert!(agreement.worst > 0.0 && agreement.worst < AGREEMENT_TOLERANCE);
    }
}
