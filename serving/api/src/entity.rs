//! `POST /v2/cortex/models/{model}/predict-entity`: a business key in, a score with its decision out.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use cortex_runtime::http::{ApiError, Ctx, Json, Path};
use cortex_serving::{EntityRequest, Prediction};
use cortex_types::DecisionId;
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use crate::ServingApi;
use crate::api;

pub fn routes() -> Router<Arc<ServingApi>> {
    Router::new().route("/v2/cortex/models/{model}/predict-entity", post(predict_entity))
}

#[derive(OpenApi)]
#[openapi(paths(predict_entity), components(schemas(PredictEntityBody, EntityPrediction)))]
pub struct Document;

/// Whom to predict for.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PredictEntityBody {
    /// Business key, such as the customer's code.
    #[schema(example = "17850")]
    pub entity_key: String,
    /// What the canary split sticks to; the entity key where it is absent.
    #[serde(default)]
    pub route_key: Option<String>,
    /// `champion` or `canary` forces that arm.
    #[serde(default)]
    pub arm: Option<String>,
}

/// A score for one entity. The decision is durable before the answer leaves.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EntityPrediction {
    /// Keep it with whatever the prediction was used for: outcomes and feedback join by it.
    #[schema(value_type = String, format = "uuid")]
    pub decision_id: DecisionId,
    pub model: String,
    pub model_version: u32,
    /// `champion` or `canary`.
    pub arm: String,
    /// Probability with which the router gives this entity this arm.
    pub propensity: f64,
    pub entity_key: String,
    /// When it was decided, RFC 3339.
    pub decided_at: String,
    pub score: f64,
    /// What the model's policy advises on this score, if anything.
    pub action: Option<String>,
    /// Where the features were computed: `source@epoch.commit.seq`, comma-separated.
    pub feature_position: String,
    /// False where nothing is known of this entity: every feature was missing.
    pub features_found: bool,
}

impl From<Prediction> for EntityPrediction {
    fn from(prediction: Prediction) -> Self {
        Self {
            decision_id: prediction.decision_id,
            model: prediction.model.to_string(),
            model_version: prediction.version,
            arm: prediction.arm.as_str().to_owned(),
            propensity: prediction.propensity,
            entity_key: prediction.entity_key.to_string(),
            decided_at: prediction.decided_at.to_string(),
            score: prediction.score,
            action: prediction.action.map(|action| action.to_string()),
            feature_position: prediction.frontier.to_string(),
            features_found: prediction.features_found,
        }
    }
}

/// Scores one entity with the model's champion, or with its canary for the share of entities that the router gives it.
/// The server fetches the features itself.
#[utoipa::path(
    post,
    path = "/v2/cortex/models/{model}/predict-entity",
    tag = "serving",
    params(("model" = String, Path, description = "Name of the registered model, such as repurchase-30d")),
    request_body = PredictEntityBody,
    responses(
        (status = 200, description = "The score, and the decision it was remembered as", body = EntityPrediction),
        (status = 404, description = "No such model, as problem details"),
        (status = 503, description = "No champion yet, or overloaded, as problem details"),
    )
)]
async fn predict_entity(
    State(api): State<Arc<ServingApi>>,
    Ctx(ctx): Ctx,
    Path(model): Path<String>,
    Json(body): Json<PredictEntityBody>,
) -> Result<Json<EntityPrediction>, ApiError> {
    api.may_infer(&ctx)?;
    let request = EntityRequest {
        model,
        entity_key: body.entity_key,
        route_key: body.route_key,
        arm: api::arm(body.arm.as_deref().unwrap_or_default())?,
    };
    Ok(Json(api.serving.predict_entity(&ctx, request).await?.into()))
}
