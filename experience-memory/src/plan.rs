//! What a call adds to what is there, decided without touching a store.

use std::collections::BTreeMap;

use cortex_types::{DecisionId, TenantId};

use crate::{Decision, DecisionGroup, Event, ExperienceError, Recorded};

/// Which decisions of several groups are new, and which groups are refused.
#[derive(Debug)]
pub struct GroupPlan<'a> {
    /// One per group, in order.
    pub answers: Vec<Result<(), ExperienceError>>,
    /// Each new decision once, with the place of its group.
    pub new: Vec<(usize, &'a Decision)>,
}

/// Plans one commit of `groups` on top of `existing`, which holds those of their ids that are taken already.
#[must_use]
pub fn plan_groups<'a>(
    groups: &'a [DecisionGroup],
    existing: &BTreeMap<DecisionId, (TenantId, Decision)>,
) -> GroupPlan<'a> {
    let mut accepted: BTreeMap<DecisionId, (&TenantId, &Decision)> = existing
        .iter()
        .map(|(id, (tenant, decision))| (*id, (tenant, decision)))
        .collect();
    let mut plan = GroupPlan {
        answers: Vec::with_capacity(groups.len()),
        new: Vec::new(),
    };
    for (place, group) in groups.iter().enumerate() {
        let mut added: BTreeMap<DecisionId, &Decision> = BTreeMap::new();
        let conflict = group.decisions.iter().find(|decision| {
            let before = accepted.get(&decision.id).copied();
            match before.or_else(|| added.get(&decision.id).map(|first| (&group.ctx.tenant, *first))) {
                Some(before) => before != (&group.ctx.tenant, *decision),
                None => {
                    added.insert(decision.id, decision);
                    false
                }
            }
        });
        match conflict {
            Some(decision) => plan.answers.push(Err(ExperienceError::DecisionConflict(decision.id))),
            None => {
                plan.answers.push(Ok(()));
                plan.new.extend(added.values().map(|decision| (place, *decision)));
                accepted.extend(
                    added
                        .into_iter()
                        .map(|(id, decision)| (id, (&group.ctx.tenant, decision))),
                );
            }
        }
    }
    plan
}

/// An event that is there already: its digest, and the decision it joined.
pub type Earlier = (String, Option<DecisionId>);

/// The first answer again, where `event` is there; an error, where another one is there under its id.
pub fn settle(event: &Event, digest: &str, earlier: Option<&Earlier>) -> Result<Option<Recorded>, ExperienceError> {
    match earlier {
        None => Ok(None),
        Some((before, decision_id)) if before == digest => Ok(Some(Recorded {
            decision_id: *decision_id,
            repeated: true,
        })),
        Some(_) => Err(ExperienceError::EventConflict {
            kind: event.kind().as_str(),
            event_id: event.event_id().to_string(),
        }),
    }
}
