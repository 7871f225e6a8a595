//! Whose word a document needs before it is posted: rules by amount and role, and the states of a draft on its way there.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use cortex_types::{ApprovalRuleId, Currency, Money, Principal, RequestContext, Role, Timestamp};
use serde::{Deserialize, Serialize};

use crate::postings::{Document, Postings};
use crate::words::words;
use crate::{Books, DocumentKind, ErpError, NumberSeries, PaymentDirection};

/// Documents of a kind above an amount need somebody's word. Of payments those are meant that go out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalRule {
    pub id: ApprovalRuleId,
    pub code: Arc<str>,
    pub kind: DocumentKind,
    /// An amount of exactly this needs nobody's.
    pub above_minor: i64,
    pub currency: Currency,
    /// Whose word it is; an admin's counts for every role.
    pub role: Role,
    /// It asks for nothing any more.
    pub blocked: bool,
    pub created_at: Timestamp,
}

/// Kinds of documents that rules can be about: those that can be drafted.
pub const APPROVED_KINDS: [DocumentKind; 15] = [
    DocumentKind::SalesOrder,
    DocumentKind::Delivery,
    DocumentKind::SalesInvoice,
    DocumentKind::CreditNote,
    DocumentKind::PurchaseOrder,
    DocumentKind::PurchaseReceipt,
    DocumentKind::PurchaseBill,
    DocumentKind::PurchaseReturn,
    DocumentKind::LandedCost,
    DocumentKind::Payment,
    DocumentKind::JournalEntry,
    DocumentKind::StockAdjustment,
    DocumentKind::StockCount,
    DocumentKind::StockTransfer,
    DocumentKind::OpeningBalance,
];

/// Roles whose word counts.
pub const APPROVING_ROLES: [Role; 2] = [Role::Manager, Role::Admin];

/// Somebody's word for a draft.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    pub by: Arc<str>,
    /// As they were then.
    pub roles: BTreeSet<Role>,
    pub at: Timestamp,
}

impl Approval {
    #[must_use]
    pub fn of(principal: &Principal, at: Timestamp) -> Self {
        Self {
            by: Arc::clone(&principal.id),
            roles: principal.roles.clone(),
            at,
        }
    }

    fn counts_for(&self, role: Role) -> bool {
        self.roles.contains(&role) || self.roles.contains(&Role::Admin)
    }
}

/// What was said of a document before it was posted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approvals {
    pub given: Vec<Approval>,
    /// What it came to when it was approved; what it comes to when it is posted may not be more.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub amount: Option<Money>,
}

words! {
    /// Where a draft is on its way to being posted.
    DraftState {
        /// Being written.
        Draft = "draft",
        /// Waits for somebody's word.
        Submitted = "submitted",
        /// May be posted.
        Approved = "approved",
    }
}

words! {
    /// What takes a draft from one state to another.
    DraftAction {
        Change = "change",
        Submit = "submit",
        Approve = "approve",
        Reject = "reject",
        Withdraw = "withdraw",
        Post = "post",
        Discard = "discard",
    }
}

words! {
    /// Who may.
    DraftActor {
        /// Whoever enters documents.
        Author = "author",
        /// Who submitted it.
        Submitter = "submitter",
        /// Holds a role that a rule asks for, and neither wrote nor submitted it.
        Approver = "approver",
    }
}

/// One step of the way. `to` is absent where the draft is gone afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DraftTransition {
    pub from: DraftState,
    pub action: DraftAction,
    pub to: Option<DraftState>,
    pub by: DraftActor,
}

const fn step(from: DraftState, action: DraftAction, to: Option<DraftState>, by: DraftActor) -> DraftTransition {
    DraftTransition { from, action, to, by }
}

/// All that there are. A submitted draft whose document needs nobody's word is approved at once; one that needs more than one
/// word stays submitted until it has them all.
pub const DRAFT_TRANSITIONS: [DraftTransition; 13] = {
    use DraftAction::{Approve, Change, Discard, Post, Reject, Submit, Withdraw};
    use DraftActor::{Approver, Author, Submitter};
    use DraftState::{Approved, Draft, Submitted};
    [
        step(Draft, Change, Some(Draft), Author),
        step(Draft, Submit, Some(Submitted), Author),
        step(Draft, Post, None, Author),
        step(Draft, Discard, None, Author),
        step(Submitted, Change, Some(Draft), Author),
        step(Submitted, Approve, Some(Approved), Approver),
        step(Submitted, Reject, Some(Draft), Approver),
        step(Submitted, Withdraw, Some(Draft), Submitter),
        step(Submitted, Discard, None, Author),
        step(Approved, Change, Some(Draft), Author),
        step(Approved, Reject, Some(Draft), Approver),
        step(Approved, Post, None, Author),
        step(Approved, Discard, None, Author),
    ]
};

impl DraftState {
    /// What the action makes of it, and who may; refused where there is no such step.
    pub fn after(self, action: DraftAction) -> Result<DraftTransition, ErpError> {
        let mut steps = DRAFT_TRANSITIONS.into_iter().filter(|step| step.from == self);
        steps.clone().find(|step| step.action == action).ok_or_else(|| {
            let allowed: Vec<&str> = steps.by_ref().map(|step| step.action.as_str()).collect();
            ErpError::WrongState {
                what: "draft",
                state: self.as_str(),
                action: action.as_str(),
                allowed: allowed.join(", "),
            }
        })
    }
}

impl Books {
    /// Whether everybody said yes whose word the document needs.
    pub(crate) fn check_approved(&self, postings: &Postings, approvals: Option<&Approvals>) -> Result<(), ErpError> {
        let amount = Money::new(postings.amount_minor, postings.currency);
        let given = approvals.map_or(&[][..], |approvals| &approvals.given);
        let mut rules = self.approval_rules.values().filter(|rule| rule.is_about(postings));
        let asks = |rule: &&ApprovalRule| self.exceeds(postings, rule).unwrap_or(true);
        let missing = |rule: &ApprovalRule| !given.iter().any(|approval| approval.counts_for(rule.role));
        let needed: Vec<&ApprovalRule> = rules.by_ref().filter(asks).collect();
        if let Some(rule) = needed.iter().find(|rule| missing(rule)) {
            return Err(ErpError::ApprovalRequired {
                kind: postings.kind.as_str(),
                amount,
                rule: Arc::clone(&rule.code),
                above: Money::new(rule.above_minor, rule.currency),
                role: rule.role,
            });
        }
        let approved = approvals.and_then(|approvals| approvals.amount);
        let grew = |approved: &Money| approved.currency != amount.currency || approved.minor < amount.minor;
        match approved.filter(|approved| !needed.is_empty() && grew(approved)) {
            Some(approved) => Err(ErpError::ApprovedForLess { approved, amount }),
            None => Ok(()),
        }
    }

    /// Whether it is above the rule's amount, at the rate of its day. What nobody knows the rate of, somebody has to look at.
    fn exceeds(&self, postings: &Postings, rule: &ApprovalRule) -> Option<bool> {
        let mut minor = postings.amount_minor;
        if postings.currency != rule.currency {
            let conversion = self.conversion(postings.currency, postings.at).ok().flatten()?;
            minor = conversion.convert(minor).ok()?;
            if conversion.to != rule.currency {
                return None;
            }
        }
        Some(minor.unsigned_abs() > rule.above_minor.unsigned_abs())
    }
}

impl ApprovalRule {
    fn is_about(&self, postings: &Postings) -> bool {
        let comes_in = matches!(
            &postings.document,
            Document::Payment(payment) if payment.direction == PaymentDirection::In
        );
        !self.blocked && self.kind == postings.kind && !comes_in
    }
}

/// What a company said about how its documents are made. Oldest first.
#[async_trait]
pub trait Rulebook: Send + Sync + std::fmt::Debug {
    async fn approval_rules(&self, ctx: &RequestContext) -> Result<Vec<ApprovalRule>, ErpError>;

    /// How its documents are numbered where that was said, oldest first.
    async fn number_series(&self, ctx: &RequestContext) -> Result<Vec<NumberSeries>, ErpError>;
}
