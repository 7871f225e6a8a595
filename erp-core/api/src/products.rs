//! `/erp/v1/products`

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use cortex_erp::valuation::Method;
use cortex_erp::{Command, CreateProduct, ErpError, Product, ProductKind};
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
use crate::schemas::{CurrencyCode, DecimalText, Time};

pub(crate) fn routes() -> Router<Arc<ErpApi>> {
    Router::new()
        .route("/erp/v1/products", get(list).post(create))
        .route("/erp/v1/products/{code}", get(one).put(define))
}

#[derive(OpenApi)]
#[openapi(paths(list, create, one, define))]
pub(crate) struct Document;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProductBody {
    #[schema(example = "85123A")]
    code: String,
    #[serde(default)]
    description: String,
    /// `goods` or `service`.
    #[schema(value_type = crate::schemas::ProductKindWord, example = "goods")]
    kind: ProductKind,
    /// `EA` (pieces) where it is absent.
    #[schema(value_type = Option<String>)]
    unit: Option<Unit>,
    /// The company's currency where it is absent.
    #[schema(value_type = Option<CurrencyCode>)]
    currency: Option<Currency>,
    #[schema(value_type = Option<DecimalText>, example = "2.55")]
    #[serde(default, deserialize_with = "exact::decimal_or_none")]
    list_price: Option<Decimal>,
    /// `moving-average` (where it is absent), `fifo` or `standard`: how its stock is valued.
    #[schema(value_type = Option<crate::schemas::ValuationWord>, example = "fifo")]
    valuation: Option<Method>,
    /// Of one unit: for products valued at `standard`, and for no other.
    #[schema(value_type = Option<DecimalText>, example = "1.15")]
    #[serde(default, deserialize_with = "exact::decimal_or_none")]
    standard_cost: Option<Decimal>,
    #[schema(value_type = Option<Time>)]
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
    /// `moving-average`, `fifo` or `standard`; a service has no stock to be valued.
    #[serde(skip_serializing_if = "Option::is_none")]
    valuation: Option<String>,
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
            valuation: (product.kind == ProductKind::Goods).then(|| product.valuation.as_str().to_owned()),
            created_at: product.created_at.to_string(),
        }
    }
}

/// Products, oldest first.
#[utoipa::path(get, path = "/erp/v1/products", operation_id = "list_products", tag = "erp", params(PageQuery),
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
#[utoipa::path(get, path = "/erp/v1/products/{code}", operation_id = "get_product",
    tag = "erp", params(("code" = String, Path)),
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
#[utoipa::path(post, path = "/erp/v1/products", operation_id = "create_product",
    tag = "erp", request_body = ProductBody,
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
    let currency = api.document_currency(&ctx, body.currency).await?;
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
        valuation: body.valuation,
        standard_cost: body.standard_cost,
        created_at: body.created_at,
    };
    Ok(api.execute(&ctx, Command::CreateProduct(command), key).await?.into())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProductDefinitionBody {
    #[serde(default)]
    description: String,
    /// `goods` or `service`. A product that is there keeps it, and so its unit, currency and valuation: they may be absent.
    #[schema(value_type = Option<crate::schemas::ProductKindWord>, example = "goods")]
    kind: Option<ProductKind>,
    /// `EA` (pieces) where it is absent and the product is new.
    #[schema(value_type = Option<String>)]
    unit: Option<Unit>,
    /// The company's currency where it is absent and the product is new.
    #[schema(value_type = Option<CurrencyCode>)]
    currency: Option<Currency>,
    #[schema(value_type = Option<DecimalText>, example = "2.55")]
    #[serde(default, deserialize_with = "exact::decimal_or_none")]
    list_price: Option<Decimal>,
    /// `moving-average` (where it is absent and the product is new), `fifo` or `standard`: how its stock is valued.
    #[schema(value_type = Option<crate::schemas::ValuationWord>, example = "fifo")]
    valuation: Option<Method>,
    /// Of one unit: for new products valued at `standard`. Later ones are set from a time on.
    #[schema(value_type = Option<DecimalText>, example = "1.15")]
    #[serde(default, deserialize_with = "exact::decimal_or_none")]
    standard_cost: Option<Decimal>,
    #[schema(value_type = Option<Time>)]
    created_at: Option<Timestamp>,
}

/// Creates a product, or says anew what the one that is there is called and what it costs. What was posted stays as it is.
#[utoipa::path(put, path = "/erp/v1/products/{code}", operation_id = "define_product",
    tag = "erp", request_body = ProductDefinitionBody,
    params(("code" = String, Path, example = "85123A"),
        ("Idempotency-Key" = String, Header, description = "Chosen per request; the same when it is repeated")),
    responses(
        (status = 201, description = "Defined", body = ReceiptView),
        (status = 400, description = "Another kind, unit, currency or valuation than it has, or refused as problem details"),
    ))]
async fn define(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Path(code): Path<String>,
    Key(key): Key,
    Json(body): Json<ProductDefinitionBody>,
) -> Result<ReceiptView, ApiError> {
    api.may_post(&ctx)?;
    let there = api.records.product(&ctx, &code).await?;
    let there = there.as_ref();
    let currency = body.currency.or(there.map(|there| there.currency));
    let currency = api.document_currency(&ctx, currency).await?;
    let list_price = body.list_price.map(|price| amount_minor("list_price", price, currency));
    let Some(kind) = body.kind.or(there.map(|there| there.kind)) else {
        return Err(ErpError::invalid("kind", "is missing: a new product is goods or a service").into());
    };
    let unit = body.unit.or_else(|| there.map(|there| there.unit.clone()));
    let command = CreateProduct {
        code: code.into(),
        description: body.description,
        kind,
        unit: unit.unwrap_or_else(Unit::each),
        currency,
        list_price_minor: list_price.transpose()?,
        valuation: body.valuation,
        standard_cost: body.standard_cost,
        created_at: body.created_at,
    };
    Ok(api.execute(&ctx, Command::DefineProduct(command), key).await?.into())
}
