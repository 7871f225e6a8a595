//! The names of what ingest measures. Each has the labels `source` and `sink`, retries the latter alone.

/// Changes that a sink made durable.
pub(crate) const CHANGES_TOTAL: &str = "cortex_ingest_changes_total";
/// Batches in which it did.
pub(crate) const BATCHES_TOTAL: &str = "cortex_ingest_batches_total";
/// How long one batch took.
pub(crate) const APPLY_SECONDS: &str = "cortex_ingest_apply_seconds";
/// Changes that were read and that the sink does not have yet.
pub(crate) const LAG_CHANGES: &str = "cortex_ingest_lag_changes";
/// Batches that failed and were tried again.
pub(crate) const RETRIES_TOTAL: &str = "cortex_ingest_retries_total";
/// 1 while a sink takes no changes because it failed, else 0.
pub(crate) const FAILED: &str = "cortex_ingest_failed";
/// How often a sink failed for good and was started again.
pub(crate) const FAILURES_TOTAL: &str = "cortex_ingest_failures_total";
