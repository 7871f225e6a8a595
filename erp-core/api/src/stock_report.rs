//! `/erp/v1/reports/stock-on-hand`

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use cortex_erp::StockOnHand;
use cortex_runtime::http::{ApiError, Ctx, Json, Query};
use cortex_types::Money;
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use crate::ErpApi;
use crate::decimals::{amount_text, quantity_text};
use crate::paging::{AsOfPageQuery, List, Listing};

pub(crate) fn routes() -> Router<Arc<ErpApi>> {
    Router::new().route("/erp/v1/reports/stock-on-hand", get(stock_on_hand))
}

#[derive(OpenApi)]
#[openapi(paths(stock_on_hand))]
pub(crate) struct Document;

#[derive(Serialize, ToSchema)]
pub(crate) struct StockView {
    product: String,
    description: String,
    location: String,
    quantity: String,
    /// Set aside for orders; absent in the past.
    #[serde(skip_serializing_if = "Option::is_none")]
    reserved: Option<String>,
    /// Not set aside.
    #[serde(skip_serializing_if = "Option::is_none")]
    available: Option<String>,
    unit: String,
    value: String,
    /// Value per unit, rounded to the minor unit; absent where nothing of value is on hand.
    unit_cost: Option<String>,
    currency: String,
}

impl From<StockOnHand> for StockView {
    fn from(stock: StockOnHand) -> Self {
        Self {
            unit_cost: unit_cost(&stock),
            product: stock.product_code.to_string(),
            description: stock.description,
            location: stock.location.to_string(),
            quantity: quantity_text(stock.quantity_micro),
            reserved: stock.reserved_micro.map(quantity_text),
            available: stock
                .reserved_micro
                .map(|reserved| quantity_text(stock.quantity_micro - reserved)),
            unit: stock.unit.to_string(),
            value: amount_text(stock.value_minor, stock.currency),
            currency: stock.currency.to_string(),
        }
    }
}

fn unit_cost(stock: &StockOnHand) -> Option<String> {
    let quantity = Decimal::new(stock.quantity_micro, 6);
    let value = Money::new(stock.value_minor, stock.currency).to_decimal();
    let positive = stock.quantity_micro > 0 && stock.value_minor > 0;
    let cost = positive.then(|| value.checked_div(quantity)).flatten()?;
    Money::rounded(cost, stock.currency)
        .ok()
        .map(|cost| cost.to_decimal().to_string())
}

/// What lies where, and what it is worth. A page may hold more rows than its limit: it is counted in products, and each
/// stands with all its locations.
#[utoipa::path(get, path = "/erp/v1/reports/stock-on-hand", operation_id = "list_stock_on_hand",
    tag = "erp", params(AsOfPageQuery),
    responses((status = 200, description = "A page, by product code", body = List<StockView>)))]
async fn stock_on_hand(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Query(query): Query<AsOfPageQuery>,
) -> Result<Json<List<StockView>>, ApiError> {
    api.may_read(&ctx)?;
    let (before, page) = query.page(Listing::StockOnHand)?;
    let stock = api.records.stock_on_hand(&ctx, before, &page).await?;
    Ok(Json(List::new(
        Listing::StockOnHand,
        &page,
        stock,
        |stock| stock.product_code.to_string(),
        StockView::from,
    )))
}
