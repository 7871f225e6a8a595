//! Whether a probability of 30 % comes true in 30 % of the cases.

use crate::{CheckError, input};

/// Expected calibration error (Naeini 2015, Guo 2017): over `bins` equally wide bins `((b-1)/bins, b/bins]` of the
/// probability (0 belongs to the first), the distance of mean probability and share of positives, weighted by rows.
pub fn expected_calibration_error(labels: &[f64], probabilities: &[f64], bins: usize) -> Result<f64, CheckError> {
    input::probabilities(labels, probabilities)?;
    if bins == 0 {
        return Err(CheckError::Parameter("calibration needs at least one bin".to_owned()));
    }
    let mut sums = vec![0.0_f64; bins];
    for (label, p) in labels.iter().zip(probabilities) {
        let bin = (p * bins as f64).ceil() as usize;
        sums[bin.clamp(1, bins) - 1] += p - label;
    }
    // |mean p − mean label| · rows/n of a bin is |Σ(p − label)| / n: the bin's own count cancels.
    Ok(sums.iter().map(|sum| sum.abs()).sum::<f64>() / labels.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forecast_that_comes_true_as_often_as_it_says_is_calibrated() {
        let labels = [1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0];
        let calibrated = [0.25, 0.25, 0.25, 0.25, 0.75, 0.75, 0.75, 0.75];
        assert!(expected_calibration_error(&labels, &calibrated, 10).unwrap() < 1e-12);
        let boastful = [0.25, 0.25, 0.25, 0.25, 1.0, 1.0, 1.0, 1.0];
        assert!((expected_calibration_error(&labels, &boastful, 10).unwrap() - 0.125).abs() < 1e-12);
    }

    #[test]
    fn the_edges_of_the_scale_have_a_bin() {
        assert_eq!(expected_calibration_error(&[0.0, 1.0], &[0.0, 1.0], 10), Ok(0.0));
        assert!(expected_calibration_error(&[0.0], &[0.5], 0).is_err());
    }
}
