//! Events that came before their decision.

use std::collections::BTreeMap;
use std::time::Duration;

use cortex_experience::{DecisionHead, Event, ExperienceError, Reference, newest_accepted};
use cortex_store::sql::{self, On};
use cortex_store::{Database, WriteTransaction};
use cortex_types::{TenantId, Timestamp};

use crate::events::{Joined, insert_joined};
use crate::rows::corrupt;
use crate::store::{failed, refused};

const COLUMNS: [&str; 10] = [
    "tenant_id",
    "kind",
    "event_id",
    "decision_id",
    "model",
    "entity_key",
    "at",
    "body",
    "digest",
    "received_at",
];
const WAIT: &str = "keep early events";

/// A decision that is just being recorded.
pub(crate) struct Arrival<'a> {
    pub tenant: &'a TenantId,
    pub head: DecisionHead,
    pub tx_no: i64,
}

/// An event that waits, under its place in the queue.
struct Waiting {
    event: Event,
    digest: String,
}

pub(crate) async fn count<'c>(on: impl Into<On<'c>>, tenant: &TenantId) -> Result<u64, ExperienceError> {
    let count: i64 = sql::query_scalar("SELECT count(*) FROM pending_events WHERE tenant_id = $1")
        .bind(tenant.as_str())
        .fetch_one(on)
        .await
        .map_err(refused("count early events"))?;
    Ok(count.unsigned_abs())
}

pub(crate) async fn insert(
    write: &mut WriteTransaction,
    tenant: &TenantId,
    waiting: &[(&Event, &str)],
    now: Timestamp,
) -> Result<(), ExperienceError> {
    let mut rows = Vec::with_capacity(waiting.len());
    for (event, digest) in waiting {
        let body = serde_json::to_string(event).map_err(|error| ExperienceError::Invalid(error.to_string()))?;
        rows.push((*event, *digest, body));
    }
    let inserted = write.insert_rows("pending_events", &COLUMNS, &rows, |row, (event, digest, body)| {
        row.bind(tenant.to_string())
            .bind(event.kind().as_str())
            .bind(event.event_id().to_string());
        match event.reference() {
            Reference::Decision(id) => {
                row.bind(id.to_string())
                    .bind(None::<String>)
                    .bind(None::<String>)
                    .bind(None::<Timestamp>);
            }
            Reference::Entity { model, entity_key, at } => {
                row.bind(None::<String>)
                    .bind(model.to_string())
                    .bind(entity_key.to_string())
                    .bind(*at);
            }
        }
        row.bind(body.clone()).bind((*digest).to_owned()).bind(now);
    });
    inserted.await.map_err(failed(WAIT))
}

/// Lets the events that waited for these decisions join them, within the transaction that records the decisions.
pub(crate) async fn join_arrivals(
    database: &Database,
    write: &mut WriteTransaction,
    arrivals: Vec<Arrival<'_>>,
    horizon: Duration,
) -> Result<(), ExperienceError> {
    let mut tenants: BTreeMap<&TenantId, Vec<Arrival<'_>>> = BTreeMap::new();
    for arrival in arrivals {
        tenants.entry(arrival.tenant).or_default().push(arrival);
    }
    for (tenant, arrivals) in tenants {
        if count(&mut *write.connection(), tenant).await? == 0 {
            continue;
        }
        let waiting = waiting_for(write, tenant, &arrivals, horizon).await?;
        let joined: Vec<Joined<'_>> = waiting
            .iter()
            .filter_map(|waiting| joined(waiting, &arrivals, horizon))
            .collect();
        insert_joined(write, tenant, &joined, database.clock().now()).await?;
        for one in &joined {
            remove(write, tenant, one.event).await?;
        }
    }
    Ok(())
}

fn joined<'a>(waiting: &'a Waiting, arrivals: &[Arrival<'_>], horizon: Duration) -> Option<Joined<'a>> {
    let heads = arrivals.iter().map(|arrival| &arrival.head);
    let decision_id = newest_accepted(waiting.event.reference(), heads, horizon)?;
    let arrival = arrivals.iter().find(|arrival| arrival.head.id == decision_id)?;
    Some(Joined {
        event: &waiting.event,
        digest: &waiting.digest,
        decision_id,
        tx_no: arrival.tx_no,
    })
}

/// The events that might belong to any of the decisions, each once.
async fn waiting_for(
    write: &mut WriteTransaction,
    tenant: &TenantId,
    arrivals: &[Arrival<'_>],
    horizon: Duration,
) -> Result<Vec<Waiting>, ExperienceError> {
    let mut waiting = BTreeMap::new();
    for Arrival { head, .. } in arrivals {
        let rows: Vec<(String, String, String, String)> = sql::query_as(
            "SELECT kind, event_id, body, digest FROM pending_events WHERE tenant_id = $1 AND decision_id = $2 \
             UNION ALL \
             SELECT kind, event_id, body, digest FROM pending_events \
             WHERE tenant_id = $1 AND model = $3 AND entity_key = $4 AND at BETWEEN $5 AND $6",
        )
        .bind(tenant.as_str())
        .bind(head.id.to_string())
        .bind(&*head.model)
        .bind(&*head.entity_key)
        .bind(head.decided_at)
        .bind(head.decided_at.saturating_add(horizon))
        .fetch_all(write.connection())
        .await
        .map_err(refused(WAIT))?;
        for (kind, event_id, body, digest) in rows {
            let event = serde_json::from_str(&body).map_err(|error| corrupt(format!("{kind} '{event_id}'"), error))?;
            waiting.insert((kind, event_id), Waiting { event, digest });
        }
    }
    Ok(waiting.into_values().collect())
}

async fn remove(write: &mut WriteTransaction, tenant: &TenantId, event: &Event) -> Result<(), ExperienceError> {
    sql::query("DELETE FROM pending_events WHERE tenant_id = $1 AND kind = $2 AND event_id = $3")
        .bind(tenant.as_str())
        .bind(event.kind().as_str())
        .bind(&**event.event_id())
        .execute(write.connection())
        .await
        .map_err(refused(WAIT))?;
    Ok(())
}
