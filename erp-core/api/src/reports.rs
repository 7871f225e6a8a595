//! `/erp/v1/reports/…`

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use cortex_erp::{AccountBalance, StockOnHand};
use cortex_runtime::http::{ApiError, Ctx, Json, Query};
use cortex_types::Money;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use crate::ErpApi;
use crate::decimals::{amount_text, quantity_text};
use crate::paging::{List, Listing, PageQuery};

pub(crate) fn routes() -> Router<Arc<ErpApi>> {
    Router::new()
        .route("/erp/v1/reports/trial-balance", get(trial_balance))
        .route("/erp/v1/reports/stock-on-hand", get(stock_on_hand))
}

#[derive(OpenApi)]
#[openapi(paths(trial_balance, stock_on_hand))]
pub(crate) struct Document;

#[derive(Serialize, ToSchema)]
pub(crate) struct TrialBalance {
    accounts: Vec<AccountView>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct AccountView {
    account: String,
    title: String,
    currency: String,
    debit: String,
    credit: String,
    /// Debits less credits.
    balance: String,
}

impl From<AccountBalance> for AccountView {
    fn from(account: AccountBalance) -> Self {
        let text = |minor| amount_text(minor, account.currency);
        Self {
            title: account.title().to_owned(),
            debit: text(account.debit_minor),
            credit: text(account.credit_minor),
            balance: text(account.balance_minor()),
            currency: account.currency.to_string(),
            account: account.account,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct StockView {
    product: String,
    description: String,
    location: String,
    quantity: String,
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
            unit: stock.unit.to_string(),
            value: amount_text(stock.value_minor, stock.currency),
            currency: stock.currency.to_string(),
        }
    }
}

fn unit_cost(stock: &StockOnHand) -> Option<String> {
    let quantity = rust_decimal::Decimal::new(stock.quantity_micro, 6);
    let value = Money::new(stock.value_minor, stock.currency).to_decimal();
    let positive = stock.quantity_micro > 0 && stock.value_minor > 0;
    let cost = positive.then(|| value.checked_div(quantity)).flatten()?;
    Money::rounded(cost, stock.currency)
        .ok()
        .map(|cost| cost.to_decimal().to_string())
}

/// Every account with a posting. The balances of one currency add up to zero.
#[utoipa::path(get, path = "/erp/v1/reports/trial-balance", tag = "erp",
    responses((status = 200, description = "The accounts, by code", body = TrialBalance)))]
async fn trial_balance(State(api): State<Arc<ErpApi>>, Ctx(ctx): Ctx) -> Result<Json<TrialBalance>, ApiError> {
    api.may_read(&ctx)?;
    let accounts = api.records.trial_balance(&ctx).await?;
    Ok(Json(TrialBalance {
        accounts: accounts.into_iter().map(AccountView::from).collect(),
    }))
}

/// What lies where, and what it is worth. A page may hold more rows than its limit: it is counted in products, and each
/// stands with all its locations.
#[utoipa::path(get, path = "/erp/v1/reports/stock-on-hand", tag = "erp", params(PageQuery),
    responses((status = 200, description = "A page, by product code", body = List<StockView>)))]
async fn stock_on_hand(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Query(query): Query<PageQuery>,
) -> Result<Json<List<StockView>>, ApiError> {
    api.may_read(&ctx)?;
    let page = query.page(Listing::StockOnHand)?;
    let stock = api.records.stock_on_hand(&ctx, &page).await?;
    Ok(Json(List::new(
        Listing::StockOnHand,
        &page,
        stock,
        |stock| stock.product_code.to_string(),
        StockView::from,
    )))
}
