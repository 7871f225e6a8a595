//! `POST …/infer`: tensors in, tensors out, as JSON or as bytes behind it.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use cortex_types::ErrorCode;

use crate::ServingApi;
use crate::api;
use crate::binary;
use crate::error::{Caller, ProtocolError};
use crate::infer_json::{Answer, Body};
use crate::models::Named;

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
    body: Bytes,
) -> Result<Response, ProtocolError> {
    api.may_infer(&ctx)?;
    let version = named.version()?;
    let (json, tail) = binary::split(&headers, body)?;
    let body = Body::parse(&json)?;
    let mut request = body.request(named.model, version, tail)?;
    if let Some(key) = text(&headers, api::ROUTE_KEY)? {
        request.route_key = Some(key.to_owned());
    }
    if let Some(arm) = text(&headers, api::ARM)? {
        request.arm = api::arm(arm)?;
    }
    let response = api.serving.infer(&ctx, request).await?;
    let (answer, binary) = Answer::of(&body, &response)?;
    respond(&answer, binary)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, ProtocolError> {
    let Some(value) = headers.get(name) else {
        return Ok(None);
    };
    let unreadable = |_| ProtocolError::new(ErrorCode::InvalidArgument, format!("the header {name} is not text"));
    value.to_str().map(Some).map_err(unreadable)
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
