//! The port to whatever executes a model.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cortex_registry::ModelSignature;

use crate::{ServingError, Tensor};

/// Loads ONNX files.
#[async_trait]
pub trait ModelRuntime: Send + Sync + std::fmt::Debug {
    /// [`ServingError::CorruptModel`] where the bytes are no model, [`ServingError::RuntimeMissing`] where the
    /// runtime's library is not there.
    async fn load(&self, name: &str, onnx: &[u8]) -> Result<Arc<dyn LoadedModel>, ServingError>;
}

/// A model that is ready to run. Runs on threads of its own; a full queue answers [`ServingError::Overloaded`].
#[async_trait]
pub trait LoadedModel: Send + Sync + std::fmt::Debug {
    /// As the file itself tells it.
    fn signature(&self) -> &ModelSignature;

    /// How many runs can go on at once.
    fn instances(&self) -> usize;

    /// One output per name in `outputs` (all of the model's, where it is empty), in that order. Inputs of another
    /// name, type or shape than the signature's are [`ServingError::Invalid`], [`ServingError::WrongType`],
    /// [`ServingError::WrongShape`].
    async fn infer(&self, inputs: Vec<Tensor>, outputs: &[String]) -> Result<Inference, ServingError>;
}

/// What a run gave, and where its time went.
#[derive(Clone, Debug, PartialEq)]
pub struct Inference {
    pub outputs: Vec<Tensor>,
    pub timing: Timing,
}

/// The parts of a run, as the protocol's statistics tell them apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// Waiting for a free instance.
    pub queue: Duration,
    /// Handing the inputs to the runtime.
    pub compute_input: Duration,
    pub compute_infer: Duration,
    /// Taking the outputs out of the runtime.
    pub compute_output: Duration,
}
