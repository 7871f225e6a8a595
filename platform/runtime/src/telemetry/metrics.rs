//! The process's metrics, as Prometheus reads them.

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use super::names;

/// Upper bounds in seconds; from half a millisecond, because an online read takes about one.
const SECONDS_BUCKETS: [f64; 14] = [
    0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0,
];

/// Renders `/metrics`. Cheap to clone.
#[derive(Clone)]
pub struct MetricsPage(PrometheusHandle);

impl MetricsPage {
    /// A page of its own that nothing records to, for tests and for dry runs.
    #[must_use]
    pub fn detached() -> Self {
        Self(PrometheusBuilder::new().build_recorder().handle())
    }

    /// Prometheus text format, version 0.0.4.
    #[must_use]
    pub fn render(&self) -> String {
        self.0.run_upkeep();
        self.0.render()
    }
}

/// Installs the recorder of this process; a second call gets a page of its own that stays empty.
pub fn install_metrics(version: &'static str) -> MetricsPage {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS_BUCKETS)
        .unwrap_or_else(|_| PrometheusBuilder::new());
    match builder.install_recorder() {
        Ok(handle) => {
            describe();
            metrics::gauge!(names::BUILD_INFO, names::VERSION => version).set(1.0);
            MetricsPage(handle)
        }
        Err(_) => MetricsPage::detached(),
    }
}

fn describe() {
    metrics::describe_counter!(names::HTTP_REQUESTS, "Requests answered");
    metrics::describe_histogram!(names::HTTP_REQUEST_SECONDS, "Seconds until the response's head");
    metrics::describe_gauge!(names::HTTP_IN_FLIGHT, "Requests being answered now");
    metrics::describe_counter!(
        names::TASK_RESTARTS,
        "Times a background task was started again after a failure"
    );
    metrics::describe_histogram!(names::BOOT_STEP_SECONDS, "Seconds each boot step took");
    metrics::describe_gauge!(names::BUILD_INFO, "1, with the version as a label");
}
