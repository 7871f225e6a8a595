//! `/erp/v1/{collection}/drafts`, and `…/{id}/post`: documents that are written before they are posted.
//!
//! A draft is the body of a document, whole or not. Posting it is the very request that would have posted the body, under an
//! idempotency key of the draft's own: so a draft is posted once.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use cortex_erp::{DRAFT_BYTES_MAX, Draft, DraftAction, ErpError, IdempotencyKey};
use cortex_runtime::http::{ApiError, Ctx, Json, Path, Query};
use cortex_types::{DraftId, RequestContext};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, OpenApi, ToSchema};

use crate::ErpApi;
use crate::api::not_found;
use crate::approvals::{kind_of, state_of};
use crate::draft_states;
use crate::idempotency;
use crate::paging::{List, Listing, PageQuery};
use crate::receipt::ReceiptView;

/// Documents that can be drafted.
pub(crate) const COLLECTIONS: [&str; 15] = [
    "sales-orders",
    "deliveries",
    "sales-invoices",
    "credit-notes",
    "purchase-orders",
    "purchase-receipts",
    "purchase-bills",
    "purchase-returns",
    "landed-costs",
    "payments",
    "journal-entries",
    "stock-adjustments",
    "stock-counts",
    "stock-transfers",
    "opening-balances",
];

#[derive(Clone, Debug)]
pub(crate) struct Drafting {
    pub api: Arc<ErpApi>,
    /// Where documents are posted.
    pub documents: Router,
    pub collection: &'static str,
}

/// `documents` are the routes that post them.
pub(crate) fn routes(api: &Arc<ErpApi>, documents: &Router) -> Router {
    COLLECTIONS.into_iter().fold(Router::new(), |router, collection| {
        let path = |rest: &str| format!("/erp/v1/{collection}/{rest}");
        let of_collection = Router::new()
            .route(&path("drafts"), get(list).post(create))
            .route(&path("drafts/{id}"), get(one).put(replace).delete(discard))
            .route(&path("{number}/post"), post(post_draft))
            .merge(draft_states::routes(collection))
            .with_state(Drafting {
                api: Arc::clone(api),
                documents: documents.clone(),
                collection,
            });
        router.merge(of_collection)
    })
}

#[derive(OpenApi)]
#[openapi(paths(list, create, one, replace, discard, post_draft))]
pub(crate) struct Document;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DraftsQuery {
    /// `draft`, `submitted` or `approved`; all of them where it is absent.
    #[param(example = "submitted")]
    state: Option<String>,
    /// `next` of the page before.
    after: Option<String>,
    /// 1 to 500; 100 where it is absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500)]
    limit: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct DraftView {
    id: String,
    /// Where it will be posted.
    collection: String,
    /// One more with each change; it is the `ETag` as well.
    version: i64,
    created_by: String,
    /// Who wrote it last.
    written_by: String,
    /// `draft`, `submitted` or `approved`.
    #[schema(example = "submitted")]
    state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    submitted_by: Option<String>,
    /// Who said yes to it, in their order.
    approved_by: Vec<String>,
    /// What it came to when the last of them did.
    #[serde(skip_serializing_if = "Option::is_none")]
    approved_amount: Option<String>,
    /// Whose word it still needs; only in the answer to what was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    waits_for: Option<String>,
    created_at: String,
    changed_at: String,
    /// It was kept before, under the same key.
    #[serde(skip_serializing_if = "Option::is_none")]
    repeated: Option<bool>,
    /// As it was written.
    #[schema(value_type = Object)]
    body: Option<Box<RawValue>>,
}

impl From<Draft> for DraftView {
    fn from(draft: Draft) -> Self {
        Self {
            id: draft.id.to_string(),
            collection: draft.collection.to_string(),
            version: draft.version,
            created_by: draft.created_by.to_string(),
            written_by: draft.written_by.to_string(),
            state: draft.state.as_str().to_owned(),
            submitted_by: draft.submitted_by.map(|by| by.to_string()),
            approved_by: draft.approvals.given.iter().map(|given| given.by.to_string()).collect(),
            approved_amount: draft.approvals.amount.map(|amount| amount.to_string()),
            waits_for: None,
            created_at: draft.created_at.to_string(),
            changed_at: draft.changed_at.to_string(),
            repeated: None,
            body: RawValue::from_string(draft.body).ok(),
        }
    }
}

impl DraftView {
    pub fn waiting(draft: Draft, waits_for: Option<String>) -> Response {
        let view = Self {
            waits_for,
            ..Self::from(draft)
        };
        view.tagged(StatusCode::OK)
    }

    fn tagged(self, status: StatusCode) -> Response {
        let tag = format!("\"{}\"", self.version);
        let mut response = (status, Json(self)).into_response();
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }
}

impl Drafting {
    pub async fn draft(&self, ctx: &RequestContext, id: &str) -> Result<Draft, ApiError> {
        let found = match id.parse::<DraftId>() {
            Ok(id) => self.api.drafts.get(ctx, self.collection, id).await?,
            Err(_) => None,
        };
        found.ok_or_else(|| not_found("draft", id.to_owned()))
    }
}

impl Drafting {
    /// The refusal of a draft that is there: it stays as it is, and so does its version.
    async fn refused(&self, ctx: &RequestContext, id: &str) -> Result<Option<Response>, ApiError> {
        let Ok(id) = id.parse::<DraftId>() else {
            return Ok(None);
        };
        match self.api.drafts.get(ctx, self.collection, id).await? {
            Some(draft) if draft.state.after(DraftAction::Post).is_ok() => self.refusal(ctx, &draft).await,
            _ => Ok(None),
        }
    }

    /// The draft, under a new version: whoever changes it from here on is told that it is not what they know any more. `None` where it
    /// is gone.
    async fn claim(
        &self,
        ctx: &RequestContext,
        id: &str,
        known: Option<&HeaderMap>,
    ) -> Result<Option<Draft>, ApiError> {
        let Ok(parsed) = id.parse::<DraftId>() else {
            return Err(not_found("draft", id.to_owned()));
        };
        let known = known.map(known_version).transpose()?;
        loop {
            let Some(draft) = self.api.drafts.get(ctx, self.collection, parsed).await? else {
                return Ok(None);
            };
            let version = known.unwrap_or(draft.version);
            draft.state.after(DraftAction::Post)?;
            match self.api.drafts.replace(ctx, &draft, version, DraftAction::Post).await {
                // Somebody else posts or changes it just now; what it is then is posted.
                Err(ErpError::DraftChanged { .. }) if known.is_none() => {}
                claimed => return Ok(claimed?),
            }
        }
    }
}

/// The body, which must be an object, and no longer than a document may be.
fn body_of(body: &[u8]) -> Result<String, ErpError> {
    // As it was written: amounts are decimals, which a number of JSON would not be when it was read and written again.
    let raw: &RawValue = serde_json::from_slice(body).map_err(|error| ErpError::invalid("body", error.to_string()))?;
    let text = raw.get();
    if !text.starts_with('{') {
        return Err(ErpError::invalid(
            "body",
            "must be an object: the document, as far as it is known",
        ));
    }
    if text.len() > DRAFT_BYTES_MAX {
        return Err(ErpError::invalid(
            "body",
            format!("is longer than {DRAFT_BYTES_MAX} bytes"),
        ));
    }
    Ok(text.to_owned())
}

/// The version that the caller knows, from `If-Match`.
pub(crate) fn known_version(headers: &HeaderMap) -> Result<i64, ErpError> {
    let problem = "send the ETag of the draft that you know, such as \"3\": somebody may have changed it since";
    let refused = || ErpError::invalid("If-Match", problem);
    let tag = headers
        .get(header::IF_MATCH)
        .and_then(|tag| tag.to_str().ok())
        .ok_or_else(refused)?;
    let version = tag.trim().trim_start_matches("W/").trim_matches('"').parse();
    version.map_err(|_| refused())
}

/// Drafts of a collection, oldest first.
#[utoipa::path(get, path = "/erp/v1/{collection}/drafts", operation_id = "list_drafts", tag = "erp",
    params(("collection" = String, Path, example = "sales-invoices"), DraftsQuery),
    responses((status = 200, description = "A page", body = List<DraftView>)))]
async fn list(
    State(of): State<Drafting>,
    Ctx(ctx): Ctx,
    Query(query): Query<DraftsQuery>,
) -> Result<Json<List<DraftView>>, ApiError> {
    of.api.may_read(&ctx)?;
    let state = state_of(query.state.as_deref())?;
    let (after, limit) = (query.after, query.limit);
    let page = PageQuery { after, limit }.page(Listing::Drafts)?;
    let drafts = of.api.drafts.list(&ctx, of.collection, state, &page).await?;
    let place = |draft: &Draft| draft.id.to_string();
    Ok(Json(List::new(Listing::Drafts, &page, drafts, place, DraftView::from)))
}

/// Keeps a document that is not posted yet, whole or not. Its `ETag` is its version.
#[utoipa::path(post, path = "/erp/v1/{collection}/drafts", operation_id = "create_draft",
    tag = "erp", request_body = Object,
    params(("collection" = String, Path, example = "sales-invoices"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same when it is repeated: then it is the draft that it made")),
    responses(
        (status = 201, description = "Kept", body = DraftView),
        (status = 200, description = "Kept before, under this key", body = DraftView),
        (status = 400, description = "The body is no object, as problem details"),
        (status = 404, description = "The draft of this key was posted or discarded since"),
        (status = 409, description = "The key was used before, with another body"),
    ))]
async fn create(
    State(of): State<Drafting>,
    Ctx(ctx): Ctx,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    of.api.may_post(&ctx)?;
    let key = idempotency::key_of(&headers)?;
    let body = body_of(&body)?;
    let (draft, repeated) = of.api.drafts.create(&ctx, of.collection, body, key).await?;
    let status = if repeated { StatusCode::OK } else { StatusCode::CREATED };
    let view = DraftView {
        repeated: repeated.then_some(true),
        ..DraftView::from(draft)
    };
    Ok(view.tagged(status))
}

/// One draft, with its version as `ETag`.
#[utoipa::path(get, path = "/erp/v1/{collection}/drafts/{id}", operation_id = "get_draft", tag = "erp",
    params(("collection" = String, Path, example = "sales-invoices"), ("id" = String, Path)),
    responses(
        (status = 200, description = "The draft", body = DraftView),
        (status = 404, description = "No such draft"),
    ))]
async fn one(State(of): State<Drafting>, Ctx(ctx): Ctx, Path(id): Path<String>) -> Result<Response, ApiError> {
    of.api.may_read(&ctx)?;
    let draft = of.draft(&ctx, &id).await?;
    Ok(DraftView::from(draft).tagged(StatusCode::OK))
}

/// Writes a draft anew. Whatever was said of it is void.
#[utoipa::path(put, path = "/erp/v1/{collection}/drafts/{id}", operation_id = "replace_draft", tag = "erp",
    request_body = Object,
    params(("collection" = String, Path, example = "sales-invoices"), ("id" = String, Path),
        ("If-Match" = String, Header, description = "The ETag of the draft that you know")),
    responses(
        (status = 200, description = "Kept, under a new version", body = DraftView),
        (status = 404, description = "No such draft"),
        (status = 412, description = "Somebody changed it since"),
    ))]
async fn replace(
    State(of): State<Drafting>,
    Ctx(ctx): Ctx,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    of.api.may_post(&ctx)?;
    let (draft, version) = (of.draft(&ctx, &id).await?, known_version(&headers)?);
    let written = draft.written(body_of(&body)?, &ctx.principal);
    let replaced = of
        .api
        .drafts
        .replace(&ctx, &written, version, DraftAction::Change)
        .await?;
    match replaced {
        Some(draft) => Ok(DraftView::from(draft).tagged(StatusCode::OK)),
        None => Err(not_found("draft", id)),
    }
}

/// Throws a draft away.
#[utoipa::path(delete, path = "/erp/v1/{collection}/drafts/{id}", operation_id = "discard_draft", tag = "erp",
    params(("collection" = String, Path, example = "sales-invoices"), ("id" = String, Path),
        ("If-Match" = String, Header, description = "The ETag of the draft that you know")),
    responses(
        (status = 204, description = "Gone"),
        (status = 404, description = "No such draft"),
        (status = 412, description = "Somebody changed it since"),
    ))]
async fn discard(
    State(of): State<Drafting>,
    Ctx(ctx): Ctx,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    of.api.may_post(&ctx)?;
    let (draft, version) = (of.draft(&ctx, &id).await?, known_version(&headers)?);
    match of.api.drafts.discard(&ctx, &draft, Some(version)).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(not_found("draft", id)),
    }
}

/// Posts a draft, once: it is gone then, and a second call gets the first answer. What would be refused stays a draft.
#[utoipa::path(post, path = "/erp/v1/{collection}/{number}/post", operation_id = "post_draft", tag = "erp",
    params(("collection" = String, Path, example = "sales-invoices"), ("number" = String, Path, description = "Id of the draft"),
        ("If-Match" = Option<String>, Header, description = "The ETag of the draft that you know; whatever it is now otherwise")),
    responses(
        (status = 201, description = "Posted", body = ReceiptView),
        (status = 200, description = "Posted before", body = ReceiptView),
        (status = 400, description = "The document is refused, as problem details"),
        (status = 404, description = "No such draft"),
        (status = 409, description = "It waits for somebody's word, or the document is refused"),
        (status = 412, description = "Somebody changed it since"),
    ))]
async fn post_draft(
    State(of): State<Drafting>,
    Ctx(ctx): Ctx,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    of.api.may_post(&ctx)?;
    if let Some(refusal) = of.refused(&ctx, &id).await? {
        return Ok(refusal);
    }
    let Some(draft) = of
        .claim(&ctx, &id, headers.contains_key(header::IF_MATCH).then_some(&headers))
        .await?
    else {
        let key = IdempotencyKey::new(format!("draft/{id}"))?;
        let answered = of.api.records.answered(&ctx, &key).await?;
        let receipt = answered.map(|answered| answered.receipt);
        let of_collection = receipt.filter(|receipt| kind_of(of.collection) == Some(receipt.kind));
        let mut receipt = of_collection.ok_or_else(|| not_found("draft", id))?;
        receipt.repeated = true;
        return Ok(ReceiptView::from(receipt).into_response());
    };
    let response = of.ask(of.request(&ctx, &draft, draft.approvals.clone())?).await;
    if response.status().is_success() {
        of.api.drafts.discard(&ctx, &draft, None).await?;
    }
    Ok(response)
}
