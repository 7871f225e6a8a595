//! `POST /erp/v1/opening-balances`

use std::sync::Arc;

use axum::extract::State;
use cortex_erp::{Command, ErpError, OpenBalances, OpeningStockInput};
use cortex_runtime::http::{ApiError, Ctx, Json, objects};
use cortex_types::{Currency, Timestamp};
use rust_decimal::Decimal;
use serde::Deserialize;
use utoipa::{OpenApi, ToSchema};

use crate::ErpApi;
use crate::bodies::unit_or_none;
use crate::decimals::{amount_minor, quantity_micro};
use crate::exact;
use crate::idempotency::Key;
use crate::journal::{EntryLineBody, line_inputs};
use crate::receipt::ReceiptView;
use crate::schemas::{CurrencyCode, DecimalText, Time};

#[derive(OpenApi)]
#[openapi(paths(open))]
pub(crate) struct Document;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpeningBody {
    #[serde(default)]
    memo: String,
    /// The company's where it is absent.
    #[schema(value_type = Option<CurrencyCode>)]
    currency: Option<Currency>,
    #[schema(value_type = Option<Time>)]
    opened_at: Option<Timestamp>,
    /// What accounts come to. What is missing to balance them goes to the account for opening balances.
    #[serde(default, deserialize_with = "objects")]
    lines: Vec<EntryLineBody>,
    #[serde(default, deserialize_with = "objects")]
    stock: Vec<OpeningStockBody>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpeningStockBody {
    product: String,
    /// `main` where it is absent.
    location: Option<String>,
    #[serde(deserialize_with = "exact::decimal")]
    #[schema(value_type = DecimalText, example = "12")]
    quantity: Decimal,
    /// The product's own where it is absent.
    unit: Option<String>,
    /// What all of it is worth.
    #[serde(deserialize_with = "exact::decimal")]
    #[schema(value_type = DecimalText, example = "48.00")]
    value: Decimal,
}

/// Posts what a company brings along from its books before.
#[utoipa::path(post, path = "/erp/v1/opening-balances", operation_id = "post_opening_balance", tag = "erp",
    request_body = OpeningBody,
    params(("Idempotency-Key" = String, Header, description = "Chosen per request; the same when it is repeated")),
    responses(
        (status = 201, description = "Posted", body = ReceiptView),
        (status = 400, description = "Refused, as problem details"),
        (status = 409, description = "The books of its time are closed"),
    ))]
pub(crate) async fn open(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Key(key): Key,
    Json(body): Json<OpeningBody>,
) -> Result<ReceiptView, ApiError> {
    api.may_post(&ctx)?;
    let (base, currency) = api.currencies(&ctx, body.currency).await?;
    let stock = body.stock.into_iter().enumerate().map(|(index, stock)| {
        Ok(OpeningStockInput {
            unit: unit_or_none(&format!("stock[{index}].unit"), stock.unit.as_deref())?,
            quantity_micro: quantity_micro(&format!("stock[{index}].quantity"), stock.quantity)?,
            value_minor: amount_minor(&format!("stock[{index}].value"), stock.value, base.unwrap_or(currency))?,
            product: stock.product.into(),
            location: stock.location.map(Arc::from),
        })
    });
    let command = OpenBalances {
        memo: body.memo,
        currency,
        opened_at: body.opened_at,
        stock: stock.collect::<Result<_, ErpError>>()?,
        lines: line_inputs(body.lines, currency, base)?,
    };
    Ok(api.execute(&ctx, Command::OpenBalances(command), key).await?.into())
}
