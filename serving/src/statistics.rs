//! What each version was asked and how long it took: for the protocol's statistics call, and as metrics under the names
//! that dashboards for inference servers already know.

use std::collections::BTreeMap;
use std::time::Duration;

use cortex_types::{TenantId, Timestamp};
use metrics::{Label, counter, gauge};
use parking_lot::Mutex;

use crate::Timing;

const REQUEST_SUCCESS: &str = "nv_inference_request_success";
const REQUEST_FAILURE: &str = "nv_inference_request_failure";
const INFERENCES: &str = "nv_inference_count";
const EXECUTIONS: &str = "nv_inference_exec_count";
const PENDING: &str = "nv_inference_pending_request_count";
const REQUEST_US: &str = "nv_inference_request_duration_us";
const QUEUE_US: &str = "nv_inference_queue_duration_us";
const COMPUTE_INPUT_US: &str = "nv_inference_compute_input_duration_us";
const COMPUTE_INFER_US: &str = "nv_inference_compute_infer_duration_us";
const COMPUTE_OUTPUT_US: &str = "nv_inference_compute_output_duration_us";

/// How often something happened, and how long it took altogether.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Durations {
    pub count: u64,
    pub total_ns: u64,
}

impl Durations {
    fn add(&mut self, took: Duration) {
        self.count += 1;
        self.total_ns = self
            .total_ns
            .saturating_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }
}

/// Totals of one version since the process started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelStatistics {
    pub model: String,
    pub version: u32,
    pub last_inference: Option<Timestamp>,
    /// Rows that were scored.
    pub inference_count: u64,
    /// Runs of the model; several rows can share one.
    pub execution_count: u64,
    pub success: Durations,
    pub fail: Durations,
    pub queue: Durations,
    pub compute_input: Durations,
    pub compute_infer: Durations,
    pub compute_output: Durations,
}

/// One version of one tenant's model.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionKey {
    pub tenant: TenantId,
    pub model: String,
    pub version: u32,
}

impl VersionKey {
    fn labels(&self) -> Vec<Label> {
        vec![
            Label::new("tenant", self.tenant.as_str().to_owned()),
            Label::new("model", self.model.clone()),
            Label::new("version", self.version.to_string()),
        ]
    }
}

#[derive(Debug, Default)]
pub struct Statistics {
    totals: Mutex<BTreeMap<VersionKey, ModelStatistics>>,
}

impl Statistics {
    /// Counts a request as pending until the guard is dropped.
    pub fn pending(key: &VersionKey) -> Pending {
        let gauge = gauge!(PENDING, key.labels());
        gauge.increment(1.0);
        Pending(gauge)
    }

    pub fn succeeded(&self, key: &VersionKey, rows: u64, at: Timestamp, took: Duration, timing: &Timing) {
        let mut totals = self.totals.lock();
        let totals = totals.entry(key.clone()).or_default();
        totals.last_inference = Some(at);
        totals.inference_count += rows;
        totals.execution_count += 1;
        totals.success.add(took);
        totals.queue.add(timing.queue);
        totals.compute_input.add(timing.compute_input);
        totals.compute_infer.add(timing.compute_infer);
        totals.compute_output.add(timing.compute_output);

        let labels = key.labels();
        counter!(REQUEST_SUCCESS, labels.clone()).increment(1);
        counter!(INFERENCES, labels.clone()).increment(rows);
        counter!(EXECUTIONS, labels.clone()).increment(1);
        for (name, took) in [
            (REQUEST_US, took),
            (QUEUE_US, timing.queue),
            (COMPUTE_INPUT_US, timing.compute_input),
            (COMPUTE_INFER_US, timing.compute_infer),
            (COMPUTE_OUTPUT_US, timing.compute_output),
        ] {
            counter!(name, labels.clone()).increment(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        }
    }

    pub fn failed(&self, key: &VersionKey, took: Duration) {
        self.totals.lock().entry(key.clone()).or_default().fail.add(took);
        counter!(REQUEST_FAILURE, key.labels()).increment(1);
    }

    /// Of one version; zeros where it was never asked.
    pub fn of(&self, key: &VersionKey) -> ModelStatistics {
        let found = self.totals.lock().get(key).cloned().unwrap_or_default();
        ModelStatistics {
            model: key.model.clone(),
            version: key.version,
            ..found
        }
    }
}

/// A request that is under way.
pub struct Pending(metrics::Gauge);

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}
