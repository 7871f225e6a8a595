//! `/erp/v1/sales-orders` and `/erp/v1/purchase-orders`

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use cortex_erp::{Attempt, ChangeOrder, Command, OrderChange, OrderSide, OrderState, PlaceOrder};
use cortex_runtime::http::{ApiError, Ctx, Json, Path, Query, objects};
use cortex_types::{Currency, RequestContext, Timestamp};
use serde::Deserialize;
use utoipa::{IntoParams, OpenApi, ToSchema};

use crate::ErpApi;
use crate::api::not_found;
use crate::bodies::LineBody;
use crate::idempotency::Key;
use crate::order_views::OrderView;
use crate::paging::{List, Listing, PageQuery};
use crate::receipt::ReceiptView;
use crate::schemas::{CurrencyCode, Time};

pub(crate) fn routes() -> Router<Arc<ErpApi>> {
    Router::new()
        .route("/erp/v1/sales-orders", get(list_sales_orders).post(place_sales_order))
        .route("/erp/v1/sales-orders/{number}", get(get_sales_order))
        .route("/erp/v1/sales-orders/{number}/reserve", post(reserve_sales_order))
        .route("/erp/v1/sales-orders/{number}/release", post(release_sales_order))
        .route("/erp/v1/sales-orders/{number}/close", post(close_sales_order))
        .route("/erp/v1/sales-orders/{number}/cancel", post(cancel_sales_order))
        .route(
            "/erp/v1/purchase-orders",
            get(list_purchase_orders).post(place_purchase_order),
        )
        .route("/erp/v1/purchase-orders/{number}", get(get_purchase_order))
        .route("/erp/v1/purchase-orders/{number}/close", post(close_purchase_order))
        .route("/erp/v1/purchase-orders/{number}/cancel", post(cancel_purchase_order))
}

#[derive(OpenApi)]
#[openapi(paths(
    list_sales_orders,
    place_sales_order,
    get_sales_order,
    reserve_sales_order,
    release_sales_order,
    close_sales_order,
    cancel_sales_order,
    list_purchase_orders,
    place_purchase_order,
    get_purchase_order,
    close_purchase_order,
    cancel_purchase_order
))]
pub(crate) struct Document;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SalesOrderBody {
    /// Kept where it is given; the next of the series otherwise.
    number: Option<String>,
    /// Code of the number series that gives the number; the default of its kind where it is absent.
    series: Option<String>,
    /// Code of the customer.
    #[schema(example = "17850")]
    customer: String,
    #[schema(value_type = Option<CurrencyCode>, example = "GBP")]
    currency: Option<Currency>,
    /// Where the goods leave from; `main` where it is absent.
    location: Option<String>,
    #[schema(value_type = Option<Time>)]
    ordered_at: Option<Timestamp>,
    /// When it is wanted.
    #[schema(value_type = Option<Time>)]
    due_at: Option<Timestamp>,
    /// Prices have their taxes within them.
    #[serde(default)]
    prices_include_tax: bool,
    #[serde(default)]
    memo: String,
    /// Sets goods aside for it, as far as they are there.
    #[serde(default)]
    reserve: bool,
    #[serde(deserialize_with = "objects")]
    lines: Vec<LineBody>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PurchaseOrderBody {
    /// Kept where it is given; the next of the series otherwise.
    number: Option<String>,
    /// Code of the number series that gives the number; the default of its kind where it is absent.
    series: Option<String>,
    /// Code of the supplier.
    supplier: String,
    #[schema(value_type = Option<CurrencyCode>, example = "GBP")]
    currency: Option<Currency>,
    /// Where the goods come to; `main` where it is absent.
    location: Option<String>,
    #[schema(value_type = Option<Time>)]
    ordered_at: Option<Timestamp>,
    /// When it is expected.
    #[schema(value_type = Option<Time>)]
    due_at: Option<Timestamp>,
    /// Prices have their taxes within them.
    #[serde(default)]
    prices_include_tax: bool,
    #[serde(default)]
    memo: String,
    /// Each with `unit_price`, `net` or `gross`.
    #[serde(deserialize_with = "objects")]
    lines: Vec<LineBody>,
}

impl From<PurchaseOrderBody> for SalesOrderBody {
    fn from(body: PurchaseOrderBody) -> Self {
        Self {
            number: body.number,
            series: body.series,
            customer: body.supplier,
            currency: body.currency,
            location: body.location,
            ordered_at: body.ordered_at,
            due_at: body.due_at,
            prices_include_tax: body.prices_include_tax,
            memo: body.memo,
            reserve: false,
            lines: body.lines,
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct OrdersQuery {
    /// `open`, `complete`, `closed` or `cancelled`.
    #[param(value_type = Option<String>)]
    state: Option<OrderState>,
    /// `next` of the page before.
    after: Option<String>,
    /// 1 to 500; 100 where it is absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500)]
    limit: Option<String>,
}

type Page = Result<Json<List<OrderView>>, ApiError>;
type One = Result<Json<OrderView>, ApiError>;

impl ErpApi {
    async fn orders(&self, ctx: &RequestContext, side: OrderSide, query: OrdersQuery) -> Page {
        self.may_read(ctx)?;
        let listing = Listing::Orders(side.kind());
        let OrdersQuery { state, after, limit } = query;
        let page = PageQuery { after, limit }.page(listing)?;
        let orders = self.records.orders(ctx, side.kind(), state, &page).await?;
        Ok(Json(List::new(
            listing,
            &page,
            orders,
            |order| order.id.to_string(),
            |order| OrderView::new(order, None),
        )))
    }

    async fn order(&self, ctx: &RequestContext, side: OrderSide, number: String) -> One {
        self.may_read(ctx)?;
        match self.records.order(ctx, side.kind(), &number).await? {
            Some((order, progress)) => Ok(Json(OrderView::new(order, Some(progress)))),
            None => Err(not_found(side.kind().as_str(), number)),
        }
    }

    async fn place(
        &self,
        ctx: &RequestContext,
        side: OrderSide,
        key: Attempt,
        body: SalesOrderBody,
    ) -> Result<ReceiptView, ApiError> {
        self.may_post(ctx)?;
        let currency = self.document_currency(ctx, body.currency).await?;
        let taxed = body.prices_include_tax;
        let lines = body.lines.into_iter().enumerate();
        let lines = lines.map(|(index, line)| line.input(index, currency, taxed));
        let command = PlaceOrder {
            side,
            lines: lines.collect::<Result<_, _>>()?,
            number: body.number.map(Arc::from),
            series: body.series.map(Arc::from),
            party: body.customer.into(),
            currency,
            location: body.location.map(Arc::from),
            ordered_at: body.ordered_at,
            due_at: body.due_at,
            prices_include_tax: taxed,
            memo: body.memo,
            reserve: body.reserve,
        };
        Ok(self.execute(ctx, Command::PlaceOrder(command), key).await?.into())
    }

    async fn change_order(
        &self,
        ctx: &RequestContext,
        (side, change): (OrderSide, OrderChange),
        number: String,
        key: Attempt,
    ) -> Result<ReceiptView, ApiError> {
        self.may_post(ctx)?;
        let number = number.into();
        let command = ChangeOrder { side, number, change };
        Ok(self.execute(ctx, Command::ChangeOrder(command), key).await?.into())
    }

    /// The party and the currency of an order that a document carries on, where the document says neither.
    pub(crate) async fn of_order(
        &self,
        ctx: &RequestContext,
        side: OrderSide,
        number: Option<&str>,
    ) -> Result<Option<(Arc<str>, Currency)>, ApiError> {
        let Some(number) = number else { return Ok(None) };
        let found = self.records.order(ctx, side.kind(), number).await?;
        Ok(found.map(|(order, _)| (order.party_code, order.currency)))
    }
}

/// The handlers of both sides differ in their side alone.
// rustfmt indents an attribute of several lines inside a macro anew each time it runs.
#[rustfmt::skip]
macro_rules! side {
    ($side:ident, $body:ident, $path:literal, $list:ident, $place:ident, $numbered:literal, $one:ident) => {
        /// Orders, oldest first, without what came of them.
        #[utoipa::path(get, path = $path, tag = "erp", params(OrdersQuery),
            responses((status = 200, description = "A page", body = List<OrderView>)))]
        async fn $list(State(api): State<Arc<ErpApi>>, Ctx(ctx): Ctx, Query(query): Query<OrdersQuery>) -> Page {
            api.orders(&ctx, OrderSide::$side, query).await
        }

        /// One order, with all that came of it.
        #[utoipa::path(get, path = $numbered, tag = "erp", params(("number" = String, Path)),
            responses(
                (status = 200, description = "The order", body = OrderView),
                (status = 404, description = "No such order"),
            ))]
        async fn $one(State(api): State<Arc<ErpApi>>, Ctx(ctx): Ctx, Path(number): Path<String>) -> One {
            api.order(&ctx, OrderSide::$side, number).await
        }

        /// Places an order. It posts nothing: what carries it on does.
        #[utoipa::path(post, path = $path, tag = "erp", request_body = $body,
            params(("Idempotency-Key" = String, Header, description = "Chosen per request; the same when it is repeated")),
            responses(
                (status = 201, description = "Placed", body = ReceiptView),
                (status = 400, description = "Refused, as problem details"),
            ))]
        async fn $place(
            State(api): State<Arc<ErpApi>>,
            Ctx(ctx): Ctx,
            Key(key): Key,
            Json(body): Json<$body>,
        ) -> Result<ReceiptView, ApiError> {
            api.place(&ctx, OrderSide::$side, key, body.into()).await
        }
    };
}

side!(
    Sales,
    SalesOrderBody,
    "/erp/v1/sales-orders",
    list_sales_orders,
    place_sales_order,
    "/erp/v1/sales-orders/{number}",
    get_sales_order
);
side!(
    Purchase,
    PurchaseOrderBody,
    "/erp/v1/purchase-orders",
    list_purchase_orders,
    place_purchase_order,
    "/erp/v1/purchase-orders/{number}",
    get_purchase_order
);

#[rustfmt::skip]
macro_rules! change {
    ($(#[$doc:meta])* $name:ident, $path:literal, $side:ident, $change:ident) => {
        $(#[$doc])*
        #[utoipa::path(post, path = $path, tag = "erp",
            params(("number" = String, Path),
                ("Idempotency-Key" = String, Header, description = "Chosen per request; the same when it is repeated")),
            responses(
                (status = 201, description = "Done", body = ReceiptView),
                (status = 400, description = "The order is closed or cancelled, or something came of it"),
                (status = 404, description = "No such order"),
            ))]
        async fn $name(
            State(api): State<Arc<ErpApi>>,
            Ctx(ctx): Ctx,
            Path(number): Path<String>,
            Key(key): Key,
        ) -> Result<ReceiptView, ApiError> {
            api.change_order(&ctx, (OrderSide::$side, OrderChange::$change), number, key).await
        }
    };
}

change!(
    /// Sets goods aside for the order, as far as they are there and not set aside for another one.
    reserve_sales_order, "/erp/v1/sales-orders/{number}/reserve", Sales, Reserve
);
change!(
    /// What was set aside for the order is free again.
    release_sales_order, "/erp/v1/sales-orders/{number}/release", Sales, Release
);
change!(
    /// No more is to come of the order; what was set aside for it is free again.
    close_sales_order, "/erp/v1/sales-orders/{number}/close", Sales, Close
);
change!(
    /// The order never was. Refused where something was delivered or invoiced of it.
    cancel_sales_order, "/erp/v1/sales-orders/{number}/cancel", Sales, Cancel
);
change!(
    /// No more is to come of the order.
    close_purchase_order, "/erp/v1/purchase-orders/{number}/close", Purchase, Close
);
change!(
    /// The order never was. Refused where something was received or billed of it.
    cancel_purchase_order, "/erp/v1/purchase-orders/{number}/cancel", Purchase, Cancel
);
