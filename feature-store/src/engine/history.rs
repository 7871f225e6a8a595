//! The facts of one entity in one view, with the instants between which each of them counted.

use super::accumulator::Accumulator;
use super::fact::{FactPosition, RowId};

/// Stands for a null cell; extraction refuses it as a value.
pub(super) const NULL: i64 = i64::MIN;

/// When a fact was true, and when it was known. Times are microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub event: i64,
    pub known: i64,
    pub position: FactPosition,
    pub row: RowId,
    /// The earliest instant at which a later version of the row was known; `i64::MAX` while there is none.
    pub until: i64,
}

impl Stamp {
    /// Newest event last; on a tie what was known later, then what changed later.
    pub(super) fn order(&self) -> (i64, i64, FactPosition, RowId) {
        (self.event, self.known, self.position, self.row)
    }

    /// Whether the fact had happened at `at`, by what is known at `known_by`.
    pub(super) fn counts(&self, at: i64, known_by: i64) -> bool {
        self.event <= at && self.known <= known_by && known_by < self.until
    }
}

/// What is left of facts that no finite window reaches any more.
#[derive(Clone, Debug)]
pub(super) struct Base {
    /// Event time of the newest of them.
    pub newest: i64,
    /// One per measure of the plan; only those with a lifetime window take facts in.
    pub accumulators: Vec<Accumulator>,
}

/// Facts in the order of their stamps.
#[derive(Clone, Debug, Default)]
pub struct History {
    pub(super) stamps: Vec<Stamp>,
    /// `width` cells for each stamp.
    pub(super) cells: Vec<i64>,
    pub(super) base: Option<Base>,
}

impl History {
    pub(super) fn insert(&mut self, stamp: Stamp, cells: &[i64]) {
        let at = match self.stamps.last() {
            Some(last) if last.order() > stamp.order() => {
                self.stamps.partition_point(|known| known.order() < stamp.order())
            }
            _ => self.stamps.len(),
        };
        self.stamps.insert(at, stamp);
        let from = at * cells.len();
        self.cells.splice(from..from, cells.iter().copied());
    }

    /// Ends every version of `row` before `position` at `known`. False where there is none.
    pub(super) fn supersede(&mut self, row: RowId, position: FactPosition, known: i64) -> bool {
        let mut found = false;
        for stamp in self
            .stamps
            .iter_mut()
            .filter(|stamp| stamp.row == row && stamp.position < position)
        {
            stamp.until = stamp.until.min(known);
            found = true;
        }
        found
    }

    /// The facts with an event time until `at`, newest last: their number.
    pub(super) fn until(&self, at: i64) -> usize {
        match self.stamps.last() {
            Some(last) if last.event <= at => self.stamps.len(),
            _ => self.stamps.partition_point(|stamp| stamp.event <= at),
        }
    }

    /// Takes the facts at `moved` (ascending) out, and hands each to `into`.
    pub(super) fn extract(
        &mut self,
        width: usize,
        mut leaves: impl FnMut(&Stamp) -> bool,
        mut into: impl FnMut(&Stamp, &[i64]),
    ) {
        let mut kept = 0;
        for index in 0..self.stamps.len() {
            let stamp = self.stamps[index];
            if leaves(&stamp) {
                into(&stamp, &self.cells[index * width..(index + 1) * width]);
                continue;
            }
            if kept != index {
                self.stamps[kept] = stamp;
                self.cells.copy_within(index * width..(index + 1) * width, kept * width);
            }
            kept += 1;
        }
        self.stamps.truncate(kept);
        self.cells.truncate(kept * width);
    }
}
