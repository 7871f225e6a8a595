//! A small network (`candle`): two hidden layers, everything it does to its input inside the ONNX graph.
//!
//! Trained and exported in double, so that the file agrees with the trainer to the last few bits; at this size single
//! precision would be hardly faster on a CPU. Deterministic: weights, order of rows and arithmetic follow from the seed.

mod fit;
mod input;
mod layers;

use std::collections::BTreeMap;
use std::sync::Arc;

use candle_core::Device;
use cortex_registry::Task;
use cortex_training::onnx::{ModelNote, ScoreGraph};
use cortex_training::{Params, TrainedModel, Trainer, TrainingError, TrainingMatrix};

use crate::link::Link;
use fit::Schedule;
use input::InputScale;
use layers::{Layers, OutputScale};

const NAME: &str = "network";

/// A multilayer perceptron with ReLU, trained by Adam on mini-batches.
///
/// Parameters: `hidden` (32; width of both hidden layers), `epochs` (30), `batch` (256 rows), `learning_rate` (0.001),
/// `weight_decay` (0.01), `device` (`cpu`), and for regression `target` (`plain` or `log1p`).
#[derive(Clone, Copy, Debug, Default)]
pub struct Network;

struct Settings {
    hidden: usize,
    schedule: Schedule,
    link: Link,
}

impl Settings {
    fn read(params: &BTreeMap<String, String>, task: Task) -> Result<Self, TrainingError> {
        let params = Params::new(NAME, params);
        params.choice("device", &["cpu"])?;
        let schedule = Schedule {
            epochs: params.number("epochs", 30, 1..=10_000)?,
            batch_rows: params.number("batch", 256, 1..=1_000_000)?,
            learning_rate: params.number("learning_rate", 1e-3, 1e-6..=1.0)?,
            weight_decay: params.number("weight_decay", 0.01, 0.0..=1.0)?,
        };
        let hidden = params.number("hidden", 32, 1..=4096)?;
        let link = Link::chosen(task, &params)?;
        params.finish()?;
        Ok(Self { hidden, schedule, link })
    }
}

impl Trainer for Network {
    fn name(&self) -> &'static str {
        NAME
    }

    fn check(&self, params: &BTreeMap<String, String>) -> Result<(), TrainingError> {
        Settings::read(params, Task::Regression).map(drop)
    }

    fn train(
        &self,
        set: &TrainingMatrix,
        params: &BTreeMap<String, String>,
        seed: u64,
    ) -> Result<TrainedModel, TrainingError> {
        let settings = Settings::read(params, set.task())?;
        let link = settings.link;
        let targets = link.targets(set.labels())?;
        let input = InputScale::of(set);
        let output = OutputScale::of(link, &targets);
        let (layers, loss) =
            train(set, &settings, &input, output, &targets, seed).map_err(|error| TrainingError::Failed {
                trainer: NAME.to_owned(),
                detail: error.to_string(),
            })?;
        if !loss.is_finite() {
            let detail = "the loss is no longer a number: lower the learning_rate".to_owned();
            return Err(TrainingError::Failed {
                trainer: NAME.to_owned(),
                detail,
            });
        }
        let onnx = export(&layers, &input, link, set);
        let native = Arc::new(move |rows: &[f64]| {
            let raw = layers.forward(&input.scaled(rows));
            raw.into_iter().map(|raw| link.score(raw)).collect()
        });
        Ok(TrainedModel {
            onnx,
            native,
            facts: BTreeMap::from([("loss".to_owned(), loss)]),
        })
    }
}

fn train(
    set: &TrainingMatrix,
    settings: &Settings,
    input: &InputScale,
    output: OutputScale,
    targets: &[f64],
    seed: u64,
) -> candle_core::Result<(Layers, f64)> {
    // The one place that decides where it runs; a build with CUDA chooses here.
    let device = Device::Cpu;
    let targets: Vec<f64> = targets.iter().map(|target| output.scaled(*target)).collect();
    let logistic = settings.link == Link::Logistic;
    let weights = fit::fit(
        &fit::Rows {
            values: &input.scaled(set.values()),
            targets: &targets,
            columns: set.columns(),
            logistic,
        },
        settings.hidden,
        settings.schedule,
        seed,
        &device,
    )?;
    Ok((Layers::from_trained(&weights.layers, output)?, weights.loss))
}

fn export(layers: &Layers, input: &InputScale, link: Link, set: &TrainingMatrix) -> Vec<u8> {
    let mut graph = ScoreGraph::new();
    let features = graph.input();
    let scaled = input.add_to(&mut graph, &features);
    let raw = layers.add_to(&mut graph, &scaled);
    let score = link.add_to(&mut graph, &raw);
    let note = ModelNote {
        name: NAME.to_owned(),
        doc: format!(
            "A network with {} weights over {} features.",
            layers.weights(),
            set.columns()
        ),
        features: set.features().to_vec(),
    };
    graph.finish(&score, &note)
}
