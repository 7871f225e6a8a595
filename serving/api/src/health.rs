//! Is there a server, and what can it do?

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::ServingApi;
use crate::describe::{EXTENSIONS, SERVER_NAME, SERVER_VERSION};
use crate::error::ProtocolError;
use crate::extract::Caller;

pub fn routes() -> Router<Arc<ServingApi>> {
    Router::new()
        .route("/v2", get(metadata))
        .route("/v2/", get(metadata))
        .route("/v2/health/live", get(alive))
        .route("/v2/health/ready", get(alive))
}

/// Whoever can answer is alive; models load when they are asked, so the server as such is ready as well.
async fn alive(State(api): State<Arc<ServingApi>>, Caller(ctx): Caller) -> Result<StatusCode, ProtocolError> {
    api.may_read(&ctx)?;
    Ok(StatusCode::OK)
}

async fn metadata(State(api): State<Arc<ServingApi>>, Caller(ctx): Caller) -> Result<Json<Value>, ProtocolError> {
    api.may_read(&ctx)?;
    Ok(Json(
        json!({ "name": SERVER_NAME, "version": SERVER_VERSION, "extensions": EXTENSIONS }),
    ))
}
