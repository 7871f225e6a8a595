//! `/features/v1/…`: what is defined, and what it says now.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use cortex_features::{
    Entity, EntityKey, FeatureError, FeatureRef, FeatureService, FeatureStatus, FeatureValue, FeatureView,
};
use cortex_runtime::http::{ApiError, Ctx, Json};
use cortex_types::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{OpenApi, ToSchema};

use crate::api::{FeaturesApi, entity_key};
use crate::join_keys::value_text;

pub(crate) fn routes() -> Router<Arc<FeaturesApi>> {
    Router::new()
        .route("/features/v1/entities", get(list_entities))
        .route("/features/v1/views", get(list_views))
        .route("/features/v1/services", get(list_services))
        .route("/features/v1/online", post(read_online))
}

#[derive(OpenApi)]
#[openapi(paths(list_entities, list_views, list_services, read_online))]
pub(crate) struct Document;

#[derive(Debug, Serialize, ToSchema)]
struct Entities {
    /// Name, join keys and description of each.
    #[schema(value_type = Vec<Object>)]
    entities: Vec<Arc<Entity>>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Views {
    /// As they are written in their YAML.
    #[schema(value_type = Vec<Object>)]
    views: Vec<Arc<FeatureView>>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Services {
    #[schema(value_type = Vec<Object>)]
    services: Vec<Arc<FeatureService>>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OnlineRequest {
    /// A feature service; or leave it out and name features.
    #[schema(example = "customer_repurchase")]
    service: Option<String>,
    /// As `view:feature`.
    #[serde(default)]
    features: Vec<String>,
    /// One per entity: a number or a text, or a list of them where the entity has several join keys.
    #[schema(schema_with = keys_schema)]
    keys: Vec<Value>,
}

fn of(types: impl IntoIterator<Item = Type>) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(types.into_iter().collect::<SchemaType>())
}

fn key_schema() -> RefOr<Schema> {
    let single = || of([Type::String, Type::Number]);
    let about = "A number or a text, or a list of them where the entity has several join keys";
    OneOfBuilder::new()
        .description(Some(about))
        .item(single())
        .item(ArrayBuilder::new().items(single()))
        .into()
}

fn keys_schema() -> RefOr<Schema> {
    ArrayBuilder::new().items(key_schema()).into()
}

fn values_schema() -> RefOr<Schema> {
    let value = of([Type::Number, Type::String, Type::Null]);
    ArrayBuilder::new().items(value).into()
}

#[derive(Debug, Serialize, ToSchema)]
struct OnlineResponse {
    /// In the order of every row's values.
    #[schema(value_type = Vec<String>)]
    features: Vec<FeatureRef>,
    /// In the order of the request's keys.
    rows: Vec<OnlineResponseRow>,
    /// Where the features were computed: source@epoch.commit.seq, comma-separated.
    frontier: String,
}

#[derive(Debug, Serialize, ToSchema)]
struct OnlineResponseRow {
    /// As it came.
    #[schema(schema_with = key_schema)]
    key: Value,
    #[schema(schema_with = values_schema)]
    values: Vec<FeatureValue>,
    /// PRESENT, NOT_FOUND, OUTSIDE_MAX_AGE or NULL_VALUE.
    #[schema(value_type = Vec<String>)]
    statuses: Vec<FeatureStatus>,
    /// When the newest fact in each value happened.
    #[schema(value_type = Vec<Option<String>>)]
    event_times: Vec<Option<Timestamp>>,
}

/// Whom features describe.
#[utoipa::path(get, path = "/features/v1/entities", tag = "features",
    responses((status = 200, description = "All entities", body = Entities)))]
async fn list_entities(State(api): State<Arc<FeaturesApi>>, Ctx(ctx): Ctx) -> Result<Json<Entities>, ApiError> {
    api.may_read(&ctx)?;
    Ok(Json(Entities {
        entities: api.definitions.entities().cloned().collect(),
    }))
}

/// What features are.
#[utoipa::path(get, path = "/features/v1/views", tag = "features",
    responses((status = 200, description = "All views", body = Views)))]
async fn list_views(State(api): State<Arc<FeaturesApi>>, Ctx(ctx): Ctx) -> Result<Json<Views>, ApiError> {
    api.may_read(&ctx)?;
    Ok(Json(Views {
        views: api.definitions.views().cloned().collect(),
    }))
}

/// Which features belong together.
#[utoipa::path(get, path = "/features/v1/services", tag = "features",
    responses((status = 200, description = "All services", body = Services)))]
async fn list_services(State(api): State<Arc<FeaturesApi>>, Ctx(ctx): Ctx) -> Result<Json<Services>, ApiError> {
    api.may_read(&ctx)?;
    Ok(Json(Services {
        services: api.definitions.services().cloned().collect(),
    }))
}

/// The newest features of some entities, all computed from one state.
#[utoipa::path(post, path = "/features/v1/online", tag = "features", request_body = OnlineRequest,
    responses((status = 200, description = "One row per key", body = OnlineResponse),
        (status = 404, description = "An unknown feature or service, as problem details")))]
async fn read_online(
    State(api): State<Arc<FeaturesApi>>,
    Ctx(ctx): Ctx,
    Json(request): Json<OnlineRequest>,
) -> Result<Json<OnlineResponse>, ApiError> {
    api.may_read(&ctx)?;
    let features = api.asked_for(request.service.as_deref(), &request.features)?;
    let entity = api.definitions.entity_of(&features)?;
    let keys: Vec<EntityKey> = request
        .keys
        .iter()
        .map(|key| key_of(entity, key))
        .collect::<Result<_, _>>()?;
    let vectors = api.read(&ctx, &features, &keys).await?;
    let rows = request
        .keys
        .into_iter()
        .zip(vectors.rows)
        .map(|(key, row)| OnlineResponseRow {
            key,
            values: row.values,
            statuses: row.statuses,
            event_times: row.event_times,
        });
    Ok(Json(OnlineResponse {
        rows: rows.collect(),
        features: features.into_owned(),
        frontier: vectors.frontier.to_string(),
    }))
}

fn key_of(entity: &Entity, key: &Value) -> Result<EntityKey, FeatureError> {
    let parts = match key {
        Value::Array(parts) => parts.iter().map(value_text).collect(),
        single => value_text(single).map(|text| vec![text]),
    };
    let parts: Option<Vec<String>> = parts;
    let no_key = || FeatureError::Request(format!("keys: {key} is neither a number, a text, nor a list of them"));
    entity_key(entity, &parts.ok_or_else(no_key)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_description_of_a_key_is_what_is_taken_for_one() {
        let document = serde_json::to_value(Document::openapi()).unwrap();
        let request = &document["components"]["schemas"]["OnlineRequest"];
        let key = &request["properties"]["keys"]["items"];
        assert_eq!(
            key["oneOf"],
            json!([
                { "type": ["string", "number"] },
                { "type": "array", "items": { "type": ["string", "number"] } },
            ]),
            "{request}"
        );
        assert!(request["required"].as_array().unwrap().contains(&json!("keys")));
    }
}
