//! A trainer and a scorer that fit in a few lines.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use cortex_registry::{RegistryError, Scorer};
use cortex_training::{TrainedModel, Trainer, TrainingError, TrainingMatrix};

/// Says the base rate of each value of the first feature; or, as `constant`, always its parameter `score`.
#[derive(Debug)]
pub struct Toy {
    pub name: &'static str,
    pub trained: Arc<AtomicUsize>,
    /// Added to what the file says, but not to what the trainer says.
    pub lie: f64,
}

/// The toy's file is text: `value=score` for each value of the first feature, the first for all others.
fn toy_scores(file: &str, rows: &[f64], columns: usize) -> Vec<f64> {
    let table: Vec<(f64, f64)> = file
        .split(';')
        .filter_map(|entry| entry.split_once('='))
        .map(|(value, score)| (value.parse().unwrap(), score.parse().unwrap()))
        .collect();
    let score = |row: &[f64]| table.iter().find(|(value, _)| *value == row[0]).unwrap_or(&table[0]).1;
    rows.chunks_exact(columns).map(score).collect()
}

impl Trainer for Toy {
    fn name(&self) -> &str {
        self.name
    }

    fn check(&self, params: &BTreeMap<String, String>) -> Result<(), TrainingError> {
        let params = cortex_training::Params::new(self.name, params);
        params.number("score", 0.5, 0.0..=1.0)?;
        params.finish()
    }

    fn train(
        &self,
        set: &TrainingMatrix,
        params: &BTreeMap<String, String>,
        _: u64,
    ) -> Result<TrainedModel, TrainingError> {
        self.trained.fetch_add(1, Ordering::SeqCst);
        let columns = set.columns();
        let mut seen: BTreeMap<i64, (f64, f64)> = BTreeMap::new();
        for (value, label) in set.column(0).zip(set.labels()).filter(|(value, _)| !value.is_nan()) {
            let (sum, count) = seen.entry(value as i64).or_default();
            *sum += label;
            *count += 1.0;
        }
        let file = |lie: f64| match params.get("score") {
            Some(score) => format!("-1={score}"),
            None => {
                let entries = seen
                    .iter()
                    .map(|(value, (sum, count))| format!("{value}={}", sum / count + lie));
                entries.collect::<Vec<_>>().join(";")
            }
        };
        let honest = file(0.0);
        let native = Arc::new(move |rows: &[f64]| toy_scores(&honest, rows, columns));
        Ok(TrainedModel {
            onnx: file(self.lie).into_bytes(),
            native,
            facts: BTreeMap::new(),
        })
    }
}

#[derive(Debug)]
pub struct ToyScorer;

#[async_trait]
impl Scorer for ToyScorer {
    async fn score(&self, onnx: &[u8], rows: &[f64], columns: usize) -> Result<Vec<f64>, RegistryError> {
        Ok(toy_scores(std::str::from_utf8(onnx).unwrap(), rows, columns))
    }
}
