//! `/erp/v1/sales-invoices`

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use cortex_erp::{Invoice, OrderSide, PostInvoice};
use cortex_runtime::http::{ApiError, Ctx, Json, Path, Query, objects};
use cortex_types::{Currency, DecisionId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use crate::ErpApi;
use crate::api::not_found;
use crate::bodies::{LineBody, LineView};
use crate::cancellations::cancelled_by;
use crate::decimals::amount_text;
use crate::idempotency::Key;
use crate::paging::{List, Listing, PageQuery};
use crate::receipt::{AdviceView, ReceiptView};
use crate::schemas::{CurrencyCode, Time};

pub(crate) fn routes() -> Router<Arc<ErpApi>> {
    Router::new()
        .route("/erp/v1/sales-invoices", get(list).post(post))
        .route("/erp/v1/sales-invoices/{number}", get(one))
}

#[derive(OpenApi)]
#[openapi(paths(list, post, one))]
pub(crate) struct Document;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InvoiceBody {
    /// Kept where it is given; the next of the series otherwise.
    number: Option<String>,
    /// Code of the number series that gives the number; the default of its kind where it is absent.
    series: Option<String>,
    /// Code of the customer; absent for a cash sale.
    #[schema(example = "17850")]
    customer: Option<String>,
    /// The customer's where it is absent.
    country: Option<String>,
    #[schema(value_type = Option<CurrencyCode>, example = "GBP")]
    currency: Option<Currency>,
    /// Number of the sales order that it is for. Without lines it bills what was delivered and not invoiced; what its lines bill
    /// beyond that leaves with it. Prices and taxes are the order's where a line says none.
    order: Option<String>,
    /// Where the goods leave from; the order's, or `main`, where it is absent.
    location: Option<String>,
    /// RFC 3339, from 1900 on and before 2200, as all times are; now where it is absent.
    #[schema(value_type = Option<Time>)]
    invoiced_at: Option<Timestamp>,
    /// By the customer's terms where it is absent.
    #[schema(value_type = Option<Time>)]
    due_at: Option<Timestamp>,
    /// The advice that you had; the server asks for its own where it is absent. Kept as it is given: whether there is such
    /// a decision is not looked up.
    #[schema(value_type = Option<String>)]
    decision_id: Option<DecisionId>,
    /// Prices have their taxes within them.
    #[serde(default)]
    prices_include_tax: bool,
    /// At least one, but for an order.
    #[serde(default, deserialize_with = "objects")]
    lines: Vec<LineBody>,
}

impl InvoiceBody {
    fn command(self, default: Currency) -> Result<PostInvoice, ApiError> {
        let currency = self.currency.unwrap_or(default);
        let lines = self
            .lines
            .into_iter()
            .enumerate()
            .map(|(index, line)| line.input(index, currency, self.prices_include_tax));
        Ok(PostInvoice {
            lines: lines.collect::<Result<_, _>>()?,
            number: self.number.map(Arc::from),
            series: self.series.map(Arc::from),
            customer: self.customer.map(Arc::from),
            country: self.country.map(Arc::from),
            currency,
            order: self.order.map(Arc::from),
            location: self.location.map(Arc::from),
            invoiced_at: self.invoiced_at,
            due_at: self.due_at,
            decision_id: self.decision_id,
            prices_include_tax: self.prices_include_tax,
        })
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct InvoiceView {
    id: String,
    number: String,
    /// The cancellation that took it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    cancelled_by: Option<String>,
    /// Absent on a cash sale.
    customer: Option<String>,
    country: String,
    currency: String,
    net: String,
    tax: String,
    gross: String,
    invoiced_at: String,
    /// Absent on a cash sale.
    due_at: Option<String>,
    /// The advice that was there when it was entered.
    decision_id: Option<String>,
    /// Number of the sales order that it is for.
    order: Option<String>,
    lines: Vec<LineView>,
}

cancelled_by!(InvoiceView);

impl From<Invoice> for InvoiceView {
    fn from(invoice: Invoice) -> Self {
        let currency = invoice.currency;
        Self {
            cancelled_by: None,
            id: invoice.id.to_string(),
            number: invoice.number.to_string(),
            customer: invoice.customer_code.map(|code| code.to_string()),
            country: invoice.country.to_string(),
            currency: currency.to_string(),
            net: amount_text(invoice.net_minor, currency),
            tax: amount_text(invoice.tax_minor, currency),
            gross: amount_text(invoice.net_minor + invoice.tax_minor, currency),
            invoiced_at: invoice.invoiced_at.to_string(),
            due_at: invoice.due_at.map(|due| due.to_string()),
            decision_id: invoice.decision_id.map(|id| id.to_string()),
            order: invoice.order.map(|number| number.to_string()),
            lines: invoice
                .lines
                .into_iter()
                .map(|line| LineView::new(line, currency))
                .collect(),
        }
    }
}

/// Posted invoices, oldest first.
#[utoipa::path(get, path = "/erp/v1/sales-invoices", operation_id = "list_invoices", tag = "erp", params(PageQuery),
    responses((status = 200, description = "A page", body = List<InvoiceView>)))]
async fn list(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Query(query): Query<PageQuery>,
) -> Result<Json<List<InvoiceView>>, ApiError> {
    api.may_read(&ctx)?;
    let page = query.page(Listing::SalesInvoices)?;
    let invoices = api.records.invoices(&ctx, &page).await?;
    let list = List::new(
        Listing::SalesInvoices,
        &page,
        invoices,
        |invoice| invoice.id.to_string(),
        InvoiceView::from,
    );
    Ok(Json(api.with_cancellations(&ctx, list).await?))
}

/// One invoice.
#[utoipa::path(get, path = "/erp/v1/sales-invoices/{number}", operation_id = "get_invoice",
    tag = "erp", params(("number" = String, Path)),
    responses(
        (status = 200, description = "The invoice", body = InvoiceView),
        (status = 404, description = "No such invoice"),
    ))]
async fn one(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Path(number): Path<String>,
) -> Result<Json<InvoiceView>, ApiError> {
    api.may_read(&ctx)?;
    match api.records.invoice(&ctx, &number).await? {
        Some(invoice) => Ok(Json(api.with_cancellation(&ctx, InvoiceView::from(invoice)).await?)),
        None => Err(not_found("sales-invoice", number)),
    }
}

/// Posts an invoice with its stock moves and its journal entry, in one transaction. Advice about the customer is asked
/// for on the way; an invoice never waits for it longer than its deadline.
#[utoipa::path(post, path = "/erp/v1/sales-invoices", operation_id = "post_invoice",
    tag = "erp", request_body = InvoiceBody,
    params(("Idempotency-Key" = String, Header, description = "Chosen per request; the same when it is repeated")),
    responses(
        (status = 201, description = "Posted", body = ReceiptView),
        (status = 200, description = "Posted before, under the same key", body = ReceiptView),
        (status = 400, description = "Unknown product or party, or a value out of range, as problem details"),
        (status = 409, description = "The key was used for another body, or the number is taken"),
        (status = 503, description = "Too many commands wait"),
    ))]
async fn post(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Key(key): Key,
    Json(mut body): Json<InvoiceBody>,
) -> Result<ReceiptView, ApiError> {
    api.may_post(&ctx)?;
    let of_order = api.of_order(&ctx, OrderSide::Sales, body.order.as_deref()).await?;
    let named = body.currency.or(of_order.as_ref().map(|(_, currency)| *currency));
    body.customer = body.customer.or(of_order.map(|(customer, _)| customer.to_string()));
    let currency = api.document_currency(&ctx, named).await?;
    let entered = api.entry.enter(&ctx, body.command(currency)?, key).await?;
    Ok(ReceiptView {
        advice: entered.advice.map(AdviceView::from),
        ..entered.receipt.into()
    })
}
