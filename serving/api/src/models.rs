//! What a model is: readiness, metadata, configuration, statistics.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use cortex_serving::ServingError;
use cortex_types::RequestContext;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::ServingApi;
use crate::api;
use crate::describe;
use crate::error::ProtocolError;
use crate::extract::{Caller, Path};

/// A model, and perhaps one version of it, as the path names them.
#[derive(Debug, Deserialize)]
pub struct Named {
    pub model: String,
    #[serde(default)]
    pub version: String,
}

impl Named {
    pub fn version(&self) -> Result<Option<u32>, ServingError> {
        api::version(&self.version)
    }
}

pub fn routes() -> Router<Arc<ServingApi>> {
    Router::new()
        .route("/v2/models/stats", get(all_statistics))
        .route("/v2/models/{model}", get(metadata))
        .route("/v2/models/{model}/versions/{version}", get(metadata))
        .route("/v2/models/{model}/ready", get(ready))
        .route("/v2/models/{model}/versions/{version}/ready", get(ready))
        .route("/v2/models/{model}/config", get(config))
        .route("/v2/models/{model}/versions/{version}/config", get(config))
        .route("/v2/models/{model}/stats", get(statistics))
        .route("/v2/models/{model}/versions/{version}/stats", get(statistics))
}

/// Ready means that it answers now: a model that is not loaded yet is loaded by this call.
async fn ready(
    State(api): State<Arc<ServingApi>>,
    Caller(ctx): Caller,
    Path(named): Path<Named>,
) -> Result<StatusCode, ProtocolError> {
    api.may_read(&ctx)?;
    api.serving.model(&ctx, &named.model, named.version()?).await?;
    Ok(StatusCode::OK)
}

async fn metadata(
    State(api): State<Arc<ServingApi>>,
    Caller(ctx): Caller,
    Path(named): Path<Named>,
) -> Result<Json<Value>, ProtocolError> {
    api.may_read(&ctx)?;
    let model = api.serving.model(&ctx, &named.model, named.version()?).await?;
    let versions = api.serving.versions(&ctx, &named.model).await?;
    Ok(Json(describe::metadata_json(&describe::metadata(&model, &versions))))
}

async fn config(
    State(api): State<Arc<ServingApi>>,
    Caller(ctx): Caller,
    Path(named): Path<Named>,
) -> Result<Json<Value>, ProtocolError> {
    api.may_read(&ctx)?;
    let model = api.serving.model(&ctx, &named.model, named.version()?).await?;
    Ok(Json(describe::config_json(&describe::config(&model))))
}

async fn statistics(
    State(api): State<Arc<ServingApi>>,
    Caller(ctx): Caller,
    Path(named): Path<Named>,
) -> Result<Json<Value>, ProtocolError> {
    statistics_of(&api, &ctx, Some(&named)).await
}

async fn all_statistics(State(api): State<Arc<ServingApi>>, Caller(ctx): Caller) -> Result<Json<Value>, ProtocolError> {
    statistics_of(&api, &ctx, None).await
}

async fn statistics_of(
    api: &ServingApi,
    ctx: &RequestContext,
    named: Option<&Named>,
) -> Result<Json<Value>, ProtocolError> {
    api.may_read(ctx)?;
    let version = named.map_or(Ok(None), Named::version)?;
    let totals = api
        .serving
        .statistics(ctx, named.map(|named| named.model.as_str()), version)
        .await?;
    let totals: Vec<Value> = totals.iter().map(describe::statistics_json).collect();
    Ok(Json(json!({ "model_stats": totals })))
}
