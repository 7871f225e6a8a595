//! Feast's feature server: `POST /get-online-features`, `GET /health`.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use cortex_features::{Entity, EntityKey, FeatureError, FeatureRef};
use cortex_runtime::http::Ctx;
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::OpenApi;

use crate::api::{FeaturesApi, entity_key};
use crate::feast_body::FeastBody;
use crate::feast_error::FeastError;
use crate::feast_json::FeastResponse;
use crate::join_keys::key_text;

pub(crate) fn routes() -> Router<Arc<FeaturesApi>> {
    Router::new()
        .route("/get-online-features", post(get_online_features))
        .route("/health", get(health))
}

#[derive(OpenApi)]
#[openapi(paths(get_online_features, health))]
pub(crate) struct Document;

/// Fields that Feast's clients send beyond these are passed over, as Feast does.
#[derive(Debug, Deserialize)]
struct FeastRequest<'a> {
    #[serde(default, borrow)]
    features: Vec<Cow<'a, str>>,
    #[serde(default, borrow)]
    feature_service: Option<Cow<'a, str>>,
    #[serde(borrow)]
    entities: BTreeMap<Cow<'a, str>, Vec<&'a RawValue>>,
    #[serde(default)]
    full_feature_names: bool,
}

/// The newest features of some entities, in Feast's form.
#[utoipa::path(post, path = "/get-online-features", tag = "feast",
    request_body(content = serde_json::Value, description = "Feast's request, such as \
        `{\"feature_service\": \"customer_repurchase\", \"entities\": {\"customer_code\": [12345]}}`; \
        `features` instead of `feature_service` names them as `view:feature`"),
    responses((status = 200, description = "One result per feature name, join keys first", body = serde_json::Value),
        (status = 413, description = "More entities or values than one read may have, or a larger body than is taken"),
        (status = 403, description = "The caller's roles do not allow it, in Feast's form"),
        (status = 404, description = "An unknown feature or service: a JSON string that contains module, class and message; \
            the header cortex-error-code has the stable code")))]
async fn get_online_features(
    State(api): State<Arc<FeaturesApi>>,
    Ctx(ctx): Ctx,
    FeastBody(body): FeastBody,
) -> Result<Response, FeastError> {
    api.may_read(&ctx)?;
    let mut request: FeastRequest<'_> = serde_json::from_slice(&body).map_err(unreadable)?;
    let features = api.asked_for(request.feature_service.as_deref(), &request.features)?;
    let entity = api.definitions.entity_of(&features)?;
    if !request.full_feature_names {
        distinct_names(&features)?;
    }
    let columns = key_columns(entity, &mut request.entities)?;
    let keys = entity_keys(entity, &columns)?;
    let vectors = api.read(&ctx, &features, &keys).await?;
    let response = FeastResponse {
        entity,
        keys: &columns,
        features: &features,
        full_names: request.full_feature_names,
        vectors: &vectors,
    };
    let json = HeaderValue::from_static("application/json");
    Ok(([(header::CONTENT_TYPE, json)], response.to_json()).into_response())
}

/// Answers while the server does.
#[utoipa::path(get, path = "/health", tag = "feast", responses((status = 200, description = "The server answers")))]
async fn health(State(api): State<Arc<FeaturesApi>>, Ctx(ctx): Ctx) -> Result<(), FeastError> {
    Ok(api.may_read(&ctx)?)
}

fn unreadable(error: serde_json::Error) -> FeatureError {
    FeatureError::Request(format!("the body is not what Feast's clients send: {error}"))
}

fn distinct_names(features: &[FeatureRef]) -> Result<(), FeatureError> {
    let mut seen = HashSet::new();
    match features.iter().find(|feature| !seen.insert(&feature.feature)) {
        None => Ok(()),
        Some(twice) => Err(FeatureError::Request(format!(
            "two of its features are called '{}': ask with full_feature_names",
            twice.feature
        ))),
    }
}

/// The values of each join key, in the entity's order, all equally many.
fn key_columns<'a>(
    entity: &Entity,
    given: &mut BTreeMap<Cow<'_, str>, Vec<&'a RawValue>>,
) -> Result<Vec<Vec<&'a RawValue>>, FeatureError> {
    let mut columns = Vec::with_capacity(entity.join_keys.len());
    for key in &entity.join_keys {
        let column = given.remove(&**key).ok_or_else(|| {
            FeatureError::Request(format!(
                "entities: {} is identified by {key}, which is missing",
                entity.name
            ))
        })?;
        columns.push(column);
    }
    if let Some(surplus) = given.keys().next() {
        let keys = entity.join_keys.join(", ");
        return Err(FeatureError::Request(format!(
            "entities: {} is identified by {keys}, not by {surplus}",
            entity.name
        )));
    }
    if columns.windows(2).any(|pair| pair[0].len() != pair[1].len()) {
        return Err(FeatureError::Request(
            "entities: the lists of key values differ in length".to_owned(),
        ));
    }
    Ok(columns)
}

fn entity_keys(entity: &Entity, columns: &[Vec<&RawValue>]) -> Result<Vec<EntityKey>, FeatureError> {
    let rows = columns.first().map_or(0, Vec::len);
    let mut keys = Vec::with_capacity(rows);
    for row in 0..rows {
        let mut parts = Vec::with_capacity(columns.len());
        for (name, column) in entity.join_keys.iter().zip(columns) {
            let value = column.get(row).and_then(|value| key_text(value));
            parts.push(value.ok_or_else(|| {
                FeatureError::Request(format!("entities.{name}[{row}] is neither a number nor a text"))
            })?);
        }
        keys.push(entity_key(entity, &parts)?);
    }
    Ok(keys)
}
