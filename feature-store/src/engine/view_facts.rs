//! All facts of one view: the histories of its entities, kept up to date change by change.

use std::collections::HashMap;
use std::sync::Arc;

use cortex_types::Timestamp;

use super::accumulator::Accumulator;
use super::fact::{Cell, Fact, FactChange, Revision, RowId};
use super::fold::FoldedView;
use super::history::{Base, History, NULL, Stamp};
use super::plan::ViewPlan;
use super::symbols::{ColumnKind, Symbols};
use crate::value::EntityKey;

/// The facts of one view of one tenant.
///
/// Changes of one row come in the order of their positions; nothing else about the order matters.
#[derive(Clone, Debug)]
pub struct ViewFacts {
    plan: Arc<ViewPlan>,
    histories: HashMap<EntityKey, History>,
    symbols: Symbols,
    kinds: Vec<ColumnKind>,
    /// Where earlier versions of revised rows stand: a row may have had several keys.
    revised: HashMap<RowId, Vec<EntityKey>>,
    /// Event and known-at of the facts in bases lie at or before this instant.
    compacted_to: i64,
    newest_known: i64,
}

/// A correction of a fact that may be in a base: the entity's history has to be taken from the log again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uncompact(pub EntityKey);

impl ViewFacts {
    #[must_use]
    pub fn new(plan: Arc<ViewPlan>) -> Self {
        let kinds = vec![ColumnKind::Int; plan.width];
        Self {
            plan,
            histories: HashMap::new(),
            symbols: Symbols::default(),
            kinds,
            revised: HashMap::new(),
            compacted_to: i64::MIN,
            newest_known: i64::MIN,
        }
    }

    #[must_use]
    pub fn plan(&self) -> &Arc<ViewPlan> {
        &self.plan
    }

    /// Keys with facts, in no particular order.
    pub fn keys(&self) -> impl Iterator<Item = &EntityKey> {
        self.histories.keys()
    }

    /// The view's values for `key` at `at`; `None` before [`answers_from`](Self::answers_from).
    #[must_use]
    pub fn values(&self, key: &EntityKey, at: Timestamp) -> Option<FoldedView> {
        self.values_known_by(key, at, at)
    }

    /// The view's values for `key` at `at`, by what is known at `known_by`: hindsight, for labels.
    #[must_use]
    pub fn values_known_by(&self, key: &EntityKey, at: Timestamp, known_by: Timestamp) -> Option<FoldedView> {
        let history = self.histories.get(key);
        if at.min(known_by) < self.answers_from() && history.is_some_and(|history| history.base.is_some()) {
            return None;
        }
        Some(self.plan.fold(history, &self.kinds, &self.symbols, at, known_by))
    }

    /// The earliest instant whose values are still known for every entity.
    #[must_use]
    pub fn answers_from(&self) -> Timestamp {
        Timestamp::from_micros(self.compacted_to.saturating_add(self.plan.longest_span_micros()))
    }

    /// When the newest fact was known.
    #[must_use]
    pub fn newest_known(&self) -> Timestamp {
        Timestamp::from_micros(self.newest_known)
    }

    /// The newest event of `key` that counts at `at`.
    #[must_use]
    pub fn newest_event(&self, key: &EntityKey, at: Timestamp) -> Option<Timestamp> {
        let history = self.histories.get(key)?;
        let known = history.stamps.iter().take(history.until(at.micros())).rev();
        let newest = known
            .filter(|stamp| stamp.counts(at.micros(), at.micros()))
            .map(|stamp| stamp.event)
            .next();
        newest
            .max(history.base.as_ref().map(|base| base.newest))
            .map(Timestamp::from_micros)
    }

    /// Takes in one change. A change that supersedes an earlier one returns the entities whose compacted facts it may
    /// concern: those are to be [forgotten](Self::forget) and all changes [applied to them again](Self::reapply).
    pub fn apply(&mut self, change: &FactChange) -> Vec<Uncompact> {
        self.newest_known = self.newest_known.max(change.known_at.micros());
        let compacted = self.supersede(change);
        if let Some(fact) = &change.fact {
            self.insert(change, fact);
        }
        compacted
    }

    fn insert(&mut self, change: &FactChange, fact: &Fact) {
        let mut cells = [NULL; INLINE_CELLS];
        let mut more = Vec::new();
        let cells = if self.plan.width <= INLINE_CELLS {
            &mut cells[..self.plan.width]
        } else {
            more.resize(self.plan.width, NULL);
            &mut more[..]
        };
        for (column, (cell, slot)) in fact.cells.iter().zip(cells.iter_mut()).enumerate() {
            *slot = match cell {
                Cell::Null => NULL,
                Cell::Int(value) => *value,
                Cell::Text(text) => {
                    self.kinds[column] = ColumnKind::Text;
                    self.symbols.number(text)
                }
            };
        }
        let stamp = Stamp {
            event: fact.event_time.micros(),
            known: change.known_at.micros(),
            position: change.position,
            row: change.row,
            until: i64::MAX,
        };
        match self.histories.get_mut(&fact.key) {
            Some(history) => history.insert(stamp, cells),
            None => self.histories.entry(fact.key.clone()).or_default().insert(stamp, cells),
        }
    }

    fn supersede(&mut self, change: &FactChange) -> Vec<Uncompact> {
        let Revision::Supersedes { key_before } = &change.revision else {
            return Vec::new();
        };
        let mut keys: Vec<EntityKey> = self.revised.get(&change.row).cloned().unwrap_or_default();
        keys.extend(key_before.iter().cloned());
        keys.extend(change.fact.iter().map(|fact| fact.key.clone()));
        keys.sort_unstable();
        keys.dedup();
        let mut compacted = Vec::new();
        for key in keys {
            let Some(history) = self.histories.get_mut(&key) else {
                continue;
            };
            let found = history.supersede(change.row, change.position, change.known_at.micros());
            // Even where a version was found, another one may be in the base.
            let hidden = history.base.is_some();
            if found || hidden {
                let places = self.revised.entry(change.row).or_default();
                if !places.contains(&key) {
                    places.push(key.clone());
                }
            }
            if hidden {
                compacted.push(Uncompact(key));
            }
        }
        compacted
    }

    /// Takes in what a change says of `key` alone, while its history is built again.
    pub fn reapply(&mut self, key: &EntityKey, change: &FactChange) {
        if change.revision != Revision::New
            && let Some(history) = self.histories.get_mut(key)
        {
            history.supersede(change.row, change.position, change.known_at.micros());
        }
        if let Some(fact) = change.fact.as_ref().filter(|fact| fact.key == *key) {
            self.insert(change, fact);
        }
    }

    /// Forgets what is known of `key`, so that its changes can be applied again from the first one on.
    pub fn forget(&mut self, key: &EntityKey) {
        self.histories.remove(key);
    }

    /// Folds facts that no finite window at or after `now` reaches into bases, so that memory is bounded by the
    /// longest window. A fact that was ever superseded stays as it is.
    pub fn compact(&mut self, now: Timestamp) {
        let horizon = now.micros().saturating_sub(self.plan.longest_span_micros());
        if horizon <= self.compacted_to {
            return;
        }
        self.compacted_to = horizon;
        let plan = &self.plan;
        for history in self.histories.values_mut() {
            compact_history(plan, history, horizon);
        }
    }

    /// Folds what is below the current horizon of one entity, after its history was built again.
    pub fn recompact(&mut self, key: &EntityKey) {
        if let Some(history) = self.histories.get_mut(key) {
            compact_history(&self.plan, history, self.compacted_to);
        }
    }
}

/// Views with more value columns than this put them on the heap while they are inserted.
const INLINE_CELLS: usize = 8;

fn compact_history(plan: &ViewPlan, history: &mut History, horizon: i64) {
    if history.stamps.first().is_none_or(|oldest| oldest.event > horizon) {
        return;
    }
    let mut base = history.base.take();
    let leaves = |stamp: &Stamp| stamp.event <= horizon && stamp.known <= horizon && stamp.until == i64::MAX;
    history.extract(plan.width, leaves, |stamp, cells| {
        let base = base.get_or_insert_with(|| Base {
            newest: stamp.event,
            accumulators: plan
                .measures
                .iter()
                .map(|measure| Accumulator::new(measure.aggregate))
                .collect(),
        });
        base.newest = base.newest.max(stamp.event);
        for (measure, accumulator) in plan.measures.iter().zip(&mut base.accumulators) {
            let value = measure.column.map_or(0, |column| cells[column]);
            if value != NULL && plan.is_lifetime(measure) {
                accumulator.add(value, stamp);
            }
        }
    });
    history.base = base;
}
