//! `/erp/v1/products`

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use cortex_erp::{Command, CreateProduct, Product, ProductKind};
use cortex_runtime::http::{ApiError, Ctx, Json, Path, Query};
use cortex_types::{Currency, Timestamp, Unit};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use crate::ErpApi;
use crate::api::not_found;
use crate::decimals::{amount_minor, amount_text};
use crate::exact;
use crate::idempotency::Key;
use crate::paging::{List, Listing, PageQuery};
use crate::receipt::ReceiptView;

pub(crate) fn routes() -> Router<Arc<ErpApi>> {
    Router::new()
        .route("/erp/v1/products", get(list).post(create))
        .route("/erp/v1/products/{code}", get(one))
}

#[derive(OpenApi)]
#[openapi(paths(list, create, one))]
pub(crate) struct Document;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProductBody {
    #[schema(example = "85123A")]
    code: String,
    #[serde(default)]
    description: String,
    /// `goods` or `service`.
    #[schema(value_type = String, example = "goods")]
    kind: ProductKind,
    /// `EA` (pieces) where it is absent.
    #[schema(value_type = Option<String>)]
    unit: Option<Unit>,
    /// The company's currency where it is absent.
    #[schema(value_type = Option<String>)]
    currency: Option<Currency>,
    #[schema(value_type = Option<String>, example = "2.55")]
    #[serde(default, deserialize_with = "exact::decimal_or_none")]
    list_price: Option<Decimal>,
    #[schema(value_type = Option<String>)]
    created_at: Option<Timestamp>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ProductView {
    id: String,
    code: String,
    description: String,
    kind: String,
    unit: String,
    currency: String,
    list_price: Option<String>,
    created_at: String,
}

impl From<Product> for ProductView {
    fn from(product: Product) -> Self {
        Self {
            id: product.id.to_string(),
            code: product.code.to_string(),
            description: product.description,
            kind: product.kind.as_str().to_owned(),
            unit: product.unit.to_string(),
            currency: product.currency.to_string(),
            list_price: product
                .list_price_minor
                .map(|minor| amount_text(minor, product.currency)),
            created_at: product.created_at.to_string(),
        }
    }
}

/// Products, oldest first.
#[utoipa::path(get, path = "/erp/v1/products", tag = "erp", params(PageQuery),
    responses((status = 200, description = "A page", body = List<ProductView>)))]
async fn list(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Query(query): Query<PageQuery>,
) -> Result<Json<List<ProductView>>, ApiError> {
    api.may_read(&ctx)?;
    let page = query.page(Listing::Products)?;
    let products = api.records.products(&ctx, &page).await?;
    Ok(Json(List::new(
        Listing::Products,
        &page,
        products,
        |product| product.id.to_string(),
        ProductView::from,
    )))
}

/// One product.
#[utoipa::path(get, path = "/erp/v1/products/{code}", tag = "erp", params(("code" = String, Path)),
    responses(
        (status = 200, description = "The product", body = ProductView),
        (status = 404, description = "No such product"),
    ))]
async fn one(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Path(code): Path<String>,
) -> Result<Json<ProductView>, ApiError> {
    api.may_read(&ctx)?;
    match api.records.product(&ctx, &code).await? {
        Some(product) => Ok(Json(product.into())),
        None => Err(not_found("product", code)),
    }
}

/// Creates a product.
#[utoipa::path(post, path = "/erp/v1/products", tag = "erp", request_body = ProductBody,
    params(("Idempotency-Key" = String, Header, description = "Chosen per request; the same when it is repeated")),
    responses(
        (status = 201, description = "Created", body = ReceiptView),
        (status = 409, description = "The code is taken"),
    ))]
async fn create(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Key(key): Key,
    Json(body): Json<ProductBody>,
) -> Result<ReceiptView, ApiError> {
    api.may_post(&ctx)?;
    let currency = body.currency.unwrap_or(api.currency);
    let list_price_minor = body
        .list_price
        .map(|price| amount_minor("list_price", price, currency))
        .transpose()?;
    let command = CreateProduct {
        code: body.code.into(),
        description: body.description,
        kind: body.kind,
        unit: body.unit.unwrap_or_else(Unit::each),
        currency,
        list_price_minor,
        created_at: body.created_at,
    };
    Ok(api.execute(&ctx, Command::CreateProduct(command), key).await?.into())
}
