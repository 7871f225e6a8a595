//! `/erp/v1/number-series`: how documents are numbered.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::{get, put};
use cortex_erp::{Command, DIGITS, DefineNumberSeries, DocumentKind, NumberSeries};
use cortex_runtime::http::{ApiError, Ctx, Json, Path};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use crate::ErpApi;
use crate::approvals::may_rule;
use crate::idempotency::Key;
use crate::paging::List;
use crate::receipt::ReceiptView;
use crate::schemas::NumberedKindWord;

pub(crate) fn routes() -> Router<Arc<ErpApi>> {
    Router::new()
        .route("/erp/v1/number-series", get(list))
        .route("/erp/v1/number-series/{code}", put(define))
}

#[derive(OpenApi)]
#[openapi(paths(list, define))]
pub(crate) struct Document;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NumberSeriesBody {
    /// Of the documents that it numbers.
    #[schema(value_type = NumberedKindWord, example = "sales-invoice")]
    kind: DocumentKind,
    /// What stands before the digits. `{year}` stands for the year of the document's time in UTC, `{fiscal-year}` for the code of its
    /// fiscal year. It ends in something else than a digit or a year. Each prefix counts by itself, from 1 on.
    #[schema(example = "INV-{year}-", min_length = 1, max_length = 40)]
    prefix: String,
    /// At least so many, 1 to 18.
    #[schema(minimum = 1, maximum = 18, example = 6)]
    digits: Option<u8>,
    /// Documents that name no series are numbered by it; the series that was the default is so no more.
    #[serde(default)]
    default: bool,
    /// Nothing is numbered by it any more.
    #[serde(default)]
    blocked: bool,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct NumberSeriesView {
    id: String,
    code: String,
    kind: String,
    prefix: String,
    digits: u8,
    default: bool,
    blocked: bool,
    created_at: String,
}

impl From<NumberSeries> for NumberSeriesView {
    fn from(series: NumberSeries) -> Self {
        Self {
            id: series.id.to_string(),
            code: series.code.to_string(),
            kind: series.kind.to_string(),
            prefix: series.prefix.to_string(),
            digits: series.digits,
            default: series.is_default,
            blocked: series.blocked,
            created_at: series.created_at.to_string(),
        }
    }
}

/// How documents are numbered where that was said, oldest series first. Where nothing was said of a kind, its numbers are those of
/// `docs/commands.md`.
#[utoipa::path(get, path = "/erp/v1/number-series", operation_id = "list_number_series", tag = "erp",
    responses((status = 200, description = "All of them", body = List<NumberSeriesView>)))]
async fn list(State(api): State<Arc<ErpApi>>, Ctx(ctx): Ctx) -> Result<Json<List<NumberSeriesView>>, ApiError> {
    api.may_read(&ctx)?;
    let series = api.rulebook.number_series(&ctx).await?;
    Ok(Json(List {
        items: series.into_iter().map(NumberSeriesView::from).collect(),
        next: None,
    }))
}

/// Says how documents of a kind are numbered, in place of what the series was before. What has a number keeps it. Only an admin may.
#[utoipa::path(put, path = "/erp/v1/number-series/{code}", operation_id = "define_number_series", tag = "erp",
    request_body = NumberSeriesBody,
    params(("code" = String, Path),
        ("Idempotency-Key" = String, Header, description = "Chosen per request; the same when it is repeated")),
    responses(
        (status = 201, description = "Defined", body = ReceiptView),
        (status = 200, description = "Defined before, under the same key", body = ReceiptView),
        (status = 400, description = "A kind without numbers; a prefix that could not be told from the digits behind it, or under which \
                                      callers numbered documents themselves; a blocked default"),
        (status = 403, description = "The caller is no admin"),
    ))]
async fn define(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Path(code): Path<String>,
    Key(key): Key,
    Json(body): Json<NumberSeriesBody>,
) -> Result<ReceiptView, ApiError> {
    api.may_post(&ctx)?;
    may_rule(&ctx, "say how documents are numbered")?;
    let command = Command::DefineNumberSeries(DefineNumberSeries {
        code: code.into(),
        kind: body.kind,
        prefix: body.prefix.into(),
        digits: body.digits.unwrap_or(DIGITS),
        is_default: body.default,
        blocked: body.blocked,
    });
    Ok(api.execute(&ctx, command, key).await?.into())
}
