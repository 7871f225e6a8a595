//! What a trainer gets to see.

use std::collections::BTreeSet;

use cortex_registry::Task;

use crate::TrainingError;

/// Rows of features with the label of each, checked once so that no trainer has to.
///
/// Holds: at least one row and one feature; every value finite or NaN (missing); at least one value at all; labels
/// finite, and for [`Task::BinaryClassification`] 0 or 1 with both present.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingMatrix {
    task: Task,
    features: Vec<String>,
    /// Row-major, `rows * features`.
    values: Vec<f64>,
    labels: Vec<f64>,
}

impl TrainingMatrix {
    /// `features` are the `view:feature` names of the columns; `values` is row-major with NaN for missing.
    pub fn new(task: Task, features: Vec<String>, values: Vec<f64>, labels: Vec<f64>) -> Result<Self, TrainingError> {
        if features.is_empty() || labels.is_empty() || values.len() != features.len() * labels.len() {
            let shape = format!(
                "{} features, {} labels, {} values",
                features.len(),
                labels.len(),
                values.len()
            );
            return Err(TrainingError::Shape(shape));
        }
        check_values(&features, &values)?;
        check_labels(task, &labels)?;
        Ok(Self {
            task,
            features,
            values,
            labels,
        })
    }

    #[must_use]
    pub fn task(&self) -> Task {
        self.task
    }

    #[must_use]
    pub fn features(&self) -> &[String] {
        &self.features
    }

    #[must_use]
    pub fn columns(&self) -> usize {
        self.features.len()
    }

    #[must_use]
    pub fn rows(&self) -> usize {
        self.labels.len()
    }

    #[must_use]
    pub fn labels(&self) -> &[f64] {
        &self.labels
    }

    /// Row-major.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    #[must_use]
    pub fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.columns()..(row + 1) * self.columns()]
    }

    pub fn column(&self, column: usize) -> impl Iterator<Item = f64> + '_ {
        self.values.iter().skip(column).step_by(self.columns()).copied()
    }

    /// Columns without a single value: a model must not look at them, and a person should know.
    #[must_use]
    pub fn empty_columns(&self) -> BTreeSet<usize> {
        (0..self.columns())
            .filter(|&column| self.column(column).all(f64::is_nan))
            .collect()
    }
}

fn check_values(features: &[String], values: &[f64]) -> Result<(), TrainingError> {
    let columns = features.len();
    if let Some(at) = values.iter().position(|value| value.is_infinite()) {
        return Err(TrainingError::InfiniteFeature {
            feature: features[at % columns].clone(),
            row: at / columns,
        });
    }
    if values.iter().all(|value| value.is_nan()) {
        return Err(TrainingError::NoFeatureValues {
            features: columns,
            rows: values.len() / columns,
        });
    }
    Ok(())
}

fn check_labels(task: Task, labels: &[f64]) -> Result<(), TrainingError> {
    let (valid, expected): (fn(f64) -> bool, _) = match task {
        Task::BinaryClassification => (|label| label == 0.0 || label == 1.0, "0 or 1"),
        Task::Regression => (f64::is_finite, "a finite number"),
    };
    if let Some(row) = labels.iter().position(|&label| !valid(label)) {
        return Err(TrainingError::Label {
            row,
            value: labels[row],
            expected,
        });
    }
    if task == Task::BinaryClassification && labels.iter().all(|&label| label == labels[0]) {
        return Err(TrainingError::SingleClass {
            rows: labels.len(),
            value: labels[0],
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use cortex_types::{Coded, ErrorCode};

    use super::*;

    fn matrix(task: Task, values: &[f64], labels: &[f64]) -> Result<TrainingMatrix, TrainingError> {
        TrainingMatrix::new(task, vec!["v:a".into(), "v:b".into()], values.to_vec(), labels.to_vec())
    }

    #[test]
    fn labels_of_one_class_teach_nothing() {
        let error = matrix(Task::BinaryClassification, &[1.0, 2.0, 3.0, 4.0], &[1.0, 1.0]).unwrap_err();
        assert!(matches!(error, TrainingError::SingleClass { rows: 2, .. }));
        assert_eq!(error.code(), ErrorCode::InvalidArgument);
    }

    #[test]
    fn a_label_that_is_not_a_number_names_its_row() {
        let error = matrix(Task::Regression, &[1.0, 2.0, 3.0, 4.0], &[1.0, f64::NAN]).unwrap_err();
        assert!(matches!(error, TrainingError::Label { row: 1, .. }));
    }

    #[test]
    fn an_infinite_feature_names_itself() {
        let error = matrix(Task::Regression, &[1.0, 2.0, 3.0, f64::INFINITY], &[1.0, 2.0]).unwrap_err();
        assert!(error.to_string().contains("v:b is infinite in row 1"));
    }

    #[test]
    fn features_without_any_value_are_refused_and_one_empty_column_is_named() {
        let nan = f64::NAN;
        assert!(matches!(
            matrix(Task::Regression, &[nan; 4], &[1.0, 2.0]),
            Err(TrainingError::NoFeatureValues { .. })
        ));
        let some = matrix(Task::Regression, &[1.0, nan, 2.0, nan], &[1.0, 2.0]).unwrap();
        assert_eq!(some.empty_columns(), BTreeSet::from([1]));
    }
}
