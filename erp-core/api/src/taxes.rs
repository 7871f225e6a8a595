//! `/erp/v1/tax-codes` and `/erp/v1/reports/taxes`

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::{get, put};
use cortex_erp::{Command, DefineTaxCode, TaxCode, TaxComponent, TaxTotal};
use cortex_runtime::http::{ApiError, Ctx, Json, Path, Query, objects};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use crate::ErpApi;
use crate::decimals::amount_text;
use crate::exact;
use crate::idempotency::Key;
use crate::paging::{List, Listing, PageQuery};
use crate::receipt::ReceiptView;
use crate::reports::StretchQuery;
use crate::schemas::DecimalText;

pub(crate) fn routes() -> Router<Arc<ErpApi>> {
    Router::new()
        .route("/erp/v1/tax-codes", get(list))
        .route("/erp/v1/tax-codes/{code}", put(define))
        .route("/erp/v1/reports/taxes", get(report))
}

#[derive(OpenApi)]
#[openapi(paths(list, define, report))]
pub(crate) struct Document;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TaxCodeBody {
    #[schema(example = "VAT 20 %")]
    title: String,
    /// What is charged, in this order.
    #[serde(deserialize_with = "objects")]
    components: Vec<ComponentBody>,
    /// No new document may name it.
    #[serde(default)]
    blocked: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ComponentBody {
    #[schema(example = "VAT")]
    name: String,
    /// In percent.
    #[serde(deserialize_with = "exact::decimal")]
    #[schema(value_type = DecimalText, example = "20")]
    rate: Decimal,
    /// Charged on the taxes before it as well.
    #[serde(default)]
    compound: bool,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct TaxCodeView {
    id: String,
    code: String,
    title: String,
    components: Vec<ComponentView>,
    blocked: bool,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ComponentView {
    name: String,
    rate: String,
    compound: bool,
}

impl From<TaxCode> for TaxCodeView {
    fn from(code: TaxCode) -> Self {
        let component = |component: TaxComponent| ComponentView {
            name: component.name.to_string(),
            rate: component.rate.to_string(),
            compound: component.compound,
        };
        Self {
            id: code.id.to_string(),
            code: code.code.to_string(),
            title: code.title,
            components: code.components.into_iter().map(component).collect(),
            blocked: code.blocked,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct TaxReport {
    taxes: Vec<TaxTotalView>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct TaxTotalView {
    /// `output`: charged to customers. `input`: charged by suppliers.
    #[schema(example = "output")]
    direction: String,
    code: String,
    component: String,
    /// In percent.
    rate: String,
    currency: String,
    /// What it was charged on.
    base: String,
    tax: String,
}

impl From<TaxTotal> for TaxTotalView {
    fn from(total: TaxTotal) -> Self {
        Self {
            direction: total.direction.as_str().to_owned(),
            code: total.code.to_string(),
            component: total.component.to_string(),
            rate: total.rate.to_string(),
            currency: total.currency.to_string(),
            base: amount_text(total.base_minor, total.currency),
            tax: amount_text(total.tax_minor, total.currency),
        }
    }
}

/// Tax codes, oldest first.
#[utoipa::path(get, path = "/erp/v1/tax-codes", operation_id = "list_tax_codes", tag = "erp", params(PageQuery),
    responses((status = 200, description = "A page", body = List<TaxCodeView>)))]
async fn list(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Query(query): Query<PageQuery>,
) -> Result<Json<List<TaxCodeView>>, ApiError> {
    api.may_read(&ctx)?;
    let page = query.page(Listing::TaxCodes)?;
    let codes = api.records.tax_codes(&ctx, &page).await?;
    Ok(Json(List::new(
        Listing::TaxCodes,
        &page,
        codes,
        |code| code.id.to_string(),
        TaxCodeView::from,
    )))
}

/// Creates a tax code, or changes it. What was posted stays as it is.
#[utoipa::path(put, path = "/erp/v1/tax-codes/{code}", operation_id = "define_tax_code", tag = "erp",
    request_body = TaxCodeBody,
    params(("code" = String, Path, example = "VAT20"),
        ("Idempotency-Key" = String, Header, description = "Chosen per request; the same when it is repeated")),
    responses(
        (status = 201, description = "Defined", body = ReceiptView),
        (status = 400, description = "Refused, as problem details"),
    ))]
async fn define(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Path(code): Path<String>,
    Key(key): Key,
    Json(body): Json<TaxCodeBody>,
) -> Result<ReceiptView, ApiError> {
    api.may_post(&ctx)?;
    let component = |component: ComponentBody| TaxComponent {
        name: component.name.into(),
        rate: component.rate,
        compound: component.compound,
    };
    let command = DefineTaxCode {
        code: code.into(),
        title: body.title,
        components: body.components.into_iter().map(component).collect(),
        blocked: body.blocked,
    };
    Ok(api.execute(&ctx, Command::DefineTaxCode(command), key).await?.into())
}

/// What taxes came to: charged to customers and by suppliers, less what was taken back.
#[utoipa::path(get, path = "/erp/v1/reports/taxes", operation_id = "get_tax_report", tag = "erp", params(StretchQuery),
    responses((status = 200, description = "By tax, rate and currency", body = TaxReport)))]
async fn report(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Query(query): Query<StretchQuery>,
) -> Result<Json<TaxReport>, ApiError> {
    api.may_read(&ctx)?;
    let totals = api.records.tax_totals(&ctx, query.span()?).await?;
    Ok(Json(TaxReport {
        taxes: totals.into_iter().map(TaxTotalView::from).collect(),
    }))
}
