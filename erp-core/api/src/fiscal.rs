//! `/erp/v1/fiscal-years` and `/erp/v1/fiscal-periods`

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use cortex_erp::{
    Attempt, CloseFiscalYear, Command, FiscalPeriod, FiscalYear, OpenFiscalYear, PeriodState, SetPeriodState,
};
use cortex_runtime::http::{ApiError, Ctx, Json, Path};
use cortex_types::{RequestContext, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use crate::ErpApi;
use crate::api::not_found;
use crate::idempotency::Key;
use crate::receipt::ReceiptView;
use crate::schemas::Time;

pub(crate) fn routes() -> Router<Arc<ErpApi>> {
    Router::new()
        .route("/erp/v1/fiscal-years", get(list_years).post(open_year))
        .route("/erp/v1/fiscal-years/{code}", get(show_year))
        .route("/erp/v1/fiscal-years/{code}/close", post(close_year))
        .route("/erp/v1/fiscal-periods/{code}/close", post(close_period))
        .route("/erp/v1/fiscal-periods/{code}/reopen", post(reopen_period))
}

#[derive(OpenApi)]
#[openapi(paths(list_years, open_year, show_year, close_year, close_period, reopen_period))]
pub(crate) struct Document;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct YearBody {
    /// `FY` and the year of the last day where it is absent.
    #[schema(example = "FY2011")]
    code: Option<String>,
    /// The first day. A year begins where the newest one ends.
    #[schema(value_type = Time, example = "2011-01-01")]
    from: Timestamp,
    /// 1 to 24.
    #[serde(default = "twelve")]
    #[schema(example = 12, minimum = 1, maximum = 24)]
    months: u32,
}

const fn twelve() -> u32 {
    12
}

/// How a period is closed.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// Adjusting journal entries may still be posted, and the period can be opened again.
    #[default]
    Soft,
    /// For good.
    Hard,
}

/// `soft` where nothing is sent.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CloseBody {
    #[serde(default)]
    level: Level,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct YearView {
    code: String,
    from: String,
    /// The first instant that does not belong to it.
    before: String,
    /// How many it has.
    months: usize,
    /// Its results were carried to equity.
    closed: bool,
    periods: Vec<PeriodView>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct PeriodView {
    #[schema(example = "FY2011-03")]
    code: String,
    from: String,
    before: String,
    #[schema(value_type = String, example = "soft-closed")]
    state: PeriodState,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Years {
    items: Vec<YearView>,
}

impl From<FiscalYear> for YearView {
    fn from(year: FiscalYear) -> Self {
        let period = |period: FiscalPeriod| PeriodView {
            code: period.code.to_string(),
            from: period.from.to_string(),
            before: period.before.to_string(),
            state: period.state,
        };
        Self {
            code: year.code.to_string(),
            from: year.from.to_string(),
            before: year.before.to_string(),
            months: year.periods.len(),
            closed: year.closed,
            periods: year.periods.into_iter().map(period).collect(),
        }
    }
}

/// The fiscal years with their periods, in their order.
#[utoipa::path(get, path = "/erp/v1/fiscal-years", operation_id = "list_fiscal_years", tag = "erp",
    responses((status = 200, description = "All years", body = Years)))]
async fn list_years(State(api): State<Arc<ErpApi>>, Ctx(ctx): Ctx) -> Result<Json<Years>, ApiError> {
    api.may_read(&ctx)?;
    let years = api.records.fiscal_years(&ctx).await?;
    Ok(Json(Years {
        items: years.into_iter().map(YearView::from).collect(),
    }))
}

/// One fiscal year.
#[utoipa::path(get, path = "/erp/v1/fiscal-years/{code}", operation_id = "get_fiscal_year", tag = "erp",
    params(("code" = String, Path, example = "FY2011")),
    responses((status = 200, description = "The year", body = YearView), (status = 404, description = "No such year")))]
async fn show_year(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Path(code): Path<String>,
) -> Result<Json<YearView>, ApiError> {
    api.may_read(&ctx)?;
    let years = api.records.fiscal_years(&ctx).await?;
    let year = years.into_iter().find(|year| *year.code == *code);
    year.map(|year| Json(year.into()))
        .ok_or_else(|| not_found("fiscal year", code))
}

/// Opens a fiscal year of monthly periods.
#[utoipa::path(post, path = "/erp/v1/fiscal-years", operation_id = "open_fiscal_year", tag = "erp",
    request_body = YearBody,
    params(("Idempotency-Key" = String, Header, description = "Chosen per request; the same when it is repeated")),
    responses(
        (status = 201, description = "Opened", body = ReceiptView),
        (status = 400, description = "It does not begin where the newest year ends"),
    ))]
async fn open_year(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Key(key): Key,
    Json(body): Json<YearBody>,
) -> Result<ReceiptView, ApiError> {
    api.may_post(&ctx)?;
    let command = OpenFiscalYear {
        code: body.code.map(Into::into),
        from: body.from,
        months: body.months,
    };
    Ok(api.execute(&ctx, Command::OpenFiscalYear(command), key).await?.into())
}

/// Carries the year's results to retained earnings and closes all its periods for good.
#[utoipa::path(post, path = "/erp/v1/fiscal-years/{code}/close", operation_id = "close_fiscal_year", tag = "erp",
    params(
        ("code" = String, Path, example = "FY2011"),
        ("Idempotency-Key" = String, Header, description = "Chosen per request; the same when it is repeated"),
    ),
    responses(
        (status = 201, description = "Closed; `entry` is the closing entry", body = ReceiptView),
        (status = 400, description = "It is closed, or an earlier year is open"),
        (status = 404, description = "No such year"),
    ))]
async fn close_year(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Key(key): Key,
    Path(code): Path<String>,
) -> Result<ReceiptView, ApiError> {
    api.may_post(&ctx)?;
    let command = CloseFiscalYear { year: code.into() };
    Ok(api.execute(&ctx, Command::CloseFiscalYear(command), key).await?.into())
}

/// Closes a period; every earlier one must be closed as far already.
#[utoipa::path(post, path = "/erp/v1/fiscal-periods/{code}/close", operation_id = "close_fiscal_period", tag = "erp",
    request_body = Option<CloseBody>,
    params(
        ("code" = String, Path, example = "FY2011-03"),
        ("Idempotency-Key" = String, Header, description = "Chosen per request; the same when it is repeated"),
    ),
    responses(
        (status = 201, description = "Closed", body = ReceiptView),
        (status = 400, description = "An earlier period is open"),
        (status = 404, description = "No such period"),
    ))]
async fn close_period(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Key(key): Key,
    Path(code): Path<String>,
    body: Option<Json<CloseBody>>,
) -> Result<ReceiptView, ApiError> {
    let state = match body.unwrap_or_default().0.level {
        Level::Soft => PeriodState::SoftClosed,
        Level::Hard => PeriodState::HardClosed,
    };
    set_state(&api, &ctx, key, code, state).await
}

/// Opens a period that is soft-closed; every later one must be open.
#[utoipa::path(post, path = "/erp/v1/fiscal-periods/{code}/reopen", operation_id = "reopen_fiscal_period", tag = "erp",
    params(
        ("code" = String, Path, example = "FY2011-03"),
        ("Idempotency-Key" = String, Header, description = "Chosen per request; the same when it is repeated"),
    ),
    responses(
        (status = 201, description = "Open", body = ReceiptView),
        (status = 400, description = "It is hard-closed, or a later period is closed"),
        (status = 404, description = "No such period"),
    ))]
async fn reopen_period(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Key(key): Key,
    Path(code): Path<String>,
) -> Result<ReceiptView, ApiError> {
    set_state(&api, &ctx, key, code, PeriodState::Open).await
}

async fn set_state(
    api: &ErpApi,
    ctx: &RequestContext,
    key: Attempt,
    code: String,
    state: PeriodState,
) -> Result<ReceiptView, ApiError> {
    api.may_post(ctx)?;
    let period = code.into();
    let command = Command::SetPeriodState(SetPeriodState { period, state });
    Ok(api.execute(ctx, command, key).await?.into())
}
