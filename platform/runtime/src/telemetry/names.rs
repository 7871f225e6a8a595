//! Names of metrics and labels, so that a dashboard can be written against this file.

/// Requests answered, by `method`, `route`, `status`: that of HTTP, or `grpc-N` for a gRPC call that failed.
pub const HTTP_REQUESTS: &str = "cortex_http_requests_total";
/// Seconds from the first byte of a request's head to its response's head, by `method` and `route`.
pub const HTTP_REQUEST_SECONDS: &str = "cortex_http_request_duration_seconds";
/// Requests being answered now.
pub const HTTP_IN_FLIGHT: &str = "cortex_http_requests_in_flight";
/// Times a background task failed and was started again, by `task`.
pub const TASK_RESTARTS: &str = "cortex_task_restarts_total";
/// Seconds each boot step took, by `step`.
pub const BOOT_STEP_SECONDS: &str = "cortex_boot_step_duration_seconds";
/// 1, with the version as a label.
pub const BUILD_INFO: &str = "cortex_build_info";

pub const METHOD: &str = "method";
pub const ROUTE: &str = "route";
pub const STATUS: &str = "status";
pub const TASK: &str = "task";
pub const STEP: &str = "step";
pub const VERSION: &str = "version";
