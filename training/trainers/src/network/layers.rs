//! The trained layers, as plain numbers: what predicts natively and what goes into the file.

use candle_core::Tensor;
use cortex_training::onnx::{ScoreGraph, Value};

use crate::link::Link;

/// From the network's unit scale back to that of the target.
#[derive(Clone, Copy, Debug)]
pub struct OutputScale {
    mean: f64,
    deviation: f64,
}

impl OutputScale {
    /// Log-odds need no scale; a number is learned in units of its own deviation.
    #[must_use]
    pub fn of(link: Link, targets: &[f64]) -> Self {
        if link == Link::Logistic {
            return Self {
                mean: 0.0,
                deviation: 1.0,
            };
        }
        let count = targets.len().max(1) as f64;
        let mean = targets.iter().sum::<f64>() / count;
        let deviation = (targets.iter().map(|target| (target - mean).powi(2)).sum::<f64>() / count).sqrt();
        Self {
            mean,
            deviation: if deviation > 1e-9 { deviation } else { 1.0 },
        }
    }

    #[must_use]
    pub fn scaled(self, target: f64) -> f64 {
        (target - self.mean) / self.deviation
    }
}

#[derive(Clone, Debug)]
struct Dense {
    inputs: usize,
    outputs: usize,
    /// Row-major `[inputs, outputs]`.
    weights: Vec<f64>,
    biases: Vec<f64>,
}

/// Dense layers with ReLU between them and one output.
#[derive(Clone, Debug)]
pub struct Layers {
    dense: Vec<Dense>,
    output: OutputScale,
}

impl Layers {
    /// `trained` holds each layer's weights `[inputs, outputs]` and biases `[1, outputs]`.
    pub fn from_trained(trained: &[(Tensor, Tensor)], output: OutputScale) -> candle_core::Result<Self> {
        let dense = trained.iter().map(|(weights, biases)| {
            let (inputs, outputs) = weights.dims2()?;
            let (weights, biases) = (weights.flatten_all()?.to_vec1()?, biases.flatten_all()?.to_vec1()?);
            Ok(Dense {
                inputs,
                outputs,
                weights,
                biases,
            })
        });
        Ok(Self {
            dense: dense.collect::<candle_core::Result<_>>()?,
            output,
        })
    }

    #[must_use]
    pub fn weights(&self) -> usize {
        self.dense
            .iter()
            .map(|layer| layer.weights.len() + layer.biases.len())
            .sum()
    }

    /// Raw scores for row-major scaled rows.
    #[must_use]
    pub fn forward(&self, scaled: &[f64]) -> Vec<f64> {
        let mut values = scaled.to_vec();
        for (number, layer) in self.dense.iter().enumerate() {
            values = layer.forward(&values);
            if number + 1 < self.dense.len() {
                values.iter_mut().for_each(|value| *value = value.max(0.0));
            }
        }
        values
            .iter()
            .map(|value| value * self.output.deviation + self.output.mean)
            .collect()
    }

    pub fn add_to(&self, graph: &mut ScoreGraph, scaled: &Value) -> Value {
        let mut value = scaled.clone();
        for (number, layer) in self.dense.iter().enumerate() {
            let weights = graph.constant(&[layer.inputs, layer.outputs], &layer.weights);
            let biases = graph.constant(&[1, layer.outputs], &layer.biases);
            let product = graph.apply("MatMul", &[&value, &weights]);
            value = graph.apply("Add", &[&product, &biases]);
            if number + 1 < self.dense.len() {
                value = graph.apply("Relu", &[&value]);
            }
        }
        let (deviation, mean) = (
            graph.constant(&[], &[self.output.deviation]),
            graph.constant(&[], &[self.output.mean]),
        );
        let spread = graph.apply("Mul", &[&value, &deviation]);
        graph.apply("Add", &[&spread, &mean])
    }
}

impl Dense {
    fn forward(&self, rows: &[f64]) -> Vec<f64> {
        let mut results = Vec::with_capacity(rows.len() / self.inputs * self.outputs);
        for row in rows.chunks_exact(self.inputs) {
            let mut sums = self.biases.clone();
            for (value, weights) in row.iter().zip(self.weights.chunks_exact(self.outputs)) {
                sums.iter_mut()
                    .zip(weights)
                    .for_each(|(sum, weight)| *sum += value * weight);
            }
            results.append(&mut sums);
        }
        results
    }
}
