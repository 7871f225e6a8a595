//! The audit log in SQL: one hash chain per tenant, which triggers keep append-only.

use std::collections::HashMap;

use async_trait::async_trait;
use cortex_security::{AuditEntry, AuditLog, AuditRecord, SecurityError};
use cortex_types::{RequestContext, TenantId, Timestamp};
use futures::TryStreamExt;

use crate::sql::{self, Row};
use crate::{Database, StoreError, WriteTransaction};

/// The chain's first record has nothing before it.
const NOTHING_BEFORE: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const COLUMNS: [&str; 10] = [
    "tenant_id",
    "seq",
    "at",
    "principal",
    "trace_id",
    "action",
    "resource",
    "detail",
    "previous",
    "hash",
];

/// The audit log of a [`Database`].
#[derive(Clone, Debug)]
pub struct SqlAuditLog {
    database: Database,
}

impl SqlAuditLog {
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    async fn append(&self, entries: Vec<(RequestContext, AuditEntry)>) -> Result<(), StoreError> {
        let mut write = self.database.begin().await?;
        let entries = entries.iter().map(|(ctx, entry)| (ctx, entry.clone()));
        write.audit_each(entries.collect()).await?;
        write.commit().await?;
        Ok(())
    }

    async fn newest(&self, ctx: &RequestContext, limit: usize) -> Result<Vec<AuditRecord>, StoreError> {
        let rows = sql::query("SELECT * FROM audit_log WHERE tenant_id = $1 ORDER BY seq DESC LIMIT $2")
            .bind(ctx.tenant.as_str())
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(self.database.readers())
            .await
            .map_err(|error| self.database.failed(error))?;
        rows.iter().map(record_of).collect()
    }

    async fn first_broken(&self, ctx: &RequestContext) -> Result<Option<AuditRecord>, StoreError> {
        let mut rows = sql::query("SELECT * FROM audit_log WHERE tenant_id = $1 ORDER BY seq")
            .bind(ctx.tenant.as_str())
            .fetch(self.database.readers());
        let mut previous = NOTHING_BEFORE.to_owned();
        let mut seq = 0;
        while let Some(row) = rows.try_next().await.map_err(|error| self.database.failed(error))? {
            let record = record_of(&row)?;
            seq += 1;
            if record.seq != seq || record.previous != previous || record.hash != record.compute_hash() {
                return Ok(Some(record));
            }
            previous = record.hash;
        }
        Ok(None)
    }
}

#[async_trait]
impl AuditLog for SqlAuditLog {
    async fn record_each(&self, entries: Vec<(RequestContext, AuditEntry)>) -> Result<(), SecurityError> {
        self.append(entries)
            .await
            .map_err(|error| refused("append to the audit log", error))
    }

    async fn recent(&self, ctx: &RequestContext, limit: usize) -> Result<Vec<AuditRecord>, SecurityError> {
        self.newest(ctx, limit)
            .await
            .map_err(|error| refused("read the audit log", error))
    }

    async fn verify(&self, ctx: &RequestContext) -> Result<Option<AuditRecord>, SecurityError> {
        self.first_broken(ctx)
            .await
            .map_err(|error| refused("verify the audit log", error))
    }
}

pub(crate) fn refused(what: &str, error: StoreError) -> SecurityError {
    SecurityError::Storage {
        what: what.to_owned(),
        source: Box::new(error),
    }
}

/// Links `entries` to the chains of their tenants, in their order, and inserts them.
pub(crate) async fn append(
    write: &mut WriteTransaction,
    entries: Vec<(&RequestContext, AuditEntry)>,
) -> Result<(), StoreError> {
    let at = write.database().clock().now();
    let mut newest: HashMap<TenantId, (i64, String)> = HashMap::new();
    let mut records = Vec::new();
    for (ctx, entry) in entries {
        if !newest.contains_key(&ctx.tenant) {
            newest.insert(ctx.tenant.clone(), newest_of(write, &ctx.tenant).await?);
        }
        let (seq, previous) = newest.entry(ctx.tenant.clone()).or_default();
        *seq += 1;
        let mut record = AuditRecord {
            seq: seq.unsigned_abs(),
            tenant: ctx.tenant.clone(),
            at,
            principal: ctx.principal.id.to_string(),
            trace_id: ctx.trace_id,
            entry,
            previous: std::mem::take(previous),
            hash: String::new(),
        };
        record.hash = record.compute_hash();
        previous.clone_from(&record.hash);
        records.push(record);
    }
    if records.is_empty() {
        return Ok(());
    }
    write
        .insert_rows("audit_log", &COLUMNS, &records, |row, record| {
            row.bind(record.tenant.as_str().to_owned())
                .bind(record.seq.cast_signed())
                .bind(record.at.micros());
            row.bind(record.principal.clone()).bind(record.trace_id.to_string());
            row.bind(record.entry.action.clone())
                .bind(record.entry.resource.clone());
            row.bind(record.entry.detail.to_string())
                .bind(record.previous.clone())
                .bind(record.hash.clone());
        })
        .await
}

/// Number and hash of a chain's last record.
async fn newest_of(write: &mut WriteTransaction, tenant: &TenantId) -> Result<(i64, String), StoreError> {
    let newest = sql::query_as("SELECT seq, hash FROM audit_log WHERE tenant_id = $1 ORDER BY seq DESC LIMIT 1")
        .bind(tenant.as_str())
        .fetch_optional(write.connection())
        .await?;
    Ok(newest.unwrap_or((0, NOTHING_BEFORE.to_owned())))
}

fn record_of(row: &Row) -> Result<AuditRecord, StoreError> {
    let unreadable = |detail: String| StoreError::Unreadable {
        what: "audit record",
        detail,
    };
    let trace_id: String = row.try_get("trace_id")?;
    let detail: String = row.try_get("detail")?;
    Ok(AuditRecord {
        seq: row.try_get::<i64>("seq")?.unsigned_abs(),
        tenant: TenantId::new(row.try_get::<String>("tenant_id")?).map_err(|e| unreadable(e.to_string()))?,
        at: Timestamp::from_micros(row.try_get("at")?),
        principal: row.try_get("principal")?,
        trace_id: trace_id
            .parse()
            .map_err(|e: cortex_types::ids::InvalidId| unreadable(e.to_string()))?,
        entry: AuditEntry {
            action: row.try_get("action")?,
            resource: row.try_get("resource")?,
            // A detail that is no JSON any more was tampered with: it must fail its hash, not stop the search.
            detail: serde_json::from_str(&detail).unwrap_or(serde_json::Value::String(detail)),
        },
        previous: row.try_get("previous")?,
        hash: row.try_get("hash")?,
    })
}
