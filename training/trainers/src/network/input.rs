//! What happens to a row before the first layer; natively and as ONNX operators.

use cortex_training::TrainingMatrix;
use cortex_training::onnx::{ScoreGraph, Value};

/// A value further out than this many standard deviations counts as this far: what was never seen must not shout.
const FAR: f64 = 8.0;

/// Squashes (`sign(x) · ln(1 + |x|)`, for money and counts have long tails), fills missing values with the mean of the
/// training rows, standardizes by mean and deviation, and bounds.
#[derive(Clone, Debug)]
pub struct InputScale {
    means: Vec<f64>,
    deviations: Vec<f64>,
}

impl InputScale {
    #[must_use]
    pub fn of(set: &TrainingMatrix) -> Self {
        let mut scale = Self {
            means: Vec::new(),
            deviations: Vec::new(),
        };
        for column in 0..set.columns() {
            let known: Vec<f64> = set
                .column(column)
                .filter(|value| !value.is_nan())
                .map(squashed)
                .collect();
            let (mean, deviation) = mean_and_deviation(&known);
            scale.means.push(mean);
            scale.deviations.push(deviation);
        }
        scale
    }

    /// Row-major in, row-major out, without missing values.
    #[must_use]
    pub fn scaled(&self, rows: &[f64]) -> Vec<f64> {
        let columns = self.means.len();
        let value = |(at, value): (usize, &f64)| {
            let (mean, deviation) = (self.means[at % columns], self.deviations[at % columns]);
            let squashed = squashed(*value);
            let known = if squashed.is_nan() { mean } else { squashed };
            ((known - mean) / deviation).clamp(-FAR, FAR)
        };
        rows.iter().enumerate().map(value).collect()
    }

    pub fn add_to(&self, graph: &mut ScoreGraph, features: &Value) -> Value {
        let columns = self.means.len();
        let one = graph.constant(&[], &[1.0]);
        let magnitude = graph.apply("Abs", &[features]);
        let shifted = graph.apply("Add", &[&magnitude, &one]);
        let logarithm = graph.apply("Log", &[&shifted]);
        let sign = graph.apply("Sign", &[features]);
        let squashed = graph.apply("Mul", &[&sign, &logarithm]);
        let known = graph.known_or(&squashed, &self.means);
        let means = graph.constant(&[1, columns], &self.means);
        let deviations = graph.constant(&[1, columns], &self.deviations);
        let centred = graph.apply("Sub", &[&known, &means]);
        let standardized = graph.apply("Div", &[&centred, &deviations]);
        let (least, most) = (graph.constant(&[], &[-FAR]), graph.constant(&[], &[FAR]));
        graph.apply("Clip", &[&standardized, &least, &most])
    }
}

fn squashed(value: f64) -> f64 {
    if value == 0.0 || value.is_nan() {
        value
    } else {
        value.signum() * (value.abs() + 1.0).ln()
    }
}

/// A column that never varies, or never has a value, gets deviation 1: it then says 0 for every row.
fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    if values.is_empty() {
        return (0.0, 1.0);
    }
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    let deviation = variance.sqrt();
    (mean, if deviation > 1e-9 { deviation } else { 1.0 })
}
