//! `/erp/v1/products/{code}/units`

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::{get, put};
use cortex_erp::{Command, DefineProductUnit, ProductUnit};
use cortex_runtime::http::{ApiError, Ctx, Json, Path, Query};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use crate::ErpApi;
use crate::api::not_found;
use crate::bodies::unit_of;
use crate::exact;
use crate::idempotency::Key;
use crate::paging::{List, Listing, PageQuery};
use crate::receipt::ReceiptView;
use crate::schemas::DecimalText;

pub(crate) fn routes() -> Router<Arc<ErpApi>> {
    Router::new()
        .route("/erp/v1/products/{code}/units", get(list))
        .route("/erp/v1/products/{code}/units/{unit}", put(define))
}

#[derive(OpenApi)]
#[openapi(paths(list, define))]
pub(crate) struct Document;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProductUnitBody {
    /// How many of the product's own unit one is.
    #[serde(deserialize_with = "exact::decimal")]
    #[schema(value_type = DecimalText, example = "12")]
    factor: Decimal,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ProductUnitView {
    id: String,
    #[schema(example = "BX")]
    unit: String,
    /// How many of the product's own unit one is.
    #[schema(example = "12")]
    factor: String,
    created_at: String,
}

impl From<ProductUnit> for ProductUnitView {
    fn from(unit: ProductUnit) -> Self {
        Self {
            id: unit.id.to_string(),
            unit: unit.unit.to_string(),
            factor: unit.factor.to_string(),
            created_at: unit.created_at.to_string(),
        }
    }
}

/// The units that a product is traded in besides its own, oldest first. Those of its own unit's dimension need no mention.
#[utoipa::path(get, path = "/erp/v1/products/{code}/units", operation_id = "list_product_units", tag = "erp",
    params(("code" = String, Path), PageQuery),
    responses(
        (status = 200, description = "A page", body = List<ProductUnitView>),
        (status = 404, description = "No such product"),
    ))]
async fn list(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Path(code): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<List<ProductUnitView>>, ApiError> {
    api.may_read(&ctx)?;
    let page = query.page(Listing::ProductUnits)?;
    if api.records.product(&ctx, &code).await?.is_none() {
        return Err(not_found("product", code));
    }
    let units = api.records.product_units(&ctx, &code, &page).await?;
    Ok(Json(List::new(
        Listing::ProductUnits,
        &page,
        units,
        |unit| unit.id.to_string(),
        ProductUnitView::from,
    )))
}

/// Defines a unit that a product is traded in, or gives it another factor. What was posted stays as it is.
#[utoipa::path(put, path = "/erp/v1/products/{code}/units/{unit}", operation_id = "define_product_unit", tag = "erp",
    request_body = ProductUnitBody,
    params(("code" = String, Path), ("unit" = String, Path, example = "BX"),
        ("Idempotency-Key" = String, Header, description = "Chosen per request; the same when it is repeated")),
    responses(
        (status = 201, description = "Defined", body = ReceiptView),
        (status = 400, description = "No such product, or refused as problem details"),
    ))]
async fn define(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Path((code, unit)): Path<(String, String)>,
    Key(key): Key,
    Json(body): Json<ProductUnitBody>,
) -> Result<ReceiptView, ApiError> {
    api.may_post(&ctx)?;
    let command = DefineProductUnit {
        product: code.into(),
        unit: unit_of("unit", &unit)?,
        factor: body.factor,
    };
    Ok(api
        .execute(&ctx, Command::DefineProductUnit(command), key)
        .await?
        .into())
}
