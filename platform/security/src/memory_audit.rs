//! An audit log in memory, for tests and for trying things out.

use async_trait::async_trait;
use cortex_types::{RequestContext, Timestamp};
use parking_lot::Mutex;

use crate::{AuditEntry, AuditLog, AuditRecord, SecurityError};

/// Remembers records until it is dropped, or refuses all of them.
#[derive(Debug, Default)]
pub struct MemoryAudit {
    records: Mutex<Vec<AuditRecord>>,
    refuses: Mutex<bool>,
}

impl MemoryAudit {
    /// From now on nothing can be recorded, as on a full disk.
    pub fn refuse(&self) {
        *self.refuses.lock() = true;
    }
}

#[async_trait]
impl AuditLog for MemoryAudit {
    async fn record_each(&self, entries: Vec<(RequestContext, AuditEntry)>) -> Result<(), SecurityError> {
        if *self.refuses.lock() {
            return Err(SecurityError::Storage {
                what: "append to the audit log".to_owned(),
                source: "the disk is full".into(),
            });
        }
        let mut records = self.records.lock();
        for (ctx, entry) in entries {
            let mut record = AuditRecord {
                seq: records.len() as u64 + 1,
                tenant: ctx.tenant.clone(),
                at: Timestamp::from_micros(0),
                principal: ctx.principal.id.to_string(),
                trace_id: ctx.trace_id,
                entry,
                previous: records.last().map_or("0".repeat(64), |last| last.hash.clone()),
                hash: String::new(),
            };
            record.hash = record.compute_hash();
            records.push(record);
        }
        Ok(())
    }

    async fn recent(&self, ctx: &RequestContext, limit: usize) -> Result<Vec<AuditRecord>, SecurityError> {
        let records = self.records.lock();
        let of_tenant = records.iter().rev().filter(|record| record.tenant == ctx.tenant);
        Ok(of_tenant.take(limit).cloned().collect())
    }

    async fn verify(&self, _ctx: &RequestContext) -> Result<Option<AuditRecord>, SecurityError> {
        Ok(self
            .records
            .lock()
            .iter()
            .find(|record| record.hash != record.compute_hash())
            .cloned())
    }
}
