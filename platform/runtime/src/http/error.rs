//! Errors as RFC 9457 problem details.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cortex_types::{Coded, ErrorCode, Problem, Retry};
use serde::Serialize;

use super::context::current_trace_id;

/// Seconds after which a caller may try again what was refused for load or drain.
const RETRY_AFTER_S: &str = "1";

/// What a handler answers when it fails: `application/problem+json` with the status that the code implies, the stable
/// code, and the trace id that finds the log line.
///
/// Made from any [`Coded`] error by `?`. An error that is our own fault is logged here, once, with its sources; the
/// caller sees only that something went wrong.
#[derive(Clone, Debug)]
pub struct ApiError(pub Problem);

impl ApiError {
    #[must_use]
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self(Problem::new(code, detail))
    }

    /// What the caller may see of `error`; logged here where it is our own fault.
    #[must_use]
    pub fn of(error: &dyn Coded) -> Self {
        log_if_ours(error);
        Self(Problem::of(error))
    }
}

impl<E: Coded> From<E> for ApiError {
    fn from(error: E) -> Self {
        Self::of(&error)
    }
}

/// Somebody has to repair what lies behind these; what a caller did wrong is told to the caller alone.
fn log_if_ours(error: &dyn Coded) {
    let code = error.code();
    if code.is_ours() {
        tracing::error!(code = code.as_str(), error = %with_sources(error), "request failed");
    }
}

/// The error followed by what caused it, `: ` between.
fn with_sources(error: &dyn Coded) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// As it goes out.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    problem: &'a Problem,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Self(mut problem) = self;
        problem.trace_id = problem.trace_id.or_else(current_trace_id);
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let field = problem.field();
        let mut response = (
            status,
            axum::Json(Told {
                problem: &problem,
                field,
            }),
        )
            .into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if problem.code.retry() == Retry::Later && status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        // Handed on for the access log, which must not parse the body again.
        response.extensions_mut().insert(problem.code);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::with_trace_id;
    use cortex_types::TraceId;

    #[tokio::test]
    async fn a_problem_carries_code_status_and_the_trace_of_its_request() {
        let trace_id = TraceId::new();
        let response = with_trace_id(trace_id, async {
            ApiError::new(ErrorCode::Overloaded, "the queue is full").into_response()
        })
        .await;
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(response.headers()["retry-after"], "1");
        let body = axum::body::to_bytes(response.into_body(), 4096).await.unwrap();
        let problem: Problem = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            (problem.code, problem.trace_id),
            (ErrorCode::Overloaded, Some(trace_id))
        );
    }
}
