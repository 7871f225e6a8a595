//! The training loop.

use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::{AdamW, Optimizer, ParamsAdamW};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// How long and how fast to learn.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    pub epochs: usize,
    pub batch_rows: usize,
    pub learning_rate: f64,
    pub weight_decay: f64,
}

/// Scaled rows, row-major, with the scaled target of each.
#[derive(Debug)]
pub struct Rows<'a> {
    pub values: &'a [f64],
    pub targets: &'a [f64],
    pub columns: usize,
    /// Whether targets are classes: then the loss is the cross-entropy of log-odds, otherwise the squared error.
    pub logistic: bool,
}

pub struct Trained {
    /// Weights `[inputs, outputs]` and biases `[1, outputs]` of each layer.
    pub layers: Vec<(Tensor, Tensor)>,
    /// Mean loss of the last epoch.
    pub loss: f64,
}

pub fn fit(rows: &Rows<'_>, hidden: usize, schedule: Schedule, seed: u64, device: &Device) -> Result<Trained> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let layers = [(rows.columns, hidden), (hidden, hidden), (hidden, 1)]
        .into_iter()
        .map(|(inputs, outputs)| random_layer(inputs, outputs, &mut random, device))
        .collect::<Result<Vec<_>>>()?;
    let vars = layers
        .iter()
        .flat_map(|(weights, biases)| [weights.clone(), biases.clone()])
        .collect();
    let params = ParamsAdamW {
        lr: schedule.learning_rate,
        weight_decay: schedule.weight_decay,
        ..ParamsAdamW::default()
    };
    let mut optimizer = AdamW::new(vars, params)?;

    let mut order: Vec<usize> = (0..rows.targets.len()).collect();
    let mut loss = f64::NAN;
    for _ in 0..schedule.epochs {
        order.shuffle(&mut random);
        let mut total = 0.0;
        for batch in order.chunks(schedule.batch_rows) {
            let batch_loss = rows.loss(&layers, batch, device)?;
            optimizer.backward_step(&batch_loss)?;
            total += batch_loss.to_scalar::<f64>()? * batch.len() as f64;
        }
        loss = total / order.len() as f64;
    }
    let layers = layers
        .iter()
        .map(|(weights, biases)| (weights.as_detached_tensor(), biases.as_detached_tensor()));
    Ok(Trained {
        layers: layers.collect(),
        loss,
    })
}

/// Weights after He et al. (2015): normal with variance 2 / inputs, which keeps the signal through ReLU.
fn random_layer(inputs: usize, outputs: usize, random: &mut ChaCha8Rng, device: &Device) -> Result<(Var, Var)> {
    let deviation = (2.0 / inputs as f64).sqrt();
    let weights: Vec<f64> = (0..inputs * outputs)
        .map(|_| deviation * standard_normal(random))
        .collect();
    let weights = Tensor::from_vec(weights, (inputs, outputs), device)?;
    let biases = Tensor::zeros((1, outputs), DType::F64, device)?;
    Ok((Var::from_tensor(&weights)?, Var::from_tensor(&biases)?))
}

/// Box and Muller's transform of two uniform numbers.
fn standard_normal(random: &mut ChaCha8Rng) -> f64 {
    let radius = (-2.0 * (1.0 - random.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * random.random::<f64>()).cos()
}

impl Rows<'_> {
    fn loss(&self, layers: &[(Var, Var)], batch: &[usize], device: &Device) -> Result<Tensor> {
        let values: Vec<f64> = batch.iter().flat_map(|&row| self.row(row)).copied().collect();
        let targets: Vec<f64> = batch.iter().map(|&row| self.targets[row]).collect();
        let values = Tensor::from_vec(values, (batch.len(), self.columns), device)?;
        let targets = Tensor::from_vec(targets, (batch.len(), 1), device)?;
        let raw = forward(layers, values)?;
        if self.logistic {
            cross_entropy(&raw, &targets)
        } else {
            raw.sub(&targets)?.sqr()?.mean_all()
        }
    }

    fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.columns..(row + 1) * self.columns]
    }
}

fn forward(layers: &[(Var, Var)], values: Tensor) -> Result<Tensor> {
    let mut values = values;
    for (number, (weights, biases)) in layers.iter().enumerate() {
        values = values.matmul(weights)?.broadcast_add(biases)?;
        if number + 1 < layers.len() {
            values = values.relu()?;
        }
    }
    Ok(values)
}

/// `max(z, 0) - z·y + ln(1 + exp(-|z|))`: the form that neither overflows nor takes the logarithm of 0.
fn cross_entropy(log_odds: &Tensor, classes: &Tensor) -> Result<Tensor> {
    let tail = (log_odds.abs()?.neg()?.exp()? + 1.0)?.log()?;
    ((log_odds.relu()? - log_odds.mul(classes)?)? + tail)?.mean_all()
}
