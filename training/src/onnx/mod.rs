//! ONNX files, written by hand: the few operators that our models need, in double precision throughout.
//!
//! Every model takes `features` FP64 `[-1, n]` (NaN is missing) and gives `score` FP64 `[-1, 1]`. [`ScoreGraph`] builds
//! the graph in between; [`TreeEnsemble`] is the one operator that deserves a type of its own.
//!
//! The bytes depend on nothing but what was asked for: no clock, no map order, so equal models are equal files.

mod graph;
mod trees;

pub use graph::{ModelNote, ScoreGraph, Value};
pub use trees::{Branch, Split, TreeEnsemble};

/// Generated from `protos/onnx.proto`.
mod proto {
    #![allow(clippy::all, clippy::pedantic)]
    include!(concat!(env!("OUT_DIR"), "/onnx.rs"));
}

/// Name of the one input of every model.
pub const INPUT: &str = "features";
/// Name of the one output of every model.
pub const OUTPUT: &str = "score";
