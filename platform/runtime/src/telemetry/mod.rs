//! Logs and metrics.
//!
//! [`init_logs`] sends every event to standard error: as JSON lines with a fixed set of fields, or for reading where that
//! is a terminal. [`install_metrics`] collects what the `metrics` macros record; their names stand in [`names`].

mod json;
mod logs;
mod metrics;
pub mod names;

pub use logs::{LogConfig, LogFormat, init_logs};
pub use metrics::{MetricsPage, install_metrics};
