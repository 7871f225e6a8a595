//! The model runtime, or the reason why there is none: without `libonnxruntime` whatever needs a model says so, and
//! everything else works.

use std::sync::Arc;

use async_trait::async_trait;
use cortex_registry::{RegistryError, Scorer};
use cortex_runtime::{Health, HealthCheck};
use cortex_serving::{LoadedModel, ModelRuntime, ServingError};
use cortex_serving_onnx::OnnxRuntime;

use crate::config::ServingSection;

/// What runs models, for serving and for the registry's evidence alike.
#[derive(Clone, Debug)]
pub enum Models {
    Onnx(Arc<OnnxRuntime>),
    /// Why, and what to do.
    Missing(Arc<str>),
}

impl Models {
    /// Loads the library, which a process can do once.
    #[must_use]
    pub fn load(config: &ServingSection) -> Self {
        match OnnxRuntime::load(config.onnxruntime.clone(), config.sessions.clone()) {
            Ok(runtime) => Self::Onnx(Arc::new(runtime)),
            Err(ServingError::RuntimeMissing(why)) => Self::Missing(why.into()),
            Err(other) => Self::Missing(other.to_string().into()),
        }
    }
}

#[async_trait]
impl ModelRuntime for Models {
    async fn load(&self, name: &str, onnx: &[u8]) -> Result<Arc<dyn LoadedModel>, ServingError> {
        match self {
            Self::Onnx(runtime) => ModelRuntime::load(runtime.as_ref(), name, onnx).await,
            Self::Missing(why) => Err(ServingError::RuntimeMissing(why.to_string())),
        }
    }
}

#[async_trait]
impl Scorer for Models {
    async fn score(&self, onnx: &[u8], rows: &[f64], columns: usize) -> Result<Vec<f64>, RegistryError> {
        match self {
            Self::Onnx(runtime) => runtime.score(onnx, rows, columns).await,
            Self::Missing(why) => Err(RegistryError::RuntimeMissing(why.to_string())),
        }
    }
}

#[async_trait]
impl HealthCheck for Models {
    fn name(&self) -> &str {
        "onnxruntime"
    }

    async fn check(&self) -> Health {
        match self {
            Self::Onnx(_) => Health::Up,
            Self::Missing(why) => Health::Degraded(format!("models cannot be scored: {why}")),
        }
    }
}
