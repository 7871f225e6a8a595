//! Has a feature's distribution moved away from the one the model was trained on?

use serde::{Deserialize, Serialize};

use crate::{CheckError, histogram};

/// A population stability index from here on is drift.
pub const PSI_DRIFTED: f64 = 0.1;

/// How one feature compares with its reference.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeatureDrift {
    /// Population stability index of the values that are there; 0 is "the same".
    pub psi: f64,
    /// Share of the reference without a value (NaN and infinities count as missing), `0..=1`.
    pub missing_reference: f64,
    /// Share of the current rows without a value, `0..=1`.
    pub missing_current: f64,
}

impl FeatureDrift {
    #[must_use]
    pub fn drifted(&self) -> bool {
        self.psi >= PSI_DRIFTED
    }
}

/// Compares `current` with `reference`. Missing values are dropped first and reported as a share; a side that has no
/// value left is [`CheckError::Empty`].
pub fn drift(reference: &[f64], current: &[f64]) -> Result<FeatureDrift, CheckError> {
    let (reference, missing_reference) = present("the reference", reference)?;
    let (current, missing_current) = present("the current sample", current)?;
    let psi = population_stability_index(&reference, &current)?;
    Ok(FeatureDrift {
        psi,
        missing_reference,
        missing_current,
    })
}

/// `Σ (r − c) · ln(r / c)` over common bins of two non-empty samples of finite values: Sturges' bins over both together
/// where the reference has more than 20 distinct values, else one bin per value.
pub fn population_stability_index(reference: &[f64], current: &[f64]) -> Result<f64, CheckError> {
    for (what, values) in [("the reference", reference), ("the current sample", current)] {
        if values.is_empty() {
            return Err(CheckError::Empty { what });
        }
        crate::input::each(
            what,
            values,
            "it must be finite: drop missing values first",
            f64::is_finite,
        )?;
    }
    let shares = histogram::shares(reference, current)?;
    let (r, c) = (fill_empty(shares.reference), fill_empty(shares.current));
    Ok(r.iter().zip(&c).map(|(r, c)| (r - c) * (r / c).ln()).sum())
}

/// An empty bin would make the index infinite. It becomes 1e-4, or a millionth of the smallest share where that is not
/// above 1e-4 itself.
fn fill_empty(mut shares: Vec<f64>) -> Vec<f64> {
    let smallest = shares
        .iter()
        .copied()
        .filter(|share| *share > 0.0)
        .fold(f64::INFINITY, f64::min);
    let filler = if smallest <= 1e-4 { smallest / 1e6 } else { 1e-4 };
    for share in shares.iter_mut().filter(|share| **share == 0.0) {
        *share = filler;
    }
    shares
}

fn present(what: &'static str, values: &[f64]) -> Result<(Vec<f64>, f64), CheckError> {
    let present: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    if present.is_empty() {
        return Err(CheckError::Empty { what });
    }
    let missing = (values.len() - present.len()) as f64 / values.len() as f64;
    Ok((present, missing))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn psi_agrees_with_evidently() {
        // Values computed with NumPy by the formulas of Evidently 0.7 (`get_binned_data`, `_psi`).
        let spread = |n: i32, step: i32, modulus: i32, scale: f64, shift: f64| -> Vec<f64> {
            (0..n)
                .map(|k| f64::from((k * step) % modulus) / f64::from(modulus) * scale + shift)
                .collect()
        };
        let cases: [(&str, Vec<f64>, Vec<f64>, f64); 5] = [
            (
                "binned, moved a little",
                spread(500, 37, 211, 1.0, 0.0),
                spread(300, 41, 193, 0.9, 0.15),
                0.7698675761347562,
            ),
            (
                "binned, bins of one sample empty",
                spread(400, 37, 211, 1.0, 0.0),
                spread(256, 41, 193, 0.3, 2.0),
                16.195639177774474,
            ),
            (
                "categories",
                (0..200).map(|k| f64::from(k % 5)).collect(),
                (0..150).map(|k| f64::from((k * k) % 7)).collect(),
                1.6252802506671415,
            ),
            (
                "a rare value, whose share is below 1e-4",
                (0..12_000).map(|k| f64::from(u8::from(k == 0))).collect(),
                vec![0.0; 50],
                3.0456373470449505e-06,
            ),
            (
                "a power of two of rows",
                spread(64, 37, 211, 1.0, 0.0),
                spread(64, 41, 193, 1.0, 0.0),
                0.01178036382566747,
            ),
        ];
        for (case, reference, current, evidently) in cases {
            let psi = population_stability_index(&reference, &current).unwrap();
            assert!(
                (psi - evidently).abs() < 1e-12 * evidently.max(1.0),
                "{case}: {psi} is not {evidently}"
            );
        }
    }

    #[test]
    fn missing_values_are_a_share_and_not_a_bin() {
        let drift = drift(&[1.0, 2.0, f64::NAN, f64::INFINITY], &[1.0, 2.0]).unwrap();
        assert_eq!(
            drift,
            FeatureDrift {
                psi: 0.0,
                missing_reference: 0.5,
                missing_current: 0.0
            }
        );
        assert!(!drift.drifted());
    }

    #[test]
    fn a_feature_without_any_value_has_no_index() {
        assert_eq!(
            drift(&[f64::NAN], &[1.0]),
            Err(CheckError::Empty { what: "the reference" })
        );
        assert_eq!(
            drift(&[1.0], &[]),
            Err(CheckError::Empty {
                what: "the current sample"
            })
        );
        assert!(matches!(
            population_stability_index(&[f64::NAN], &[1.0]),
            Err(CheckError::Value { .. })
        ));
    }

    proptest! {
        #[test]
        fn psi_is_never_negative_and_zero_against_itself(
            reference in prop::collection::vec(-1e3..1e3_f64, 1..200),
            current in prop::collection::vec(-1e3..1e3_f64, 1..200),
        ) {
            prop_assert!(population_stability_index(&reference, &current).unwrap() >= 0.0);
            prop_assert_eq!(population_stability_index(&reference, &reference).unwrap(), 0.0);
        }

        #[test]
        fn psi_does_not_care_which_sample_is_called_the_reference(
            reference in prop::collection::vec(-1e3..1e3_f64, 40..200),
            current in prop::collection::vec(-1e3..1e3_f64, 40..200),
        ) {
            let there = population_stability_index(&reference, &current).unwrap();
            let back = population_stability_index(&current, &reference).unwrap();
            prop_assert!((there - back).abs() < 1e-9);
        }

        #[test]
        fn psi_does_not_care_about_the_order_of_rows(mut values in prop::collection::vec(-9..9_i32, 2..80)) {
            let as_floats = |v: &[i32]| v.iter().map(|x| f64::from(*x)).collect::<Vec<_>>();
            let reference = as_floats(&[1, 2, 3, 4, 5]);
            let before = population_stability_index(&reference, &as_floats(&values)).unwrap();
            values.reverse();
            prop_assert_eq!(before, population_stability_index(&reference, &as_floats(&values)).unwrap());
        }
    }
}
