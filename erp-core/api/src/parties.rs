//! `/erp/v1/parties`

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::{get, put};
use cortex_erp::reference::country_named;
use cortex_erp::{Command, CreateParty, ErpError, Party, PartyKind, PartyTerms, SetPartyTerms};
use cortex_runtime::http::{ApiError, Ctx, Json, Path, Query};
use cortex_types::{Currency, RequestContext, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use crate::ErpApi;
use crate::api::not_found;
use crate::decimals::{amount_minor, amount_text};
use crate::exact;
use crate::idempotency::Key;
use crate::paging::{List, Listing, PageQuery};
use crate::receipt::ReceiptView;
use crate::schemas::{CurrencyCode, DecimalText, Time};

pub(crate) fn routes() -> Router<Arc<ErpApi>> {
    Router::new()
        .route("/erp/v1/parties", get(list).post(create))
        .route("/erp/v1/parties/{code}", get(one).put(define))
        .route("/erp/v1/parties/{code}/terms", put(set_terms))
}

#[derive(OpenApi)]
#[openapi(
    paths(list, create, one, define, set_terms),
    tags((name = "erp", description = "Ledger, inventory, sales, purchasing, parties"))
)]
pub(crate) struct Document;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PartyBody {
    #[schema(example = "17850")]
    code: String,
    /// `customer`, `supplier` or `walk_in`; there is one walk-in party, for cash sales.
    #[schema(value_type = crate::schemas::PartyKindWord, example = "customer")]
    kind: PartyKind,
    #[schema(example = "United Kingdom")]
    country: String,
    /// Stored sealed under a key of its own, so that it can be erased.
    name: Option<String>,
    /// How long it may take to pay: what it is billed is due so many days later. At once where it is absent.
    payment_days: Option<u32>,
    /// How much a customer may owe in that currency; as much as it likes where it is absent.
    #[serde(default, deserialize_with = "exact::decimal_or_none")]
    #[schema(value_type = Option<DecimalText>, example = "5000.00")]
    credit_limit: Option<Decimal>,
    /// Of the limit; the company's where it is absent.
    #[schema(value_type = Option<CurrencyCode>)]
    credit_currency: Option<Currency>,
    /// RFC 3339, from 1900 on and before 2200; now where it is absent.
    #[schema(value_type = Option<Time>)]
    created_at: Option<Timestamp>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PartyDefinitionBody {
    /// `customer`, `supplier` or `walk_in`: a party that is there keeps it.
    #[schema(value_type = crate::schemas::PartyKindWord, example = "customer")]
    kind: PartyKind,
    #[schema(example = "United Kingdom")]
    country: String,
    /// Stored sealed under a key of its own, so that it can be erased.
    name: Option<String>,
    /// How long it may take to pay: what it is billed is due so many days later. At once where it is absent.
    payment_days: Option<u32>,
    /// How much a customer may owe in that currency; as much as it likes where it is absent.
    #[serde(default, deserialize_with = "exact::decimal_or_none")]
    #[schema(value_type = Option<DecimalText>, example = "5000.00")]
    credit_limit: Option<Decimal>,
    /// Of the limit; the company's where it is absent.
    #[schema(value_type = Option<CurrencyCode>)]
    credit_currency: Option<Currency>,
    #[schema(value_type = Option<Time>)]
    created_at: Option<Timestamp>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TermsBody {
    /// How long it may take to pay: what it is billed is due so many days later. At once where it is absent.
    payment_days: Option<u32>,
    /// How much a customer may owe in that currency; as much as it likes where it is absent.
    #[serde(default, deserialize_with = "exact::decimal_or_none")]
    #[schema(value_type = Option<DecimalText>, example = "5000.00")]
    credit_limit: Option<Decimal>,
    /// Of the limit; the company's where it is absent.
    #[schema(value_type = Option<CurrencyCode>)]
    currency: Option<Currency>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct PartyView {
    id: String,
    code: String,
    kind: String,
    /// As it was given.
    country: String,
    /// Its alpha-2 code of ISO 3166-1, where the text is a country's code or name.
    #[schema(example = "GB")]
    #[serde(skip_serializing_if = "Option::is_none")]
    country_code: Option<&'static str>,
    /// How long it may take to pay.
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_days: Option<u32>,
    /// How much it may owe.
    #[serde(skip_serializing_if = "Option::is_none")]
    credit_limit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    credit_currency: Option<String>,
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
            country_code: country_named(&party.country).map(|country| country.alpha2),
            payment_days: party.terms.payment_days,
            credit_limit: party
                .terms
                .credit_limit
                .map(|(minor, currency)| amount_text(minor, currency)),
            credit_currency: party.terms.credit_limit.map(|(_, currency)| currency.to_string()),
            created_at: party.created_at.to_string(),
            name,
        }
    }
}

/// Parties, oldest first, without their names.
#[utoipa::path(get, path = "/erp/v1/parties", operation_id = "list_parties", tag = "erp", params(PageQuery),
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
#[utoipa::path(get, path = "/erp/v1/parties/{code}", operation_id = "get_party",
    tag = "erp", params(("code" = String, Path)),
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
#[utoipa::path(post, path = "/erp/v1/parties", operation_id = "create_party", tag = "erp", request_body = PartyBody,
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
    let limit = limit(body.credit_limit, body.credit_currency)?;
    let party = CreateParty {
        code: body.code.into(),
        kind: body.kind,
        country: body.country.into(),
        name_sealed: None,
        terms: api.terms(&ctx, body.payment_days, limit).await?,
        created_at: body.created_at,
    };
    Ok(api.create_party(&ctx, party, body.name.as_deref(), key).await?.into())
}

/// Creates a party, or says anew where the one that is there is, what it is called and what its terms are. What is absent, it has no longer;
/// what was posted stays as it is.
#[utoipa::path(put, path = "/erp/v1/parties/{code}", operation_id = "define_party", tag = "erp",
    request_body = PartyDefinitionBody,
    params(("code" = String, Path, example = "17850"),
        ("Idempotency-Key" = String, Header, description = "Chosen per request; the same when it is repeated")),
    responses(
        (status = 201, description = "Defined", body = ReceiptView),
        (status = 400, description = "Another kind than it has, or a value is missing or out of range"),
        (status = 409, description = "There is a walk-in party already"),
    ))]
async fn define(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Path(code): Path<String>,
    Key(key): Key,
    Json(body): Json<PartyDefinitionBody>,
) -> Result<ReceiptView, ApiError> {
    api.may_post(&ctx)?;
    let limit = limit(body.credit_limit, body.credit_currency)?;
    let party = CreateParty {
        code: code.into(),
        kind: body.kind,
        country: body.country.into(),
        name_sealed: None,
        terms: api.terms(&ctx, body.payment_days, limit).await?,
        created_at: body.created_at,
    };
    Ok(api.define_party(&ctx, party, body.name.as_deref(), key).await?.into())
}

/// Says how long a party may take to pay, and how much it may owe. What is absent, it has no longer.
#[utoipa::path(put, path = "/erp/v1/parties/{code}/terms", operation_id = "set_party_terms", tag = "erp",
    request_body = TermsBody,
    params(("code" = String, Path),
        ("Idempotency-Key" = String, Header, description = "Chosen per request; the same when it is repeated")),
    responses(
        (status = 201, description = "Said", body = ReceiptView),
        (status = 400, description = "No such party, or a value out of range"),
    ))]
async fn set_terms(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Path(code): Path<String>,
    Key(key): Key,
    Json(body): Json<TermsBody>,
) -> Result<ReceiptView, ApiError> {
    api.may_post(&ctx)?;
    let limit = (body.credit_limit, body.currency);
    let terms = api.terms(&ctx, body.payment_days, limit).await?.unwrap_or_default();
    let command = SetPartyTerms {
        party: code.into(),
        payment_days: terms.payment_days,
        credit_limit: terms.credit_limit,
    };
    Ok(api.execute(&ctx, Command::SetPartyTerms(command), key).await?.into())
}

/// A currency alone limits nothing.
fn limit(limit: Option<Decimal>, currency: Option<Currency>) -> Result<(Option<Decimal>, Option<Currency>), ErpError> {
    match (limit, currency) {
        (None, Some(_)) => Err(ErpError::invalid(
            "credit_currency",
            "is of a limit: give the credit_limit, or leave it out",
        )),
        said => Ok(said),
    }
}

impl ErpApi {
    async fn terms(
        &self,
        ctx: &RequestContext,
        payment_days: Option<u32>,
        (limit, currency): (Option<Decimal>, Option<Currency>),
    ) -> Result<Option<PartyTerms>, ApiError> {
        let credit_limit = match limit {
            None => None,
            Some(limit) => {
                let currency = self.document_currency(ctx, currency).await?;
                Some((amount_minor("credit_limit", limit, currency)?, currency))
            }
        };
        let said = payment_days.is_some() || credit_limit.is_some();
        Ok(said.then_some(PartyTerms {
            payment_days,
            credit_limit,
        }))
    }
}
