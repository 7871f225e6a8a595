//! Parts of the protocol that are not there: their status is empty, and changing them is refused with the reason.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use cortex_serving::ServingError;
use cortex_types::ErrorCode;
use serde_json::{Value, json};

use crate::ServingApi;
use crate::error::ProtocolError;
use crate::extract::Caller;

pub const NO_SHARED_MEMORY: &str =
    "shared memory is not supported: send tensors in the request (the binary tensor extension is the fast way)";
pub const NO_TRACE_SETTINGS: &str =
    "trace settings cannot be changed here: tracing is configured for the whole process";
pub const NO_LOG_SETTINGS: &str = "log settings cannot be changed here: logging is configured for the whole process";

pub const NO_CLASSIFICATION: &str = "the classification extension is not supported: read the scores";

/// An input names no memory that this process cannot see.
pub fn refuse_shared_memory<'a>(mut parameters: impl Iterator<Item = &'a String>) -> Result<(), ServingError> {
    match parameters.any(|name| name.starts_with("shared_memory")) {
        true => Err(ServingError::Invalid(NO_SHARED_MEMORY.to_owned())),
        false => Ok(()),
    }
}

/// An output asks for nothing but its tensor: an answer that left the rest out would look complete.
pub fn refuse_extras<'a>(parameters: impl Iterator<Item = &'a String> + Clone) -> Result<(), ServingError> {
    refuse_shared_memory(parameters.clone())?;
    match parameters.into_iter().any(|name| name == "classification") {
        true => Err(ServingError::Invalid(NO_CLASSIFICATION.to_owned())),
        false => Ok(()),
    }
}

pub fn routes() -> Router<Arc<ServingApi>> {
    let mut router = Router::new()
        .route("/v2/logging", get(nothing).post(no_log_settings))
        .route("/v2/trace/setting", get(nothing).post(no_trace_settings))
        .route("/v2/models/{model}/trace/setting", get(nothing).post(no_trace_settings));
    for kind in ["systemsharedmemory", "cudasharedmemory"] {
        router = router
            .route(&format!("/v2/{kind}/status"), get(no_regions))
            .route(&format!("/v2/{kind}/unregister"), post(nothing))
            .route(&format!("/v2/{kind}/region/{{region}}/status"), get(no_regions))
            .route(
                &format!("/v2/{kind}/region/{{region}}/register"),
                post(no_shared_memory),
            )
            .route(&format!("/v2/{kind}/region/{{region}}/unregister"), post(nothing));
    }
    router
}

async fn no_regions(State(api): State<Arc<ServingApi>>, Caller(ctx): Caller) -> Result<Json<Value>, ProtocolError> {
    api.may_read(&ctx)?;
    Ok(Json(json!([])))
}

/// No settings; nothing to unregister.
async fn nothing(State(api): State<Arc<ServingApi>>, Caller(ctx): Caller) -> Result<Json<Value>, ProtocolError> {
    api.may_read(&ctx)?;
    Ok(Json(json!({})))
}

async fn no_shared_memory(State(api): State<Arc<ServingApi>>, Caller(ctx): Caller) -> Result<(), ProtocolError> {
    api.may_change(&ctx)?;
    Err(ProtocolError::new(ErrorCode::InvalidArgument, NO_SHARED_MEMORY))
}

async fn no_trace_settings(State(api): State<Arc<ServingApi>>, Caller(ctx): Caller) -> Result<(), ProtocolError> {
    api.may_change(&ctx)?;
    Err(ProtocolError::new(ErrorCode::InvalidArgument, NO_TRACE_SETTINGS))
}

async fn no_log_settings(State(api): State<Arc<ServingApi>>, Caller(ctx): Caller) -> Result<(), ProtocolError> {
    api.may_change(&ctx)?;
    Err(ProtocolError::new(ErrorCode::InvalidArgument, NO_LOG_SETTINGS))
}
