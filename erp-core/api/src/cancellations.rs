//! `…/cancel` and `…/reverse` of documents, and `/erp/v1/cancellations`

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use cortex_erp::{Attempt, Cancel, Cancellation, Command, DocumentKind, Reversal};
use cortex_runtime::http::{ApiError, Ctx, Json, Path, Query};
use cortex_types::RequestContext;
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use crate::ErpApi;
use crate::idempotency::Key;
use crate::journal::ReversalBody;
use crate::paging::{List, Listing, PageQuery};
use crate::receipt::ReceiptView;

pub(crate) fn routes() -> Router<Arc<ErpApi>> {
    Router::new()
        .route("/erp/v1/cancellations", get(list))
        .route("/erp/v1/sales-invoices/{number}/cancel", post(cancel_invoice))
        .route("/erp/v1/credit-notes/{number}/cancel", post(cancel_credit_note))
        .route(
            "/erp/v1/purchase-receipts/{number}/cancel",
            post(cancel_purchase_receipt),
        )
        .route("/erp/v1/purchase-returns/{number}/cancel", post(cancel_purchase_return))
        .route("/erp/v1/landed-costs/{number}/cancel", post(cancel_landed_cost))
        .route(
            "/erp/v1/stock-adjustments/{number}/cancel",
            post(cancel_stock_adjustment),
        )
        .route("/erp/v1/stock-counts/{number}/cancel", post(cancel_stock_count))
        .route("/erp/v1/stock-transfers/{number}/cancel", post(cancel_stock_transfer))
        .route("/erp/v1/payments/{number}/cancel", post(cancel_payment))
        .route("/erp/v1/opening-balances/{number}/cancel", post(cancel_opening_balance))
        .route("/erp/v1/deliveries/{number}/cancel", post(cancel_delivery))
        .route("/erp/v1/purchase-bills/{number}/cancel", post(cancel_purchase_bill))
        .route("/erp/v1/sales-invoices/{number}/reverse", post(reverse_sales_invoice))
        .route("/erp/v1/credit-notes/{number}/reverse", post(reverse_credit_note))
        .route("/erp/v1/deliveries/{number}/reverse", post(reverse_delivery))
        .route(
            "/erp/v1/purchase-receipts/{number}/reverse",
            post(reverse_purchase_receipt),
        )
        .route(
            "/erp/v1/purchase-returns/{number}/reverse",
            post(reverse_purchase_return),
        )
        .route("/erp/v1/purchase-bills/{number}/reverse", post(reverse_purchase_bill))
        .route("/erp/v1/landed-costs/{number}/reverse", post(reverse_landed_cost))
        .route("/erp/v1/payments/{number}/reverse", post(reverse_payment))
}

#[derive(OpenApi)]
#[openapi(paths(
    list,
    cancel_invoice,
    cancel_credit_note,
    cancel_purchase_receipt,
    cancel_purchase_return,
    cancel_landed_cost,
    cancel_stock_adjustment,
    cancel_stock_count,
    cancel_stock_transfer,
    cancel_payment,
    cancel_opening_balance,
    cancel_delivery,
    cancel_purchase_bill,
    reverse_sales_invoice,
    reverse_credit_note,
    reverse_delivery,
    reverse_purchase_receipt,
    reverse_purchase_return,
    reverse_purchase_bill,
    reverse_landed_cost,
    reverse_payment
))]
pub(crate) struct Document;

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CancelBody {
    /// Why.
    #[serde(default)]
    memo: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct CancellationView {
    id: String,
    number: String,
    document_kind: String,
    document: String,
    memo: String,
    /// From which time on it is taken back: when the document was, as if it had never been, or when it was reversed.
    effective_at: String,
    /// Whether it stood until then.
    reversed: bool,
    cancelled_at: String,
}

impl From<Cancellation> for CancellationView {
    fn from(cancellation: Cancellation) -> Self {
        Self {
            id: cancellation.id.to_string(),
            number: cancellation.number.to_string(),
            document_kind: cancellation.document.kind.to_string(),
            document: cancellation.document_number.to_string(),
            memo: cancellation.memo,
            effective_at: cancellation.effective_at.to_string(),
            reversed: cancellation.reversed,
            cancelled_at: cancellation.cancelled_at.to_string(),
        }
    }
}

/// A view of a document that may have been taken back.
pub(crate) trait CancelledBy {
    fn id(&self) -> &str;

    fn set_cancelled_by(&mut self, number: String);
}

/// The views name both alike.
macro_rules! cancelled_by {
    ($view:ident) => {
        impl crate::cancellations::CancelledBy for $view {
            fn id(&self) -> &str {
                &self.id
            }

            fn set_cancelled_by(&mut self, number: String) {
                self.cancelled_by = Some(number);
            }
        }
    };
}
pub(crate) use cancelled_by;

impl ErpApi {
    /// The list, with what took its documents back.
    pub(crate) async fn with_cancellations<V: CancelledBy>(
        &self,
        ctx: &RequestContext,
        mut list: List<V>,
    ) -> Result<List<V>, ApiError> {
        self.say_cancelled(ctx, &mut list.items).await?;
        Ok(list)
    }

    /// The document, with what took it back.
    pub(crate) async fn with_cancellation<V: CancelledBy>(
        &self,
        ctx: &RequestContext,
        mut view: V,
    ) -> Result<V, ApiError> {
        self.say_cancelled(ctx, std::slice::from_mut(&mut view)).await?;
        Ok(view)
    }

    async fn say_cancelled<V: CancelledBy>(&self, ctx: &RequestContext, views: &mut [V]) -> Result<(), ApiError> {
        let ids: Vec<&str> = views.iter().map(V::id).collect();
        let cancelled = self.records.cancelled(ctx, &ids).await?;
        for view in views {
            if let Some(number) = cancelled.get(view.id()) {
                view.set_cancelled_by(number.to_string());
            }
        }
        Ok(())
    }

    async fn take_back(&self, ctx: &RequestContext, command: Cancel, key: Attempt) -> Result<ReceiptView, ApiError> {
        self.may_post(ctx)?;
        Ok(self.execute(ctx, Command::Cancel(command), key).await?.into())
    }
}

/// What was cancelled or reversed, oldest first.
#[utoipa::path(get, path = "/erp/v1/cancellations", operation_id = "list_cancellations", tag = "erp", params(PageQuery),
    responses((status = 200, description = "A page", body = List<CancellationView>)))]
async fn list(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Query(query): Query<PageQuery>,
) -> Result<Json<List<CancellationView>>, ApiError> {
    api.may_read(&ctx)?;
    let page = query.page(Listing::Cancellations)?;
    let cancellations = api.records.cancellations(&ctx, &page).await?;
    Ok(Json(List::new(
        Listing::Cancellations,
        &page,
        cancellations,
        |cancellation| cancellation.id.to_string(),
        CancellationView::from,
    )))
}

/// The handlers differ in the kind of their document alone.
macro_rules! cancel {
    ($name:ident, $path:literal, $kind:ident) => {
        /// Takes the document back as if it had never been: its entries are undone at its own time, and everything behind its
        /// goods is valued as it would have been without them.
        #[utoipa::path(post, path = $path, tag = "erp", request_body = Option<CancelBody>,
            params(("number" = String, Path),
                ("Idempotency-Key" = String, Header, description = "Chosen per request; the same when it is repeated")),
            responses(
                (status = 201, description = "Cancelled", body = ReceiptView),
                (status = 400, description = "It was cancelled already, or another document stands on it"),
                (status = 404, description = "No such document"),
                (status = 409, description = "The books of its time are closed, or too little would be left"),
            ))]
        async fn $name(
            State(api): State<Arc<ErpApi>>,
            Ctx(ctx): Ctx,
            Path(number): Path<String>,
            Key(key): Key,
            body: Option<Json<CancelBody>>,
        ) -> Result<ReceiptView, ApiError> {
            let command = Cancel {
                kind: DocumentKind::$kind,
                number: number.into(),
                memo: body.map(|Json(body)| body.memo).unwrap_or_default(),
                reversal: None,
            };
            api.take_back(&ctx, command, key).await
        }
    };
}

cancel!(cancel_invoice, "/erp/v1/sales-invoices/{number}/cancel", SalesInvoice);
cancel!(cancel_credit_note, "/erp/v1/credit-notes/{number}/cancel", CreditNote);
cancel!(
    cancel_purchase_receipt,
    "/erp/v1/purchase-receipts/{number}/cancel",
    PurchaseReceipt
);
cancel!(
    cancel_purchase_return,
    "/erp/v1/purchase-returns/{number}/cancel",
    PurchaseReturn
);
cancel!(cancel_landed_cost, "/erp/v1/landed-costs/{number}/cancel", LandedCost);
cancel!(
    cancel_stock_adjustment,
    "/erp/v1/stock-adjustments/{number}/cancel",
    StockAdjustment
);
cancel!(cancel_stock_count, "/erp/v1/stock-counts/{number}/cancel", StockCount);
cancel!(
    cancel_stock_transfer,
    "/erp/v1/stock-transfers/{number}/cancel",
    StockTransfer
);
cancel!(
    cancel_opening_balance,
    "/erp/v1/opening-balances/{number}/cancel",
    OpeningBalance
);
cancel!(cancel_delivery, "/erp/v1/deliveries/{number}/cancel", Delivery);
cancel!(
    cancel_purchase_bill,
    "/erp/v1/purchase-bills/{number}/cancel",
    PurchaseBill
);
cancel!(cancel_payment, "/erp/v1/payments/{number}/cancel", Payment);

macro_rules! reverse {
    ($name:ident, $path:literal, $kind:ident) => {
        /// Takes the document back at a time of its own, until which it stood: its entries are undone then, and its goods go back
        /// at what they cost. It goes where its own books are closed.
        #[utoipa::path(post, path = $path, tag = "erp", request_body = Option<ReversalBody>,
            params(("number" = String, Path),
                ("Idempotency-Key" = String, Header, description = "Chosen per request; the same when it is repeated")),
            responses(
                (status = 201, description = "Reversed", body = ReceiptView),
                (status = 400, description = "It was taken back already, or another document stands on it"),
                (status = 404, description = "No such document"),
                (status = 409, description = "The books of that time are closed, or too little would be left"),
            ))]
        async fn $name(
            State(api): State<Arc<ErpApi>>,
            Ctx(ctx): Ctx,
            Path(number): Path<String>,
            Key(key): Key,
            body: Option<Json<ReversalBody>>,
        ) -> Result<ReceiptView, ApiError> {
            let Json(body) = body.unwrap_or_default();
            let command = Cancel {
                kind: DocumentKind::$kind,
                number: number.into(),
                memo: body.memo.unwrap_or_default(),
                reversal: Some(Reversal {
                    method: body.method.into(),
                    posted_at: body.posted_at,
                    adjusting: body.adjusting,
                }),
            };
            api.take_back(&ctx, command, key).await
        }
    };
}

reverse!(
    reverse_sales_invoice,
    "/erp/v1/sales-invoices/{number}/reverse",
    SalesInvoice
);
reverse!(reverse_credit_note, "/erp/v1/credit-notes/{number}/reverse", CreditNote);
reverse!(reverse_delivery, "/erp/v1/deliveries/{number}/reverse", Delivery);
reverse!(
    reverse_purchase_receipt,
    "/erp/v1/purchase-receipts/{number}/reverse",
    PurchaseReceipt
);
reverse!(
    reverse_purchase_return,
    "/erp/v1/purchase-returns/{number}/reverse",
    PurchaseReturn
);
reverse!(
    reverse_purchase_bill,
    "/erp/v1/purchase-bills/{number}/reverse",
    PurchaseBill
);
reverse!(reverse_landed_cost, "/erp/v1/landed-costs/{number}/reverse", LandedCost);
reverse!(reverse_payment, "/erp/v1/payments/{number}/reverse", Payment);
