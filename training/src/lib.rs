//! From a declaration to a registered model.
//!
//! A [`Pipeline`] (YAML) says what is to be foretold, for whom, from which features, and how to judge it. [`Pipelines`]
//! runs it as of an instant: point-in-time rows and the model's own decisions become a training set in the lake, a
//! [`Trainer`] learns, its ONNX file is checked against it and judged on later time, and the registry gets the version
//! with its lineage and the rows that its gate will score.
//!
//! This crate never looks past the instant it trains as of, never promotes a model, and never runs ONNX itself.

pub mod declaration;

pub mod dataset;
mod matrix;

mod params;
mod trainer;

pub mod onnx;
pub mod run;

mod error;

pub use declaration::{Pipeline, PipelineDefinitions};
pub use error::TrainingError;
pub use matrix::TrainingMatrix;
pub use params::Params;
pub use run::{PipelineSetup, Pipelines, StageCache, TrainingReport};
pub use trainer::{NativeScore, TrainedModel, Trainer, Trainers};
