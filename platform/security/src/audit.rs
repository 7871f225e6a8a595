//! The append-only record of every change: who did what to what, when, under which trace. Each record carries the hash
//! of the one before it, so that a record that was altered or removed breaks the chain.

use async_trait::async_trait;
use cortex_types::{RequestContext, TenantId, Timestamp, TraceId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::SecurityError;

/// What is to be recorded; context and time come with the call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// What was done, as `area.verb`, such as `erp.post-invoice` or `models.move-alias`.
    pub action: String,
    /// To what, such as `invoice/536365`.
    pub resource: String,
    /// Further facts; never secrets, never personal data.
    pub detail: serde_json::Value,
}

/// An entry in its place in the chain of its tenant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditRecord {
    pub seq: u64,
    pub tenant: TenantId,
    pub at: Timestamp,
    pub principal: String,
    pub trace_id: TraceId,
    pub entry: AuditEntry,
    /// Hash of the record before; 64 zeros for the first.
    pub previous: String,
    pub hash: String,
}

impl AuditRecord {
    /// The hash that a record with these fields must carry: SHA-256 over its JSON, in field order, without the hash.
    #[must_use]
    pub fn compute_hash(&self) -> String {
        let content = serde_json::json!([
            self.seq,
            self.tenant,
            self.at,
            self.principal,
            self.trace_id,
            self.entry.action,
            self.entry.resource,
            self.entry.detail,
            self.previous
        ]);
        hex::encode(Sha256::digest(content.to_string().as_bytes()))
    }
}

#[async_trait]
pub trait AuditLog: Send + Sync + std::fmt::Debug {
    /// Appends one record. Durable when it returns. Changes made through SQL record themselves in the same transaction
    /// instead; this is for changes that live elsewhere.
    async fn record(&self, ctx: &RequestContext, entry: AuditEntry) -> Result<(), SecurityError> {
        self.record_each(vec![(ctx.clone(), entry)]).await
    }

    /// As [`record`](Self::record), for several callers at once, of whichever tenants: all of them, or none.
    async fn record_each(&self, entries: Vec<(RequestContext, AuditEntry)>) -> Result<(), SecurityError>;

    /// The newest `limit` records of the tenant, newest first.
    async fn recent(&self, ctx: &RequestContext, limit: usize) -> Result<Vec<AuditRecord>, SecurityError>;

    /// The first record of the tenant whose hash or link does not hold, if any.
    async fn verify(&self, ctx: &RequestContext) -> Result<Option<AuditRecord>, SecurityError>;
}
