//! Errors as the Open Inference Protocol has them: `{"error": "…"}`.

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use cortex_runtime::http::{ApiError, Ctx};
use cortex_types::{Coded, ErrorCode, ErrorKind, RequestContext};
use serde_json::json;

/// An error on its way to a client of the protocol. Carries the stable code in the header `cortex-error-code`.
#[derive(Debug)]
pub struct ProtocolError(ApiError);

impl ProtocolError {
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self(ApiError::new(code, detail))
    }
}

impl<E: Coded> From<E> for ProtocolError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for ProtocolError {
    fn into_response(self) -> Response {
        let ApiError(problem) = self.0;
        // The protocol knows a model that cannot be used only as "not ready".
        let status = match problem.code.kind() {
            ErrorKind::Precondition => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        };
        let headers = [("cortex-error-code", problem.code.as_str())];
        let mut response = (status, headers, Json(json!({ "error": problem.detail }))).into_response();
        // Handed on for the access log, as with problem details.
        response.extensions_mut().insert(problem.code);
        response
    }
}

/// The context of the call, refused in the protocol's form where there is none.
#[derive(Debug)]
pub struct Caller(pub RequestContext);

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = ProtocolError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ProtocolError> {
        let Ctx(ctx) = Ctx::from_request_parts(parts, state).await.map_err(ProtocolError)?;
        Ok(Self(ctx))
    }
}
