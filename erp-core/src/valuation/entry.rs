//! A move in a timeline, and what became of it.

use std::sync::Arc;

use chrono::{Datelike, NaiveDate, NaiveTime};
use cortex_types::{StockMoveId, Timestamp};

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
}

/// A move that others refer to, from before those of the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Original {
    pub quantity_micro: i64,
    pub value_minor: i64,
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
