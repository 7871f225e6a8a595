//! `/erp/v1/exchange-rates` and `/erp/v1/exchange-revaluations`

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post, put};
use cortex_erp::{Command, ErpError, ExchangeRate, RevalueCurrencies, SetExchangeRate, Span};
use cortex_runtime::http::{ApiError, Ctx, Json, Path, Query};
use cortex_types::{Currency, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use crate::ErpApi;
use crate::exact;
use crate::idempotency::Key;
use crate::paging::{List, Listing, PageQuery};
use crate::receipt::ReceiptView;
use crate::schemas::DecimalText;

pub(crate) fn routes() -> Router<Arc<ErpApi>> {
    Router::new()
        .route("/erp/v1/exchange-rates", get(list))
        .route("/erp/v1/exchange-rates/{currency}/{day}", put(set))
        .route("/erp/v1/exchange-revaluations", post(revalue))
}

#[derive(OpenApi)]
#[openapi(paths(list, set, revalue))]
pub(crate) struct Document;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RateBody {
    /// What one unit is worth in the company's currency.
    #[serde(deserialize_with = "exact::decimal")]
    #[schema(value_type = DecimalText, example = "0.8531")]
    rate: Decimal,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct RateView {
    currency: String,
    /// The company's.
    base: String,
    /// From the beginning of this day (UTC) on, until another rate is said.
    valid_from: String,
    /// That day.
    #[schema(example = "2011-06-30")]
    day: String,
    rate: String,
}

impl From<ExchangeRate> for RateView {
    fn from(rate: ExchangeRate) -> Self {
        Self {
            currency: rate.currency.to_string(),
            base: rate.base.to_string(),
            valid_from: rate.valid_from.to_string(),
            day: rate.valid_from.to_datetime().format("%Y-%m-%d").to_string(),
            rate: rate.rate.to_string(),
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RevaluationBody {
    /// The last day, or RFC 3339 instant, that counts. Days are UTC's.
    #[schema(example = "2011-06-30")]
    as_of: String,
    /// It may go into a period that is soft-closed.
    #[serde(default)]
    adjusting: bool,
}

/// What currencies are worth, in the order in which it was said.
#[utoipa::path(get, path = "/erp/v1/exchange-rates", operation_id = "list_exchange_rates", tag = "erp",
    params(PageQuery),
    responses((status = 200, description = "A page", body = List<RateView>)))]
async fn list(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Query(query): Query<PageQuery>,
) -> Result<Json<List<RateView>>, ApiError> {
    api.may_read(&ctx)?;
    let page = query.page(Listing::ExchangeRates)?;
    let rates = api.records.exchange_rates(&ctx, &page).await?;
    Ok(Json(List::new(
        Listing::ExchangeRates,
        &page,
        rates,
        |rate| rate.id.to_string(),
        RateView::from,
    )))
}

/// Says what a currency is worth from a day on, in the company's. What was posted stays as it is.
#[utoipa::path(put, path = "/erp/v1/exchange-rates/{currency}/{day}", operation_id = "set_exchange_rate", tag = "erp",
    request_body = RateBody,
    params(
        ("currency" = String, Path, example = "EUR"),
        ("day" = String, Path, example = "2011-06-30"),
        ("Idempotency-Key" = String, Header, description = "Chosen per request; the same when it is repeated"),
    ),
    responses(
        (status = 201, description = "Said", body = ReceiptView),
        (status = 400, description = "No such currency or day, or the company has no currency yet"),
    ))]
async fn set(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Path((currency, day)): Path<(String, String)>,
    Key(key): Key,
    Json(body): Json<RateBody>,
) -> Result<ReceiptView, ApiError> {
    api.may_post(&ctx)?;
    let currency = currency.parse::<Currency>();
    let valid_from = day.parse::<Timestamp>();
    let command = SetExchangeRate {
        currency: currency.map_err(|error| ErpError::invalid("currency", error.to_string()))?,
        valid_from: valid_from.map_err(|error| ErpError::invalid("day", error.to_string()))?,
        rate: body.rate,
    };
    Ok(api.execute(&ctx, Command::SetExchangeRate(command), key).await?.into())
}

/// Brings money, receivables, payables and all else that is owned or owed in other currencies to what it is worth at the end of a
/// day. The difference is gained or lost: what parties owe and are owed until the next day begins, since it is gained for good when it is
/// settled; all else for good.
#[utoipa::path(post, path = "/erp/v1/exchange-revaluations", operation_id = "revalue_currencies", tag = "erp",
    request_body = RevaluationBody,
    params(("Idempotency-Key" = String, Header, description = "Chosen per request; the same when it is repeated")),
    responses(
        (status = 201, description = "Posted; the amount is what was gained, and the number that of the first of its entries", body = ReceiptView),
        (status = 400, description = "There is nothing to revalue, or a rate is missing"),
        (status = 409, description = "The books of that day are closed"),
    ))]
async fn revalue(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Key(key): Key,
    Json(body): Json<RevaluationBody>,
) -> Result<ReceiptView, ApiError> {
    api.may_post(&ctx)?;
    let span = Span::new(None, Some(&body.as_of))?;
    let before = span.before.ok_or_else(|| ErpError::invalid("as_of", "is missing"))?;
    let command = RevalueCurrencies {
        before,
        adjusting: body.adjusting,
    };
    Ok(api
        .execute(&ctx, Command::RevalueCurrencies(command), key)
        .await?
        .into())
}
