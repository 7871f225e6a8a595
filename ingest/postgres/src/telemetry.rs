//! What `/metrics` says of a source.

/// Bytes of changes that the server sent.
pub(crate) const BYTES_TOTAL: &str = "cortex_ingest_source_bytes_total";
/// How far the end of the server's log is ahead of what is durable here, in bytes.
pub(crate) const LAG_BYTES: &str = "cortex_ingest_source_lag_bytes";
/// Rows of snapshots that were read.
pub(crate) const SNAPSHOT_ROWS_TOTAL: &str = "cortex_ingest_snapshot_rows_total";
