//! `/erp/v1/purchase-bills`

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use cortex_erp::{
    BillLineInput, Command, DocumentKind, ErpError, PostBill, PurchaseBill, PurchaseBillLine, UnbilledGoods,
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
use crate::paging::{AsOfPageQuery, List, Listing, PageQuery};
use crate::receipt::ReceiptView;
use crate::schemas::{CurrencyCode, DecimalText, Time};

pub(crate) fn routes() -> Router<Arc<ErpApi>> {
    Router::new()
        .route("/erp/v1/purchase-bills", get(list).post(bill))
        .route("/erp/v1/purchase-bills/{number}", get(one))
        .route("/erp/v1/reports/goods-received-not-invoiced", get(unbilled))
}

#[derive(OpenApi)]
#[openapi(paths(list, one, bill, unbilled))]
pub(crate) struct Document;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PurchaseBillBody {
    /// Kept where it is given; the next of the series otherwise.
    number: Option<String>,
    /// Code of the number series that gives the number; the default of its kind where it is absent.
    series: Option<String>,
    supplier: String,
    /// The supplier's own number: it bills once under each.
    #[schema(example = "2024-0815")]
    reference: Option<String>,
    /// That of the first receipt where it is absent; the company's where no receipt is named.
    #[schema(value_type = Option<CurrencyCode>)]
    currency: Option<Currency>,
    #[schema(value_type = Option<Time>)]
    billed_at: Option<Timestamp>,
    /// By the supplier's terms where it is absent.
    #[schema(value_type = Option<Time>)]
    due_at: Option<Timestamp>,
    /// Amounts have their taxes within them.
    #[serde(default)]
    prices_include_tax: bool,
    #[serde(default)]
    memo: String,
    #[serde(deserialize_with = "objects")]
    lines: Vec<BillLineBody>,
}

/// Goods of a receipt whose bill was to come (`receipt`), or something else on an account (`account`).
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BillLineBody {
    /// Number of the receipt.
    #[schema(example = "GRN-000007")]
    receipt: Option<String>,
    /// All products of the receipt where it is absent.
    product: Option<String>,
    /// Everything that is not billed where it is absent; below zero for goods that went back after they were billed.
    #[schema(value_type = Option<DecimalText>, example = "10")]
    #[serde(default, deserialize_with = "exact::decimal_or_none")]
    quantity: Option<Decimal>,
    /// The product's own where it is absent.
    unit: Option<String>,
    /// Code of an account, or its role.
    #[schema(example = "6100")]
    account: Option<String>,
    /// Of a line on an account.
    cost_centre: Option<String>,
    /// Of the whole line; what the receipt said where it is absent. What differs from that is what the goods cost more, or less.
    #[schema(value_type = Option<DecimalText>, example = "125.00")]
    #[serde(default, deserialize_with = "exact::decimal_or_none")]
    amount: Option<Decimal>,
    /// Code of the taxes on it; that of the receipt's line where it is absent.
    #[schema(example = "VAT20")]
    tax: Option<String>,
}

impl BillLineBody {
    fn input(self, index: usize, currency: Currency) -> Result<BillLineInput, ErpError> {
        let field = |name: &str| format!("lines[{index}].{name}");
        let quantity = self
            .quantity
            .map(|quantity| quantity_micro(&field("quantity"), quantity));
        let amount = self
            .amount
            .map(|amount| amount_minor(&field("amount"), amount, currency));
        Ok(BillLineInput {
            receipt: self.receipt.map(Arc::from),
            product: self.product.map(Arc::from),
            quantity_micro: quantity.transpose()?,
            unit: unit_or_none(&field("unit"), self.unit.as_deref())?,
            account: self.account.map(Arc::from),
            cost_centre: self.cost_centre.map(Arc::from),
            amount_minor: amount.transpose()?,
            tax: self.tax.map(Arc::from),
        })
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct PurchaseBillView {
    id: String,
    number: String,
    /// The cancellation that took it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    cancelled_by: Option<String>,
    supplier: String,
    /// The supplier's own number.
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    currency: String,
    net: String,
    tax: String,
    gross: String,
    memo: String,
    billed_at: String,
    due_at: String,
    lines: Vec<PurchaseBillLineView>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct PurchaseBillLineView {
    line_no: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    product: Option<String>,
    /// Of goods.
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_centre: Option<String>,
    net: String,
    /// What the line was billed for, without its taxes: the net.
    amount: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tax: Option<String>,
}

cancelled_by!(PurchaseBillView);

impl From<PurchaseBill> for PurchaseBillView {
    fn from(bill: PurchaseBill) -> Self {
        let currency = bill.currency;
        let text = |text: Option<Arc<str>>| text.map(|text| text.to_string());
        let line = |line: PurchaseBillLine| PurchaseBillLineView {
            line_no: line.line_no,
            quantity: line.of_move.map(|_| quantity_text(line.quantity_micro)),
            receipt: text(line.receipt),
            product: text(line.product_code),
            account: text(line.account),
            cost_centre: text(line.cost_centre),
            net: amount_text(line.net_minor, currency),
            amount: amount_text(line.net_minor, currency),
            tax: text(line.tax),
        };
        Self {
            lines: bill.lines.into_iter().map(line).collect(),
            cancelled_by: None,
            id: bill.id.to_string(),
            number: bill.number.to_string(),
            supplier: bill.supplier_code.to_string(),
            reference: text(bill.reference),
            currency: currency.to_string(),
            net: amount_text(bill.net_minor, currency),
            tax: amount_text(bill.tax_minor, currency),
            gross: amount_text(bill.net_minor + bill.tax_minor, currency),
            memo: bill.memo,
            billed_at: bill.billed_at.to_string(),
            due_at: bill.due_at.to_string(),
        }
    }
}

/// What suppliers billed, oldest first.
#[utoipa::path(get, path = "/erp/v1/purchase-bills", operation_id = "list_purchase_bills",
    tag = "erp", params(PageQuery),
    responses((status = 200, description = "A page", body = List<PurchaseBillView>)))]
async fn list(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Query(query): Query<PageQuery>,
) -> Result<Json<List<PurchaseBillView>>, ApiError> {
    api.may_read(&ctx)?;
    let page = query.page(Listing::PurchaseBills)?;
    let bills = api.records.purchase_bills(&ctx, &page).await?;
    let list = List::new(
        Listing::PurchaseBills,
        &page,
        bills,
        |bill| bill.id.to_string(),
        PurchaseBillView::from,
    );
    Ok(Json(api.with_cancellations(&ctx, list).await?))
}

/// One bill.
#[utoipa::path(get, path = "/erp/v1/purchase-bills/{number}", operation_id = "get_purchase_bill",
    tag = "erp", params(("number" = String, Path)),
    responses(
        (status = 200, description = "The bill", body = PurchaseBillView),
        (status = 404, description = "No such bill"),
    ))]
async fn one(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Path(number): Path<String>,
) -> Result<Json<PurchaseBillView>, ApiError> {
    api.may_read(&ctx)?;
    match api.records.purchase_bill(&ctx, &number).await? {
        Some(bill) => Ok(Json(api.with_cancellation(&ctx, PurchaseBillView::from(bill)).await?)),
        None => Err(not_found("purchase-bill", number)),
    }
}

/// Goods of a receipt that are neither billed nor went back; below zero where they went back after they were billed.
#[derive(Serialize, ToSchema)]
pub(crate) struct UnbilledView {
    receipt: String,
    supplier: String,
    product: String,
    quantity: String,
    /// What of them stands on the account of goods received.
    value: String,
    currency: String,
    received_at: String,
}

impl From<UnbilledGoods> for UnbilledView {
    fn from(goods: UnbilledGoods) -> Self {
        Self {
            receipt: goods.receipt.to_string(),
            supplier: goods.supplier.to_string(),
            product: goods.product_code.to_string(),
            quantity: quantity_text(goods.quantity_micro),
            value: amount_text(goods.value_minor, goods.currency),
            currency: goods.currency.to_string(),
            received_at: goods.received_at.to_string(),
        }
    }
}

/// What came and is not billed, oldest first: all of it is the account of goods received. What was billed or went back before it came is
/// below zero.
#[utoipa::path(get, path = "/erp/v1/reports/goods-received-not-invoiced", operation_id = "list_goods_received_not_invoiced",
    tag = "erp", params(AsOfPageQuery), responses((status = 200, description = "A page", body = List<UnbilledView>)))]
async fn unbilled(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Query(query): Query<AsOfPageQuery>,
) -> Result<Json<List<UnbilledView>>, ApiError> {
    api.may_read(&ctx)?;
    let (before, page) = query.page(Listing::UnbilledGoods)?;
    let goods = api.records.unbilled_goods(&ctx, before, &page).await?;
    Ok(Json(List::new(
        Listing::UnbilledGoods,
        &page,
        goods,
        |goods| goods.id.to_string(),
        UnbilledView::from,
    )))
}

/// Posts what a supplier bills: for goods that were received before, and for other things on their accounts. Below zero it is what
/// the supplier credits.
#[utoipa::path(post, path = "/erp/v1/purchase-bills", operation_id = "post_purchase_bill",
    tag = "erp", request_body = PurchaseBillBody,
    params(("Idempotency-Key" = String, Header, description = "Chosen per request; the same when it is repeated")),
    responses(
        (status = 201, description = "Posted", body = ReceiptView),
        (status = 400, description = "Refused, as problem details"),
        (status = 404, description = "No such receipt"),
        (status = 409, description = "The books of its time are closed, or the number is taken"),
    ))]
async fn bill(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Key(key): Key,
    Json(body): Json<PurchaseBillBody>,
) -> Result<ReceiptView, ApiError> {
    api.may_post(&ctx)?;
    let named = match (
        body.currency,
        body.lines.iter().find_map(|line| line.receipt.as_deref()),
    ) {
        (None, Some(receipt)) => api.currency_of(&ctx, DocumentKind::PurchaseReceipt, receipt).await?,
        (named, _) => named,
    };
    let currency = api.document_currency(&ctx, named).await?;
    let lines = body.lines.into_iter().enumerate();
    let lines = lines.map(|(index, line)| line.input(index, currency));
    let command = PostBill {
        lines: lines.collect::<Result<_, _>>()?,
        number: body.number.map(Arc::from),
        series: body.series.map(Arc::from),
        supplier: body.supplier.into(),
        reference: body.reference.map(Arc::from),
        currency,
        billed_at: body.billed_at,
        due_at: body.due_at,
        prices_include_tax: body.prices_include_tax,
        memo: body.memo,
    };
    Ok(api.execute(&ctx, Command::PostBill(command), key).await?.into())
}
