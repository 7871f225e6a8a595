//! What is to be learned, declared in YAML: one file per pipeline in `definitions/pipelines/`.

mod label;
mod loading;
mod pipeline;

pub use label::{Label, LabelValue};
pub use loading::PipelineDefinitions;
pub use pipeline::{Choice, ExperienceRule, Group, Pipeline, PolicyRule, RowRule, SplitRule, TrainerChoice};
