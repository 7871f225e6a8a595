//! `POST /erp/v1/deliveries`

use std::sync::Arc;

use axum::extract::State;
use cortex_erp::{Command, DeliverGoods};
use cortex_runtime::http::{ApiError, Ctx, Json, objects};
use cortex_types::Timestamp;
use serde::Deserialize;
use utoipa::{OpenApi, ToSchema};

use crate::ErpApi;
use crate::bodies::{QuantityLine, quantities};
use crate::idempotency::Key;
use crate::receipt::ReceiptView;
use crate::schemas::Time;

#[derive(OpenApi)]
#[openapi(paths(deliver))]
pub(crate) struct Document;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeliveryBody {
    number: Option<String>,
    /// Code of the number series that gives the number; the default of its kind where it is absent.
    series: Option<String>,
    /// Number of the sales order that the goods leave for.
    #[schema(example = "SO-000007")]
    order: String,
    /// Where they leave from; the order's where it is absent.
    location: Option<String>,
    #[serde(default)]
    memo: String,
    #[schema(value_type = Option<Time>)]
    delivered_at: Option<Timestamp>,
    /// Everything of the order that is open, where there are none.
    #[serde(default, deserialize_with = "objects")]
    lines: Vec<QuantityLine>,
}

/// Goods leave for a sales order, at their cost. The invoice that follows moves nothing.
#[utoipa::path(post, path = "/erp/v1/deliveries", operation_id = "post_delivery",
    tag = "erp", request_body = DeliveryBody,
    params(("Idempotency-Key" = String, Header, description = "Chosen per request; the same when it is repeated")),
    responses(
        (status = 201, description = "Posted", body = ReceiptView),
        (status = 400, description = "Refused, as problem details"),
        (status = 404, description = "No such order"),
        (status = 409, description = "The books of its time are closed, or too little is there"),
    ))]
pub(crate) async fn deliver(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Key(key): Key,
    Json(body): Json<DeliveryBody>,
) -> Result<ReceiptView, ApiError> {
    api.may_post(&ctx)?;
    let command = DeliverGoods {
        number: body.number.map(Arc::from),
        series: body.series.map(Arc::from),
        order: body.order.into(),
        location: body.location.map(Arc::from),
        memo: body.memo,
        delivered_at: body.delivered_at,
        lines: quantities(body.lines)?,
    };
    Ok(api.execute(&ctx, Command::DeliverGoods(command), key).await?.into())
}
