//! Documents that move stock and nothing else: adjustments, counts, transfers, returns to suppliers, and what goods cost on
//! top.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use cortex_erp::{AddLandedCost, Allocation, Command, CountStock, DocumentKind, ReturnGoods, TransferStock};
use cortex_runtime::http::{ApiError, Ctx, Json, Path, Query, objects};
use cortex_types::{Currency, RequestContext, Timestamp};
use rust_decimal::Decimal;
use serde::Deserialize;
use utoipa::{OpenApi, ToSchema};

use crate::ErpApi;
use crate::api::not_found;
use crate::bodies::{QuantityLine, quantities};
use crate::decimals::amount_minor;
use crate::deliveries;
use crate::exact;
use crate::idempotency::Key;
use crate::opening_balances;
use crate::paging::{List, Listing, PageQuery};
use crate::receipt::ReceiptView;
use crate::schemas::{CurrencyCode, DecimalText, Time};
use crate::stock_document_views::StockDocumentView;

pub(crate) fn routes() -> Router<Arc<ErpApi>> {
    Router::new()
        .route("/erp/v1/stock-counts", get(list_stock_counts).post(count))
        .route("/erp/v1/stock-counts/{number}", get(get_stock_count))
        .route("/erp/v1/stock-transfers", get(list_stock_transfers).post(transfer))
        .route("/erp/v1/stock-transfers/{number}", get(get_stock_transfer))
        .route("/erp/v1/deliveries", get(list_deliveries).post(deliveries::deliver))
        .route("/erp/v1/deliveries/{number}", get(get_delivery))
        .route("/erp/v1/purchase-returns", get(list_purchase_returns).post(give_back))
        .route("/erp/v1/purchase-returns/{number}", get(get_purchase_return))
        .route("/erp/v1/landed-costs", get(list_landed_costs).post(add_cost))
        .route("/erp/v1/landed-costs/{number}", get(get_landed_cost))
        .route(
            "/erp/v1/opening-balances",
            get(list_opening_balances).post(opening_balances::open),
        )
        .route("/erp/v1/opening-balances/{number}", get(get_opening_balance))
        .route("/erp/v1/stock-adjustments", get(list_stock_adjustments))
        .route("/erp/v1/stock-adjustments/{number}", get(get_stock_adjustment))
}

#[derive(OpenApi)]
#[openapi(paths(
    list_stock_counts,
    count,
    get_stock_count,
    list_stock_transfers,
    transfer,
    get_stock_transfer,
    list_deliveries,
    get_delivery,
    list_purchase_returns,
    give_back,
    get_purchase_return,
    list_landed_costs,
    add_cost,
    get_landed_cost,
    list_stock_adjustments,
    get_stock_adjustment,
    list_opening_balances,
    get_opening_balance
))]
pub(crate) struct Document;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CountBody {
    #[serde(default)]
    memo: String,
    /// `main` where it is absent.
    location: Option<String>,
    #[schema(value_type = Option<Time>)]
    counted_at: Option<Timestamp>,
    /// What was counted. Products that are not named stay as they are.
    #[serde(deserialize_with = "objects")]
    lines: Vec<QuantityLine>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TransferBody {
    #[serde(default)]
    memo: String,
    #[schema(example = "main")]
    from: String,
    #[schema(example = "shop")]
    to: String,
    #[schema(value_type = Option<Time>)]
    moved_at: Option<Timestamp>,
    #[serde(deserialize_with = "objects")]
    lines: Vec<QuantityLine>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReturnBody {
    /// Number of the receipt that the goods came with.
    #[schema(example = "GRN-000007")]
    receipt: String,
    #[serde(default)]
    memo: String,
    #[schema(value_type = Option<Time>)]
    returned_at: Option<Timestamp>,
    #[serde(deserialize_with = "objects")]
    lines: Vec<QuantityLine>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LandedCostBody {
    /// Who bills it.
    supplier: String,
    /// Below zero where the goods cost less than was thought.
    #[schema(value_type = DecimalText, example = "48.00")]
    #[serde(deserialize_with = "exact::decimal")]
    amount: Decimal,
    #[schema(value_type = Option<CurrencyCode>)]
    currency: Option<Currency>,
    /// Numbers of the receipts that it was for.
    #[schema(example = json!(["GRN-000007"]))]
    receipts: Vec<String>,
    /// `by-value` (where it is absent) or `by-quantity`.
    #[schema(value_type = Option<crate::schemas::AllocationWord>, example = "by-value")]
    #[serde(default)]
    allocation: Allocation,
    #[serde(default)]
    memo: String,
    /// When it was billed. The goods have cost it from their receipt on, as far as the books of that time are open.
    #[schema(value_type = Option<Time>)]
    billed_at: Option<Timestamp>,
}

type Page = Result<Json<List<StockDocumentView>>, ApiError>;
type One = Result<Json<StockDocumentView>, ApiError>;

impl ErpApi {
    async fn stock_documents(&self, ctx: &RequestContext, kind: DocumentKind, query: PageQuery) -> Page {
        self.may_read(ctx)?;
        let listing = Listing::StockDocuments(kind);
        let page = query.page(listing)?;
        let documents = self.records.stock_documents(ctx, kind, &page).await?;
        let list = List::new(
            listing,
            &page,
            documents,
            |document| document.id.to_string(),
            |document| StockDocumentView::new(document, None),
        );
        Ok(Json(self.with_cancellations(ctx, list).await?))
    }

    async fn stock_document(&self, ctx: &RequestContext, kind: DocumentKind, number: String) -> One {
        self.may_read(ctx)?;
        match self.records.stock_document(ctx, kind, &number).await? {
            Some((document, moves)) => Ok(Json(
                self.with_cancellation(ctx, StockDocumentView::new(document, Some(moves)))
                    .await?,
            )),
            None => Err(not_found(kind.as_str(), number)),
        }
    }
}

/// The handlers that read differ in the kind of their documents alone.
// rustfmt indents an attribute of several lines inside a macro anew each time it runs.
#[rustfmt::skip]
macro_rules! read {
    ($kind:ident, $path:literal, $list:ident, $numbered:literal, $one:ident) => {
        /// The documents of this kind, oldest first, without their moves.
        #[utoipa::path(get, path = $path, tag = "erp", params(PageQuery),
            responses((status = 200, description = "A page", body = List<StockDocumentView>)))]
        async fn $list(State(api): State<Arc<ErpApi>>, Ctx(ctx): Ctx, Query(query): Query<PageQuery>) -> Page {
            api.stock_documents(&ctx, DocumentKind::$kind, query).await
        }

        /// One, with its moves.
        #[utoipa::path(get, path = $numbered, tag = "erp", params(("number" = String, Path)),
            responses(
                (status = 200, description = "The document", body = StockDocumentView),
                (status = 404, description = "No such document"),
            ))]
        async fn $one(State(api): State<Arc<ErpApi>>, Ctx(ctx): Ctx, Path(number): Path<String>) -> One {
            api.stock_document(&ctx, DocumentKind::$kind, number).await
        }
    };
}

read!(
    StockAdjustment,
    "/erp/v1/stock-adjustments",
    list_stock_adjustments,
    "/erp/v1/stock-adjustments/{number}",
    get_stock_adjustment
);
read!(
    OpeningBalance,
    "/erp/v1/opening-balances",
    list_opening_balances,
    "/erp/v1/opening-balances/{number}",
    get_opening_balance
);
read!(
    StockCount,
    "/erp/v1/stock-counts",
    list_stock_counts,
    "/erp/v1/stock-counts/{number}",
    get_stock_count
);
read!(
    StockTransfer,
    "/erp/v1/stock-transfers",
    list_stock_transfers,
    "/erp/v1/stock-transfers/{number}",
    get_stock_transfer
);
read!(
    Delivery,
    "/erp/v1/deliveries",
    list_deliveries,
    "/erp/v1/deliveries/{number}",
    get_delivery
);
read!(
    PurchaseReturn,
    "/erp/v1/purchase-returns",
    list_purchase_returns,
    "/erp/v1/purchase-returns/{number}",
    get_purchase_return
);
read!(
    LandedCost,
    "/erp/v1/landed-costs",
    list_landed_costs,
    "/erp/v1/landed-costs/{number}",
    get_landed_cost
);

/// Adjusts stock to what was counted: what is missing is written off, what is there on top was found.
#[utoipa::path(post, path = "/erp/v1/stock-counts", operation_id = "post_stock_count",
    tag = "erp", request_body = CountBody,
    params(("Idempotency-Key" = String, Header, description = "Chosen per request; the same when it is repeated")),
    responses(
        (status = 201, description = "Posted", body = ReceiptView),
        (status = 400, description = "Refused, as problem details"),
        (status = 404, description = "No such document that it names"),
        (status = 409, description = "The books of its time are closed, or too little would be left"),
    ))]
async fn count(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Key(key): Key,
    Json(body): Json<CountBody>,
) -> Result<ReceiptView, ApiError> {
    api.may_post(&ctx)?;
    let command = CountStock {
        memo: body.memo,
        location: body.location.map(Arc::from),
        counted_at: body.counted_at,
        lines: quantities(body.lines)?,
    };
    Ok(api.execute(&ctx, Command::CountStock(command), key).await?.into())
}

/// Moves goods from one location to another, at what they are worth.
#[utoipa::path(post, path = "/erp/v1/stock-transfers", operation_id = "post_stock_transfer",
    tag = "erp", request_body = TransferBody,
    params(("Idempotency-Key" = String, Header, description = "Chosen per request; the same when it is repeated")),
    responses(
        (status = 201, description = "Posted", body = ReceiptView),
        (status = 400, description = "Refused, as problem details"),
        (status = 404, description = "No such document that it names"),
        (status = 409, description = "The books of its time are closed, or too little would be left"),
    ))]
async fn transfer(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Key(key): Key,
    Json(body): Json<TransferBody>,
) -> Result<ReceiptView, ApiError> {
    api.may_post(&ctx)?;
    let command = TransferStock {
        memo: body.memo,
        from: body.from.into(),
        to: body.to.into(),
        moved_at: body.moved_at,
        lines: quantities(body.lines)?,
    };
    Ok(api.execute(&ctx, Command::TransferStock(command), key).await?.into())
}

/// Sends goods back to the supplier, at what they were billed for.
#[utoipa::path(post, path = "/erp/v1/purchase-returns", operation_id = "post_purchase_return",
    tag = "erp", request_body = ReturnBody,
    params(("Idempotency-Key" = String, Header, description = "Chosen per request; the same when it is repeated")),
    responses(
        (status = 201, description = "Posted", body = ReceiptView),
        (status = 400, description = "Refused, as problem details"),
        (status = 404, description = "No such document that it names"),
        (status = 409, description = "The books of its time are closed, or too little would be left"),
    ))]
async fn give_back(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Key(key): Key,
    Json(body): Json<ReturnBody>,
) -> Result<ReceiptView, ApiError> {
    api.may_post(&ctx)?;
    let command = ReturnGoods {
        receipt: body.receipt.into(),
        memo: body.memo,
        returned_at: body.returned_at,
        lines: quantities(body.lines)?,
    };
    Ok(api.execute(&ctx, Command::ReturnGoods(command), key).await?.into())
}

/// Adds to what goods cost that were received before: freight, duty, insurance, a bill that differs.
#[utoipa::path(post, path = "/erp/v1/landed-costs", operation_id = "post_landed_cost",
    tag = "erp", request_body = LandedCostBody,
    params(("Idempotency-Key" = String, Header, description = "Chosen per request; the same when it is repeated")),
    responses(
        (status = 201, description = "Posted", body = ReceiptView),
        (status = 400, description = "Refused, as problem details"),
        (status = 404, description = "No such document that it names"),
        (status = 409, description = "The books of its time are closed, or too little would be left"),
    ))]
async fn add_cost(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Key(key): Key,
    Json(body): Json<LandedCostBody>,
) -> Result<ReceiptView, ApiError> {
    api.may_post(&ctx)?;
    let currency = api.document_currency(&ctx, body.currency).await?;
    let command = AddLandedCost {
        supplier: body.supplier.into(),
        currency,
        amount_minor: amount_minor("amount", body.amount, currency)?,
        receipts: body.receipts.into_iter().map(Arc::from).collect(),
        allocation: body.allocation,
        memo: body.memo,
        billed_at: body.billed_at,
    };
    Ok(api.execute(&ctx, Command::AddLandedCost(command), key).await?.into())
}
