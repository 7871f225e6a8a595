//! The chain of events in SQL.

use cortex_registry::{EventKind, NewEvent, RegistryError, RegistryEvent};
use cortex_store::WriteTransaction;
use cortex_store::sql;
use cortex_types::RequestContext;

use super::{SqlRegistry, at_most, instant, parsed, refused, unwritten, version_number};

const EVENT: &str = "an event of the registry";

/// Appends `event` to the tenant's chain and to the audit log, within `write`; answers its number. The single writer
/// makes the chain's end stand still meanwhile.
pub(super) async fn append(
    write: &mut WriteTransaction,
    ctx: &RequestContext,
    event: NewEvent,
) -> Result<i64, RegistryError> {
    let last: Option<(i64, String)> =
        sql::query_as("SELECT seq, hash FROM registry_events WHERE tenant_id = $1 ORDER BY seq DESC LIMIT 1")
            .bind(ctx.tenant.as_str())
            .fetch_optional(write.connection())
            .await
            .map_err(unwritten(EVENT))?;
    write
        .audit(ctx, &[event.audit_entry()])
        .await
        .map_err(|error| refused(EVENT, error))?;
    let linked = RegistryEvent::link(
        ctx,
        last.as_ref().map(|(seq, hash)| (seq.unsigned_abs(), hash.as_str())),
        event,
    );
    let seq = linked.seq.cast_signed();
    sql::query(
        "INSERT INTO registry_events (tenant_id, seq, kind, model, version, at, principal, trace_id, detail, previous, \
         hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(linked.tenant.as_str())
    .bind(seq)
    .bind(linked.kind.as_str())
    .bind(&linked.model)
    .bind(i64::from(linked.version))
    .bind(linked.at.micros())
    .bind(&linked.principal)
    .bind(linked.trace_id.to_string())
    .bind(serde_json::json!(linked.detail).to_string())
    .bind(&linked.previous)
    .bind(&linked.hash)
    .execute(write.connection())
    .await
    .map_err(unwritten(EVENT))?;
    Ok(seq)
}

type Row = (i64, String, String, i64, i64, String, String, String, String, String);

impl SqlRegistry {
    pub(super) async fn events_after(
        &self,
        ctx: &RequestContext,
        after: u64,
        limit: usize,
    ) -> Result<Vec<RegistryEvent>, RegistryError> {
        let rows: Vec<Row> = sql::query_as(
            "SELECT seq, kind, model, version, at, principal, trace_id, detail, previous, hash FROM registry_events \
             WHERE tenant_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
        )
        .bind(ctx.tenant.as_str())
        .bind(i64::try_from(after).unwrap_or(i64::MAX))
        .bind(at_most(limit))
        .fetch_all(self.database.readers())
        .await
        .map_err(self.unread("events"))?;
        rows.into_iter().map(|row| event_of(ctx, row)).collect()
    }
}

fn event_of(ctx: &RequestContext, row: Row) -> Result<RegistryEvent, RegistryError> {
    let (seq, kind, model, version, at, principal, trace_id, detail, previous, hash) = row;
    let unreadable = |detail: String| RegistryError::Unreadable { what: "event", detail };
    let known = EventKind::ALL.into_iter().find(|known| known.as_str() == kind);
    Ok(RegistryEvent {
        seq: seq.unsigned_abs(),
        tenant: ctx.tenant.clone(),
        kind: known.ok_or_else(|| unreadable(format!("'{kind}' is no kind")))?,
        model,
        version: version_number(version)?,
        at: instant(at),
        principal,
        trace_id: parsed("trace id", &trace_id)?,
        detail: serde_json::from_str(&detail).map_err(|error| unreadable(error.to_string()))?,
        previous,
        hash,
    })
}
