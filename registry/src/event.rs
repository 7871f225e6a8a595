//! What happened to a tenant's models, in order: an append-only chain in which each event carries the hash of the one
//! before it, so that a history which was edited no longer adds up.

use std::collections::BTreeMap;

use cortex_security::AuditEntry;
use cortex_types::{RequestContext, TenantId, Timestamp, TraceId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What can happen to a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    Registered,
    GateEvaluated,
    AliasMoved,
    /// Back to a version that had the alias before.
    AliasRolledBack,
    TrafficChanged,
}

impl EventKind {
    pub const ALL: [Self; 5] = [
        Self::Registered,
        Self::GateEvaluated,
        Self::AliasMoved,
        Self::AliasRolledBack,
        Self::TrafficChanged,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::GateEvaluated => "gate-evaluated",
            Self::AliasMoved => "alias-moved",
            Self::AliasRolledBack => "alias-rolled-back",
            Self::TrafficChanged => "traffic-changed",
        }
    }
}

/// The facts of an event; one without a value is left out.
#[must_use]
pub fn facts<const N: usize>(facts: [(&str, impl Into<Option<String>>); N]) -> BTreeMap<String, String> {
    facts
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value.into()?)))
        .collect()
}

/// An event before it has its place in the chain.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    pub kind: EventKind,
    pub model: String,
    pub version: u32,
    pub at: Timestamp,
    /// Further facts, as text: what is hashed must read back exactly as it was written, and a float may not.
    pub detail: BTreeMap<String, String>,
}

impl NewEvent {
    /// The audit entry that records the same change for the platform.
    #[must_use]
    pub fn audit_entry(&self) -> AuditEntry {
        AuditEntry {
            action: format!("models.{}", self.kind.as_str()),
            resource: format!("model/{}/{}", self.model, self.version),
            detail: serde_json::json!(self.detail),
        }
    }
}

/// An event in its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RegistryEvent {
    /// 1, 2, 3, … within the tenant.
    pub seq: u64,
    pub tenant: TenantId,
    pub kind: EventKind,
    pub model: String,
    pub version: u32,
    pub at: Timestamp,
    pub principal: String,
    pub trace_id: TraceId,
    pub detail: BTreeMap<String, String>,
    /// Hash of the event before; 64 zeros for the first.
    pub previous: String,
    pub hash: String,
}

impl RegistryEvent {
    /// Gives `event` the place after `last`: its sequence number and hash, and the hash of the new event.
    #[must_use]
    pub fn link(ctx: &RequestContext, last: Option<(u64, &str)>, event: NewEvent) -> Self {
        let (seq, previous) = last.map_or((1, "0".repeat(64)), |(seq, hash)| (seq + 1, hash.to_owned()));
        let mut linked = Self {
            seq,
            tenant: ctx.tenant.clone(),
            kind: event.kind,
            model: event.model,
            version: event.version,
            at: event.at,
            principal: ctx.principal.id.to_string(),
            trace_id: ctx.trace_id,
            detail: event.detail,
            previous,
            hash: String::new(),
        };
        linked.hash = linked.compute_hash();
        linked
    }

    /// SHA-256 over the event's JSON, in field order, without the hash.
    #[must_use]
    pub fn compute_hash(&self) -> String {
        let content = serde_json::json!([
            self.seq,
            self.tenant,
            self.kind,
            self.model,
            self.version,
            self.at,
            self.principal,
            self.trace_id,
            self.detail,
            self.previous
        ]);
        hex::encode(Sha256::digest(content.to_string().as_bytes()))
    }
}

/// The first event whose number, link or hash does not hold. `chain` is oldest first, from the first event on.
#[must_use]
pub fn first_broken(chain: &[RegistryEvent]) -> Option<&RegistryEvent> {
    let mut previous = "0".repeat(64);
    for (event, seq) in chain.iter().zip(1_u64..) {
        if event.seq != seq || event.previous != previous || event.hash != event.compute_hash() {
            return Some(event);
        }
        previous.clone_from(&event.hash);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain() -> Vec<RegistryEvent> {
        let ctx = RequestContext::system(TenantId::new("acme").unwrap());
        let mut chain: Vec<RegistryEvent> = Vec::new();
        for version in 1..=4 {
            let event = NewEvent {
                kind: EventKind::Registered,
                model: "repurchase-30d".to_owned(),
                version,
                at: Timestamp::from_micros(i64::from(version)),
                detail: facts([("run", version.to_string())]),
            };
            let last = chain.last().map(|last| (last.seq, last.hash.clone()));
            chain.push(RegistryEvent::link(
                &ctx,
                last.as_ref().map(|(seq, hash)| (*seq, hash.as_str())),
                event,
            ));
        }
        chain
    }

    #[test]
    fn an_untouched_chain_holds() {
        assert_eq!(first_broken(&chain()), None);
        assert_eq!(first_broken(&[]), None);
    }

    #[test]
    fn an_edited_a_removed_and_a_reordered_event_break_the_chain() {
        let mut edited = chain();
        edited[1].detail = facts([("run", "99".to_owned())]);
        assert_eq!(first_broken(&edited).map(|event| event.seq), Some(2));
        let mut removed = chain();
        removed.remove(1);
        assert_eq!(first_broken(&removed).map(|event| event.seq), Some(3));
        let mut swapped = chain();
        swapped.swap(2, 3);
        assert_eq!(first_broken(&swapped).map(|event| event.seq), Some(4));
    }
}
