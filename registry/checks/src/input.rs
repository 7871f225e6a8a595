//! What every check asks of its input before it computes anything.

use crate::CheckError;

pub(crate) fn same_length(left: (&'static str, usize), right: (&'static str, usize)) -> Result<(), CheckError> {
    if left.1 != right.1 {
        return Err(CheckError::Length {
            left: left.0,
            left_len: left.1,
            right: right.0,
            right_len: right.1,
        });
    }
    if left.1 == 0 {
        return Err(CheckError::Empty { what: left.0 });
    }
    Ok(())
}

pub(crate) fn each(
    what: &'static str,
    values: &[f64],
    expected: &'static str,
    holds: impl Fn(f64) -> bool,
) -> Result<(), CheckError> {
    match values.iter().position(|value| !holds(*value)) {
        None => Ok(()),
        Some(index) => Err(CheckError::Value {
            what,
            index,
            value: values[index],
            expected,
        }),
    }
}

/// As many labels as scores, at least one; labels 0 or 1, scores finite.
pub(crate) fn binary(labels: &[f64], scores: &[f64]) -> Result<(), CheckError> {
    same_length(("labels", labels.len()), ("scores", scores.len()))?;
    each("labels", labels, "a class is 0 or 1", |label| {
        label == 0.0 || label == 1.0
    })?;
    each("scores", scores, "it must be finite", f64::is_finite)
}

/// As [`binary`], and every score a probability.
pub(crate) fn probabilities(labels: &[f64], scores: &[f64]) -> Result<(), CheckError> {
    binary(labels, scores)?;
    each("scores", scores, "a probability is within 0 and 1", |score| {
        (0.0..=1.0).contains(&score)
    })
}

/// As many labels as predictions, at least one, all of them finite.
pub(crate) fn numbers(labels: &[f64], predictions: &[f64]) -> Result<(), CheckError> {
    same_length(("labels", labels.len()), ("predictions", predictions.len()))?;
    each("labels", labels, "it must be finite", f64::is_finite)?;
    each("predictions", predictions, "it must be finite", f64::is_finite)
}
