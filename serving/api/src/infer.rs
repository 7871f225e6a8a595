//! `POST …/infer`: tensors in, tensors out, as JSON or as bytes behind it.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use cortex_types::ErrorCode;

use crate::ServingApi;
use crate::binary;
use crate::error::ProtocolError;
use crate::extract::{Caller, Path, Raw};
use crate::infer_json::{Answer, Body};
use crate::models::Named;
use crate::routing::Routing;

pub fn routes() -> Router<Arc<ServingApi>> {
    Router::new()
        .route("/v2/models/{model}/infer", post(infer))
        .route("/v2/models/{model}/versions/{version}/infer", post(infer))
}

async fn infer(
    State(api): State<Arc<ServingApi>>,
    Caller(ctx): Caller,
    Path(named): Path<Named>,
    headers: HeaderMap,
    Raw(body): Raw,
) -> Result<Response, ProtocolError> {
    api.may_infer(&ctx)?;
    let version = named.version()?;
    let (json, tail) = binary::split(&headers, body)?;
    let body = Body::parse(&json)?;
    let request = Routing::of(&headers)?.over(body.request(named.model, version, tail)?);
    let response = api.serving.infer(&ctx, request).await?;
    let (answer, binary) = Answer::of(&body, &response)?;
    respond(&answer, binary)
}

fn respond(answer: &Answer, binary: Option<Vec<Bytes>>) -> Result<Response, ProtocolError> {
    let unwritable = |error: serde_json::Error| ProtocolError::new(ErrorCode::Internal, error.to_string());
    let mut body = serde_json::to_vec(answer).map_err(unwritable)?;
    let Some(tensors) = binary else {
        return Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response());
    };
    let header_length = HeaderValue::from(body.len());
    for tensor in tensors {
        body.extend_from_slice(&tensor);
    }
    let mut response = ([(header::CONTENT_TYPE, "application/octet-stream")], body).into_response();
    response
        .headers_mut()
        .insert(HeaderName::from_static(binary::HEADER_LENGTH), header_length);
    Ok(response)
}
