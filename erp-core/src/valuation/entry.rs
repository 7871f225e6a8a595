//! A move in a timeline, and what became of it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{Datelike, NaiveDate, NaiveTime};
use cortex_types::{MoneyError, StockMoveId, Timestamp};

use super::CostBasis;
use crate::{Cost, DocumentRef, MoveReason, StockMove};

/// A move in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub id: StockMoveId,
    pub at: Timestamp,
    pub location: Arc<str>,
    pub quantity_micro: i64,
    /// What stock is worth more by it, after everything that is known now.
    pub value_minor: i64,
    pub cost: Cost,
    pub reason: MoveReason,
    pub document: DocumentRef,
}

impl Entry {
    /// A move that was posted, with what it came to be worth since.
    #[must_use]
    pub fn of(moved: &StockMove, value_minor: i64) -> Self {
        Self {
            id: moved.id,
            at: moved.moved_at,
            location: Arc::clone(&moved.location),
            quantity_micro: moved.quantity_micro,
            value_minor,
            cost: moved.cost,
            reason: moved.reason,
            document: moved.document,
        }
    }

    /// The move that it makes dearer, and by how much for how much of it.
    pub(super) fn added(&self) -> Option<(StockMoveId, CostBasis)> {
        match self.cost {
            Cost::Added {
                of,
                of_quantity_micro: quantity_micro,
                minor: value_minor,
            } => Some((
                of,
                CostBasis {
                    value_minor,
                    quantity_micro,
                },
            )),
            _ => None,
        }
    }
}

/// A move that others refer to, from before those of the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Original {
    pub quantity_micro: i64,
    pub value_minor: i64,
}

impl Original {
    pub(super) const fn of(entry: &Entry) -> Self {
        Self {
            quantity_micro: entry.quantity_micro,
            value_minor: entry.value_minor,
        }
    }
}

/// Moves that others refer to, and what was added to their cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Originals {
    moves: HashMap<StockMoveId, Original>,
    /// By the move that it was added to, and the one that added it.
    added: HashMap<StockMoveId, BTreeMap<StockMoveId, CostBasis>>,
}

impl Originals {
    #[must_use]
    pub fn get(&self, id: StockMoveId) -> Option<Original> {
        self.moves.get(&id).copied()
    }

    /// What is known of one of them.
    pub(super) fn only(&self, id: StockMoveId) -> Self {
        Self {
            moves: self.get(id).map(|original| (id, original)).into_iter().collect(),
            added: self
                .added
                .get(&id)
                .map(|added| (id, added.clone()))
                .into_iter()
                .collect(),
        }
    }

    pub fn insert(&mut self, id: StockMoveId, original: Original) {
        self.moves.insert(id, original);
    }

    /// `by` made `of` dearer.
    pub fn add_cost(&mut self, of: StockMoveId, by: StockMoveId, cost: CostBasis) {
        self.added.entry(of).or_default().insert(by, cost);
    }

    /// `by` has its place among the moves, where it may come later.
    pub(super) fn forget_cost(&mut self, of: StockMoveId, by: StockMoveId) {
        if let Some(added) = self.added.get_mut(&of) {
            added.remove(&by);
        }
    }

    /// Notes a move that stands; `is_undone` where it was cancelled.
    pub(super) fn remember(&mut self, entry: &Entry, is_undone: bool) {
        self.insert(entry.id, Original::of(entry));
        if let Some((of, cost)) = entry.added().filter(|_| !is_undone) {
            self.add_cost(of, entry.id, cost);
        }
    }

    /// What was added to so much of a move.
    pub(super) fn added(&self, of: StockMoveId, quantity_micro: i64) -> Result<i64, MoneyError> {
        let mut costs = self.added.get(&of).into_iter().flat_map(BTreeMap::values);
        costs.try_fold(0_i64, |sum, cost| {
            sum.checked_add(cost.of(quantity_micro)?).ok_or(MoneyError::Overflow)
        })
    }
}

/// A standard cost, and from when on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StandardCost {
    pub from: Timestamp,
    pub cost: CostBasis,
}

/// A move that is worth something else than it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revalued {
    pub id: StockMoveId,
    pub at: Timestamp,
    pub location: Arc<str>,
    pub reason: MoveReason,
    /// What it is worth now.
    pub value_minor: i64,
    /// What stock is worth more by the change.
    pub change_minor: i64,
}

/// What recording moves came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// What stock is worth more by each of the new moves, in their order.
    pub values: Vec<i64>,
    pub revalued: Vec<Revalued>,
}

/// The beginning of the month, in UTC.
#[must_use]
pub fn month_of(at: Timestamp) -> Timestamp {
    let date = at.to_datetime().date_naive();
    let first = NaiveDate::from_ymd_opt(date.year(), date.month(), 1).unwrap_or(date);
    first.and_time(NaiveTime::MIN).and_utc().into()
}
