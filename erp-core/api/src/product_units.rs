//! `/erp/v1/products/{code}/units`

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::{get, put};
use cortex_erp::{Command, DefineProductUnit, ProductUnit};
use cortex_runtime::http::{ApiError, Ctx, Json, Path, Query};
use cortex_types::RequestContext;
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
        .route("/erp/v1/product-units", get(list_all))
        .route("/erp/v1/products/{product}/units", get(list))
        .route("/erp/v1/products/{product}/units/{unit}", put(define))
}

#[derive(OpenApi)]
#[openapi(paths(list_all, list, define))]
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
    product: String,
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
            product: unit.product_code.to_string(),
            unit: unit.unit.to_string(),
            factor: unit.factor.to_string(),
            created_at: unit.created_at.to_string(),
        }
    }
}

/// The units that products are traded in besides their own, oldest first.
#[utoipa::path(get, path = "/erp/v1/product-units", operation_id = "list_all_product_units", tag = "erp",
    params(PageQuery), responses((status = 200, description = "A page", body = List<ProductUnitView>)))]
async fn list_all(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Query(query): Query<PageQuery>,
) -> Result<Json<List<ProductUnitView>>, ApiError> {
    api.may_read(&ctx)?;
    api.units_listed(&ctx, None, query).await
}

/// The units that a product is traded in besides its own, oldest first. Those of its own unit's dimension need no mention.
#[utoipa::path(get, path = "/erp/v1/products/{product}/units", operation_id = "list_product_units", tag = "erp",
    params(("product" = String, Path), PageQuery),
    responses(
        (status = 200, description = "A page", body = List<ProductUnitView>),
        (status = 404, description = "No such product"),
    ))]
async fn list(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Path(product): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<List<ProductUnitView>>, ApiError> {
    api.may_read(&ctx)?;
    if api.records.product(&ctx, &product).await?.is_none() {
        return Err(not_found("product", product));
    }
    api.units_listed(&ctx, Some(&product), query).await
}

impl ErpApi {
    async fn units_listed(
        &self,
        ctx: &RequestContext,
        product: Option<&str>,
        query: PageQuery,
    ) -> Result<Json<List<ProductUnitView>>, ApiError> {
        let page = query.page(Listing::ProductUnits)?;
        let units = self.records.product_units(ctx, product, &page).await?;
        Ok(Json(List::new(
            Listing::ProductUnits,
            &page,
            units,
            |unit| unit.id.to_string(),
            ProductUnitView::from,
        )))
    }
}

/// Defines a unit that a product is traded in, or gives it another factor. What was posted stays as it is.
#[utoipa::path(put, path = "/erp/v1/products/{product}/units/{unit}", operation_id = "define_product_unit", tag = "erp",
    request_body = ProductUnitBody,
    params(("product" = String, Path), ("unit" = String, Path, example = "BX"),
        ("Idempotency-Key" = String, Header, description = "Chosen per request; the same when it is repeated")),
    responses(
        (status = 201, description = "Defined", body = ReceiptView),
        (status = 400, description = "No such product, or refused as problem details"),
    ))]
async fn define(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Path((product, unit)): Path<(String, String)>,
    Key(key): Key,
    Json(body): Json<ProductUnitBody>,
) -> Result<ReceiptView, ApiError> {
    api.may_post(&ctx)?;
    let command = DefineProductUnit {
        product: product.into(),
        unit: unit_of("unit", &unit)?,
        factor: body.factor,
    };
    Ok(api
        .execute(&ctx, Command::DefineProductUnit(command), key)
        .await?
        .into())
}
