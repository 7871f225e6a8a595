//! From an ONNX file's bytes to a model that runs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use cortex_serving::{LoadedModel, ModelRuntime, ServingError};
use ort::ep::{self, ExecutionProvider};
use ort::session::Session;
use ort::session::builder::PrepackedWeights;

use crate::config::{Device, OnnxConfig};
use crate::library::{self, Loaded};
use crate::model::OnnxModel;
use crate::sessions::Pool;
use crate::signature;

/// ONNX Runtime, loaded into this process.
#[derive(Clone, Debug)]
pub struct OnnxRuntime {
    library: Loaded,
    config: OnnxConfig,
}

impl OnnxRuntime {
    /// Loads `library`; else the file that `ORT_DYLIB_PATH` names; else the one beside the binary, in the cache folder
    /// of `./devstack` (the newest of this machine's), or where the system keeps libraries.
    ///
    /// [`ServingError::RuntimeMissing`], with what to do, where there is none, where it is not one, and where the
    /// configured device cannot be used with it.
    pub fn load(library: Option<PathBuf>, config: OnnxConfig) -> Result<Self, ServingError> {
        let library = library::load(library.as_deref())?;
        if matches!(config.device, Device::Cuda(_)) && !ep::CUDA::is_available().unwrap_or(false) {
            return Err(ServingError::RuntimeMissing(
                "the configuration asks for CUDA, but this libonnxruntime was built without it: use the library of the \
                 onnxruntime-gpu package, or set the device to cpu"
                    .to_owned(),
            ));
        }
        Ok(Self { library, config })
    }

    /// The file that was loaded.
    #[must_use]
    pub fn library(&self) -> &Path {
        &self.library.file
    }

    /// Its version, as far as the library tells it: `1.31`.
    #[must_use]
    pub fn version(&self) -> String {
        ort::util::probe(&self.library.file).map_or("unknown".to_owned(), |minor| format!("1.{minor}"))
    }

    /// Opens so many sessions, sharing prepacked weights.
    fn open(&self, name: &str, onnx: &[u8], count: usize) -> Result<OnnxModel, ServingError> {
        let corrupt = |detail: String| ServingError::CorruptModel {
            model: name.to_owned(),
            detail,
        };
        let weights = PrepackedWeights::new();
        let mut sessions = Vec::new();
        for _ in 0..count.max(1) {
            sessions.push(self.session(onnx, &weights).map_err(corrupt)?);
        }
        let signature = sessions
            .first()
            .map(signature::read)
            .unwrap_or_else(|| Err("no session".to_owned()));
        let signature = signature.map_err(corrupt)?;
        let pool = Pool::start(name, sessions, self.config.queue_max.max(1))
            .map_err(|error| ServingError::Inference(format!("the threads of '{name}' could not start: {error}")))?;
        Ok(OnnxModel::new(signature, pool))
    }

    fn session(&self, onnx: &[u8], weights: &PrepackedWeights) -> Result<Session, String> {
        let mut builder = Session::builder(&self.library.environment).map_err(|error| error.to_string())?;
        builder = builder
            .with_intra_threads(self.config.intra_op_threads.max(1))
            .map_err(|error| error.to_string())?
            .with_prepacked_weights(weights)
            .map_err(|error| error.to_string())?;
        if let Device::Cuda(device) = self.config.device {
            let cuda = ep::CUDA::default().with_device_id(device).build().error_on_failure();
            builder = builder
                .with_execution_providers([cuda])
                .map_err(|error| error.to_string())?;
        }
        builder.commit_from_memory(onnx).map_err(|error| error.to_string())
    }

    /// As [`Self::open`], on a thread where it may take its time.
    pub(crate) async fn open_sessions(
        &self,
        name: &str,
        onnx: &[u8],
        count: usize,
    ) -> Result<Arc<OnnxModel>, ServingError> {
        let (runtime, model, bytes) = (self.clone(), name.to_owned(), onnx.to_vec());
        // A file may be built so that the binding panics over it (a type that it does not know): that is the file's
        // fault as well, and shows here as a task that did not end well.
        let opened = tokio::task::spawn_blocking(move || runtime.open(&model, &bytes, count)).await;
        let opened = opened.unwrap_or_else(|_| {
            let detail = "it has inputs or outputs of a type that cannot be read".to_owned();
            Err(ServingError::CorruptModel {
                model: name.to_owned(),
                detail,
            })
        });
        Ok(Arc::new(opened?))
    }
}

#[async_trait]
impl ModelRuntime for OnnxRuntime {
    async fn load(&self, name: &str, onnx: &[u8]) -> Result<Arc<dyn LoadedModel>, ServingError> {
        Ok(self.open_sessions(name, onnx, self.config.sessions_per_model).await?)
    }
}
