//! Puts moves into a timeline, and values them and everything behind them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use cortex_types::{MoneyError, StockMoveId};

use super::entry::{Entry, Recorded, Revalued, month_of};
use super::{CostBasis, Holding, Method, Timeline};
use crate::{Cost, ErpError, MoveReason};

impl Timeline {
    /// Puts the new moves of a document in their places, and values them and everything behind them. `allowed` says of a
    /// location whether its stock may go below zero. Where this fails the timeline is of no use any more.
    pub fn record(&mut self, new: Vec<Entry>, allowed: impl Fn(&str) -> bool) -> Result<Recorded, ErpError> {
        if new.iter().all(|entry| self.belongs_at_the_end(entry)) {
            return self.append(new, allowed);
        }
        let ids: Vec<StockMoveId> = new.iter().map(|entry| entry.id).collect();
        let mut first = usize::MAX;
        for entry in new {
            if !self.reaches(entry.at) {
                return Err(self.missing(entry.at));
            }
            first = first.min(match (entry.cost, entry.reason) {
                (Cost::Undone { of }, _) => self.moves.iter().position(|there| there.id == of).unwrap_or(0),
                // Another from the same time takes the place of the one before.
                (_, MoveReason::StandardCost) => self.moves.partition_point(|there| there.at < entry.at),
                _ => usize::MAX,
            });
            let place = self.place_of(&entry);
            self.moves.insert(place, entry);
            first = first.min(place);
        }
        self.replay(first, &ids, allowed)
    }

    fn belongs_at_the_end(&self, entry: &Entry) -> bool {
        let behind_its_time = entry.cost.added_to().is_none() && entry.reason != MoveReason::StandardCost;
        let end = self
            .newest_at
            .is_none_or(|newest| newest < entry.at || (newest == entry.at && behind_its_time));
        end && entry.cost.undoes().is_none()
    }

    /// Behind everything of its time; but what is added to the cost of a move of the same time, right behind that, and a
    /// standard cost before everything that has it.
    pub(super) fn place_of(&self, entry: &Entry) -> usize {
        let begin = self.moves.partition_point(|there| there.at < entry.at);
        let of_time = self.moves[begin..].partition_point(|there| there.at <= entry.at);
        let same_time = &self.moves[begin..begin + of_time];
        if entry.reason == MoveReason::StandardCost {
            let costs = same_time
                .iter()
                .take_while(|there| there.reason == MoveReason::StandardCost);
            return begin + costs.count();
        }
        let of = entry.cost.added_to();
        let target = of.and_then(|of| same_time.iter().position(|there| there.id == of));
        let Some(place) = target else {
            return begin + of_time;
        };
        let added = same_time[place + 1..]
            .iter()
            .take_while(|there| there.cost.added_to() == of);
        begin + place + 1 + added.count()
    }

    fn append(&mut self, new: Vec<Entry>, allowed: impl Fn(&str) -> bool) -> Result<Recorded, ErpError> {
        let mut recorded = Recorded::default();
        for mut entry in new {
            if self
                .newest_at
                .is_some_and(|newest| newest < entry.at && newest < month_of(entry.at))
            {
                self.checkpoints.insert(month_of(entry.at), self.now.clone());
            }
            let originals = entry.cost.refers_to().map(|of| self.originals_of(of));
            let given = self.given(&entry, &originals.unwrap_or_default())?;
            let standard = self.standard(entry.at);
            let holding = self.now.entry(Arc::clone(&entry.location)).or_default();
            entry.value_minor = value(self.method, standard, holding, &entry, given)?;
            if entry.quantity_micro < 0 && holding.quantity_micro < 0 && !allowed(&entry.location) {
                let short_micro = holding.quantity_micro;
                return Err(self.short(&entry, short_micro));
            }
            self.newest_at = Some(entry.at);
            recorded.values.push(entry.value_minor);
            self.moves.push(entry);
        }
        Ok(recorded)
    }

    /// Values everything from `first` on anew.
    fn replay(
        &mut self,
        first: usize,
        new: &[StockMoveId],
        allowed: impl Fn(&str) -> bool,
    ) -> Result<Recorded, ErpError> {
        let is_new: BTreeSet<StockMoveId> = new.iter().copied().collect();
        let undone = self.undone();
        let new_moves = self.moves.iter().filter(|entry| is_new.contains(&entry.id));
        let taken_back: BTreeSet<StockMoveId> = new_moves.filter_map(|entry| entry.cost.undoes()).collect();
        let mut moves = std::mem::take(&mut self.moves);
        let mut originals = self.originals.clone();
        for (of, entry) in moves.iter().filter_map(|entry| Some((entry.cost.added_to()?, entry))) {
            originals.forget_cost(of, entry.id);
        }
        let mut now = self.before.clone();
        for entry in &moves[..first] {
            originals.remember(entry, undone.contains(&entry.id));
            if undone.contains(&entry.id) || entry.cost.undoes().is_some() {
                continue;
            }
            let given = self.given(entry, &originals)?;
            let holding = now.entry(Arc::clone(&entry.location)).or_default();
            let computed = value(self.method, self.standard(entry.at), holding, entry, given)?;
            // As it was posted: it is not for a later move to say that it was something else.
            holding.correct(entry.value_minor - computed)?;
        }
        // What there was before was there at `from` at the latest.
        let mut last = match first.checked_sub(1) {
            Some(index) => Some(moves[index].at),
            None => (!self.before.is_empty()).then_some(self.from),
        };
        let mut recorded = Recorded::default();
        let mut values: HashMap<StockMoveId, i64> = HashMap::new();
        let mut brought: HashMap<Arc<str>, i64> = HashMap::new();
        for entry in &mut moves[first..] {
            if last.is_some_and(|last| last < entry.at && last < month_of(entry.at)) {
                self.checkpoints.insert(month_of(entry.at), now.clone());
            }
            last = Some(entry.at);
            let mine = is_new.contains(&entry.id);
            let posted = entry.value_minor;
            let brought = brought.entry(Arc::clone(&entry.location)).or_default();
            // What is taken back is missing from its own place on.
            *brought = brought.saturating_add(
                match (mine && entry.cost.undoes().is_none(), taken_back.contains(&entry.id)) {
                    (true, _) => entry.quantity_micro,
                    (_, true) => -entry.quantity_micro,
                    _ => 0,
                },
            );
            if let Some(of) = entry.cost.undoes() {
                entry.value_minor = originals.get(of).map_or(0, |original| -original.value_minor);
            } else if !undone.contains(&entry.id) {
                let given = self.given(entry, &originals)?;
                let holding = now.entry(Arc::clone(&entry.location)).or_default();
                entry.value_minor = value(self.method, self.standard(entry.at), holding, entry, given)?;
                let goes_short = entry.quantity_micro < 0 && holding.quantity_micro < 0;
                let was_there = holding.quantity_micro >= *brought;
                if goes_short && (mine || was_there) && !allowed(&entry.location) {
                    let short_micro = holding.quantity_micro;
                    return Err(self.short(entry, short_micro));
                }
            }
            originals.remember(entry, undone.contains(&entry.id));
            match mine {
                true => {
                    values.insert(entry.id, entry.value_minor);
                }
                false if entry.value_minor != posted => recorded.revalued.push(Revalued {
                    id: entry.id,
                    at: entry.at,
                    location: Arc::clone(&entry.location),
                    reason: entry.reason,
                    value_minor: entry.value_minor,
                    change_minor: entry.value_minor.checked_sub(posted).ok_or(MoneyError::Overflow)?,
                }),
                false => {}
            }
        }
        // What nothing is left of is left with nothing.
        for location in self.now.keys() {
            now.entry(Arc::clone(location)).or_default();
        }
        self.newest_at = self.newest_at.max(moves.last().map(|entry| entry.at));
        recorded.values = new.iter().map(|id| values.get(id).copied().unwrap_or(0)).collect();
        (self.moves, self.now) = (moves, now);
        Ok(recorded)
    }
}

/// Moves the holding; returns what it is worth more.
fn value(
    method: Method,
    standard: Option<CostBasis>,
    holding: &mut Holding,
    entry: &Entry,
    given: Option<i64>,
) -> Result<i64, ErpError> {
    if let (Method::Standard, Some(standard)) = (method, standard) {
        return holding.move_at_standard(entry.quantity_micro, standard);
    }
    match (entry.cost, entry.quantity_micro) {
        (
            Cost::Added {
                of,
                of_quantity_micro,
                minor,
            },
            _,
        ) => holding.cost_more(method, of, of_quantity_micro, minor),
        (_, 0) => Ok(0),
        (Cost::Given { minor, of }, out) if out < 0 => {
            let given = given.unwrap_or(minor);
            Ok(-holding.give_back(method, out.saturating_neg(), given, of)?)
        }
        // What came back leaves again.
        (Cost::Of { of, .. }, out) if out < 0 => {
            Ok(-holding.give_back(method, out.saturating_neg(), given.unwrap_or(0), Some(of))?)
        }
        (_, out) if out < 0 => Ok(-holding.issue(method, out.saturating_neg())?),
        (_, quantity) => holding.enter(method, entry.id, quantity, given),
    }
}
