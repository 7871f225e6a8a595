//! What any model has to beat: the mean, or one feature taken at its word.

use std::collections::BTreeMap;
use std::sync::Arc;

use cortex_training::onnx::{ModelNote, ScoreGraph};
use cortex_training::{Params, TrainedModel, Trainer, TrainingError, TrainingMatrix};

/// Always the mean of the labels: the base rate of a class, the average of a number.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mean;

impl Trainer for Mean {
    fn name(&self) -> &'static str {
        "mean"
    }

    fn check(&self, params: &BTreeMap<String, String>) -> Result<(), TrainingError> {
        Params::new(self.name(), params).finish()
    }

    fn train(
        &self,
        set: &TrainingMatrix,
        params: &BTreeMap<String, String>,
        _seed: u64,
    ) -> Result<TrainedModel, TrainingError> {
        self.check(params)?;
        let mean = mean(set.labels());
        let mut graph = ScoreGraph::new();
        let input = graph.input();
        let score = graph.same_for_each_row(&input, mean);
        let onnx = graph.finish(
            &score,
            &note(set, self.name(), "The mean of the labels, for every row."),
        );
        let columns = set.columns();
        let native = Arc::new(move |rows: &[f64]| vec![mean; rows.len() / columns]);
        Ok(TrainedModel {
            onnx,
            native,
            facts: BTreeMap::from([("mean".to_owned(), mean)]),
        })
    }
}

/// One feature times a factor, such as the units of the last 28 days times 0.25 for the next 7: a moving average. Where
/// the feature is missing, the mean of the labels.
///
/// Parameters: `feature` (`view:feature`, required), `factor` (1).
#[derive(Clone, Copy, Debug, Default)]
pub struct MovingAverage;

impl MovingAverage {
    fn read(params: &BTreeMap<String, String>) -> Result<(String, f64), TrainingError> {
        let params = Params::new("moving-average", params);
        let factor = params.number("factor", 1.0, -1e9..=1e9)?;
        let feature = params.text("feature").map(str::to_owned);
        params.finish()?;
        let feature = feature.ok_or_else(|| refuse("it needs the parameter 'feature', a view:feature".to_owned()))?;
        Ok((feature, factor))
    }
}

impl Trainer for MovingAverage {
    fn name(&self) -> &'static str {
        "moving-average"
    }

    fn check(&self, params: &BTreeMap<String, String>) -> Result<(), TrainingError> {
        Self::read(params).map(drop)
    }

    fn train(
        &self,
        set: &TrainingMatrix,
        params: &BTreeMap<String, String>,
        _seed: u64,
    ) -> Result<TrainedModel, TrainingError> {
        let (feature, factor) = Self::read(params)?;
        let column = set.features().iter().position(|name| *name == feature).ok_or_else(|| {
            refuse(format!(
                "there is no feature '{feature}'; the pipeline has {}",
                set.features().join(", ")
            ))
        })?;
        let mean = mean(set.labels());

        let mut graph = ScoreGraph::new();
        let input = graph.input();
        let chosen = graph.column(&input, column);
        let times = graph.constant(&[1, 1], &[factor]);
        let scaled = graph.apply("Mul", &[&chosen, &times]);
        let score = graph.known_or(&scaled, &[mean]);
        let onnx = graph.finish(&score, &note(set, self.name(), "One feature times a factor."));

        let columns = set.columns();
        let native = Arc::new(move |rows: &[f64]| {
            let known = |scaled: f64| if scaled.is_nan() { mean } else { scaled };
            rows.chunks_exact(columns)
                .map(|row| known(row[column] * factor))
                .collect()
        });
        Ok(TrainedModel {
            onnx,
            native,
            facts: BTreeMap::new(),
        })
    }
}

fn refuse(detail: String) -> TrainingError {
    TrainingError::Param {
        trainer: "moving-average".to_owned(),
        detail,
    }
}

fn note(set: &TrainingMatrix, name: &str, doc: &str) -> ModelNote {
    ModelNote {
        name: name.to_owned(),
        doc: doc.to_owned(),
        features: set.features().to_vec(),
    }
}

fn mean(labels: &[f64]) -> f64 {
    labels.iter().sum::<f64>() / labels.len() as f64
}
