//! How good scores are.

use std::collections::BTreeMap;

use cortex_checks::Metric;
use cortex_registry::Task;

/// From which score on the class is taken to be positive, for metrics that need a class.
const THRESHOLD: f64 = 0.5;

const CLASSIFICATION: [Metric; 5] = [
    Metric::RocAuc,
    Metric::AveragePrecision,
    Metric::LogLoss,
    Metric::Brier,
    Metric::CalibrationError,
];
const REGRESSION: [Metric; 4] = [Metric::Rmse, Metric::Mae, Metric::Wape, Metric::R2];

/// Every metric of the task that can be computed: rows of one class have no ROC curve, and nothing sold has no WAPE.
#[must_use]
pub fn metrics(task: Task, chosen: Metric, labels: &[f64], scores: &[f64]) -> BTreeMap<String, f64> {
    let of_task: &[Metric] = match task {
        Task::BinaryClassification => &CLASSIFICATION,
        Task::Regression => &REGRESSION,
    };
    let wanted = of_task
        .iter()
        .copied()
        .filter(|metric| *metric != chosen)
        .chain([chosen]);
    wanted
        .filter_map(|metric| Some((metric.to_string(), compute(metric, labels, scores)?)))
        .collect()
}

#[must_use]
pub fn compute(metric: Metric, labels: &[f64], scores: &[f64]) -> Option<f64> {
    metric.compute(labels, scores, THRESHOLD).ok()
}
