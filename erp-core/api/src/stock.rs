//! `/erp/v1/stock-moves`

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::{self, get};
use cortex_erp::{AdjustStock, AdjustmentLineInput, Command, ErpError, StockMove};
use cortex_runtime::http::{ApiError, Ctx, Json, Query, objects};
use cortex_types::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};

use crate::ErpApi;
use crate::bodies::unit_or_none;
use crate::decimals::{amount_minor, amount_text, quantity_micro, quantity_text};
use crate::exact;
use crate::idempotency::Key;
use crate::paging::{List, Listing, PageQuery};
use crate::receipt::ReceiptView;
use crate::schemas::{DecimalText, Time};

pub(crate) fn routes() -> Router<Arc<ErpApi>> {
    Router::new()
        .route("/erp/v1/stock-moves", get(list).post(adjust))
        .route("/erp/v1/stock-adjustments", routing::post(adjust_by_document))
}

#[derive(OpenApi)]
#[openapi(paths(list, adjust, adjust_by_document))]
pub(crate) struct Document;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct MovesQuery {
    /// Code of the product; all where it is absent.
    product: Option<String>,
    /// `next` of the page before.
    after: Option<String>,
    /// 1 to 500; 100 where it is absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500)]
    limit: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdjustmentBody {
    /// Why: damaged, counted, found.
    #[serde(default)]
    memo: String,
    location: Option<String>,
    #[schema(value_type = Option<Time>)]
    moved_at: Option<Timestamp>,
    #[serde(deserialize_with = "objects")]
    lines: Vec<AdjustmentLineBody>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdjustmentLineBody {
    product: String,
    /// Below zero: written off; above zero: found. Stock may go below zero: what was sold or lost before its receipt was
    /// posted is made good by that.
    #[schema(value_type = DecimalText, example = "-2")]
    #[serde(deserialize_with = "exact::decimal")]
    quantity: Decimal,
    /// The product's own where it is absent.
    unit: Option<String>,
    /// What was found is worth, in the product's currency; the known cost where it is absent.
    #[schema(value_type = Option<DecimalText>, example = "12.00")]
    #[serde(default, deserialize_with = "exact::decimal_or_none")]
    value: Option<Decimal>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct MoveView {
    id: String,
    product: String,
    location: String,
    /// Positive into stock, negative out of it.
    quantity: String,
    /// As it was posted.
    value: String,
    /// With all that became known since: what came late, was cancelled or cost more.
    value_now: String,
    currency: String,
    /// `sale`, `return`, `write_off`, `found`, `receipt`, `supplier_return`, `transfer`, `landed_cost` or
    /// `standard_cost`.
    reason: String,
    document_kind: String,
    document_id: String,
    moved_at: String,
}

impl From<(StockMove, i64)> for MoveView {
    fn from((moved, now_minor): (StockMove, i64)) -> Self {
        Self {
            id: moved.id.to_string(),
            product: moved.product_code.to_string(),
            location: moved.location.to_string(),
            quantity: quantity_text(moved.quantity_micro),
            value: amount_text(moved.value_minor, moved.currency),
            value_now: amount_text(now_minor, moved.currency),
            currency: moved.currency.to_string(),
            reason: moved.reason.as_str().to_owned(),
            document_kind: moved.document.kind.to_string(),
            document_id: moved.document.id.to_string(),
            moved_at: moved.moved_at.to_string(),
        }
    }
}

/// Stock moves: of one product in the order of business time, of all in the order of posting.
#[utoipa::path(get, path = "/erp/v1/stock-moves", operation_id = "list_stock_moves", tag = "erp", params(MovesQuery),
    responses((status = 200, description = "A page", body = List<MoveView>)))]
async fn list(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Query(query): Query<MovesQuery>,
) -> Result<Json<List<MoveView>>, ApiError> {
    api.may_read(&ctx)?;
    let (after, limit) = (query.after, query.limit);
    let page = PageQuery { after, limit }.page(Listing::StockMoves)?;
    let moves = api.records.stock_moves(&ctx, query.product.as_deref(), &page).await?;
    Ok(Json(List::new(
        Listing::StockMoves,
        &page,
        moves,
        |(moved, _)| moved.id.to_string(),
        MoveView::from,
    )))
}

/// Writes stock off, or takes in what was found.
#[utoipa::path(post, path = "/erp/v1/stock-moves", operation_id = "post_stock_moves",
    tag = "erp", request_body = AdjustmentBody,
    params(("Idempotency-Key" = String, Header, description = "Chosen per request; the same when it is repeated")),
    responses(
        (status = 201, description = "Posted", body = ReceiptView),
        (status = 400, description = "Refused, as problem details"),
    ))]
async fn adjust(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Key(key): Key,
    Json(body): Json<AdjustmentBody>,
) -> Result<ReceiptView, ApiError> {
    api.may_post(&ctx)?;
    let mut lines = Vec::with_capacity(body.lines.len());
    for (index, line) in body.lines.into_iter().enumerate() {
        let value_minor = match line.value {
            Some(value) => {
                let product = api.records.product(&ctx, &line.product).await?;
                // What the amount is in has to be known here, also where the product comes earlier in the same batch.
                let product = product.ok_or_else(|| ErpError::UnknownProduct(line.product.as_str().into()))?;
                Some(amount_minor(&format!("lines[{index}].value"), value, product.currency)?)
            }
            None => None,
        };
        lines.push(AdjustmentLineInput {
            unit: unit_or_none(&format!("lines[{index}].unit"), line.unit.as_deref())?,
            quantity_micro: quantity_micro(&format!("lines[{index}].quantity"), line.quantity)?,
            product: line.product.into(),
            value_minor,
        });
    }
    let command = AdjustStock {
        lines,
        memo: body.memo,
        location: body.location.map(Arc::from),
        moved_at: body.moved_at,
    };
    Ok(api.execute(&ctx, Command::AdjustStock(command), key).await?.into())
}

/// The same, under the name of the documents that it makes.
#[utoipa::path(post, path = "/erp/v1/stock-adjustments", operation_id = "post_stock_adjustment",
    tag = "erp", request_body = AdjustmentBody,
    params(("Idempotency-Key" = String, Header, description = "Chosen per request; the same when it is repeated")),
    responses(
        (status = 201, description = "Posted", body = ReceiptView),
        (status = 400, description = "Refused, as problem details"),
    ))]
async fn adjust_by_document(
    state: State<Arc<ErpApi>>,
    ctx: Ctx,
    key: Key,
    body: Json<AdjustmentBody>,
) -> Result<ReceiptView, ApiError> {
    adjust(state, ctx, key, body).await
}
