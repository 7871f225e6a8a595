//! The one door to the memory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cortex_lake::Lake;
use cortex_types::{Clock, DecisionId, RequestContext, Timestamp};

use crate::port::{DecisionCursor, DecisionGroup, DecisionPage, DecisionQuery, JudgedQuery, MaturedQuery};
use crate::resolve::BronzeHistory;
use crate::summary::SummaryBuilder;
use crate::{
    BATCH_MAX, Decision, Event, EventKind, ExperienceError, ExperienceStore, Feedback, Outcome, OutcomeRule,
    OutcomeRules, OutcomeSource, Recorded, Reference, Remembered, Summary,
};

/// How long before an event the decision may lie that the event joins by business key.
pub const JOIN_HORIZON: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// Decisions per scan of the lake: what one join holds in memory at a time.
const RESOLVE_DECISIONS_MAX: usize = 20_000;
const JUDGED_PAGE: usize = 5_000;
/// Most decisions that one page of a listing holds.
pub const PAGE_MAX: u32 = 1_000;

/// Records decisions, feedback and outcomes, and says what came of them.
#[derive(Clone, Debug)]
pub struct Memory {
    store: Arc<dyn ExperienceStore>,
    lake: Arc<dyn Lake>,
    clock: Arc<dyn Clock>,
    rules: Arc<OutcomeRules>,
    join_horizon: Duration,
}

/// What a run over matured decisions found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resolved {
    /// Outcomes that were recorded by this run.
    pub outcomes: usize,
    /// Up to where decisions were looked at: the horizon before now, or before the newest row of the lake.
    pub decided_by: Option<Timestamp>,
}

impl Memory {
    #[must_use]
    pub fn new(
        store: Arc<dyn ExperienceStore>,
        lake: Arc<dyn Lake>,
        clock: Arc<dyn Clock>,
        rules: Arc<OutcomeRules>,
    ) -> Self {
        Self {
            store,
            lake,
            clock,
            rules,
            join_horizon: JOIN_HORIZON,
        }
    }

    /// How far back an event that names no decision looks for one; [`JOIN_HORIZON`] unless it is set here.
    #[must_use]
    pub fn with_join_horizon(mut self, horizon: Duration) -> Self {
        self.join_horizon = horizon;
        self
    }

    /// Returns once the decisions are durable: all of them, or none. The same decision again changes nothing.
    pub async fn decided(&self, ctx: &RequestContext, decisions: Vec<Decision>) -> Result<(), ExperienceError> {
        let group = DecisionGroup {
            ctx: ctx.clone(),
            decisions,
        };
        self.decided_together(vec![group]).await?.into_iter().collect()
    }

    /// The decisions of several calls in one commit; one answer per call. The outer error means that nothing is there.
    pub async fn decided_together(
        &self,
        groups: Vec<DecisionGroup>,
    ) -> Result<Vec<Result<(), ExperienceError>>, ExperienceError> {
        let mut answers: Vec<Result<(), ExperienceError>> = Vec::with_capacity(groups.len());
        let mut sound = Vec::with_capacity(groups.len());
        for group in groups {
            let check = group.decisions.iter().try_for_each(Decision::check);
            if check.is_ok() {
                sound.push(group);
            }
            answers.push(check);
        }
        let recorded = self.store.record_decisions(&sound, self.join_horizon).await?;
        let open = answers.iter_mut().filter(|answer| answer.is_ok());
        for (answer, result) in open.zip(recorded) {
            *answer = result;
        }
        Ok(answers)
    }

    pub async fn feedback(&self, ctx: &RequestContext, feedback: Feedback) -> Result<Recorded, ExperienceError> {
        self.event(ctx, Event::Feedback(feedback)).await
    }

    /// Records at most [`BATCH_MAX`] events, all or none; one answer for each, in order.
    pub async fn feedback_batch(
        &self,
        ctx: &RequestContext,
        feedback: Vec<Feedback>,
    ) -> Result<Vec<Recorded>, ExperienceError> {
        self.batch(ctx, feedback.into_iter().map(Event::Feedback).collect())
            .await
    }

    pub async fn outcome(&self, ctx: &RequestContext, outcome: Outcome) -> Result<Recorded, ExperienceError> {
        self.event(ctx, Event::Outcome(outcome)).await
    }

    async fn event(&self, ctx: &RequestContext, event: Event) -> Result<Recorded, ExperienceError> {
        let answers = self.events(ctx, vec![event]).await?;
        let lost = || ExperienceError::Corrupt {
            what: "an event".into(),
            detail: "the store gave no answer".into(),
        };
        answers.into_iter().next().ok_or_else(lost)
    }

    /// Records at most [`BATCH_MAX`] outcomes, all or none; one answer for each, in order.
    pub async fn outcomes(
        &self,
        ctx: &RequestContext,
        outcomes: Vec<Outcome>,
    ) -> Result<Vec<Recorded>, ExperienceError> {
        self.batch(ctx, outcomes.into_iter().map(Event::Outcome).collect())
            .await
    }

    async fn batch(&self, ctx: &RequestContext, events: Vec<Event>) -> Result<Vec<Recorded>, ExperienceError> {
        if events.len() > BATCH_MAX {
            return Err(ExperienceError::BatchTooLarge {
                given: events.len(),
                max: BATCH_MAX,
            });
        }
        self.events(ctx, events).await
    }

    async fn events(&self, ctx: &RequestContext, events: Vec<Event>) -> Result<Vec<Recorded>, ExperienceError> {
        events.iter().try_for_each(Event::check)?;
        events.iter().try_for_each(|event| self.check_kind(event))?;
        let (distinct, places) = distinct(events)?;
        let answers = self.store.record_events(ctx, &distinct, self.join_horizon).await?;
        let mut answered = vec![false; answers.len()];
        let in_order = places.into_iter().filter_map(|place| {
            let answer = answers.get(place)?;
            let again = std::mem::replace(answered.get_mut(place)?, true);
            Some(Recorded {
                repeated: answer.repeated || again,
                ..*answer
            })
        });
        Ok(in_order.collect())
    }

    /// What is counted from documents is not taken from anybody's word: models are trained on it.
    fn check_kind(&self, event: &Event) -> Result<(), ExperienceError> {
        match event {
            Event::Outcome(outcome) if self.rules.iter().any(|rule| rule.kind == outcome.kind) => {
                Err(ExperienceError::Invalid(format!(
                    "'{}' is counted from the ERP's documents once its time has come: send what else came of the \
                     decision under another kind",
                    outcome.kind
                )))
            }
            _ => Ok(()),
        }
    }

    pub async fn decision(&self, ctx: &RequestContext, id: DecisionId) -> Result<Remembered, ExperienceError> {
        self.store
            .decision(ctx, id)
            .await?
            .ok_or(ExperienceError::UnknownDecision(id))
    }

    /// A page of decisions, newest first; a limit beyond 1000 is cut to that.
    pub async fn decisions(
        &self,
        ctx: &RequestContext,
        mut query: DecisionQuery,
    ) -> Result<DecisionPage, ExperienceError> {
        query.limit = query.limit.clamp(1, PAGE_MAX as usize);
        self.store.decisions(ctx, &query).await
    }

    /// Records what the ERP's own tables say came of the decisions that have matured: those whose horizon has passed by
    /// `now` and is covered by the lake. A decision that has an outcome of the rule's kind is passed over, so running
    /// this again adds nothing.
    pub async fn resolve_outcomes(
        &self,
        ctx: &RequestContext,
        rule: &OutcomeRule,
        now: Timestamp,
    ) -> Result<Resolved, ExperienceError> {
        let Some(history) = BronzeHistory::open(&*self.lake, ctx, rule).await? else {
            return Ok(Resolved::default());
        };
        let Some(covered_to) = history.covered_to().await? else {
            return Ok(Resolved::default());
        };
        let decided_by = now.min(covered_to).saturating_sub(rule.horizon);
        let mut query = MaturedQuery {
            model: Arc::clone(&rule.model),
            kind: Arc::clone(&rule.kind),
            decided_by,
            after: None,
            limit: RESOLVE_DECISIONS_MAX,
        };
        let mut outcomes = 0;
        loop {
            let matured = self.store.matured(ctx, &query).await?;
            let Some(last) = matured.last() else { break };
            query.after = Some(DecisionCursor {
                decided_at: last.decided_at,
                id: last.id,
            });
            let values = history.values(&matured).await?;
            let events = matured.iter().zip(values).map(|(decision, value)| {
                Event::Outcome(Outcome {
                    event_id: format!("erp/{}/{}", rule.kind, decision.id).into(),
                    of: Reference::Decision(decision.id),
                    kind: Arc::clone(&rule.kind),
                    value,
                    observed_at: Some(decision.decided_at.saturating_add(rule.horizon)),
                    source: OutcomeSource::Erp,
                })
            });
            let recorded = self
                .store
                .record_events(ctx, &events.collect::<Vec<_>>(), self.join_horizon)
                .await?;
            outcomes += recorded.iter().filter(|answer| !answer.repeated).count();
        }
        tracing::debug!(model = %rule.model, kind = %rule.kind, outcomes, "resolved outcomes");
        Ok(Resolved {
            outcomes,
            decided_by: Some(decided_by),
        })
    }

    /// [`resolve_outcomes`](Self::resolve_outcomes) for every rule, as of the clock; outcomes recorded in all.
    pub async fn resolve_due(&self, ctx: &RequestContext) -> Result<usize, ExperienceError> {
        let now = self.clock.now();
        let mut outcomes = 0;
        for rule in self.rules.iter() {
            outcomes += self.resolve_outcomes(ctx, rule, now).await?.outcomes;
        }
        Ok(outcomes)
    }

    /// [`resolve_due`](Self::resolve_due) for everybody who has decisions.
    pub async fn resolve_due_everywhere(&self) -> Result<usize, ExperienceError> {
        let mut outcomes = 0;
        for tenant in self.store.tenants().await? {
            outcomes += self.resolve_due(&RequestContext::system(tenant)).await?;
        }
        Ok(outcomes)
    }

    /// How the versions of one model, or of all, did so far. Reads every decision of theirs, a page at a time.
    pub async fn summary(&self, ctx: &RequestContext, model: Option<&str>) -> Result<Summary, ExperienceError> {
        let mut builder = SummaryBuilder::default();
        let mut query = JudgedQuery {
            model: model.map(Arc::from),
            after: None,
            limit: JUDGED_PAGE,
        };
        loop {
            let page = self.store.judged(ctx, &query).await?;
            page.iter().for_each(|judged| builder.add(judged));
            match page.last() {
                Some(last) if page.len() == query.limit => query.after = Some(last.id),
                _ => break,
            }
        }
        Ok(builder.finish(self.store.pending(ctx).await?))
    }
}

/// The events without their repetitions, and for each of `events` its place among those.
fn distinct(events: Vec<Event>) -> Result<(Vec<Event>, Vec<usize>), ExperienceError> {
    let mut firsts: BTreeMap<(EventKind, Arc<str>), usize> = BTreeMap::new();
    let mut distinct: Vec<Event> = Vec::with_capacity(events.len());
    let mut places = Vec::with_capacity(events.len());
    for event in events {
        let next = distinct.len();
        let place = *firsts
            .entry((event.kind(), Arc::clone(event.event_id())))
            .or_insert(next);
        match distinct.get(place) {
            Some(first) if *first != event => {
                let (kind, event_id) = (event.kind().as_str(), event.event_id().to_string());
                return Err(ExperienceError::EventConflict { kind, event_id });
            }
            Some(_) => {}
            None => distinct.push(event),
        }
        places.push(place);
    }
    Ok((distinct, places))
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
