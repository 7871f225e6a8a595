//! `/models/v1/events`: what happened to the models, as a chain that can be checked.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use cortex_registry::RegistryEvent;
use cortex_runtime::http::{ApiError, Ctx, Json, Query};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};

use crate::RegistryApi;
use crate::list::{List, limit};

pub(crate) fn routes() -> Router<Arc<RegistryApi>> {
    Router::new()
        .route("/models/v1/events", get(list_events))
        .route("/models/v1/events/verification", get(verify_events))
}

#[derive(OpenApi)]
#[openapi(paths(list_events, verify_events))]
pub(crate) struct Document;

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventView {
    seq: u64,
    /// `registered`, `gate-evaluated`, `alias-moved`, `alias-rolled-back` or `traffic-changed`.
    kind: String,
    model: String,
    version: u32,
    at: String,
    principal: String,
    trace_id: String,
    detail: BTreeMap<String, String>,
    previous: String,
    hash: String,
}

impl From<RegistryEvent> for EventView {
    fn from(event: RegistryEvent) -> Self {
        Self {
            seq: event.seq,
            kind: event.kind.as_str().to_owned(),
            model: event.model,
            version: event.version,
            at: event.at.to_string(),
            principal: event.principal,
            trace_id: event.trace_id.to_string(),
            detail: event.detail,
            previous: event.previous,
            hash: event.hash,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VerificationView {
    /// Whether every event is as it was written, and in its place.
    intact: bool,
    /// The first one that is not.
    first_broken: Option<EventView>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventsQuery {
    /// The number of the last event that is known already.
    after: Option<u64>,
    /// 1 to 1000; 100 where it is absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Option<String>,
}

/// The events after a number, oldest first.
#[utoipa::path(get, path = "/models/v1/events", tag = "models", params(EventsQuery),
    responses((status = 200, description = "A page", body = List<EventView>),
        (status = 400, description = "A limit out of range, as problem details")))]
async fn list_events(
    State(api): State<Arc<RegistryApi>>,
    Ctx(ctx): Ctx,
    Query(query): Query<EventsQuery>,
) -> Result<Json<List<EventView>>, ApiError> {
    api.may_read(&ctx)?;
    let limit = limit(query.limit.as_deref())?;
    let events = api.registry.events(&ctx, query.after.unwrap_or(0), limit).await?;
    Ok(Json(List::of(events, EventView::from)))
}

/// Checks the whole chain.
#[utoipa::path(get, path = "/models/v1/events/verification", tag = "models",
    responses((status = 200, description = "Whether the chain holds", body = VerificationView)))]
async fn verify_events(State(api): State<Arc<RegistryApi>>, Ctx(ctx): Ctx) -> Result<Json<VerificationView>, ApiError> {
    api.may_read(&ctx)?;
    let first_broken = api.registry.verify_events(&ctx).await?.map(EventView::from);
    Ok(Json(VerificationView {
        intact: first_broken.is_none(),
        first_broken,
    }))
}
