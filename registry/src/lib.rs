//! Which models there are, where each came from, and which one may decide.
//!
//! Experiments hold runs; a run that produced a model registers a [`ModelVersion`] with its [`Lineage`]; an alias such
//! as `champion` names the version in use and moves only through a gate whose evidence the server computes itself, by
//! scoring the version's ONNX file through the [`Scorer`] port. [`Registry`] is the way in; [`GatePolicies`] say what a
//! gate asks; a [`GateReport`] is what it found, signed.
//!
//! This crate never trains, never serves, and never believes a metric that a client sent.

mod error;
mod port;

mod evaluation;
pub mod event;
mod facade;
pub mod gate;
mod model;
pub mod runs;
mod traffic;

pub mod memory;

#[cfg(any(test, feature = "contract"))]
pub mod contract;

pub use error::RegistryError;
pub use evaluation::EvaluationSet;
pub use event::{EventKind, NewEvent, RegistryEvent};
pub use facade::{CHAMPION, Registry};
pub use gate::{
    GateCheck, GatePolicies, GatePolicy, GateReport, ReportId, Severity, SignedReport, SigningKey, Verdict,
};
pub use model::{Alias, Lineage, ModelSignature, ModelVersion, NewVersion, Task, TensorSpec};
pub use port::{ArtifactStore, ModelStore, PromotionStore, RegistryStore, RunStore, Scorer};
pub use runs::{Experiment, MetricPoint, Run, RunStatus};
pub use traffic::{Canary, Traffic};
