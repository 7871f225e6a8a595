//! ONNX Runtime: models as sessions on threads of their own.
//!
//! [`OnnxRuntime`] finds and loads `libonnxruntime` when the process starts (it is never linked), and implements the
//! serving crate's `ModelRuntime` and the registry's `Scorer`, so that what judges a model and what serves it are the
//! same code. Each loaded model has a few sessions, each on its own thread, behind one bounded queue.
//!
//! This crate never falls back: a missing library, a device that is not there or a file that is no model is an error
//! that says what to do.

mod config;
mod convert;
mod fetched;
mod library;
mod model;
mod runtime;
mod scorer;
mod sessions;
mod signature;

pub use config::{Device, OnnxConfig};
pub use runtime::OnnxRuntime;
