//! The trainers that pipelines name: [`BoostedTrees`], [`Network`], and two baselines ([`Mean`], [`MovingAverage`]) to
//! compare honestly with.
//!
//! Each learns natively, and writes an ONNX file that says the same to 1e-6, everything it does to its input included.
//! This crate never reads a table, never decides which model is better, and never runs ONNX.

mod baseline;
mod link;
mod network;
mod trees;

use std::sync::Arc;

use cortex_training::{Trainer, Trainers};

pub use baseline::{Mean, MovingAverage};
pub use network::Network;
pub use trees::BoostedTrees;

/// All of them.
#[must_use]
pub fn builtin() -> Trainers {
    let all: [Arc<dyn Trainer>; 4] = [
        Arc::new(BoostedTrees),
        Arc::new(Network),
        Arc::new(Mean),
        Arc::new(MovingAverage),
    ];
    Trainers::of(all)
}
