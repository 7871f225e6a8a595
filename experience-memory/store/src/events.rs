//! Recording feedback and outcomes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cortex_experience::{
    DecisionHead, Earlier, Event, EventKind, ExperienceError, PENDING_MAX, Recorded, Reference, newest_accepted, settle,
};
use cortex_security::AuditEntry;
use cortex_store::sql::{self, QueryBuilder};
use cortex_store::{Database, Known, WriteTransaction};
use cortex_types::{DecisionId, FeedbackId, OutcomeId, RequestContext, TenantId, Timestamp};
use fail::fail_point;

use crate::pending;
use crate::rows::{HeadRow, parsed};
use crate::store::{IDS_PER_STATEMENT, failed, refused};

const FEEDBACK_COLUMNS: [&str; 10] = [
    "id",
    "tenant_id",
    "decision_id",
    "event_id",
    "action",
    "rating",
    "given_at",
    "given_by",
    "digest",
    "tx_no",
];
const OUTCOME_COLUMNS: [&str; 10] = [
    "id",
    "tenant_id",
    "decision_id",
    "event_id",
    "kind",
    "value",
    "observed_at",
    "source",
    "digest",
    "tx_no",
];
const HEADS: &str = "SELECT id, model, entity_key, decided_at FROM decisions";
const RECORD: &str = "record events";

type EventKey = (EventKind, Arc<str>);

/// An event with the decision it belongs to.
pub(crate) struct Joined<'a> {
    pub event: &'a Event,
    pub digest: &'a str,
    pub decision_id: DecisionId,
    pub tx_no: i64,
}

pub(crate) async fn record(
    database: &Database,
    ctx: &RequestContext,
    events: &[Event],
    horizon: Duration,
) -> Result<Vec<Recorded>, ExperienceError> {
    let digests = events.iter().map(Event::digest).collect::<Result<Vec<String>, _>>()?;
    let mut write = database.begin().await.map_err(failed(RECORD))?;
    let earlier = earlier(&mut write, &ctx.tenant, events).await?;
    let mut answers = Vec::with_capacity(events.len());
    for (event, digest) in events.iter().zip(&digests) {
        let before = earlier.get(&(event.kind(), Arc::clone(event.event_id())));
        answers.push(settle(event, digest, before)?);
    }
    let new: Vec<(&Event, &str)> = events
        .iter()
        .zip(&digests)
        .zip(&answers)
        .filter(|(_, answer)| answer.is_none())
        .map(|((event, digest), _)| (event, digest.as_str()))
        .collect();
    if new.is_empty() {
        write.roll_back().await.map_err(failed(RECORD))?;
        return Ok(answers.into_iter().flatten().collect());
    }
    let decisions = decisions_of(&mut write, &ctx.tenant, &new, horizon).await?;
    insert(database, &mut write, ctx, &new, &decisions).await?;
    fail_point!("experience::events-inserted");
    write.commit().await.map_err(failed(RECORD))?;
    let mut fresh = decisions.into_iter().map(|decision_id| Recorded {
        decision_id,
        repeated: false,
    });
    Ok(answers
        .into_iter()
        .filter_map(|answer| answer.or_else(|| fresh.next()))
        .collect())
}

/// Those of the events that are there already, joined or waiting.
async fn earlier(
    write: &mut WriteTransaction,
    tenant: &TenantId,
    events: &[Event],
) -> Result<BTreeMap<EventKey, Earlier>, ExperienceError> {
    let mut earlier = BTreeMap::new();
    for kind in [EventKind::Feedback, EventKind::Outcome] {
        let ids: Vec<&Arc<str>> = events
            .iter()
            .filter(|event| event.kind() == kind)
            .map(Event::event_id)
            .collect();
        let joined = match kind {
            EventKind::Feedback => "SELECT event_id, digest, decision_id FROM feedback WHERE tenant_id = ",
            EventKind::Outcome => "SELECT event_id, digest, decision_id FROM outcomes WHERE tenant_id = ",
        };
        let waiting = "SELECT event_id, digest, NULL FROM pending_events WHERE tenant_id = ";
        for chunk in ids.chunks(IDS_PER_STATEMENT) {
            for (sql, of_kind) in [(joined, None), (waiting, Some(kind.as_str()))] {
                let mut query = QueryBuilder::new(sql);
                query.push_bind(tenant.as_str());
                if let Some(kind) = of_kind {
                    query.push(" AND kind = ").push_bind(kind);
                }
                query.push(" AND event_id IN ");
                query.push_list(chunk.iter().map(|id| &***id));
                let rows: Vec<(String, String, Option<String>)> = query
                    .build()
                    .read_as()
                    .fetch_all(write.connection())
                    .await
                    .map_err(refused(RECORD))?;
                for (event_id, digest, decision_id) in rows {
                    let what = || format!("event '{event_id}'");
                    let decision_id = decision_id.map(|id| parsed(&id, what)).transpose()?;
                    earlier.insert((kind, Arc::from(event_id)), (digest, decision_id));
                }
            }
        }
    }
    Ok(earlier)
}

/// The decision that each event belongs to, as far as it is there.
async fn decisions_of(
    write: &mut WriteTransaction,
    tenant: &TenantId,
    events: &[(&Event, &str)],
    horizon: Duration,
) -> Result<Vec<Option<DecisionId>>, ExperienceError> {
    let named: Vec<DecisionId> = events
        .iter()
        .filter_map(|(event, _)| match event.reference() {
            Reference::Decision(id) => Some(*id),
            Reference::Entity { .. } => None,
        })
        .collect();
    let named = heads_by_id(write, tenant, &named).await?;
    let mut decisions = Vec::with_capacity(events.len());
    for (event, _) in events {
        let decision = match event.reference() {
            Reference::Decision(id) => named.get(id).map(|head| head.id),
            reference @ Reference::Entity { model, entity_key, at } => {
                let candidate = newest_head(write, tenant, model, entity_key, *at).await?;
                newest_accepted(reference, candidate.as_ref(), horizon)
            }
        };
        decisions.push(decision);
    }
    Ok(decisions)
}

async fn heads_by_id(
    write: &mut WriteTransaction,
    tenant: &TenantId,
    ids: &[DecisionId],
) -> Result<BTreeMap<DecisionId, DecisionHead>, ExperienceError> {
    let mut heads = BTreeMap::new();
    for chunk in ids.chunks(IDS_PER_STATEMENT) {
        let mut query = QueryBuilder::new(format!("{HEADS} WHERE tenant_id = "));
        query.push_bind(tenant.as_str()).push(" AND id IN ");
        query.push_list(chunk.iter().map(|id| id.to_string()));
        let rows: Vec<HeadRow> = query
            .build()
            .read_as()
            .fetch_all(write.connection())
            .await
            .map_err(refused(RECORD))?;
        for row in rows {
            let head = DecisionHead::try_from(row)?;
            heads.insert(head.id, head);
        }
    }
    Ok(heads)
}

/// The newest decision of the entity made by `at`: if the horizon does not admit this one, it admits none.
async fn newest_head(
    write: &mut WriteTransaction,
    tenant: &TenantId,
    model: &str,
    entity_key: &str,
    at: Timestamp,
) -> Result<Option<DecisionHead>, ExperienceError> {
    let row: Option<HeadRow> = sql::query_as(
        "SELECT id, model, entity_key, decided_at FROM decisions \
         WHERE tenant_id = $1 AND model = $2 AND entity_key = $3 AND decided_at <= $4 \
         ORDER BY decided_at DESC, id DESC LIMIT 1",
    )
    .bind(tenant.as_str())
    .bind(model)
    .bind(entity_key)
    .bind(at)
    .fetch_optional(write.connection())
    .await
    .map_err(refused(RECORD))?;
    row.map(DecisionHead::try_from).transpose()
}

async fn insert(
    database: &Database,
    write: &mut WriteTransaction,
    ctx: &RequestContext,
    new: &[(&Event, &str)],
    decisions: &[Option<DecisionId>],
) -> Result<(), ExperienceError> {
    let tx_no = write
        .transaction(ctx, Known::ByClock)
        .await
        .map_err(failed(RECORD))?
        .cast_signed();
    let mut joined = Vec::with_capacity(new.len());
    let mut waiting = Vec::new();
    for ((event, digest), decision_id) in new.iter().zip(decisions) {
        match decision_id {
            Some(decision_id) => joined.push(Joined {
                event,
                digest,
                decision_id: *decision_id,
                tx_no,
            }),
            None => waiting.push((*event, *digest)),
        }
    }
    let now = database.clock().now();
    insert_joined(write, &ctx.tenant, &joined, now).await?;
    if !waiting.is_empty() {
        let there = pending::count(&mut *write.connection(), &ctx.tenant).await?;
        if there + waiting.len() as u64 > PENDING_MAX as u64 {
            return Err(ExperienceError::Overloaded {
                queue: "the queue of early events",
                capacity: PENDING_MAX,
            });
        }
        pending::insert(write, &ctx.tenant, &waiting, now).await?;
    }
    let entry = AuditEntry {
        action: "experience.record-events".to_owned(),
        resource: format!("transaction/{tx_no}"),
        detail: serde_json::json!({ "joined": joined.len(), "waiting": waiting.len() }),
    };
    write.audit(ctx, &[entry]).await.map_err(failed(RECORD))
}

/// Puts events with their decisions. A time that the sender left out is `now`.
pub(crate) async fn insert_joined(
    write: &mut WriteTransaction,
    tenant: &TenantId,
    joined: &[Joined<'_>],
    now: Timestamp,
) -> Result<(), ExperienceError> {
    let feedback: Vec<_> = joined
        .iter()
        .filter_map(|one| {
            if let Event::Feedback(feedback) = one.event {
                Some((one, feedback))
            } else {
                None
            }
        })
        .collect();
    let inserted = write.insert_rows("feedback", &FEEDBACK_COLUMNS, &feedback, |row, (one, feedback)| {
        row.bind(FeedbackId::new().to_string())
            .bind(tenant.to_string())
            .bind(one.decision_id.to_string());
        row.bind(feedback.event_id.to_string())
            .bind(feedback.action.as_deref().map(str::to_owned));
        row.bind(feedback.rating).bind(feedback.given_at.unwrap_or(now));
        row.bind(feedback.given_by.to_string())
            .bind(one.digest.to_owned())
            .bind(one.tx_no);
    });
    inserted.await.map_err(failed(RECORD))?;
    let outcomes: Vec<_> = joined
        .iter()
        .filter_map(|one| {
            if let Event::Outcome(outcome) = one.event {
                Some((one, outcome))
            } else {
                None
            }
        })
        .collect();
    let inserted = write.insert_rows("outcomes", &OUTCOME_COLUMNS, &outcomes, |row, (one, outcome)| {
        row.bind(OutcomeId::new().to_string())
            .bind(tenant.to_string())
            .bind(one.decision_id.to_string());
        row.bind(outcome.event_id.to_string())
            .bind(outcome.kind.to_string())
            .bind(outcome.value);
        row.bind(outcome.observed_at.unwrap_or(now))
            .bind(outcome.source.as_str());
        row.bind(one.digest.to_owned()).bind(one.tx_no);
    });
    inserted.await.map_err(failed(RECORD))
}
