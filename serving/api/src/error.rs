//! Errors as the Open Inference Protocol has them: `{"error": "…"}`.

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use cortex_runtime::http::ApiError;
use cortex_types::{Coded, ErrorCode, ErrorKind};
use serde_json::json;

/// Where the stable code is.
pub(crate) const ERROR_CODE: &str = "cortex-error-code";

/// An error on its way to a client of the protocol. Carries the stable code in the header `cortex-error-code`.
#[derive(Debug)]
pub struct ProtocolError(pub(crate) ApiError);

impl ProtocolError {
    #[must_use]
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self(ApiError::new(code, detail))
    }

    /// What the caller may see of `error`; logged where it is our own fault.
    #[must_use]
    pub fn of(error: &dyn Coded) -> Self {
        Self(ApiError::of(error))
    }
}

impl<E: Coded> From<E> for ProtocolError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for ProtocolError {
    fn into_response(self) -> Response {
        let (code, body) = (self.0.0.code, json!({ "error": self.0.0.detail }));
        // Status, headers, and the code for the access log are those of problem details; the body is the protocol's.
        let mut response = self.0.into_response();
        // The protocol knows a model that cannot be used only as "not ready".
        if code.kind() == ErrorKind::Precondition {
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        }
        *response.body_mut() = Body::from(body.to_string());
        let headers = response.headers_mut();
        headers.remove(CONTENT_LENGTH);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ERROR_CODE, HeaderValue::from_static(code.as_str()));
        response
    }
}
