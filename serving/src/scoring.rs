//! The shape of the models that Cortex trains: `features` `FP64 [-1, n]` in, `score` `FP64 [-1, 1]` out.

use crate::{ServingError, Tensor};

pub const FEATURES_INPUT: &str = "features";
pub const SCORE_OUTPUT: &str = "score";

/// Row-major feature rows as a model's input; NaN is a missing value.
pub fn feature_tensor(rows: &[f64], columns: usize) -> Result<Tensor, ServingError> {
    let count = rows.len().checked_div(columns).unwrap_or(0);
    let shape = [count, columns].map(|size| i64::try_from(size).unwrap_or(i64::MAX));
    Tensor::from_f64(FEATURES_INPUT, shape.to_vec(), rows)
}

/// One finite score per row, from outputs of which one is [`SCORE_OUTPUT`].
pub fn scores_of(outputs: &[Tensor], rows: usize) -> Result<Vec<f64>, ServingError> {
    let output = outputs
        .iter()
        .find(|output| output.name() == SCORE_OUTPUT)
        .ok_or_else(|| ServingError::Inference(format!("the model gave no output '{SCORE_OUTPUT}'")))?;
    let scores = output.to_f64()?;
    if scores.len() != rows {
        return Err(ServingError::Inference(format!(
            "the model gave {} scores for {rows} rows",
            scores.len()
        )));
    }
    match scores.iter().find(|score| !score.is_finite()) {
        Some(score) => Err(ServingError::Inference(format!("the model gave {score} as a score"))),
        None => Ok(scores),
    }
}
