//! `/erp/v1/purchase-receipts` and `/erp/v1/payments`

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use cortex_erp::{
    Command, ErpError, OrderSide, Payment, PaymentDirection, PurchaseReceipt, ReceiptLineInput, ReceiveGoods,
    RecordPayment,
};
use cortex_runtime::http::{ApiError, Ctx, Json, Path, Query, objects};
use cortex_types::{Currency, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use crate::ErpApi;
use crate::api::not_found;
use crate::bodies::unit_or_none;
use crate::cancellations::cancelled_by;
use crate::decimals::{amount_minor, amount_text, quantity_micro, quantity_text};
use crate::exact;
use crate::idempotency::Key;
use crate::open_items::SettlesBody;
use crate::paging::{List, Listing, PageQuery};
use crate::receipt::ReceiptView;
use crate::schemas::{CurrencyCode, DecimalText, Time};

pub(crate) fn routes() -> Router<Arc<ErpApi>> {
    Router::new()
        .route("/erp/v1/purchase-receipts", get(list_receipts).post(receive))
        .route("/erp/v1/purchase-receipts/{number}", get(one_receipt))
        .route("/erp/v1/payments", get(list_payments).post(pay))
        .route("/erp/v1/payments/{number}", get(one_payment))
}

#[derive(OpenApi)]
#[openapi(paths(list_receipts, one_receipt, receive, list_payments, one_payment, pay))]
pub(crate) struct Document;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PurchaseReceiptBody {
    number: Option<String>,
    /// Code of the number series that gives the number; the default of its kind where it is absent.
    series: Option<String>,
    /// The order's where it is absent.
    supplier: Option<String>,
    /// Number of the purchase order that it came for. Without lines, everything of it that is open came.
    #[schema(example = "PO-000003")]
    order: Option<String>,
    /// The supplier's bill comes later (`/erp/v1/purchase-bills`), and what is owed and its taxes with it.
    #[serde(default)]
    to_be_billed: bool,
    #[schema(value_type = Option<CurrencyCode>)]
    currency: Option<Currency>,
    location: Option<String>,
    #[schema(value_type = Option<Time>)]
    received_at: Option<Timestamp>,
    /// When it is to be paid; by the supplier's terms where it is absent.
    #[schema(value_type = Option<Time>)]
    due_at: Option<Timestamp>,
    /// Values have their taxes within them.
    #[serde(default)]
    prices_include_tax: bool,
    /// At least one, but for an order.
    #[serde(default, deserialize_with = "objects")]
    lines: Vec<PurchaseReceiptLineBody>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PurchaseReceiptLineBody {
    product: String,
    #[schema(value_type = DecimalText, example = "100")]
    #[serde(deserialize_with = "exact::decimal")]
    quantity: Decimal,
    /// The product's own where it is absent.
    unit: Option<String>,
    /// What the whole line cost; what the order says where it is absent.
    #[schema(value_type = Option<DecimalText>, example = "125.00")]
    #[serde(default, deserialize_with = "exact::decimal_or_none")]
    value: Option<Decimal>,
    /// Code of the taxes on it: they are claimed back, and no part of what the goods cost.
    #[schema(example = "VAT20")]
    tax: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct PurchaseReceiptView {
    id: String,
    number: String,
    /// The cancellation that took it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    cancelled_by: Option<String>,
    supplier: String,
    currency: String,
    value: String,
    tax: String,
    /// The bill was to come later.
    to_be_billed: bool,
    /// Number of the purchase order that it came for.
    order: Option<String>,
    received_at: String,
    lines: Vec<PurchaseReceiptLineView>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct PurchaseReceiptLineView {
    line_no: u32,
    product: String,
    quantity: String,
    value: String,
    /// Code of the taxes on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    tax: Option<String>,
}

cancelled_by!(PurchaseReceiptView);

impl From<PurchaseReceipt> for PurchaseReceiptView {
    fn from(receipt: PurchaseReceipt) -> Self {
        let currency = receipt.currency;
        let lines = receipt.lines.into_iter().map(|line| PurchaseReceiptLineView {
            line_no: line.line_no,
            product: line.product_code.to_string(),
            quantity: quantity_text(line.quantity_micro),
            value: amount_text(line.value_minor, currency),
            tax: line.tax.map(|code| code.to_string()),
        });
        Self {
            lines: lines.collect(),
            cancelled_by: None,
            id: receipt.id.to_string(),
            number: receipt.number.to_string(),
            supplier: receipt.supplier_code.to_string(),
            currency: currency.to_string(),
            value: amount_text(receipt.value_minor, currency),
            tax: amount_text(receipt.tax_minor, currency),
            to_be_billed: receipt.to_be_billed,
            order: receipt.order.map(|number| number.to_string()),
            received_at: receipt.received_at.to_string(),
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PaymentBody {
    number: Option<String>,
    /// Code of the number series that gives the number; the default of its kind where it is absent.
    series: Option<String>,
    /// Code of the customer or supplier.
    party: String,
    /// `in` (received) or `out` (paid).
    #[schema(value_type = crate::schemas::PaymentDirectionWord, example = "in")]
    direction: PaymentDirection,
    #[schema(value_type = DecimalText, example = "15.30")]
    #[serde(deserialize_with = "exact::decimal")]
    amount: Decimal,
    #[schema(value_type = Option<CurrencyCode>)]
    currency: Option<Currency>,
    #[schema(value_type = Option<Time>)]
    paid_at: Option<Timestamp>,
    /// `oldest`, or the documents that it is for; it stays open where it is absent.
    settles: Option<SettlesBody>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct PaymentView {
    id: String,
    number: String,
    /// The cancellation that took it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    cancelled_by: Option<String>,
    party: String,
    direction: String,
    amount: String,
    currency: String,
    paid_at: String,
}

cancelled_by!(PaymentView);

impl From<Payment> for PaymentView {
    fn from(payment: Payment) -> Self {
        Self {
            cancelled_by: None,
            id: payment.id.to_string(),
            number: payment.number.to_string(),
            party: payment.party_code.to_string(),
            direction: payment.direction.as_str().to_owned(),
            amount: amount_text(payment.amount_minor, payment.currency),
            currency: payment.currency.to_string(),
            paid_at: payment.paid_at.to_string(),
        }
    }
}

/// Receipts of purchased goods, oldest first.
#[utoipa::path(get, path = "/erp/v1/purchase-receipts", operation_id = "list_purchase_receipts",
    tag = "erp", params(PageQuery),
    responses((status = 200, description = "A page", body = List<PurchaseReceiptView>)))]
async fn list_receipts(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Query(query): Query<PageQuery>,
) -> Result<Json<List<PurchaseReceiptView>>, ApiError> {
    api.may_read(&ctx)?;
    let page = query.page(Listing::PurchaseReceipts)?;
    let receipts = api.records.purchase_receipts(&ctx, &page).await?;
    let list = List::new(
        Listing::PurchaseReceipts,
        &page,
        receipts,
        |receipt| receipt.id.to_string(),
        PurchaseReceiptView::from,
    );
    Ok(Json(api.with_cancellations(&ctx, list).await?))
}

/// One receipt.
#[utoipa::path(get, path = "/erp/v1/purchase-receipts/{number}", operation_id = "get_purchase_receipt",
    tag = "erp", params(("number" = String, Path)),
    responses(
        (status = 200, description = "The receipt", body = PurchaseReceiptView),
        (status = 404, description = "No such receipt"),
    ))]
async fn one_receipt(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Path(number): Path<String>,
) -> Result<Json<PurchaseReceiptView>, ApiError> {
    api.may_read(&ctx)?;
    match api.records.purchase_receipt(&ctx, &number).await? {
        Some(receipt) => Ok(Json(
            api.with_cancellation(&ctx, PurchaseReceiptView::from(receipt)).await?,
        )),
        None => Err(not_found("purchase-receipt", number)),
    }
}

/// Receives goods into stock, at what they cost.
#[utoipa::path(post, path = "/erp/v1/purchase-receipts", operation_id = "post_purchase_receipt",
    tag = "erp", request_body = PurchaseReceiptBody,
    params(("Idempotency-Key" = String, Header, description = "Chosen per request; the same when it is repeated")),
    responses(
        (status = 201, description = "Posted", body = ReceiptView),
        (status = 400, description = "Refused, as problem details"),
    ))]
async fn receive(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Key(key): Key,
    Json(body): Json<PurchaseReceiptBody>,
) -> Result<ReceiptView, ApiError> {
    api.may_post(&ctx)?;
    let of_order = api.of_order(&ctx, OrderSide::Purchase, body.order.as_deref()).await?;
    let named = body.currency.or(of_order.as_ref().map(|(_, currency)| *currency));
    let currency = api.document_currency(&ctx, named).await?;
    let supplier = body.supplier.map(Arc::from).or(of_order.map(|(supplier, _)| supplier));
    let supplier = match (supplier, &body.order) {
        (Some(supplier), _) => supplier,
        (None, Some(order)) => return Err(not_found("purchase-order", order.clone())),
        (None, None) => return Err(ErpError::invalid("supplier", "say who it came from, or name the order").into()),
    };
    let lines = body.lines.into_iter().enumerate().map(|(index, line)| {
        let quantity_micro = quantity_micro(&format!("lines[{index}].quantity"), line.quantity)?;
        let value = line
            .value
            .map(|value| amount_minor(&format!("lines[{index}].value"), value, currency));
        Ok(ReceiptLineInput {
            unit: unit_or_none(&format!("lines[{index}].unit"), line.unit.as_deref())?,
            product: line.product.into(),
            quantity_micro,
            value_minor: value.transpose()?,
            tax: line.tax.map(Arc::from),
        })
    });
    let command = ReceiveGoods {
        lines: lines.collect::<Result<_, ErpError>>()?,
        number: body.number.map(Arc::from),
        series: body.series.map(Arc::from),
        supplier,
        currency,
        order: body.order.map(Arc::from),
        to_be_billed: body.to_be_billed,
        location: body.location.map(Arc::from),
        received_at: body.received_at,
        due_at: body.due_at,
        prices_include_tax: body.prices_include_tax,
    };
    Ok(api.execute(&ctx, Command::ReceiveGoods(command), key).await?.into())
}

/// Payments, oldest first.
#[utoipa::path(get, path = "/erp/v1/payments", tag = "erp", params(PageQuery),
    responses((status = 200, description = "A page", body = List<PaymentView>)))]
async fn list_payments(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Query(query): Query<PageQuery>,
) -> Result<Json<List<PaymentView>>, ApiError> {
    api.may_read(&ctx)?;
    let page = query.page(Listing::Payments)?;
    let payments = api.records.payments(&ctx, &page).await?;
    let list = List::new(
        Listing::Payments,
        &page,
        payments,
        |payment| payment.id.to_string(),
        PaymentView::from,
    );
    Ok(Json(api.with_cancellations(&ctx, list).await?))
}

/// One payment.
#[utoipa::path(get, path = "/erp/v1/payments/{number}", operation_id = "get_payment",
    tag = "erp", params(("number" = String, Path)),
    responses(
        (status = 200, description = "The payment", body = PaymentView),
        (status = 404, description = "No such payment"),
    ))]
async fn one_payment(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Path(number): Path<String>,
) -> Result<Json<PaymentView>, ApiError> {
    api.may_read(&ctx)?;
    match api.records.payment(&ctx, &number).await? {
        Some(payment) => Ok(Json(api.with_cancellation(&ctx, PaymentView::from(payment)).await?)),
        None => Err(not_found("payment", number)),
    }
}

/// Records a payment received or made.
#[utoipa::path(post, path = "/erp/v1/payments", operation_id = "post_payment", tag = "erp", request_body = PaymentBody,
    params(("Idempotency-Key" = String, Header, description = "Chosen per request; the same when it is repeated")),
    responses(
        (status = 201, description = "Posted", body = ReceiptView),
        (status = 400, description = "Refused, as problem details"),
    ))]
async fn pay(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Key(key): Key,
    Json(body): Json<PaymentBody>,
) -> Result<ReceiptView, ApiError> {
    api.may_post(&ctx)?;
    let currency = api.document_currency(&ctx, body.currency).await?;
    let command = RecordPayment {
        number: body.number.map(Arc::from),
        series: body.series.map(Arc::from),
        party: body.party.into(),
        direction: body.direction,
        amount_minor: amount_minor("amount", body.amount, currency)?,
        currency,
        paid_at: body.paid_at,
        settles: body.settles.map(|settles| settles.settle(currency)).transpose()?,
    };
    Ok(api.execute(&ctx, Command::RecordPayment(command), key).await?.into())
}
