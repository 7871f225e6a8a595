//! `/erp/v1/locations`

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use cortex_erp::{Command, DefineLocation, Location, NegativeStock};
use cortex_runtime::http::{ApiError, Ctx, Json, Path, Query};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use crate::ErpApi;
use crate::api::not_found;
use crate::idempotency::Key;
use crate::paging::{List, Listing, PageQuery};
use crate::receipt::ReceiptView;

pub(crate) fn routes() -> Router<Arc<ErpApi>> {
    Router::new()
        .route("/erp/v1/locations", get(list))
        .route("/erp/v1/locations/{code}", get(one).put(define))
}

#[derive(OpenApi)]
#[openapi(paths(list, one, define))]
pub(crate) struct Document;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LocationBody {
    #[serde(default)]
    #[schema(example = "Shop in the high street")]
    name: String,
    /// `refuse` (where it is absent): no more leaves than is there. `allow`: the books may run behind the shelf.
    #[schema(value_type = Option<crate::schemas::NegativeStockWord>, example = "refuse")]
    #[serde(default = "refuse")]
    negative_stock: NegativeStock,
}

const fn refuse() -> NegativeStock {
    NegativeStock::Refuse
}

#[derive(Serialize, ToSchema)]
pub(crate) struct LocationView {
    id: String,
    code: String,
    name: String,
    /// `allow` or `refuse`.
    negative_stock: String,
    created_at: String,
}

impl From<Location> for LocationView {
    fn from(location: Location) -> Self {
        Self {
            id: location.id.to_string(),
            code: location.code.to_string(),
            name: location.name,
            negative_stock: location.negative_stock.as_str().to_owned(),
            created_at: location.created_at.to_string(),
        }
    }
}

/// Locations, oldest first. `main` is there without being defined, and may go below zero until it is.
#[utoipa::path(get, path = "/erp/v1/locations", operation_id = "list_locations", tag = "erp", params(PageQuery),
    responses((status = 200, description = "A page", body = List<LocationView>)))]
async fn list(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Query(query): Query<PageQuery>,
) -> Result<Json<List<LocationView>>, ApiError> {
    api.may_read(&ctx)?;
    let page = query.page(Listing::Locations)?;
    let locations = api.records.locations(&ctx, &page).await?;
    Ok(Json(List::new(
        Listing::Locations,
        &page,
        locations,
        |location| location.id.to_string(),
        LocationView::from,
    )))
}

/// One location.
#[utoipa::path(get, path = "/erp/v1/locations/{code}", operation_id = "get_location",
    tag = "erp", params(("code" = String, Path)),
    responses(
        (status = 200, description = "The location", body = LocationView),
        (status = 404, description = "No such location"),
    ))]
async fn one(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Path(code): Path<String>,
) -> Result<Json<LocationView>, ApiError> {
    api.may_read(&ctx)?;
    match api.records.location(&ctx, &code).await? {
        Some(location) => Ok(Json(location.into())),
        None => Err(not_found("location", code)),
    }
}

/// Creates a location, or gives it another name or policy.
#[utoipa::path(put, path = "/erp/v1/locations/{code}", operation_id = "define_location",
    tag = "erp", request_body = LocationBody,
    params(("code" = String, Path),
        ("Idempotency-Key" = String, Header, description = "Chosen per request; the same when it is repeated")),
    responses(
        (status = 201, description = "Defined", body = ReceiptView),
        (status = 400, description = "Refused, as problem details"),
    ))]
async fn define(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Path(code): Path<String>,
    Key(key): Key,
    Json(body): Json<LocationBody>,
) -> Result<ReceiptView, ApiError> {
    api.may_post(&ctx)?;
    let command = DefineLocation {
        code: code.into(),
        name: body.name,
        negative_stock: body.negative_stock,
    };
    Ok(api.execute(&ctx, Command::DefineLocation(command), key).await?.into())
}
