//! `/erp/v1/parties/{party}/contacts`, and `/erp/v1/contacts` of all parties.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use cortex_erp::{Contact, DefineContact};
use cortex_runtime::http::{ApiError, Ctx, Json, Path, Query};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use crate::ErpApi;
use crate::api::not_found;
use crate::contact_fields::Person;
use crate::idempotency::Key;
use crate::paging::{List, Listing, PageQuery};
use crate::receipt::ReceiptView;

pub(crate) fn routes() -> Router<Arc<ErpApi>> {
    Router::new()
        .route("/erp/v1/contacts", get(list_all))
        .route("/erp/v1/parties/{party}/contacts", get(list))
        .route("/erp/v1/parties/{party}/contacts/{contact}", get(one).put(define))
}

#[derive(OpenApi)]
#[openapi(paths(list_all, list, one, define))]
pub(crate) struct Document;

/// What is absent, the contact has no longer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContactBody {
    /// Stored sealed, as all that is personal, under the party's key and under one of its own: either can be erased.
    #[schema(example = "Ann Lee")]
    name: Option<String>,
    #[schema(example = "ann@example.com")]
    email: Option<String>,
    /// Digits, spaces, plus signs, hyphens and brackets.
    #[schema(example = "+44 20 7946 0000")]
    phone: Option<String>,
    /// What it is there for. It is not sealed.
    #[serde(default)]
    #[schema(example = "accounts payable")]
    role: String,
    /// Whom to ask first: the one that was so before is it no longer.
    #[serde(default)]
    is_primary: bool,
    #[serde(default)]
    blocked: bool,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ContactView {
    id: String,
    /// Code of the party.
    party: String,
    /// Its own code.
    contact: String,
    role: String,
    is_primary: bool,
    blocked: bool,
    created_at: String,
    /// As email and phone only on a single contact, and only as long as the keys of both the party and the contact exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<String>,
}

impl ContactView {
    fn new(contact: Contact, person: Person) -> Self {
        Self {
            id: contact.id.to_string(),
            party: contact.party_code.to_string(),
            contact: contact.code.to_string(),
            role: contact.role,
            is_primary: contact.is_primary,
            blocked: contact.blocked,
            created_at: contact.created_at.to_string(),
            name: person.name,
            email: person.email,
            phone: person.phone,
        }
    }
}

/// The contacts of all parties, oldest first, without their personal fields.
#[utoipa::path(get, path = "/erp/v1/contacts", operation_id = "list_all_contacts", tag = "erp", params(PageQuery),
    responses((status = 200, description = "A page", body = List<ContactView>)))]
async fn list_all(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Query(query): Query<PageQuery>,
) -> Result<Json<List<ContactView>>, ApiError> {
    api.may_read(&ctx)?;
    let page = query.page(Listing::Contacts)?;
    let contacts = api.records.contacts(&ctx, None, &page).await?;
    Ok(Json(List::new(
        Listing::Contacts,
        &page,
        contacts,
        |contact| contact.id.to_string(),
        |contact| ContactView::new(contact, Person::default()),
    )))
}

/// The contacts of a party, oldest first, without their personal fields.
#[utoipa::path(get, path = "/erp/v1/parties/{party}/contacts", operation_id = "list_contacts", tag = "erp",
    params(("party" = String, Path), PageQuery),
    responses(
        (status = 200, description = "A page", body = List<ContactView>),
        (status = 404, description = "No such party"),
    ))]
async fn list(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Path(party): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<List<ContactView>>, ApiError> {
    api.may_read(&ctx)?;
    let page = query.page(Listing::Contacts)?;
    if api.records.party(&ctx, &party).await?.is_none() {
        return Err(not_found("party", party));
    }
    let contacts = api.records.contacts(&ctx, Some(&party), &page).await?;
    Ok(Json(List::new(
        Listing::Contacts,
        &page,
        contacts,
        |contact| contact.id.to_string(),
        |contact| ContactView::new(contact, Person::default()),
    )))
}

/// One contact, with its personal fields.
#[utoipa::path(get, path = "/erp/v1/parties/{party}/contacts/{contact}", operation_id = "read_contact", tag = "erp",
    params(("party" = String, Path), ("contact" = String, Path)),
    responses(
        (status = 200, description = "The contact", body = ContactView),
        (status = 404, description = "No such contact of that party"),
    ))]
async fn one(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Path((party, code)): Path<(String, String)>,
) -> Result<Json<ContactView>, ApiError> {
    api.may_read(&ctx)?;
    let Some(contact) = api.records.contact(&ctx, &party, &code).await? else {
        return Err(not_found("contact", Contact::number(&party, &code).to_string()));
    };
    let person = api.person(&ctx, &contact).await?;
    Ok(Json(ContactView::new(contact, person)))
}

/// Defines a contact of a party, or says anew what one is. It is blocked, and not deleted: what named it stays readable.
#[utoipa::path(put, path = "/erp/v1/parties/{party}/contacts/{contact}", operation_id = "define_contact", tag = "erp",
    request_body = ContactBody,
    params(("party" = String, Path), ("contact" = String, Path, example = "ann"),
        ("Idempotency-Key" = String, Header, description = "Chosen per request; the same when it is repeated")),
    responses(
        (status = 201, description = "Defined", body = ReceiptView),
        (status = 400, description = "No such party, or refused as problem details"),
    ))]
async fn define(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Path((party, contact)): Path<(String, String)>,
    Key(key): Key,
    Json(body): Json<ContactBody>,
) -> Result<ReceiptView, ApiError> {
    api.may_post(&ctx)?;
    let person = Person::new(body.name, body.email, body.phone);
    let command = DefineContact {
        party: party.into(),
        contact: contact.into(),
        role: body.role,
        name_sealed: None,
        email_sealed: None,
        phone_sealed: None,
        is_primary: body.is_primary,
        blocked: body.blocked,
    };
    Ok(api.define_contact(&ctx, command, person, key).await?.into())
}
