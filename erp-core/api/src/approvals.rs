//! `/erp/v1/approval-rules` and `/erp/v1/workflows`: whose word documents need, and the states of a draft on its way there.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::{get, put};
use cortex_erp::{
    APPROVED_KINDS, ApprovalRule, Command, DRAFT_TRANSITIONS, DefineApprovalRule, DocumentKind, DraftState,
    DraftTransition, ErpError,
};
use cortex_runtime::http::{ApiError, Ctx, Json, Path};
use cortex_security::SecurityError;
use cortex_types::{Currency, RequestContext, Role};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use crate::ErpApi;
use crate::api::not_found;
use crate::decimals::{amount_minor, amount_text};
use crate::drafts::COLLECTIONS;
use crate::exact;
use crate::idempotency::Key;
use crate::paging::List;
use crate::receipt::ReceiptView;
use crate::schemas::{ApprovedKindWord, ApprovingRoleWord, CurrencyCode, DecimalText};

pub(crate) fn routes() -> Router<Arc<ErpApi>> {
    Router::new()
        .route("/erp/v1/approval-rules", get(list))
        .route("/erp/v1/approval-rules/{code}", put(define))
        .route("/erp/v1/workflows/{collection}", get(workflow))
}

#[derive(OpenApi)]
#[openapi(paths(list, define, workflow))]
pub(crate) struct Document;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApprovalRuleBody {
    /// Of the documents that it is about; of payments, those that go out.
    #[schema(value_type = ApprovedKindWord, example = "purchase-order")]
    kind: DocumentKind,
    /// Documents of more than this need somebody's word; those in another currency at the rate of their day, and always where
    /// there is no rate.
    #[schema(value_type = DecimalText, example = "1000.00")]
    #[serde(deserialize_with = "exact::decimal")]
    above: Decimal,
    /// The company's where it is absent.
    #[schema(value_type = Option<CurrencyCode>, example = "GBP")]
    currency: Option<Currency>,
    /// `manager` or `admin`; an admin's word counts for both.
    #[schema(value_type = ApprovingRoleWord, example = "manager")]
    role: Role,
    /// It asks for nothing any more.
    #[serde(default)]
    blocked: bool,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ApprovalRuleView {
    id: String,
    code: String,
    kind: String,
    above: String,
    currency: String,
    role: String,
    blocked: bool,
    created_at: String,
}

impl From<ApprovalRule> for ApprovalRuleView {
    fn from(rule: ApprovalRule) -> Self {
        Self {
            id: rule.id.to_string(),
            code: rule.code.to_string(),
            kind: rule.kind.to_string(),
            above: amount_text(rule.above_minor, rule.currency),
            currency: rule.currency.to_string(),
            role: rule.role.to_string(),
            blocked: rule.blocked,
            created_at: rule.created_at.to_string(),
        }
    }
}

/// How a document comes to be posted.
#[derive(Serialize, ToSchema)]
pub(crate) struct WorkflowView {
    collection: String,
    #[schema(example = json!(["draft", "submitted", "approved"]))]
    states: Vec<String>,
    transitions: Vec<TransitionView>,
    /// Whose word its documents need.
    rules: Vec<ApprovalRuleView>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct TransitionView {
    from: String,
    #[schema(example = "submit")]
    action: String,
    /// Absent where the draft is gone afterwards.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    /// `author`: whoever enters documents; `submitter`: who submitted it; `approver`: holds a role that a rule asks for, and neither
    /// wrote nor submitted it.
    by: String,
}

impl From<DraftTransition> for TransitionView {
    fn from(step: DraftTransition) -> Self {
        Self {
            from: step.from.as_str().to_owned(),
            action: step.action.as_str().to_owned(),
            to: step.to.map(|state| state.as_str().to_owned()),
            by: step.by.as_str().to_owned(),
        }
    }
}

/// Whose word documents need, oldest rule first.
#[utoipa::path(get, path = "/erp/v1/approval-rules", operation_id = "list_approval_rules", tag = "erp",
    responses((status = 200, description = "All of them", body = List<ApprovalRuleView>)))]
async fn list(State(api): State<Arc<ErpApi>>, Ctx(ctx): Ctx) -> Result<Json<List<ApprovalRuleView>>, ApiError> {
    api.may_read(&ctx)?;
    let rules = api.rulebook.approval_rules(&ctx).await?;
    Ok(Json(List {
        items: rules.into_iter().map(ApprovalRuleView::from).collect(),
        next: None,
    }))
}

/// Says whose word documents of a kind need above an amount, in place of what the rule said before. Only an admin may.
#[utoipa::path(put, path = "/erp/v1/approval-rules/{code}", operation_id = "define_approval_rule", tag = "erp",
    request_body = ApprovalRuleBody,
    params(("code" = String, Path),
        ("Idempotency-Key" = String, Header, description = "Chosen per request; the same when it is repeated")),
    responses(
        (status = 201, description = "Defined", body = ReceiptView),
        (status = 200, description = "Defined before, under the same key", body = ReceiptView),
        (status = 400, description = "A kind that cannot be drafted, a role whose word does not count, or an amount out of range"),
        (status = 403, description = "The caller is no admin"),
    ))]
async fn define(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Path(code): Path<String>,
    Key(key): Key,
    Json(body): Json<ApprovalRuleBody>,
) -> Result<ReceiptView, ApiError> {
    api.may_post(&ctx)?;
    may_rule(&ctx, "say whose word documents need")?;
    let currency = api.document_currency(&ctx, body.currency).await?;
    let command = DefineApprovalRule {
        code: code.into(),
        kind: body.kind,
        above_minor: amount_minor("above", body.above, currency)?,
        currency,
        role: body.role,
        blocked: body.blocked,
    };
    let command = Command::DefineApprovalRule(command);
    Ok(api.execute(&ctx, command, key).await?.into())
}

/// Rules are an admin's to make: whoever needs somebody's word could do without it otherwise.
pub(crate) fn may_rule(ctx: &RequestContext, what: &str) -> Result<(), SecurityError> {
    match ctx.principal.roles.contains(&Role::Admin) {
        true => Ok(()),
        false => Err(denied(ctx, what)),
    }
}

pub(crate) fn denied(ctx: &RequestContext, what: &str) -> SecurityError {
    let roles: Vec<&str> = ctx.principal.roles.iter().map(|role| role.as_str()).collect();
    SecurityError::Denied {
        principal: ctx.principal.id.to_string(),
        permission: what.to_owned(),
        roles: roles.join(", "),
    }
}

/// The states of a draft of a collection, what leads from one to another, and whose word its documents need.
#[utoipa::path(get, path = "/erp/v1/workflows/{collection}", operation_id = "one_workflow", tag = "erp",
    params(("collection" = String, Path, example = "purchase-orders")),
    responses(
        (status = 200, description = "The workflow", body = WorkflowView),
        (status = 404, description = "Nothing is drafted there"),
    ))]
async fn workflow(
    State(api): State<Arc<ErpApi>>,
    Ctx(ctx): Ctx,
    Path(collection): Path<String>,
) -> Result<Json<WorkflowView>, ApiError> {
    api.may_read(&ctx)?;
    let Some(kind) = kind_of(&collection) else {
        return Err(not_found("workflow", collection));
    };
    let rules = api.rulebook.approval_rules(&ctx).await?;
    let of_kind = rules.into_iter().filter(|rule| rule.kind == kind && !rule.blocked);
    Ok(Json(WorkflowView {
        collection,
        states: DraftState::ALL.iter().map(|state| state.as_str().to_owned()).collect(),
        transitions: DRAFT_TRANSITIONS.into_iter().map(TransitionView::from).collect(),
        rules: of_kind.map(ApprovalRuleView::from).collect(),
    }))
}

/// Of the documents of a collection.
pub(crate) fn kind_of(collection: &str) -> Option<DocumentKind> {
    let mut kinds = COLLECTIONS.into_iter().zip(APPROVED_KINDS);
    kinds.find_map(|(of, kind)| (of == collection).then_some(kind))
}

/// The state that a list is of.
pub(crate) fn state_of(text: Option<&str>) -> Result<Option<DraftState>, ErpError> {
    let Some(text) = text else { return Ok(None) };
    let state = DraftState::ALL.iter().find(|state| state.as_str() == text);
    let words: Vec<&str> = DraftState::ALL.iter().map(|state| state.as_str()).collect();
    let problem = || ErpError::invalid("state", format!("'{text}' is none of {}", words.join(", ")));
    state.copied().map(Some).ok_or_else(problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_collection_has_the_kind_that_its_name_says() {
        for (collection, kind) in COLLECTIONS.into_iter().zip(APPROVED_KINDS) {
            let singular = collection.replace("deliveries", "delivery").replace("entries", "entry");
            let singular = singular.trim_end_matches('s').to_owned();
            assert!(kind.as_str() == singular, "{collection} {kind}");
        }
    }
}
