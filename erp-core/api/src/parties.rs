//! `/erp/v1/parties`

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use cortex_erp::{CreateParty, Party, PartyKind};
use cortex_runtime::http::{ApiError, Ctx, Json, Path, Query};
use cortex_types::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use crate::ErpApi;
use crate::api::not_found;
use crate::idempotency::Key;
use crate::paging::{List, Listing, PageQuery};
use crate::receipt::ReceiptView;

pub(crate) fn routes() -> Router<Arc<ErpApi>> {
    Router::new()
        .route("/erp/v1/parties", get(list).post(create))
        .route("/erp/v1/parties/{code}", get(one))
}

#[derive(OpenApi)]
#[openapi(
    paths(list, create, one),
    tags((name = "erp", description = "Ledger, inventory, sales, purchasing, parties"))
)]
pub(crate) struct Document;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PartyBody {
    #[schema(example = "17850")]
    code: String,
    /// `customer`, `supplier` or `walk_in`; there is one walk-in party, for cash sales.
    #[schema(value_type = String, example = "customer")]
    kind: PartyKind,
    #[schema(example = "United Kingdom")]
    country: String,
    /// Stored sealed under a key of its own, so that it can be erased.
    name: Option<String>,
    /// RFC 3339, from 1900 on and before 2200; now where it is absent.
    #[schema(value_type = Option<String>)]
    created_at: Option<Timestamp>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct PartyView {
    id: String,
    code: String,
    kind: String,
    country: String,
    created_at: String,
    /// Only on a single party, and only as long as its key exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl PartyView {
    fn new(party: Party, name: Option<String>) -> Self {
        Self {
            id: party.id.to_string(),
            code: party.code.to_string(),
            kind: party.kind.as_str().to_owned(),
            country: party.country.to_string(),
            created_at: party.created_at.to_string(),
            name,
        }
    }
}

/// Parties, oldest first, without their names.
#[utoipa::path(get, path = "/erp/v1/parties", tag = "erp", params(PageQuery),
    responses((status = 200, description = "A page", body = List<PartyView>)))]
async fn list(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Query(query): Query<PageQuery>,
) -> Result<Json<List<PartyView>>, ApiError> {
    api.may_read(&ctx)?;
    let page = query.page(Listing::Parties)?;
    let parties = api.records.parties(&ctx, &page).await?;
    Ok(Json(List::new(
        Listing::Parties,
        &page,
        parties,
        |party| party.id.to_string(),
        |party| PartyView::new(party, None),
    )))
}

/// One party, with its name.
#[utoipa::path(get, path = "/erp/v1/parties/{code}", tag = "erp", params(("code" = String, Path)),
    responses(
        (status = 200, description = "The party", body = PartyView),
        (status = 404, description = "No such party"),
    ))]
async fn one(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Path(code): Path<String>,
) -> Result<Json<PartyView>, ApiError> {
    api.may_read(&ctx)?;
    let Some(party) = api.records.party(&ctx, &code).await? else {
        return Err(not_found("party", code));
    };
    let name = api.name_of(&ctx, &party).await?;
    Ok(Json(PartyView::new(party, name)))
}

/// Creates a party.
#[utoipa::path(post, path = "/erp/v1/parties", tag = "erp", request_body = PartyBody,
    params(("Idempotency-Key" = String, Header, description = "Chosen per request; the same when it is repeated")),
    responses(
        (status = 201, description = "Created", body = ReceiptView),
        (status = 400, description = "A value is missing or out of range, as problem details"),
        (status = 409, description = "The code is taken, or there is a walk-in party already"),
    ))]
async fn create(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Key(key): Key,
    Json(body): Json<PartyBody>,
) -> Result<ReceiptView, ApiError> {
    api.may_post(&ctx)?;
    let PartyBody {
        code,
        kind,
        country,
        name,
        created_at,
    } = body;
    let party = CreateParty {
        code: code.into(),
        kind,
        country: country.into(),
        name_sealed: None,
        created_at,
    };
    Ok(api.create_party(&ctx, party, name.as_deref(), key).await?.into())
}
