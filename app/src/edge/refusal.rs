//! Saying no in the caller's protocol.

use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use cortex_runtime::http::ApiError;
use cortex_types::Coded;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// Problem details.
    Http,
    /// A status in trailers, with HTTP status 200.
    Grpc,
}

impl Protocol {
    pub(super) fn of(request: &Request) -> Self {
        let content_type = request.headers().get(CONTENT_TYPE).map(|value| value.as_bytes());
        if content_type.is_some_and(|value| value.starts_with(b"application/grpc")) {
            Self::Grpc
        } else {
            Self::Http
        }
    }

    pub(super) fn refuse(self, error: &dyn Coded) -> Response {
        match self {
            Self::Http => ApiError::of(error).into_response(),
            Self::Grpc => cortex_proto::status(error).into_http(),
        }
    }
}
