//! Serving: from a request to a score, with the decision remembered.
//!
//! [`Serving`] is what the APIs call. Its [`ModelRepository`] loads versions from the registry through the
//! [`ModelRuntime`] port; the [`router`] splits traffic between a champion and a canary (weighted, sticky by route
//! key); "predict for this entity" fetches the features itself, and every such answer carries a decision id that the
//! [`DecisionLog`] has stored together with its context and propensity.
//!
//! This crate never imports `training`: it sees only the registry. It never names ONNX Runtime.

mod config;
mod decision;
mod error;
mod inputs;
#[cfg(any(test, feature = "memory"))]
pub mod memory;
mod policy;
mod prediction;
mod repository;
pub mod router;
mod runtime;
mod scoring;
mod service;
mod signature;
mod statistics;
mod tensor;

#[cfg(test)]
mod tests;

pub use config::ServingConfig;
pub use decision::{Arm, Decision, DecisionLog};
pub use error::ServingError;
pub use policy::Policy;
pub use prediction::{EntityRequest, Prediction};
pub use repository::{IndexEntry, ModelRepository, ModelState, ReadyModel};
pub use router::{Route, Split};
pub use runtime::{Inference, LoadedModel, ModelRuntime, Timing};
pub use scoring::{FEATURES_INPUT, SCORE_OUTPUT, feature_tensor, scores_of};
pub use service::{InferRequest, InferResponse, Serving};
pub use signature::{check_inputs, select_outputs};
pub use statistics::{Durations, ModelStatistics};
pub use tensor::{Datatype, Tensor, element_count};
