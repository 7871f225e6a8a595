//! For whom there is a row: entities that did something lately, by what was known then.

use std::sync::Arc;

use cortex_features::engine::{FactExtractor, ViewFacts, ViewPlan};
use cortex_features::{Bronze, BronzeBounds, Definitions, EntityRows};
use cortex_lake::Lake;
use cortex_types::{RequestContext, Timestamp};

use crate::TrainingError;
use crate::declaration::RowRule;

/// The entities that were active within `rule.active_within` before each of `instants`, ordered by instant and key; at
/// most `rule.max`.
///
/// The same as asking for the active entities at each instant, but reads each table once.
pub async fn active_rows(
    ctx: &RequestContext,
    lake: &dyn Lake,
    definitions: &Definitions,
    entity: &str,
    rule: &RowRule,
    instants: &[Timestamp],
) -> Result<EntityRows, TrainingError> {
    let (Some(&first), Some(&last)) = (instants.first(), instants.last()) else {
        return Ok(EntityRows::default());
    };
    let entity = definitions.entity(entity)?;
    let of_entity = definitions.views().filter(|view| view.entity == entity.name);
    let activity = of_entity.filter(|view| entity.activity.as_ref().is_none_or(|name| *name == view.name));
    let bounds = BronzeBounds {
        known_by: Some(last),
        happened_after: Some(first.saturating_sub(rule.active_within.duration())),
        happened_by: Some(last),
        upto: None,
    };
    let mut active = Vec::new();
    for view in activity {
        let extractor = FactExtractor::new(view, entity);
        let table = &*view.source.table;
        let bronze = Bronze::read(lake, &ctx.tenant, table, &[&extractor], &bounds).await?;
        let mut facts = ViewFacts::new(Arc::new(ViewPlan::new(view)));
        for change in bronze.into_iter().flat_map(|bronze| bronze.changes).flatten() {
            // Nothing is compacted here, so no change asks for what was.
            let _ = facts.apply(&change);
        }
        for &instant in instants {
            let since = instant.saturating_sub(rule.active_within.duration());
            let counts = |key: &_| facts.newest_event(key, instant).is_some_and(|event| event > since);
            active.extend(facts.keys().filter(|key| counts(key)).map(|key| (instant, key.clone())));
        }
    }
    active.sort_unstable();
    active.dedup();
    let (times, keys) = thinned(active, rule.max).into_iter().unzip();
    Ok(EntityRows { keys, times })
}

/// At most `max` of `rows`, evenly spread over their order.
fn thinned<T>(rows: Vec<T>, max: usize) -> Vec<T> {
    let count = rows.len();
    if count <= max {
        return rows;
    }
    // Row `i` begins a new share of `count / max` rows exactly when this number changes.
    let share = |row: usize| row * max / count;
    let begins = |row: usize| row == 0 || share(row) != share(row - 1);
    rows.into_iter()
        .enumerate()
        .filter(|(row, _)| begins(*row))
        .map(|(_, kept)| kept)
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn thinning_keeps_exactly_as_many_as_allowed_and_their_order(count in 0_usize..500, max in 1_usize..200) {
            let kept = thinned((0..count).collect(), max);
            prop_assert_eq!(kept.len(), count.min(max));
            prop_assert!(kept.windows(2).all(|pair| pair[0] < pair[1] && pair[1] - pair[0] <= count.div_ceil(max)));
        }
    }
}
