//! A store that forgets everything when it is dropped.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cortex_types::{Clock, DecisionId, FeedbackId, OutcomeId, RequestContext, TenantId};
use parking_lot::Mutex;

use crate::join::{DecisionHead, newest_accepted};
use crate::plan::{Earlier, plan_groups, settle};
use crate::port::{
    DecisionCursor, DecisionGroup, DecisionPage, DecisionQuery, ExperienceStore, FeedbackEntry, Judged, JudgedQuery,
    Matured, MaturedQuery, OutcomeEntry, PENDING_MAX, Remembered,
};
use crate::{Decision, Event, EventKind, ExperienceError, Recorded};

/// For tests, and for trying things out.
#[derive(Debug)]
pub struct InMemoryExperienceStore {
    clock: Arc<dyn Clock>,
    tenants: Mutex<BTreeMap<TenantId, Shelf>>,
}

/// What one tenant remembers.
#[derive(Debug, Default)]
struct Shelf {
    decisions: BTreeMap<DecisionId, Remembered>,
    /// Digest of each event, and the decision it joined.
    events: BTreeMap<(EventKind, Arc<str>), Earlier>,
    waiting: Vec<Event>,
}

impl InMemoryExperienceStore {
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            tenants: Mutex::default(),
        }
    }

    fn attach(&self, shelf: &mut Shelf, id: DecisionId, event: &Event) {
        let Some(remembered) = shelf.decisions.get_mut(&id) else {
            return;
        };
        if let Some((_, joined)) = shelf.events.get_mut(&(event.kind(), Arc::clone(event.event_id()))) {
            *joined = Some(id);
        }
        match event.clone() {
            Event::Feedback(feedback) => remembered.feedback.push(FeedbackEntry {
                id: FeedbackId::new(),
                event_id: feedback.event_id,
                action: feedback.action,
                rating: feedback.rating,
                given_at: feedback.given_at.unwrap_or_else(|| self.clock.now()),
                given_by: feedback.given_by,
            }),
            Event::Outcome(outcome) => remembered.outcomes.push(OutcomeEntry {
                id: OutcomeId::new(),
                event_id: outcome.event_id,
                kind: outcome.kind,
                value: outcome.value,
                observed_at: outcome.observed_at.unwrap_or_else(|| self.clock.now()),
                source: outcome.source,
            }),
        }
    }

    /// Puts new decisions on the shelf and lets the events that waited for them join.
    fn shelve(&self, shelf: &mut Shelf, decisions: &[&Decision], horizon: Duration) {
        for decision in decisions {
            let remembered = Remembered {
                decision: (*decision).clone(),
                feedback: Vec::new(),
                outcomes: Vec::new(),
            };
            shelf.decisions.insert(decision.id, remembered);
        }
        let heads: Vec<DecisionHead> = decisions.iter().map(|decision| DecisionHead::from(*decision)).collect();
        for event in std::mem::take(&mut shelf.waiting) {
            match newest_accepted(event.reference(), &heads, horizon) {
                Some(id) => self.attach(shelf, id, &event),
                None => shelf.waiting.push(event),
            }
        }
    }
}

#[async_trait]
impl ExperienceStore for InMemoryExperienceStore {
    async fn record_decisions(
        &self,
        groups: &[DecisionGroup],
        horizon: Duration,
    ) -> Result<Vec<Result<(), ExperienceError>>, ExperienceError> {
        let mut tenants = self.tenants.lock();
        let ids: BTreeSet<DecisionId> = groups
            .iter()
            .flat_map(|group| &group.decisions)
            .map(|made| made.id)
            .collect();
        let existing = tenants.iter().flat_map(|(tenant, shelf)| {
            let taken = ids.iter().filter_map(|id| shelf.decisions.get(id));
            taken.map(|there| (there.decision.id, (tenant.clone(), there.decision.clone())))
        });
        let plan = plan_groups(groups, &existing.collect());
        for (place, group) in groups.iter().enumerate() {
            let new = plan
                .new
                .iter()
                .filter(|(of, _)| *of == place)
                .map(|(_, decision)| *decision);
            let shelf = tenants.entry(group.ctx.tenant.clone()).or_default();
            self.shelve(shelf, &new.collect::<Vec<_>>(), horizon);
        }
        Ok(plan.answers)
    }

    async fn record_events(
        &self,
        ctx: &RequestContext,
        events: &[Event],
        horizon: Duration,
    ) -> Result<Vec<Recorded>, ExperienceError> {
        let mut tenants = self.tenants.lock();
        let shelf = tenants.entry(ctx.tenant.clone()).or_default();
        let heads: Vec<DecisionHead> = shelf.decisions.values().map(|there| (&there.decision).into()).collect();
        let mut answers = Vec::with_capacity(events.len());
        for event in events {
            let earlier = shelf.events.get(&(event.kind(), Arc::clone(event.event_id())));
            let answer = settle(event, &event.digest()?, earlier)?.unwrap_or_else(|| Recorded {
                decision_id: newest_accepted(event.reference(), &heads, horizon),
                repeated: false,
            });
            answers.push(answer);
        }
        let more_waiting = answers
            .iter()
            .filter(|answer| !answer.repeated && answer.decision_id.is_none())
            .count();
        if more_waiting > 0 && shelf.waiting.len() + more_waiting > PENDING_MAX {
            return Err(ExperienceError::Overloaded {
                queue: "the queue of early events",
                capacity: PENDING_MAX,
            });
        }
        for (event, answer) in events.iter().zip(&answers).filter(|(_, answer)| !answer.repeated) {
            shelf
                .events
                .insert((event.kind(), Arc::clone(event.event_id())), (event.digest()?, None));
            match answer.decision_id {
                Some(id) => self.attach(shelf, id, event),
                None => shelf.waiting.push(event.clone()),
            }
        }
        Ok(answers)
    }

    async fn decision(&self, ctx: &RequestContext, id: DecisionId) -> Result<Option<Remembered>, ExperienceError> {
        let tenants = self.tenants.lock();
        Ok(tenants
            .get(&ctx.tenant)
            .and_then(|shelf| shelf.decisions.get(&id))
            .cloned())
    }

    async fn decisions(&self, ctx: &RequestContext, query: &DecisionQuery) -> Result<DecisionPage, ExperienceError> {
        let tenants = self.tenants.lock();
        let mut found: Vec<Decision> = tenants
            .get(&ctx.tenant)
            .into_iter()
            .flat_map(|shelf| shelf.decisions.values().map(|there| &there.decision))
            .filter(|decision| query.model.as_ref().is_none_or(|model| *model == decision.model))
            .filter(|decision| query.entity_key.as_ref().is_none_or(|key| *key == decision.entity_key))
            .filter(|decision| query.after.is_none_or(|after| DecisionCursor::from(*decision) < after))
            .cloned()
            .collect();
        found.sort_by_key(|decision| std::cmp::Reverse(DecisionCursor::from(decision)));
        let more = found.len() > query.limit;
        found.truncate(query.limit);
        let next = found.last().filter(|_| more).map(DecisionCursor::from);
        Ok(DecisionPage { decisions: found, next })
    }

    async fn matured(&self, ctx: &RequestContext, query: &MaturedQuery) -> Result<Vec<Matured>, ExperienceError> {
        let tenants = self.tenants.lock();
        let mut found: Vec<&Decision> = tenants
            .get(&ctx.tenant)
            .into_iter()
            .flat_map(|shelf| shelf.decisions.values())
            .filter(|there| there.outcomes.iter().all(|outcome| outcome.kind != query.kind))
            .map(|there| &there.decision)
            .filter(|decision| decision.model == query.model && decision.decided_at <= query.decided_by)
            .filter(|decision| query.after.is_none_or(|after| DecisionCursor::from(*decision) > after))
            .collect();
        found.sort_by_key(|decision| DecisionCursor::from(*decision));
        let matured = found.into_iter().take(query.limit).map(|decision| Matured {
            id: decision.id,
            entity_key: Arc::clone(&decision.entity_key),
            decided_at: decision.decided_at,
        });
        Ok(matured.collect())
    }

    async fn judged(&self, ctx: &RequestContext, query: &JudgedQuery) -> Result<Vec<Judged>, ExperienceError> {
        let tenants = self.tenants.lock();
        let found = tenants
            .get(&ctx.tenant)
            .into_iter()
            .flat_map(|shelf| shelf.decisions.values())
            .filter(|there| query.model.as_ref().is_none_or(|model| *model == there.decision.model))
            .filter(|there| query.after.is_none_or(|after| there.decision.id > after))
            .take(query.limit);
        Ok(found.map(judged).collect())
    }

    async fn pending(&self, ctx: &RequestContext) -> Result<u64, ExperienceError> {
        let tenants = self.tenants.lock();
        Ok(tenants.get(&ctx.tenant).map_or(0, |shelf| shelf.waiting.len() as u64))
    }

    async fn newest_decision(&self) -> Result<Option<DecisionId>, ExperienceError> {
        let tenants = self.tenants.lock();
        let newest = tenants.values().filter_map(|shelf| shelf.decisions.keys().next_back());
        Ok(newest.max().copied())
    }

    async fn tenants(&self) -> Result<Vec<TenantId>, ExperienceError> {
        let mut tenants: Vec<TenantId> = self.tenants.lock().keys().cloned().collect();
        tenants.sort_unstable();
        Ok(tenants)
    }
}

fn judged(there: &Remembered) -> Judged {
    let decision = &there.decision;
    let taken = there.feedback.iter().filter_map(|feedback| feedback.action.as_ref());
    Judged {
        id: decision.id,
        model: Arc::clone(&decision.model),
        version: decision.version,
        arm: Arc::clone(&decision.arm),
        propensity: decision.propensity,
        score: decision.score,
        action: decision.action.clone(),
        outcomes: there
            .outcomes
            .iter()
            .map(|outcome| (Arc::clone(&outcome.kind), outcome.value))
            .collect(),
        ratings: there.feedback.iter().filter_map(|feedback| feedback.rating).collect(),
        overridden: taken.into_iter().any(|action| Some(action) != decision.action.as_ref()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cortex_types::{ManualClock, Timestamp};

    async fn empty() -> (InMemoryExperienceStore, ()) {
        (
            InMemoryExperienceStore::new(Arc::new(ManualClock::at(Timestamp::from_micros(0)))),
            (),
        )
    }

    crate::experience_store_contract!(empty);
}
