//! `/erp/v1/reorder-rules` and `/erp/v1/reports/suggested-orders`

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::{get, put};
use cortex_erp::{Command, Expected, ReorderRule, SetReorderRule};
use cortex_runtime::http::{ApiError, Ctx, Json, Path, Query};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use crate::ErpApi;
use crate::decimals::{quantity_micro, quantity_text};
use crate::exact;
use crate::idempotency::Key;
use crate::paging::{List, Listing, PageQuery};
use crate::receipt::ReceiptView;
use crate::schemas::DecimalText;

pub(crate) fn routes() -> Router<Arc<ErpApi>> {
    Router::new()
        .route("/erp/v1/reorder-rules", get(list))
        .route("/erp/v1/reorder-rules/{product}/{location}", put(define))
        .route("/erp/v1/reports/suggested-orders", get(suggested))
}

#[derive(OpenApi)]
#[openapi(paths(list, define, suggested))]
pub(crate) struct Document;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReorderRuleBody {
    /// Ordered again where no more than this is to be expected.
    #[schema(value_type = DecimalText, example = "20")]
    #[serde(deserialize_with = "exact::decimal")]
    point: Decimal,
    /// So much is to be expected afterwards.
    #[schema(value_type = DecimalText, example = "100")]
    #[serde(deserialize_with = "exact::decimal")]
    up_to: Decimal,
    /// Ordered in whole lots of this.
    #[schema(value_type = Option<DecimalText>, example = "12")]
    #[serde(default, deserialize_with = "exact::decimal_or_none")]
    lot: Option<Decimal>,
    /// Code of the supplier that it is ordered from.
    supplier: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ReorderRuleView {
    id: String,
    product: String,
    location: String,
    point: String,
    up_to: String,
    lot: Option<String>,
    supplier: Option<String>,
}

impl From<ReorderRule> for ReorderRuleView {
    fn from(rule: ReorderRule) -> Self {
        Self {
            id: rule.id.to_string(),
            product: rule.product_code.to_string(),
            location: rule.location.to_string(),
            point: quantity_text(rule.point_micro),
            up_to: quantity_text(rule.up_to_micro),
            lot: rule.lot_micro.map(quantity_text),
            supplier: rule.supplier.map(|code| code.to_string()),
        }
    }
}

/// What should be ordered of a product for a location, and why.
#[derive(Serialize, ToSchema)]
pub(crate) struct SuggestedOrderView {
    product: String,
    location: String,
    supplier: Option<String>,
    /// How much to order.
    quantity: String,
    on_hand: String,
    /// Ordered from suppliers, and not received.
    to_come: String,
    /// Ordered by customers, and not delivered.
    to_leave: String,
    point: String,
}

impl SuggestedOrderView {
    fn new((rule, expected): (ReorderRule, Expected)) -> Option<Self> {
        let quantity_micro = rule.suggest(expected)?;
        Some(Self {
            product: rule.product_code.to_string(),
            location: rule.location.to_string(),
            supplier: rule.supplier.map(|code| code.to_string()),
            quantity: quantity_text(quantity_micro),
            on_hand: quantity_text(expected.on_hand_micro),
            to_come: quantity_text(expected.to_come_micro),
            to_leave: quantity_text(expected.to_leave_micro),
            point: quantity_text(rule.point_micro),
        })
    }
}

/// When products are ordered again, oldest rule first.
#[utoipa::path(get, path = "/erp/v1/reorder-rules", operation_id = "list_reorder_rules", tag = "erp", params(PageQuery),
    responses((status = 200, description = "A page", body = List<ReorderRuleView>)))]
async fn list(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Query(query): Query<PageQuery>,
) -> Result<Json<List<ReorderRuleView>>, ApiError> {
    api.may_read(&ctx)?;
    let page = query.page(Listing::ReorderRules)?;
    let rules = api.records.reorder_rules(&ctx, &page).await?;
    Ok(Json(List::new(
        Listing::ReorderRules,
        &page,
        rules,
        |rule| rule.id.to_string(),
        ReorderRuleView::from,
    )))
}

/// Says when a product is ordered again at a location, in place of what was said before.
#[utoipa::path(put, path = "/erp/v1/reorder-rules/{product}/{location}", operation_id = "define_reorder_rule",
    tag = "erp",
    request_body = ReorderRuleBody,
    params(("product" = String, Path), ("location" = String, Path),
        ("Idempotency-Key" = String, Header, description = "Chosen per request; the same when it is repeated")),
    responses(
        (status = 201, description = "Defined", body = ReceiptView),
        (status = 400, description = "Refused, as problem details"),
    ))]
async fn define(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Path((product, location)): Path<(String, String)>,
    Key(key): Key,
    Json(body): Json<ReorderRuleBody>,
) -> Result<ReceiptView, ApiError> {
    api.may_post(&ctx)?;
    let lot = body.lot.map(|lot| quantity_micro("lot", lot));
    let command = SetReorderRule {
        product: product.into(),
        location: Some(location.into()),
        point_micro: quantity_micro("point", body.point)?,
        up_to_micro: quantity_micro("up_to", body.up_to)?,
        lot_micro: lot.transpose()?,
        supplier: body.supplier.map(Arc::from),
    };
    Ok(api.execute(&ctx, Command::SetReorderRule(command), key).await?.into())
}

/// What should be ordered: where a rule's point is reached by what is there, less what customers ordered, and what suppliers are
/// to bring. A page goes over as many rules as its limit, and has those with something to order.
#[utoipa::path(get, path = "/erp/v1/reports/suggested-orders", operation_id = "list_suggested_orders", tag = "erp",
    params(PageQuery), responses((status = 200, description = "A page", body = List<SuggestedOrderView>)))]
async fn suggested(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Query(query): Query<PageQuery>,
) -> Result<Json<List<SuggestedOrderView>>, ApiError> {
    api.may_read(&ctx)?;
    let page = query.page(Listing::ReorderRules)?;
    let expected = api.records.expected_stock(&ctx, &page).await?;
    let place = |(rule, _): &(ReorderRule, Expected)| rule.id.to_string();
    let views = List::new(Listing::ReorderRules, &page, expected, place, SuggestedOrderView::new);
    Ok(Json(List {
        items: views.items.into_iter().flatten().collect(),
        next: views.next,
    }))
}
