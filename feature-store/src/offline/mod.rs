//! Features and labels over the lake, as of any instant.

mod bronze;
mod frame;
mod labels;
mod training_sets;

pub use bronze::{Bronze, BronzeBounds};
pub use frame::{EntityRows, FeatureFrame};
pub use labels::{LabelAggregate, LabelSpec};
pub use training_sets::TrainingSets;

#[cfg(test)]
mod tests;
