//! `/experience/v1`.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use cortex_experience::{BATCH_MAX, DecisionQuery, ExperienceError, PAGE_MAX, Summary};
use cortex_runtime::http::{ApiError, Ctx, Json, Path, Query, page_limit};
use cortex_types::DecisionId;
use serde::Deserialize;
use utoipa::{IntoParams, OpenApi};

use crate::ExperienceApi;
use crate::wire::{
    DecisionPageBody, FeedbackBody, OutcomeBatchBody, OutcomeBody, RecordedBatchBody, RecordedBody, RememberedBody,
};

const PAGE_DEFAULT: u32 = 100;

/// The memory's routes; they need the caller's context on each request.
pub fn routes(api: Arc<ExperienceApi>) -> Router {
    Router::new()
        .route("/experience/v1/feedback", post(record_feedback))
        .route("/experience/v1/outcomes", post(record_outcome))
        .route("/experience/v1/outcomes/batch", post(record_outcomes))
        .route("/experience/v1/decisions", get(list_decisions))
        .route("/experience/v1/decisions/{id}", get(get_decision))
        .route("/experience/v1/summary", get(get_summary))
        .with_state(api)
}

#[derive(OpenApi)]
#[openapi(
    paths(record_feedback, record_outcome, record_outcomes, list_decisions, get_decision, get_summary),
    tags((name = "experience", description = "Decisions, what people did with them, and what came of them"))
)]
struct Document;

#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// Record what a person did with, or thinks of, a decision.
#[utoipa::path(
    post, path = "/experience/v1/feedback", tag = "experience", request_body = FeedbackBody,
    responses(
        (status = 200, body = RecordedBody),
        (status = 400, description = "invalid-argument"),
        (status = 409, description = "idempotency-conflict: the event_id was used for other content"),
    )
)]
async fn record_feedback(
    State(api): State<Arc<ExperienceApi>>,
    Ctx(ctx): Ctx,
    Json(body): Json<FeedbackBody>,
) -> Result<Json<RecordedBody>, ApiError> {
    api.may_write(&ctx)?;
    let feedback = body.feedback(&ctx)?;
    Ok(Json(api.memory.feedback(&ctx, feedback).await?.into()))
}

/// Record what came of a decision.
#[utoipa::path(
    post, path = "/experience/v1/outcomes", tag = "experience", request_body = OutcomeBody,
    responses(
        (status = 200, body = RecordedBody),
        (status = 400, description = "invalid-argument"),
        (status = 409, description = "idempotency-conflict: the event_id was used for other content"),
    )
)]
async fn record_outcome(
    State(api): State<Arc<ExperienceApi>>,
    Ctx(ctx): Ctx,
    Json(body): Json<OutcomeBody>,
) -> Result<Json<RecordedBody>, ApiError> {
    api.may_write(&ctx)?;
    Ok(Json(api.memory.outcome(&ctx, body.outcome()?).await?.into()))
}

/// Record up to 1000 outcomes, all or none.
#[utoipa::path(
    post, path = "/experience/v1/outcomes/batch", tag = "experience", request_body = OutcomeBatchBody,
    responses(
        (status = 200, body = RecordedBatchBody),
        (status = 400, description = "invalid-argument"),
        (status = 409, description = "idempotency-conflict: an event_id was used for other content"),
        (status = 413, description = "too-large: more than 1000 outcomes"),
    )
)]
async fn record_outcomes(
    State(api): State<Arc<ExperienceApi>>,
    Ctx(ctx): Ctx,
    Json(body): Json<OutcomeBatchBody>,
) -> Result<Json<RecordedBatchBody>, ApiError> {
    api.may_write(&ctx)?;
    let given = body.outcomes.len();
    if given > BATCH_MAX {
        return Err(ExperienceError::BatchTooLarge { given, max: BATCH_MAX }.into());
    }
    let outcomes = body
        .outcomes
        .into_iter()
        .map(OutcomeBody::outcome)
        .collect::<Result<Vec<_>, _>>()?;
    let recorded = api.memory.outcomes(&ctx, outcomes).await?;
    Ok(Json(RecordedBatchBody {
        recorded: recorded.into_iter().map(Into::into).collect(),
    }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Decisions of this model only.
    model: Option<String>,
    /// Decisions on this entity only.
    entity_key: Option<String>,
    /// Where the last page ended: its `next_cursor`.
    cursor: Option<String>,
    /// 1 to 1000; 100 where it is absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Option<String>,
}

/// List decisions, newest first.
#[utoipa::path(
    get, path = "/experience/v1/decisions", tag = "experience", params(ListParams),
    responses((status = 200, body = DecisionPageBody), (status = 400, description = "invalid-argument"))
)]
async fn list_decisions(
    State(api): State<Arc<ExperienceApi>>,
    Ctx(ctx): Ctx,
    Query(params): Query<ListParams>,
) -> Result<Json<DecisionPageBody>, ApiError> {
    api.may_read(&ctx)?;
    let query = DecisionQuery {
        model: params.model.map(Into::into),
        entity_key: params.entity_key.map(Into::into),
        after: params.cursor.map(|cursor| cursor.parse()).transpose()?,
        limit: page_limit(params.limit.as_deref(), PAGE_DEFAULT, PAGE_MAX)? as usize,
    };
    Ok(Json(api.memory.decisions(&ctx, query).await?.into()))
}

/// One decision with its feedback and outcomes.
#[utoipa::path(
    get, path = "/experience/v1/decisions/{id}", tag = "experience",
    params(("id" = String, Path, description = "The decision_id that came with the prediction")),
    responses((status = 200, body = RememberedBody), (status = 404, description = "not-found"))
)]
async fn get_decision(
    State(api): State<Arc<ExperienceApi>>,
    Ctx(ctx): Ctx,
    Path(id): Path<String>,
) -> Result<Json<RememberedBody>, ApiError> {
    api.may_read(&ctx)?;
    let id: DecisionId = id.parse()?;
    Ok(Json(api.memory.decision(&ctx, id).await?.into()))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SummaryParams {
    /// Versions of this model only.
    model: Option<String>,
}

/// How model versions did: calibration, and mean outcome per arm and action.
#[utoipa::path(
    get, path = "/experience/v1/summary", tag = "experience", params(SummaryParams),
    responses((status = 200, body = Object, description = "decisions, outcomes, ratings, pending, and models with their versions"))
)]
async fn get_summary(
    State(api): State<Arc<ExperienceApi>>,
    Ctx(ctx): Ctx,
    Query(params): Query<SummaryParams>,
) -> Result<Json<Summary>, ApiError> {
    api.may_read(&ctx)?;
    Ok(Json(api.memory.summary(&ctx, params.model.as_deref()).await?))
}
