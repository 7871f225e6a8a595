//! `/models/v1/models/{model}/traffic`: the champion, and a canary beside it.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use cortex_registry::Traffic;
use cortex_runtime::http::{ApiError, Ctx, Json, Object, Path};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{OpenApi, ToSchema};

use crate::RegistryApi;

pub(crate) fn routes() -> Router<Arc<RegistryApi>> {
    Router::new().route("/models/v1/models/{model}/traffic", get(show_traffic).put(set_traffic))
}

#[derive(OpenApi)]
#[openapi(paths(show_traffic, set_traffic))]
pub(crate) struct Document;

#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CanaryBody {
    version: u32,
    /// Share of the entities, above 0 and at most what the gate policy allows.
    #[schema(example = 0.1)]
    weight: f64,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrafficBody {
    /// Null ends the canary. It has to be said: a body that forgot the field must not take a version out of traffic.
    #[serde(deserialize_with = "object_or_null")]
    #[schema(required = true)]
    canary: Option<CanaryBody>,
}

fn object_or_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<CanaryBody>, D::Error> {
    let canary = Option::<Object<CanaryBody>>::deserialize(deserializer)?;
    Ok(canary.map(|Object(canary)| canary))
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TrafficView {
    model: String,
    /// Absent until a first version is promoted.
    champion: Option<u32>,
    canary: Option<CanaryBody>,
    changed_at: String,
    changed_by: String,
}

impl From<Traffic> for TrafficView {
    fn from(traffic: Traffic) -> Self {
        Self {
            model: traffic.model.to_string(),
            champion: traffic.champion,
            canary: traffic.canary.map(|canary| CanaryBody {
                version: canary.version,
                weight: canary.weight,
            }),
            changed_at: traffic.changed_at.to_string(),
            changed_by: traffic.changed_by.to_string(),
        }
    }
}

/// How a model's traffic is split.
#[utoipa::path(get, path = "/models/v1/models/{model}/traffic", tag = "models", params(("model" = String, Path)),
    responses((status = 200, description = "The split", body = TrafficView)))]
async fn show_traffic(
    State(api): State<Arc<RegistryApi>>,
    Ctx(ctx): Ctx,
    Path(model): Path<String>,
) -> Result<Json<TrafficView>, ApiError> {
    api.may_read(&ctx)?;
    Ok(Json(api.registry.traffic(&ctx, &model).await?.into()))
}

/// Gives a canary part of the traffic, or ends it. A version that cannot run gets none. What is so already stays as it
/// is, and is not recorded again.
#[utoipa::path(put, path = "/models/v1/models/{model}/traffic", tag = "models", params(("model" = String, Path)),
    request_body = TrafficBody, responses((status = 200, description = "The new split", body = TrafficView),
        (status = 400, description = "No champion yet, or a weight out of range"),
        (status = 409, description = "The canary's model file does not run")))]
async fn set_traffic(
    State(api): State<Arc<RegistryApi>>,
    Ctx(ctx): Ctx,
    Path(model): Path<String>,
    Json(body): Json<TrafficBody>,
) -> Result<Json<TrafficView>, ApiError> {
    api.may_approve(&ctx)?;
    if let Some(canary) = &body.canary {
        api.served.check(&ctx, &model, canary.version).await?;
    }
    let canary = body.canary.map(|canary| (canary.version, canary.weight));
    let traffic = api.registry.set_traffic(&ctx, &model, canary).await?;
    api.served.changed(&ctx, &model);
    Ok(Json(traffic.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_ends_only_where_the_body_says_so() {
        let read = |json: &str| serde_json::from_str::<TrafficBody>(json);
        assert!(read("{}").unwrap_err().to_string().contains("canary"));
        assert!(read(r#"{"canary": null}"#).unwrap().canary.is_none());
        let body = read(r#"{"canary": {"version": 2, "weight": 0.1}}"#).unwrap();
        assert_eq!(body.canary.map(|canary| canary.version), Some(2));
        let listed = read(r#"{"canary": [2, 0.1]}"#).unwrap_err();
        assert!(listed.to_string().contains("a JSON object"), "{listed}");
    }
}
