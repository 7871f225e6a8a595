//! `/erp/v1/{collection}/drafts/{id}/submit`, `approve`, `reject` and `withdraw`: the way of a draft to those who say yes to it.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::response::Parts;
use axum::http::{HeaderMap, Request, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use cortex_erp::{Approval, Approvals, Draft, DraftAction, DraftState, Together};
use cortex_runtime::http::{ApiError, Ctx, Path};
use cortex_types::{Currency, ErrorCode, Money, RequestContext};
use http_body_util::BodyExt;
use rust_decimal::Decimal;
use serde::Deserialize;
use tower::ServiceExt;
use utoipa::OpenApi;

use crate::api::not_found;
use crate::approvals::denied;
use crate::drafts::{DraftView, Drafting, known_version};

/// For every collection.
pub(crate) fn routes(collection: &str) -> Router<Drafting> {
    let path = |action: DraftAction| format!("/erp/v1/{collection}/drafts/{{id}}/{}", action.as_str());
    Router::new()
        .route(&path(DraftAction::Submit), post(submit))
        .route(&path(DraftAction::Approve), post(approve))
        .route(&path(DraftAction::Reject), post(reject))
        .route(&path(DraftAction::Withdraw), post(withdraw))
}

#[derive(OpenApi)]
#[openapi(paths(submit, approve, reject, withdraw))]
pub(crate) struct Document;

/// What posting it now would come to.
enum Rehearsed {
    Fine(Option<Money>),
    /// And what it waits for.
    Waits(String),
    Refused(Response),
}

#[derive(Deserialize)]
struct Said {
    amount: Option<Decimal>,
    currency: Option<Currency>,
    code: Option<ErrorCode>,
    detail: Option<String>,
}

impl Drafting {
    /// The request that posts it.
    pub(crate) fn request(
        &self,
        ctx: &RequestContext,
        draft: &Draft,
        approvals: Approvals,
    ) -> Result<Request<Body>, ApiError> {
        let mut request = Request::post(format!("/erp/v1/{}", self.collection))
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", format!("draft/{}", draft.id))
            .body(Body::from(draft.body.clone()))
            .map_err(|error| cortex_erp::ErpError::invalid("body", error.to_string()))?;
        request.extensions_mut().insert(ctx.clone());
        if !approvals.given.is_empty() {
            request.extensions_mut().insert(Arc::new(approvals));
        }
        Ok(request)
    }

    /// Asks the routes of documents.
    pub(crate) async fn ask(&self, request: Request<Body>) -> Response {
        match self.documents.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    /// What would be answered if it were posted.
    async fn tried(
        &self,
        ctx: &RequestContext,
        draft: &Draft,
        approvals: Approvals,
    ) -> Result<(Parts, Bytes), ApiError> {
        let mut request = self.request(ctx, draft, approvals)?;
        let seat = self.api.erp.batch(Together::Rehearsal, 1).pop();
        if let Some(seat) = seat {
            request.extensions_mut().insert(seat);
        }
        let (parts, body) = self.ask(request).await.into_parts();
        let unread = |error: axum::Error| cortex_erp::ErpError::invalid("body", error.to_string());
        Ok((parts, body.collect().await.map_err(unread)?.to_bytes()))
    }

    /// The answer that refuses it, where it would be refused: then nothing becomes of the draft.
    pub(crate) async fn refusal(&self, ctx: &RequestContext, draft: &Draft) -> Result<Option<Response>, ApiError> {
        let (parts, body) = self.tried(ctx, draft, draft.approvals.clone()).await?;
        Ok((!parts.status.is_success()).then(|| (parts, body).into_response()))
    }

    async fn rehearse(&self, ctx: &RequestContext, draft: &Draft, approvals: Approvals) -> Result<Rehearsed, ApiError> {
        let (parts, body) = self.tried(ctx, draft, approvals).await?;
        let said: Option<Said> = serde_json::from_slice(&body).ok();
        Ok(match said {
            Some(said) if parts.status.is_success() => {
                let amount = said.amount.zip(said.currency);
                Rehearsed::Fine(amount.and_then(|(amount, currency)| Money::from_decimal(amount, currency).ok()))
            }
            Some(said) if said.code == Some(ErrorCode::ApprovalRequired) => {
                Rehearsed::Waits(said.detail.unwrap_or_default())
            }
            _ => Rehearsed::Refused((parts, body).into_response()),
        })
    }

    /// On with a draft that was submitted, with what was said of it: to its end where nobody else has to be asked.
    async fn take_on(
        &self,
        (ctx, draft, version): (&RequestContext, &Draft, i64),
        action: DraftAction,
        submitted_by: Option<Arc<str>>,
        mut approvals: Approvals,
    ) -> Result<Response, ApiError> {
        let (state, waits_for) = match self.rehearse(ctx, draft, approvals.clone()).await? {
            Rehearsed::Fine(amount) => {
                approvals.amount = amount;
                (DraftState::Approved, None)
            }
            Rehearsed::Waits(why) => (DraftState::Submitted, Some(why)),
            Rehearsed::Refused(response) => return Ok(response),
        };
        let moved = draft.moved(state, submitted_by, approvals);
        self.keep(ctx, &moved, version, action, waits_for).await
    }

    async fn keep(
        &self,
        ctx: &RequestContext,
        draft: &Draft,
        version: i64,
        action: DraftAction,
        waits_for: Option<String>,
    ) -> Result<Response, ApiError> {
        match self.api.drafts.replace(ctx, draft, version, action).await? {
            Some(draft) => Ok(DraftView::waiting(draft, waits_for)),
            None => Err(not_found("draft", draft.id.to_string())),
        }
    }

    /// The draft and the version that the caller knows, or else the newest; refused where the action is no step from its state.
    async fn found(
        &self,
        ctx: &RequestContext,
        id: &str,
        headers: &HeaderMap,
        action: DraftAction,
    ) -> Result<(Draft, i64), ApiError> {
        let draft = self.draft(ctx, id).await?;
        let known = headers.contains_key(header::IF_MATCH).then(|| known_version(headers));
        let version = known.transpose()?.unwrap_or(draft.version);
        draft.state.after(action)?;
        Ok((draft, version))
    }
}

/// Submits a draft to those whose word its document needs. One that nobody has to be asked about is approved at once; what
/// would be refused for another reason stays a draft.
#[utoipa::path(post, path = "/erp/v1/{collection}/drafts/{id}/submit", operation_id = "submit_draft", tag = "erp",
    params(("collection" = String, Path, example = "purchase-orders"), ("id" = String, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag of the draft that you know; whatever it is now otherwise")),
    responses(
        (status = 200, description = "Submitted, or approved", body = DraftView),
        (status = 400, description = "The document would be refused, as problem details"),
        (status = 404, description = "No such draft"),
        (status = 409, description = "It is submitted already, or the document would be refused"),
        (status = 412, description = "Somebody changed it since"),
    ))]
async fn submit(
    State(of): State<Drafting>,
    Ctx(ctx): Ctx,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    of.api.may_post(&ctx)?;
    let (draft, version) = of.found(&ctx, &id, &headers, DraftAction::Submit).await?;
    let by = Some(Arc::clone(&ctx.principal.id));
    let known = (&ctx, &draft, version);
    of.take_on(known, DraftAction::Submit, by, Approvals::default()).await
}

/// Says yes to a draft that somebody else wrote and submitted. It is approved when every rule that asks has its word.
#[utoipa::path(post, path = "/erp/v1/{collection}/drafts/{id}/approve", operation_id = "approve_draft", tag = "erp",
    params(("collection" = String, Path, example = "purchase-orders"), ("id" = String, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag of the draft that you know; whatever it is now otherwise")),
    responses(
        (status = 200, description = "Approved, or waiting for one more", body = DraftView),
        (status = 400, description = "The document would be refused, as problem details"),
        (status = 403, description = "The caller's word does not count, or it is their own draft"),
        (status = 404, description = "No such draft"),
        (status = 409, description = "It is not submitted, or the document would be refused"),
        (status = 412, description = "Somebody changed it since"),
    ))]
async fn approve(
    State(of): State<Drafting>,
    Ctx(ctx): Ctx,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    of.api.may_approve(&ctx)?;
    let (draft, version) = of.found(&ctx, &id, &headers, DraftAction::Approve).await?;
    draft.check_other(&ctx.principal)?;
    let mut approvals = draft.approvals.clone();
    approvals.given.retain(|given| given.by != ctx.principal.id);
    approvals.given.push(Approval::of(&ctx.principal, of.api.clock.now()));
    let by = draft.submitted_by.clone();
    let known = (&ctx, &draft, version);
    of.take_on(known, DraftAction::Approve, by, approvals).await
}

/// Says no to a draft: it is one again, to be changed or thrown away.
#[utoipa::path(post, path = "/erp/v1/{collection}/drafts/{id}/reject", operation_id = "reject_draft", tag = "erp",
    params(("collection" = String, Path, example = "purchase-orders"), ("id" = String, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag of the draft that you know; whatever it is now otherwise")),
    responses(
        (status = 200, description = "A draft again", body = DraftView),
        (status = 403, description = "The caller's word does not count, or it is their own draft"),
        (status = 404, description = "No such draft"),
        (status = 409, description = "It is not submitted"),
        (status = 412, description = "Somebody changed it since"),
    ))]
async fn reject(
    State(of): State<Drafting>,
    Ctx(ctx): Ctx,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    of.api.may_approve(&ctx)?;
    let (draft, version) = of.found(&ctx, &id, &headers, DraftAction::Reject).await?;
    draft.check_other(&ctx.principal)?;
    let back = draft.moved(DraftState::Draft, None, Approvals::default());
    of.keep(&ctx, &back, version, DraftAction::Reject, None).await
}

/// Takes a submitted draft back. Only who submitted it may.
#[utoipa::path(post, path = "/erp/v1/{collection}/drafts/{id}/withdraw", operation_id = "withdraw_draft", tag = "erp",
    params(("collection" = String, Path, example = "purchase-orders"), ("id" = String, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag of the draft that you know; whatever it is now otherwise")),
    responses(
        (status = 200, description = "A draft again", body = DraftView),
        (status = 403, description = "Somebody else submitted it"),
        (status = 404, description = "No such draft"),
        (status = 409, description = "It is not submitted"),
        (status = 412, description = "Somebody changed it since"),
    ))]
async fn withdraw(
    State(of): State<Drafting>,
    Ctx(ctx): Ctx,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    of.api.may_post(&ctx)?;
    let (draft, version) = of.found(&ctx, &id, &headers, DraftAction::Withdraw).await?;
    if draft.submitted_by.as_ref() != Some(&ctx.principal.id) {
        return Err(denied(&ctx, "withdraw what somebody else submitted").into());
    }
    let back = draft.moved(DraftState::Draft, None, Approvals::default());
    of.keep(&ctx, &back, version, DraftAction::Withdraw, None).await
}
