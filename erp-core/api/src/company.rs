//! `/erp/v1/company`, `/erp/v1/chart-templates`, `/erp/v1/cost-centres`

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use cortex_erp::{ChartTemplate, Command, Company, CostCentre, DefineCompany, DefineCostCentre, TaxRounding};
use cortex_runtime::http::{ApiError, Ctx, Json, Path, Query};
use cortex_types::Currency;
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use crate::ErpApi;
use crate::api::not_found;
use crate::idempotency::Key;
use crate::paging::{List, Listing, PageQuery};
use crate::receipt::ReceiptView;
use crate::schemas::CurrencyCode;

pub(crate) fn routes() -> Router<Arc<ErpApi>> {
    Router::new()
        .route("/erp/v1/company", get(show).put(define))
        .route("/erp/v1/chart-templates", get(templates))
        .route("/erp/v1/cost-centres", get(list_cost_centres))
        .route("/erp/v1/cost-centres/{code}", axum::routing::put(define_cost_centre))
}

#[derive(OpenApi)]
#[openapi(paths(show, define, templates, list_cost_centres, define_cost_centre))]
pub(crate) struct Document;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CompanyBody {
    #[schema(example = "Example Trading Ltd")]
    name: String,
    /// What the books are in. It stays once something is posted.
    #[schema(value_type = CurrencyCode, example = "GBP")]
    currency: Currency,
    /// A template of `/erp/v1/chart-templates`; `trading` where it is absent. It stays once something is posted.
    #[schema(example = "trading")]
    chart: Option<String>,
    /// Whether a tax is rounded on each line (`per-line`) or once (`per-document`, where it was never said).
    #[schema(value_type = Option<crate::schemas::TaxRoundingWord>, example = "per-document")]
    tax_rounding: Option<TaxRounding>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct CompanyView {
    id: String,
    name: String,
    currency: String,
    chart: String,
    tax_rounding: String,
    created_at: String,
}

impl From<Company> for CompanyView {
    fn from(company: Company) -> Self {
        Self {
            id: company.id.to_string(),
            name: company.name,
            currency: company.currency.to_string(),
            chart: company.chart.to_string(),
            tax_rounding: company.tax_rounding.as_str().to_owned(),
            created_at: company.created_at.to_string(),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Templates {
    items: Vec<TemplateView>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct TemplateView {
    #[schema(example = "skr04")]
    name: String,
    title: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CostCentreBody {
    #[schema(example = "Warehouse")]
    title: String,
    /// Nothing more is counted for it.
    #[serde(default)]
    blocked: bool,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct CostCentreView {
    id: String,
    code: String,
    title: String,
    blocked: bool,
    created_at: String,
}

impl From<CostCentre> for CostCentreView {
    fn from(centre: CostCentre) -> Self {
        Self {
            id: centre.id.to_string(),
            code: centre.code.to_string(),
            title: centre.title,
            blocked: centre.blocked,
            created_at: centre.created_at.to_string(),
        }
    }
}

/// What the company is.
#[utoipa::path(get, path = "/erp/v1/company", operation_id = "get_company", tag = "erp",
    responses((status = 200, description = "The company", body = CompanyView),
        (status = 404, description = "Nobody said what it is")))]
async fn show(State(api): State<Arc<ErpApi>>, Ctx(ctx): Ctx) -> Result<Json<CompanyView>, ApiError> {
    api.may_read(&ctx)?;
    let company = api.records.company(&ctx).await?;
    company
        .map(|company| Json(company.into()))
        .ok_or_else(|| not_found("company", ctx.tenant.to_string()))
}

/// Says what the company is. From then on everything is kept in its currency as well.
#[utoipa::path(put, path = "/erp/v1/company", operation_id = "define_company", tag = "erp", request_body = CompanyBody,
    params(("Idempotency-Key" = String, Header, description = "Chosen per request; the same when it is repeated")),
    responses(
        (status = 201, description = "Defined", body = ReceiptView),
        (status = 400, description = "No such chart or currency, or something is posted in another one"),
    ))]
async fn define(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Key(key): Key,
    Json(body): Json<CompanyBody>,
) -> Result<ReceiptView, ApiError> {
    api.may_post(&ctx)?;
    let command = DefineCompany {
        name: body.name,
        currency: body.currency,
        chart: body.chart.map(Arc::from),
        tax_rounding: body.tax_rounding,
    };
    Ok(api.execute(&ctx, Command::DefineCompany(command), key).await?.into())
}

/// What a chart of accounts can be made from.
#[utoipa::path(get, path = "/erp/v1/chart-templates", operation_id = "list_chart_templates", tag = "erp",
    responses((status = 200, description = "All templates", body = Templates)))]
async fn templates(State(api): State<Arc<ErpApi>>, Ctx(ctx): Ctx) -> Result<Json<Templates>, ApiError> {
    api.may_read(&ctx)?;
    let view = |template: &ChartTemplate| TemplateView {
        name: template.name.to_owned(),
        title: template.title.to_owned(),
    };
    Ok(Json(Templates {
        items: ChartTemplate::ALL.iter().map(view).collect(),
    }))
}

/// Cost centres, oldest first.
#[utoipa::path(get, path = "/erp/v1/cost-centres", operation_id = "list_cost_centres", tag = "erp", params(PageQuery),
    responses((status = 200, description = "A page", body = List<CostCentreView>)))]
async fn list_cost_centres(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Query(query): Query<PageQuery>,
) -> Result<Json<List<CostCentreView>>, ApiError> {
    api.may_read(&ctx)?;
    let page = query.page(Listing::CostCentres)?;
    let centres = api.records.cost_centres(&ctx, &page).await?;
    Ok(Json(List::new(
        Listing::CostCentres,
        &page,
        centres,
        |centre| centre.id.to_string(),
        CostCentreView::from,
    )))
}

/// Creates a cost centre, or changes it.
#[utoipa::path(put, path = "/erp/v1/cost-centres/{code}", operation_id = "define_cost_centre", tag = "erp",
    request_body = CostCentreBody,
    params(("code" = String, Path),
        ("Idempotency-Key" = String, Header, description = "Chosen per request; the same when it is repeated")),
    responses(
        (status = 201, description = "Defined", body = ReceiptView),
        (status = 400, description = "Refused, as problem details"),
    ))]
async fn define_cost_centre(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Path(code): Path<String>,
    Key(key): Key,
    Json(body): Json<CostCentreBody>,
) -> Result<ReceiptView, ApiError> {
    api.may_post(&ctx)?;
    let command = DefineCostCentre {
        code: code.into(),
        title: body.title,
        blocked: body.blocked,
    };
    Ok(api.execute(&ctx, Command::DefineCostCentre(command), key).await?.into())
}
