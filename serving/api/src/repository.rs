//! Which models there are, and loading and unloading them.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use cortex_serving::{IndexEntry, ModelState, ServingError};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::ServingApi;
use crate::error::ProtocolError;
use crate::extract::{Caller, Path, Raw};

pub fn routes() -> Router<Arc<ServingApi>> {
    Router::new()
        .route("/v2/repository/index", post(index))
        .route("/v2/repository/models/{model}/load", post(load))
        .route("/v2/repository/models/{model}/unload", post(unload))
}

#[derive(Debug, Default, Deserialize)]
struct IndexBody {
    #[serde(default)]
    ready: bool,
}

#[derive(Debug, Default, Deserialize)]
struct LoadBody {
    #[serde(default)]
    parameters: Map<String, Value>,
}

/// Bodies are optional here, and clients send them without a content type.
fn optional<T: Default + for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, ServingError> {
    if body.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(body).map_err(|error| ServingError::Invalid(format!("the JSON body does not fit: {error}")))
}

pub const fn state_name(state: ModelState) -> &'static str {
    match state {
        ModelState::Ready => "READY",
        ModelState::Unavailable => "UNAVAILABLE",
    }
}

/// Models come from the registry as they are: no configuration and no file may come with a request to load one.
pub fn refuse_overrides<'a>(mut parameters: impl Iterator<Item = &'a String>) -> Result<(), ServingError> {
    match parameters.next() {
        Some(name) => Err(ServingError::Invalid(format!(
            "parameter '{name}' is not supported: a model is loaded as the registry has it"
        ))),
        None => Ok(()),
    }
}

async fn index(
    State(api): State<Arc<ServingApi>>,
    Caller(ctx): Caller,
    Raw(body): Raw,
) -> Result<Json<Vec<Value>>, ProtocolError> {
    api.may_read(&ctx)?;
    let only_ready = optional::<IndexBody>(&body)?.ready;
    let entries = api.serving.index(&ctx).await?;
    let shown = entries
        .into_iter()
        .filter(|entry| !only_ready || entry.state == ModelState::Ready);
    Ok(Json(shown.map(|entry| entry_json(&entry)).collect()))
}

fn entry_json(entry: &IndexEntry) -> Value {
    json!({
        "name": entry.model,
        "version": entry.version.to_string(),
        "state": state_name(entry.state),
        "reason": entry.reason,
    })
}

async fn load(
    State(api): State<Arc<ServingApi>>,
    Caller(ctx): Caller,
    Path(model): Path<String>,
    Raw(body): Raw,
) -> Result<StatusCode, ProtocolError> {
    api.may_change(&ctx)?;
    refuse_overrides(optional::<LoadBody>(&body)?.parameters.keys())?;
    api.load(&ctx, &model).await?;
    Ok(StatusCode::OK)
}

async fn unload(
    State(api): State<Arc<ServingApi>>,
    Caller(ctx): Caller,
    Path(model): Path<String>,
) -> Result<StatusCode, ProtocolError> {
    api.may_change(&ctx)?;
    api.unload(&ctx, &model).await?;
    Ok(StatusCode::OK)
}
