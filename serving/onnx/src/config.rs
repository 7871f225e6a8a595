use serde::{Deserialize, Serialize};

/// Where a model runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Device {
    #[default]
    Cpu,
    /// The graphics card of this number. Asking for it where it, its drivers or a CUDA build of ONNX Runtime is absent
    /// is an error: a model that was to run on it never runs on the CPU in silence.
    Cuda(i32),
}

/// How models are run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OnnxConfig {
    /// Runs of one model that can go on at once; each is a session with a thread of its own.
    pub sessions_per_model: usize,
    /// Runs of one model that may wait; one more is refused as overloaded.
    pub queue_max: usize,
    /// Threads within one run. 1 keeps a run on its session's thread, which is right for trees and small networks.
    pub intra_op_threads: usize,
    pub device: Device,
}

impl Default for OnnxConfig {
    fn default() -> Self {
        Self {
            sessions_per_model: 2,
            queue_max: 256,
            intra_op_threads: 1,
            device: Device::Cpu,
        }
    }
}
