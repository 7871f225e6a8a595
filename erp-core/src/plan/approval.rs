//! Rules of approval.

use std::sync::Arc;

use cortex_types::{ApprovalRuleId, Timestamp};

use crate::limits::{check_amount, check_code};
use crate::postings::{Document, Postings};
use crate::{APPROVED_KINDS, APPROVING_ROLES, ApprovalRule, Books, DefineApprovalRule, DocumentKind, ErpError, ids};

/// Whose word documents need from now on.
pub fn plan_approval_rule(command: &DefineApprovalRule, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    check_code("code", &command.code)?;
    if !APPROVED_KINDS.contains(&command.kind) {
        let kinds: Vec<&str> = APPROVED_KINDS.iter().map(|kind| kind.as_str()).collect();
        let problem = format!("'{}' is none of {}", command.kind, kinds.join(", "));
        return Err(ErpError::invalid("kind", problem));
    }
    if !APPROVING_ROLES.contains(&command.role) {
        let roles: Vec<&str> = APPROVING_ROLES.iter().map(|role| role.as_str()).collect();
        let problem = format!(
            "the word of a {} counts for nothing: name one of {}",
            command.role,
            roles.join(", ")
        );
        return Err(ErpError::invalid("role", problem));
    }
    check_amount("above", command.above_minor)?;
    let there = books.approval_rules.get(&command.code);
    let rule = ApprovalRule {
        id: there.map_or_else(|| ApprovalRuleId(ids::next()), |there| there.id),
        code: Arc::clone(&command.code),
        kind: command.kind,
        above_minor: command.above_minor,
        currency: command.currency,
        role: command.role,
        blocked: command.blocked,
        created_at: there.map_or(now, |there| there.created_at),
    };
    let (id, code) = (rule.id.0, Arc::clone(&rule.code));
    let document = Document::ApprovalRule(rule);
    Ok(Postings::bare(DocumentKind::ApprovalRule, id, code, now, document))
}
