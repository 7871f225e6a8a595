//! `/models/v1/experiments` and `/models/v1/runs`: what was tried, and how it went.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::{get, put};
use cortex_registry::{Experiment, MetricPoint, Run};
use cortex_runtime::http::{ApiError, Ctx, Json, Path, Query};
use cortex_types::{ExperimentId, RunId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};

use crate::RegistryApi;
use crate::list::{List, limit};

pub(crate) fn routes() -> Router<Arc<RegistryApi>> {
    Router::new()
        .route("/models/v1/experiments", get(list_experiments))
        .route("/models/v1/experiments/{experiment}/runs", get(list_runs))
        .route("/models/v1/runs/{run}", get(show_run))
        .route("/models/v1/runs/{run}/tags", put(set_tags))
        .route("/models/v1/runs/{run}/metrics", get(list_metrics))
}

#[derive(OpenApi)]
#[openapi(paths(list_experiments, list_runs, show_run, set_tags, list_metrics))]
pub(crate) struct Document;

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExperimentView {
    id: String,
    name: String,
    created_at: String,
}

impl From<Experiment> for ExperimentView {
    fn from(experiment: Experiment) -> Self {
        let (id, created_at) = (experiment.id.to_string(), experiment.created_at.to_string());
        Self {
            id,
            name: experiment.name,
            created_at,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunView {
    id: String,
    experiment_id: String,
    name: String,
    /// `running`, `finished` or `failed`.
    status: String,
    started_at: String,
    ended_at: Option<String>,
    params: BTreeMap<String, String>,
    tags: BTreeMap<String, String>,
}

impl From<Run> for RunView {
    fn from(run: Run) -> Self {
        Self {
            id: run.id.to_string(),
            experiment_id: run.experiment.to_string(),
            name: run.name,
            status: run.status.as_str().to_owned(),
            started_at: run.started_at.to_string(),
            ended_at: run.ended_at.map(|at| at.to_string()),
            params: run.params,
            tags: run.tags,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MetricView {
    key: String,
    step: i64,
    /// Null where it is not a finite number, which JSON cannot say; `text` then tells which.
    value: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    at: String,
}

impl From<MetricPoint> for MetricView {
    fn from(point: MetricPoint) -> Self {
        let finite = point.value.is_finite();
        Self {
            key: point.key,
            step: point.step,
            value: finite.then_some(point.value),
            text: (!finite).then(|| point.value.to_string()),
            at: point.at.to_string(),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RunsQuery {
    /// 1 to 1000; 100 where it is absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct MetricsQuery {
    /// Only this metric.
    key: Option<String>,
}

/// The experiments, by name.
#[utoipa::path(get, path = "/models/v1/experiments", tag = "models",
    responses((status = 200, description = "All of them", body = List<ExperimentView>)))]
async fn list_experiments(
    State(api): State<Arc<RegistryApi>>,
    Ctx(ctx): Ctx,
) -> Result<Json<List<ExperimentView>>, ApiError> {
    api.may_read(&ctx)?;
    Ok(Json(List::of(
        api.registry.experiments(&ctx).await?,
        ExperimentView::from,
    )))
}

/// The runs of an experiment, newest first.
#[utoipa::path(get, path = "/models/v1/experiments/{experiment}/runs", tag = "models",
    params(("experiment" = String, Path, description = "The experiment's id"), RunsQuery),
    responses((status = 200, description = "The newest of them", body = List<RunView>),
        (status = 404, description = "No such experiment")))]
async fn list_runs(
    State(api): State<Arc<RegistryApi>>,
    Ctx(ctx): Ctx,
    Path(experiment): Path<String>,
    Query(query): Query<RunsQuery>,
) -> Result<Json<List<RunView>>, ApiError> {
    api.may_read(&ctx)?;
    let experiment: ExperimentId = experiment.parse()?;
    let limit = limit(query.limit.as_deref())?;
    Ok(Json(List::of(
        api.registry.runs(&ctx, experiment, limit).await?,
        RunView::from,
    )))
}

/// One run.
#[utoipa::path(get, path = "/models/v1/runs/{run}", tag = "models", params(("run" = String, Path)),
    responses((status = 200, description = "The run", body = RunView), (status = 404, description = "No such run")))]
async fn show_run(
    State(api): State<Arc<RegistryApi>>,
    Ctx(ctx): Ctx,
    Path(run): Path<String>,
) -> Result<Json<RunView>, ApiError> {
    api.may_read(&ctx)?;
    let run: RunId = run.parse()?;
    Ok(Json(api.registry.run(&ctx, run).await?.into()))
}

/// Sets tags of a run, over what they were, and answers the run; other tags stay.
#[utoipa::path(put, path = "/models/v1/runs/{run}/tags", tag = "models", params(("run" = String, Path)),
    request_body = BTreeMap<String, String>,
    responses((status = 200, description = "The run", body = RunView), (status = 404, description = "No such run")))]
async fn set_tags(
    State(api): State<Arc<RegistryApi>>,
    Ctx(ctx): Ctx,
    Path(run): Path<String>,
    Json(tags): Json<BTreeMap<String, String>>,
) -> Result<Json<RunView>, ApiError> {
    api.may_write(&ctx)?;
    let run: RunId = run.parse()?;
    api.registry.set_tags(&ctx, run, &tags).await?;
    Ok(Json(api.registry.run(&ctx, run).await?.into()))
}

/// What a run measured, by metric and step.
#[utoipa::path(get, path = "/models/v1/runs/{run}/metrics", tag = "models", params(("run" = String, Path), MetricsQuery),
    responses((status = 200, description = "Every point", body = List<MetricView>),
        (status = 404, description = "No such run")))]
async fn list_metrics(
    State(api): State<Arc<RegistryApi>>,
    Ctx(ctx): Ctx,
    Path(run): Path<String>,
    Query(query): Query<MetricsQuery>,
) -> Result<Json<List<MetricView>>, ApiError> {
    api.may_read(&ctx)?;
    let run: RunId = run.parse()?;
    Ok(Json(List::of(
        api.registry.metrics(&ctx, run, query.key.as_deref()).await?,
        MetricView::from,
    )))
}
