//! Gates and aliases: `POST …/versions/{version}/gate`, `PUT …/aliases/{alias}`, `GET …/reports`.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post, put};
use cortex_registry::{CHAMPION, GateCheck, GateReport};
use cortex_runtime::http::{ApiError, Ctx, Json, Path, Query};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};

use crate::RegistryApi;
use crate::list::List;
use crate::models::AliasView;

pub(crate) fn routes() -> Router<Arc<RegistryApi>> {
    Router::new()
        .route("/models/v1/models/{model}/versions/{version}/gate", post(propose))
        .route("/models/v1/models/{model}/aliases/{alias}", put(move_alias))
        .route("/models/v1/models/{model}/reports", get(list_reports))
}

#[derive(OpenApi)]
#[openapi(paths(propose, move_alias, list_reports))]
pub(crate) struct Document;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProposeBody {
    /// The alias that the version shall have; `champion` where it is absent.
    alias: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MoveAliasBody {
    version: u32,
    /// Moves the alias back to a version that had it before, on the gate report it was given for then.
    #[serde(default)]
    rollback: bool,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReportsQuery {
    /// Only the reports of this version.
    version: Option<u32>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GateCheckView {
    /// `subject:what`, such as `roc_auc:incumbent`, `drift:spend:sum_30d` or `fairness:country`.
    name: String,
    passed: bool,
    /// `fail` keeps the gate shut, `warn` does not.
    #[schema(value_type = String, example = "fail")]
    severity: cortex_registry::Severity,
    observed: Option<f64>,
    threshold: Option<f64>,
    detail: String,
}

impl From<GateCheck> for GateCheckView {
    fn from(check: GateCheck) -> Self {
        Self {
            name: check.name,
            passed: check.passed,
            severity: check.severity,
            observed: check.observed,
            threshold: check.threshold,
            detail: check.detail,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GateReportView {
    id: String,
    model: String,
    version: u32,
    alias: String,
    /// The version that had the alias at the time.
    incumbent: Option<u32>,
    /// `passed` or `failed`.
    #[schema(value_type = String, example = "passed")]
    verdict: cortex_registry::Verdict,
    checks: Vec<GateCheckView>,
    rows: usize,
    onnx_digest: String,
    incumbent_onnx_digest: Option<String>,
    evaluation_digest: String,
    policy_digest: String,
    computed_at: String,
}

impl From<GateReport> for GateReportView {
    fn from(report: GateReport) -> Self {
        Self {
            id: report.id.to_string(),
            model: report.model,
            version: report.version,
            alias: report.alias,
            incumbent: report.incumbent,
            verdict: report.verdict,
            checks: report.checks.into_iter().map(GateCheckView::from).collect(),
            rows: report.rows,
            onnx_digest: report.evidence.onnx,
            incumbent_onnx_digest: report.evidence.incumbent_onnx,
            evaluation_digest: report.evidence.evaluation,
            policy_digest: report.evidence.policy,
            computed_at: report.computed_at.to_string(),
        }
    }
}

/// Computes whether a version may have an alias. A version that fails is an answer like any other.
#[utoipa::path(post, path = "/models/v1/models/{model}/versions/{version}/gate", tag = "models",
    params(("model" = String, Path), ("version" = u32, Path)), request_body = ProposeBody,
    responses((status = 200, description = "What the gate found", body = GateReportView),
        (status = 409, description = "The model file does not run")))]
async fn propose(
    State(api): State<Arc<RegistryApi>>,
    Ctx(ctx): Ctx,
    Path((model, version)): Path<(String, u32)>,
    Json(body): Json<ProposeBody>,
) -> Result<Json<GateReportView>, ApiError> {
    api.may_write(&ctx)?;
    let alias = body.alias.as_deref().unwrap_or(CHAMPION);
    Ok(Json(api.registry.propose(&ctx, &model, version, alias).await?.into()))
}

/// Points an alias to a version. A protected one needs a passing gate report, or a rollback to a version that had it
/// before; either way somebody who may approve.
#[utoipa::path(put, path = "/models/v1/models/{model}/aliases/{alias}", tag = "models",
    params(("model" = String, Path), ("alias" = String, Path)), request_body = MoveAliasBody,
    responses((status = 200, description = "Where the alias is now", body = AliasView),
        (status = 400, description = "No name for an alias: 'canary', or a protected one in other letters"),
        (status = 409, description = "gate-failed: the message names the failed checks")))]
async fn move_alias(
    State(api): State<Arc<RegistryApi>>,
    Ctx(ctx): Ctx,
    Path((model, alias)): Path<(String, String)>,
    Json(body): Json<MoveAliasBody>,
) -> Result<Json<AliasView>, ApiError> {
    api.may_write(&ctx)?;
    let version = api.registry.version(&ctx, &model, body.version).await?;
    if api.registry.gates().policy(&model, version.task).protects(&alias) {
        api.may_approve(&ctx)?;
    }
    let moved = if body.rollback {
        api.registry.roll_back(&ctx, &model, &alias, body.version).await?
    } else {
        api.registry.move_alias(&ctx, &model, &alias, body.version).await?
    };
    api.served.changed(&ctx, &model);
    Ok(Json(moved.into()))
}

/// The gate reports of a model, newest first.
#[utoipa::path(get, path = "/models/v1/models/{model}/reports", tag = "models",
    params(("model" = String, Path), ReportsQuery),
    responses((status = 200, description = "Those that this server signed", body = List<GateReportView>),
        (status = 404, description = "No such model or version")))]
async fn list_reports(
    State(api): State<Arc<RegistryApi>>,
    Ctx(ctx): Ctx,
    Path(model): Path<String>,
    Query(query): Query<ReportsQuery>,
) -> Result<Json<List<GateReportView>>, ApiError> {
    api.may_read(&ctx)?;
    Ok(Json(List::of(
        api.registry.reports(&ctx, &model, query.version).await?,
        GateReportView::from,
    )))
}
