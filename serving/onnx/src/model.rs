//! A loaded model: its signature, and its sessions.

use std::panic::{self, AssertUnwindSafe};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use cortex_registry::ModelSignature;
use cortex_serving::{Inference, LoadedModel, ServingError, Tensor, Timing, check_inputs, select_outputs};
use ort::session::{RunOptions, Session};
use tokio::sync::oneshot;

use crate::convert;
use crate::sessions::Pool;

/// An ONNX file with its sessions running.
#[derive(Debug)]
pub struct OnnxModel {
    signature: ModelSignature,
    pool: Pool<Session>,
}

impl OnnxModel {
    pub const fn new(signature: ModelSignature, pool: Pool<Session>) -> Self {
        Self { signature, pool }
    }
}

#[async_trait]
impl LoadedModel for OnnxModel {
    fn signature(&self) -> &ModelSignature {
        &self.signature
    }

    fn instances(&self) -> usize {
        self.pool.workers()
    }

    async fn infer(&self, inputs: Vec<Tensor>, outputs: &[String]) -> Result<Inference, ServingError> {
        check_inputs(&self.signature, &inputs)?;
        let outputs: Vec<String> = select_outputs(&self.signature, outputs)?
            .into_iter()
            .map(|spec| spec.name.clone())
            .collect();
        let (answer, answered) = oneshot::channel();
        let queued = Instant::now();
        self.pool.submit(move |session| {
            if answer.is_closed() {
                return; // the caller has gone away while this waited
            }
            let queue = queued.elapsed();
            let ran = panic::catch_unwind(AssertUnwindSafe(|| run(session, &inputs, &outputs, queue)));
            let result = ran.unwrap_or_else(|_| Err(ServingError::Inference("the session panicked".to_owned())));
            let _ = answer.send(result);
        })?;
        answered
            .await
            .map_err(|_| ServingError::Inference("the session ended without an answer".to_owned()))?
    }
}

fn run(
    session: &mut Session,
    inputs: &[Tensor],
    outputs: &[String],
    queue: Duration,
) -> Result<Inference, ServingError> {
    let started = Instant::now();
    let mut values = Vec::with_capacity(inputs.len());
    for input in inputs {
        values.push((input.name(), convert::to_value(input)?));
    }
    let selector = outputs
        .iter()
        .fold(ort::session::OutputSelector::no_default(), |all, name| all.with(name));
    let options = RunOptions::new()
        .map_err(convert::inference_error)?
        .with_outputs(selector);
    let compute_input = started.elapsed();

    let started = Instant::now();
    let results = session
        .run_with_options(values, &options)
        .map_err(convert::inference_error)?;
    let compute_infer = started.elapsed();

    let started = Instant::now();
    let mut tensors = Vec::with_capacity(outputs.len());
    for name in outputs {
        let value = results
            .get(name)
            .ok_or_else(|| ServingError::Inference(format!("the session gave no output '{name}'")))?;
        tensors.push(convert::to_tensor(name, value)?);
    }
    let timing = Timing {
        queue,
        compute_input,
        compute_infer,
        compute_output: started.elapsed(),
    };
    Ok(Inference {
        outputs: tensors,
        timing,
    })
}
