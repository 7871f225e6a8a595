//! `/models/v1/models`: models, versions and where they came from.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use cortex_registry::{Alias, Lineage, ModelVersion, RegistryError, TensorSpec};
use cortex_runtime::http::{ApiError, Ctx, Json, Path};
use cortex_types::RequestContext;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use crate::RegistryApi;
use crate::list::List;

pub(crate) fn routes() -> Router<Arc<RegistryApi>> {
    Router::new()
        .route("/models/v1/models", get(list_models))
        .route("/models/v1/models/{model}", get(show_model))
        .route("/models/v1/models/{model}/versions", get(list_versions))
        .route("/models/v1/models/{model}/versions/{version}", get(show_version))
        .route(
            "/models/v1/models/{model}/versions/{version}/lineage",
            get(show_lineage),
        )
}

#[derive(OpenApi)]
#[openapi(paths(list_models, show_model, list_versions, show_version, show_lineage))]
pub(crate) struct Document;

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelView {
    name: String,
    task: String,
    newest_version: u32,
    versions: usize,
    aliases: Vec<AliasView>,
    /// Aliases that move only with a passing gate report.
    protected_aliases: Vec<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AliasView {
    alias: String,
    version: u32,
    moved_at: String,
    moved_by: String,
}

impl From<Alias> for AliasView {
    fn from(alias: Alias) -> Self {
        Self {
            alias: alias.alias.to_string(),
            version: alias.version,
            moved_at: alias.moved_at.to_string(),
            moved_by: alias.moved_by.to_string(),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TensorView {
    name: String,
    /// Open Inference Protocol datatype, such as `FP64`.
    datatype: String,
    /// -1 for a free dimension.
    shape: Vec<i64>,
}

impl From<TensorSpec> for TensorView {
    fn from(spec: TensorSpec) -> Self {
        Self {
            name: spec.name,
            datatype: spec.datatype,
            shape: spec.shape,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VersionView {
    id: String,
    model: String,
    version: u32,
    run_id: String,
    /// `binary_classification` or `regression`.
    task: String,
    inputs: Vec<TensorView>,
    outputs: Vec<TensorView>,
    onnx_digest: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    evaluation_digest: Option<String>,
    /// What the trainer measured: information, never evidence.
    metrics: BTreeMap<String, f64>,
    created_at: String,
}

impl From<ModelVersion> for VersionView {
    fn from(version: ModelVersion) -> Self {
        Self {
            id: version.id.to_string(),
            model: version.name.to_string(),
            version: version.version,
            run_id: version.run_id.to_string(),
            task: version.task.as_str().to_owned(),
            inputs: version.signature.inputs.into_iter().map(TensorView::from).collect(),
            outputs: version.signature.outputs.into_iter().map(TensorView::from).collect(),
            onnx_digest: version.onnx_digest,
            evaluation_digest: version.evaluation_digest,
            metrics: version.metrics,
            created_at: version.created_at.to_string(),
        }
    }
}

/// Everything needed to build the same model again.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LineageView {
    pipeline: String,
    entity: String,
    feature_service: String,
    /// `view:feature` names in the order of the model's input columns.
    features: Vec<String>,
    /// The instant up to which the training set knows.
    as_of: String,
    /// How far each source had been read, as `source@epoch.commit.seq`.
    frontier: String,
    /// Lake tables and the versions that were read.
    tables: BTreeMap<String, u64>,
    /// SHA-256 of the training set's rows.
    data_digest: String,
    code_version: String,
    trainer: String,
    params: BTreeMap<String, String>,
}

impl From<Lineage> for LineageView {
    fn from(lineage: Lineage) -> Self {
        Self {
            pipeline: lineage.pipeline,
            entity: lineage.entity,
            feature_service: lineage.feature_service,
            features: lineage.features,
            as_of: lineage.as_of.to_string(),
            frontier: lineage.frontier.to_string(),
            tables: lineage.tables,
            data_digest: lineage.data_digest,
            code_version: lineage.code_version,
            trainer: lineage.trainer,
            params: lineage.params,
        }
    }
}

async fn model_view(api: &RegistryApi, ctx: &RequestContext, name: &str) -> Result<ModelView, ApiError> {
    let versions = api.registry.versions(ctx, name).await?;
    let aliases = api.registry.aliases(ctx, name).await?;
    let newest = versions
        .first()
        .ok_or_else(|| RegistryError::not_found("model", name))?;
    Ok(ModelView {
        name: name.to_owned(),
        task: newest.task.as_str().to_owned(),
        newest_version: newest.version,
        versions: versions.len(),
        aliases: aliases.into_iter().map(AliasView::from).collect(),
        protected_aliases: api.registry.gates().policy(name, newest.task).protected.clone(),
    })
}

/// The registered models, by name.
#[utoipa::path(get, path = "/models/v1/models", tag = "models",
    responses((status = 200, description = "All of them", body = List<ModelView>)))]
async fn list_models(State(api): State<Arc<RegistryApi>>, Ctx(ctx): Ctx) -> Result<Json<List<ModelView>>, ApiError> {
    api.may_read(&ctx)?;
    let mut items = Vec::new();
    for name in api.registry.models(&ctx).await? {
        items.push(model_view(&api, &ctx, &name).await?);
    }
    Ok(Json(List { items }))
}

/// One model, with its aliases.
#[utoipa::path(get, path = "/models/v1/models/{model}", tag = "models", params(("model" = String, Path)),
    responses((status = 200, description = "The model", body = ModelView), (status = 404, description = "No such model")))]
async fn show_model(
    State(api): State<Arc<RegistryApi>>,
    Ctx(ctx): Ctx,
    Path(model): Path<String>,
) -> Result<Json<ModelView>, ApiError> {
    api.may_read(&ctx)?;
    Ok(Json(model_view(&api, &ctx, &model).await?))
}

/// A model's versions, newest first.
#[utoipa::path(get, path = "/models/v1/models/{model}/versions", tag = "models", params(("model" = String, Path)),
    responses((status = 200, description = "All of them", body = List<VersionView>)))]
async fn list_versions(
    State(api): State<Arc<RegistryApi>>,
    Ctx(ctx): Ctx,
    Path(model): Path<String>,
) -> Result<Json<List<VersionView>>, ApiError> {
    api.may_read(&ctx)?;
    Ok(Json(List::of(
        api.registry.versions(&ctx, &model).await?,
        VersionView::from,
    )))
}

/// One version, by its number or an alias.
#[utoipa::path(get, path = "/models/v1/models/{model}/versions/{version}", tag = "models",
    params(("model" = String, Path), ("version" = String, Path, description = "A number, or an alias such as champion")),
    responses((status = 200, description = "The version", body = VersionView), (status = 404, description = "None such")))]
async fn show_version(
    State(api): State<Arc<RegistryApi>>,
    Ctx(ctx): Ctx,
    Path((model, version)): Path<(String, String)>,
) -> Result<Json<VersionView>, ApiError> {
    api.may_read(&ctx)?;
    Ok(Json(api.registry.resolve(&ctx, &model, &version).await?.into()))
}

/// Where a version came from.
#[utoipa::path(get, path = "/models/v1/models/{model}/versions/{version}/lineage", tag = "models",
    params(("model" = String, Path), ("version" = String, Path, description = "A number, or an alias such as champion")),
    responses((status = 200, description = "Data, features, code and parameters", body = LineageView)))]
async fn show_lineage(
    State(api): State<Arc<RegistryApi>>,
    Ctx(ctx): Ctx,
    Path((model, version)): Path<(String, String)>,
) -> Result<Json<LineageView>, ApiError> {
    api.may_read(&ctx)?;
    Ok(Json(api.registry.resolve(&ctx, &model, &version).await?.lineage.into()))
}
