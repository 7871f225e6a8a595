//! `/erp/v1/standard-costs`

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use cortex_erp::{Command, ProductCost, SetStandardCost};
use cortex_runtime::http::{ApiError, Ctx, Json, Path, Query};
use cortex_types::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use crate::ErpApi;
use crate::api::not_found;
use crate::exact;
use crate::idempotency::Key;
use crate::paging::{List, Listing, PageQuery};
use crate::receipt::ReceiptView;
use crate::schemas::{DecimalText, Time};

pub(crate) fn routes() -> Router<Arc<ErpApi>> {
    Router::new()
        .route("/erp/v1/standard-costs", get(list))
        .route("/erp/v1/standard-costs/{number}", get(one))
        .route("/erp/v1/products/{product}/standard-costs", post(set_standard_cost))
}

#[derive(OpenApi)]
#[openapi(paths(list, one, set_standard_cost))]
pub(crate) struct Document;

#[derive(Serialize, ToSchema)]
pub(crate) struct StandardCostView {
    id: String,
    #[schema(example = "SC-000001")]
    number: String,
    product: String,
    /// Of one unit.
    #[schema(example = "1.20")]
    cost: String,
    currency: String,
    /// From when on.
    from: String,
}

impl StandardCostView {
    fn new(number: &str, cost: ProductCost) -> Self {
        Self {
            id: cost.id.to_string(),
            number: number.to_owned(),
            product: cost.product_code.to_string(),
            cost: cost.of_one().to_string(),
            currency: cost.currency.to_string(),
            from: cost.from.to_string(),
        }
    }
}

/// What products cost from some time on, oldest first; what a product cost from ever on is part of it.
#[utoipa::path(get, path = "/erp/v1/standard-costs", operation_id = "list_standard_costs", tag = "erp", params(PageQuery),
    responses((status = 200, description = "A page", body = List<StandardCostView>)))]
async fn list(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Query(query): Query<PageQuery>,
) -> Result<Json<List<StandardCostView>>, ApiError> {
    api.may_read(&ctx)?;
    let page = query.page(Listing::StandardCosts)?;
    let costs = api.records.standard_costs(&ctx, &page).await?;
    Ok(Json(List::new(
        Listing::StandardCosts,
        &page,
        costs,
        |(_, cost)| cost.id.to_string(),
        |(number, cost)| StandardCostView::new(&number, cost),
    )))
}

/// One standard cost.
#[utoipa::path(get, path = "/erp/v1/standard-costs/{number}", operation_id = "get_standard_cost", tag = "erp",
    params(("number" = String, Path, example = "SC-000001")),
    responses(
        (status = 200, description = "The standard cost", body = StandardCostView),
        (status = 404, description = "No such standard cost"),
    ))]
async fn one(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Path(number): Path<String>,
) -> Result<Json<StandardCostView>, ApiError> {
    api.may_read(&ctx)?;
    match api.records.standard_cost(&ctx, &number).await? {
        Some(cost) => Ok(Json(StandardCostView::new(&number, cost))),
        None => Err(not_found("standard cost", number)),
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StandardCostBody {
    /// Of one unit, in the product's currency.
    #[schema(value_type = DecimalText, example = "1.20")]
    #[serde(deserialize_with = "exact::decimal")]
    cost: Decimal,
    /// From when on; now where it is absent.
    #[schema(value_type = Option<Time>)]
    from: Option<Timestamp>,
}

/// Sets another standard cost: what is there is revalued, and so is everything that moved since.
#[utoipa::path(post, path = "/erp/v1/products/{product}/standard-costs", tag = "erp", request_body = StandardCostBody,
    params(("product" = String, Path),
        ("Idempotency-Key" = String, Header, description = "Chosen per request; the same when it is repeated")),
    responses(
        (status = 201, description = "Posted", body = ReceiptView),
        (status = 400, description = "Refused, as problem details"),
    ))]
async fn set_standard_cost(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Path(product): Path<String>,
    Key(key): Key,
    Json(body): Json<StandardCostBody>,
) -> Result<ReceiptView, ApiError> {
    api.may_post(&ctx)?;
    let command = SetStandardCost {
        product: product.into(),
        cost: body.cost,
        from: body.from,
    };
    Ok(api.execute(&ctx, Command::SetStandardCost(command), key).await?.into())
}
