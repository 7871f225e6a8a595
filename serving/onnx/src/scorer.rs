//! The registry's side: evidence is computed by the runtime that will serve the model.

use async_trait::async_trait;
use cortex_registry::{RegistryError, Scorer};
use cortex_serving::{LoadedModel, SCORE_OUTPUT, ServingError, feature_tensor, scores_of};
use cortex_types::{Coded, ErrorKind};

use crate::OnnxRuntime;

/// What a file that is scored before it has a name is called in errors.
const CANDIDATE: &str = "the model to be scored";

/// Rows per run: a whole evaluation set in one tensor would be held in memory several times over.
const ROWS_PER_RUN: usize = 16_384;

#[async_trait]
impl Scorer for OnnxRuntime {
    async fn score(&self, onnx: &[u8], rows: &[f64], columns: usize) -> Result<Vec<f64>, RegistryError> {
        if columns == 0 || !rows.len().is_multiple_of(columns) {
            let message = format!("{} values are not rows of {columns} columns", rows.len());
            return Err(RegistryError::Invalid(message));
        }
        let model = self.open_sessions(CANDIDATE, onnx, 1).await.map_err(registry_error)?;
        let mut scores = Vec::with_capacity(rows.len() / columns);
        for run in rows.chunks(ROWS_PER_RUN * columns) {
            let features = feature_tensor(run, columns).map_err(registry_error)?;
            let inference = model
                .infer(vec![features], &[SCORE_OUTPUT.to_owned()])
                .await
                .map_err(registry_error)?;
            scores.extend(scores_of(&inference.outputs, run.len() / columns).map_err(registry_error)?);
        }
        Ok(scores)
    }
}

fn registry_error(error: ServingError) -> RegistryError {
    match error {
        ServingError::CorruptModel { model, detail } => RegistryError::CorruptModel { model, detail },
        ServingError::RuntimeMissing(detail) => RegistryError::RuntimeMissing(detail),
        other if other.code().kind() == ErrorKind::Invalid => RegistryError::Invalid(other.to_string()),
        other => RegistryError::Storage {
            what: "the model's scores".to_owned(),
            source: Box::new(other),
        },
    }
}
