//! Which decision an event belongs to. Every store asks these two functions; none decides for itself.

use std::sync::Arc;
use std::time::Duration;

use cortex_types::{DecisionId, Timestamp};

use crate::{Decision, Reference};

/// As much of a decision as joining needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionHead {
    pub id: DecisionId,
    pub model: Arc<str>,
    pub entity_key: Arc<str>,
    pub decided_at: Timestamp,
}

impl From<&Decision> for DecisionHead {
    fn from(decision: &Decision) -> Self {
        Self {
            id: decision.id,
            model: Arc::clone(&decision.model),
            entity_key: Arc::clone(&decision.entity_key),
            decided_at: decision.decided_at,
        }
    }
}

/// Whether `decision` may be the one that `reference` means: named by id, or of the same model and entity and made in
/// `[at - horizon, at]`.
#[must_use]
pub fn accepts(reference: &Reference, decision: &DecisionHead, horizon: Duration) -> bool {
    match reference {
        Reference::Decision(id) => decision.id == *id,
        Reference::Entity { model, entity_key, at } => {
            decision.model == *model
                && decision.entity_key == *entity_key
                && decision.decided_at <= *at
                && decision.decided_at >= at.saturating_sub(horizon)
        }
    }
}

/// The newest of the decisions that `reference` accepts; of two made at the same instant, the one with the later id.
///
/// An event keeps the decision that it joined: one that is recorded later, though made in between, does not take it
/// over, because training sets may have been built on the first answer.
#[must_use]
pub fn newest_accepted<'a>(
    reference: &Reference,
    decisions: impl IntoIterator<Item = &'a DecisionHead>,
    horizon: Duration,
) -> Option<DecisionId> {
    let accepted = decisions
        .into_iter()
        .filter(|decision| accepts(reference, decision, horizon));
    accepted
        .max_by_key(|decision| (decision.decided_at, decision.id))
        .map(|decision| decision.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HORIZON: Duration = Duration::from_secs(30);

    fn head(model: u8, key: u8, seconds: i64) -> DecisionHead {
        DecisionHead {
            id: DecisionId::new(),
            model: format!("m{model}").into(),
            entity_key: format!("k{key}").into(),
            decided_at: Timestamp::from_micros(seconds * 1_000_000),
        }
    }

    fn of(model: u8, key: u8, seconds: i64) -> Reference {
        let at = Timestamp::from_micros(seconds * 1_000_000);
        Reference::Entity {
            model: format!("m{model}").into(),
            entity_key: format!("k{key}").into(),
            at,
        }
    }

    #[test]
    fn a_decision_made_after_the_event_is_never_its_cause() {
        assert_eq!(newest_accepted(&of(0, 0, 10), &[head(0, 0, 11)], HORIZON), None);
    }

    #[test]
    fn the_horizon_includes_its_first_instant() {
        let edge = head(0, 0, 70);
        assert_eq!(newest_accepted(&of(0, 0, 100), [&edge], HORIZON), Some(edge.id));
        assert_eq!(newest_accepted(&of(0, 0, 101), [&edge], HORIZON), None);
    }

    #[test]
    fn an_event_that_names_its_decision_joins_it_whatever_the_time() {
        let old = head(0, 0, -1_000_000);
        assert_eq!(
            newest_accepted(&Reference::Decision(old.id), [&old], HORIZON),
            Some(old.id)
        );
    }

    proptest! {
        #[test]
        fn the_join_is_the_newest_of_all_that_fit_whatever_their_order(
            places in proptest::collection::vec((0_u8..2, 0_u8..2, 0_i64..120), 0..30), at in 0_i64..120,
        ) {
            let heads: Vec<DecisionHead> = places.iter().map(|(m, k, s)| head(*m, *k, *s)).collect();
            let joined = newest_accepted(&of(0, 0, at), &heads, HORIZON);
            prop_assert_eq!(joined, newest_accepted(&of(0, 0, at), heads.iter().rev(), HORIZON));

            let fits = |(m, k, s): &(u8, u8, i64)| *m == 0 && *k == 0 && *s <= at && *s >= at - 30;
            let newest = places.iter().filter(|place| fits(place)).map(|place| place.2).max();
            let joined_at = heads.iter().find(|head| Some(head.id) == joined).map(|head| head.decided_at);
            prop_assert_eq!(joined_at, newest.map(|s| Timestamp::from_micros(s * 1_000_000)));
        }
    }
}
