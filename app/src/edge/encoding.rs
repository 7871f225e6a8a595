//! Bodies that are not what their handler would read.

use axum::extract::Request;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use axum::http::{HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use cortex_runtime::http::ApiError;
use cortex_types::{ErrorCode, Problem};

use super::refusal::Protocol;

/// Only the Open Inference Protocol unpacks bodies, as it was published, and gRPC has its own way. Elsewhere a packed body
/// would be taken for JSON that is full of mistakes.
pub(super) async fn refuse_encoded(request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let encoding = request.headers().get(CONTENT_ENCODING);
    let encoding = encoding.filter(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"));
    match encoding {
        Some(encoding) if !reads && Protocol::of(&request) == Protocol::Http => refusal(encoding),
        _ => next.run(request).await,
    }
}

/// HTTP has a status of its own for this, and the header that says what would be taken (RFC 9110, 15.5.16).
fn refusal(encoding: &HeaderValue) -> Response {
    let encoding = encoding.to_str().unwrap_or("unreadable");
    let detail =
        format!("the body has the content encoding '{encoding}', which is not unpacked here: send it as it is");
    let mut response = ApiError(Problem::new(ErrorCode::UnsupportedEncoding, detail)).into_response();
    let identity = HeaderValue::from_static("identity");
    response.headers_mut().insert(ACCEPT_ENCODING, identity);
    response
}
