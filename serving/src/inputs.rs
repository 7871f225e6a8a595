//! From online features to a model's input.

use std::collections::BTreeMap;
use std::sync::Arc;

use cortex_features::{FeatureRef, FeatureValue, OnlineRow};

use crate::{ReadyModel, ServingError};

/// The features that the versions in play need, each once: one read serves them all.
pub(crate) fn union_of_features<'a>(models: impl IntoIterator<Item = &'a ReadyModel>) -> Vec<FeatureRef> {
    let mut union: Vec<FeatureRef> = Vec::new();
    for feature in models.into_iter().flat_map(|model| &model.features) {
        if !union.contains(feature) {
            union.push(feature.clone());
        }
    }
    union
}

/// Where a version's columns stand in the rows that were read.
pub(crate) fn columns_of(model: &ReadyModel, read: &[FeatureRef]) -> Result<Vec<usize>, ServingError> {
    let place = |feature: &FeatureRef| {
        read.iter()
            .position(|other| other == feature)
            .ok_or_else(|| ServingError::Inference(format!("feature {feature} was not read")))
    };
    model.features.iter().map(place).collect()
}

/// One row of a model's input, appended to `rows`; a missing value is NaN.
pub(crate) fn push_row(
    rows: &mut Vec<f64>,
    row: &OnlineRow,
    columns: &[usize],
    model: &ReadyModel,
) -> Result<(), ServingError> {
    for (column, feature) in columns.iter().zip(&model.features) {
        let value = row.values.get(*column).unwrap_or(&FeatureValue::Null);
        let number = value.as_f64().ok_or_else(|| {
            ServingError::Invalid(format!(
                "feature {feature} is text, but model '{}' takes numbers",
                model.version.name
            ))
        })?;
        rows.push(number);
    }
    Ok(())
}

/// What the model saw, by `view:feature`, as it is remembered with the decision.
pub(crate) fn context_of(model: &ReadyModel, row: &OnlineRow, columns: &[usize]) -> BTreeMap<Arc<str>, FeatureValue> {
    let value = |column: &usize| row.values.get(*column).cloned().unwrap_or(FeatureValue::Null);
    let named = model.features.iter().zip(columns);
    named
        .map(|(feature, column)| (Arc::from(feature.to_string()), value(column)))
        .collect()
}
