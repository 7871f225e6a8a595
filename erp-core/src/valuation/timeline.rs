//! A product's moves in the order of their time, and what each is worth.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use cortex_types::{Currency, MoneyError, StockMoveId, Timestamp};

use super::entry::{Entry, Original, Originals, Recorded, Revalued, StandardCost, month_of};
use super::{CostBasis, Holding, Method, share};
use crate::{Cost, ErpError, MoveReason, Product};

/// What lies where.
pub type Holdings = BTreeMap<Arc<str>, Holding>;

/// The moves of one product, from some time on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// Code of the product.
    pub product: Arc<str>,
    pub currency: Currency,
    pub method: Method,
    /// In the order of time.
    pub standards: Vec<StandardCost>,
    /// When the newest move was, whether it is among `moves` or not.
    pub newest_at: Option<Timestamp>,
    /// From here on a move can be put in its place: `moves` are all that were since. At this very time, all that are not among
    /// them were before.
    pub from: Timestamp,
    /// What there was before `moves`.
    pub before: Holdings,
    /// What there is after them.
    pub now: Holdings,
    pub moves: Vec<Entry>,
    /// What `moves` refer to and is not among them.
    pub originals: Originals,
    /// What there was at the beginning of months, of those that changed.
    pub checkpoints: BTreeMap<Timestamp, Holdings>,
}

impl Timeline {
    /// The product as it stands, with no move before `newest_at` at hand.
    #[must_use]
    pub fn at_its_end(product: &Product, now: Holdings, newest_at: Option<Timestamp>) -> Self {
        Self {
            product: Arc::clone(&product.code),
            currency: product.currency,
            method: product.valuation,
            standards: Vec::new(),
            newest_at,
            from: newest_at.unwrap_or(Timestamp::MIN),
            before: now.clone(),
            now,
            moves: Vec::new(),
            originals: Originals::default(),
            checkpoints: BTreeMap::new(),
        }
    }

    /// Adds history: `moves` are all from `from` on, in the order of posting, and `before` is what there was until then.
    pub fn with_history(&mut self, from: Timestamp, before: Holdings, mut moves: Vec<Entry>) {
        // The sort is stable: at the same time, in the order of posting. What is added to a cost stands behind that.
        moves.sort_by_key(|entry| entry.at);
        self.moves.clear();
        for entry in moves {
            let place = self.place_of(&entry);
            self.moves.insert(place, entry);
        }
        (self.from, self.before) = (from, before);
    }

    /// Another standard cost, from some time on.
    pub fn set_standard(&mut self, standard: StandardCost) {
        let place = self.standards.partition_point(|there| there.from <= standard.from);
        self.standards.insert(place, standard);
    }

    /// The standard costs that come into force at a location after `at`, with nothing there yet to say so.
    pub fn later_standards(&self, location: &str, at: Timestamp) -> impl Iterator<Item = Timestamp> + '_ {
        let location: Arc<str> = location.into();
        let later = self.standards.iter().map(|standard| standard.from);
        let later: BTreeSet<Timestamp> = later.filter(|from| *from > at).collect();
        later.into_iter().filter(move |from| {
            let said = |entry: &Entry| entry.at == *from && entry.location == location;
            !self
                .moves
                .iter()
                .any(|entry| entry.reason == MoveReason::StandardCost && said(entry))
        })
    }

    /// Whether a move at `at` can be put in its place.
    #[must_use]
    pub fn reaches(&self, at: Timestamp) -> bool {
        at >= self.from
    }

    /// What lies at a location.
    #[must_use]
    pub fn holding(&self, location: &str) -> Holding {
        self.now.get(location).cloned().unwrap_or_default()
    }

    /// How much lay at a location at the end of `at`.
    #[must_use]
    pub fn quantity_at(&self, location: &str, at: Timestamp) -> i64 {
        let later = self.moves.iter().rev().take_while(|entry| entry.at > at);
        let moved = later
            .filter(|entry| *entry.location == *location)
            .fold(0_i64, |moved, entry| moved.saturating_add(entry.quantity_micro));
        let now = self.now.get(location).map_or(0, |holding| holding.quantity_micro);
        now.saturating_sub(moved)
    }

    /// The least that lay at a location from a move on until the end of `at`: more than that is not of that move any more.
    #[must_use]
    pub fn least_since(&self, of: StockMoveId, location: &str, at: Timestamp) -> i64 {
        let (mut quantity, undone) = (self.quantity_at(location, at), self.undone());
        let mut least = quantity;
        let stands = |entry: &&Entry| entry.cost.undoes().is_none() && !undone.contains(&entry.id);
        let before = self.moves.iter().rev().skip_while(|entry| entry.at > at).filter(stands);
        for entry in before.filter(|entry| *entry.location == *location) {
            if entry.id == of {
                break;
            }
            quantity = quantity.saturating_sub(entry.quantity_micro);
            least = least.min(quantity);
        }
        least.max(0)
    }

    /// What a move that was posted is worth now, and how much it moved.
    #[must_use]
    pub fn original(&self, id: StockMoveId) -> Option<Original> {
        let found = self.moves.iter().rev().find(|entry| entry.id == id).map(Original::of);
        found.or_else(|| self.originals.get(id))
    }

    /// The same, with what was added to its cost.
    fn originals_of(&self, id: StockMoveId) -> Originals {
        let mut originals = self.originals.only(id);
        let of = |entry: &&Entry| entry.id == id || entry.cost.added_to() == Some(id);
        for entry in self.moves.iter().filter(of) {
            let is_undone = || self.moves.iter().any(|other| other.cost.undoes() == Some(entry.id));
            originals.forget_cost(id, entry.id);
            originals.remember(entry, entry.id != id && is_undone());
        }
        originals
    }

    fn undone(&self) -> BTreeSet<StockMoveId> {
        self.moves.iter().filter_map(|entry| entry.cost.undoes()).collect()
    }

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
    fn place_of(&self, entry: &Entry) -> usize {
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

    /// What a move is said to cost, and with what was added to the cost of the goods that it takes back; `None` where nobody says.
    fn given(&self, entry: &Entry, originals: &Originals) -> Result<Option<i64>, ErpError> {
        let (of, offset) = match entry.cost {
            Cost::Given { minor, of: Some(of) } => {
                let added = originals.added(of, entry.quantity_micro.saturating_abs())?;
                let whole = minor.checked_add(added).ok_or(MoneyError::Overflow)?;
                return Ok(Some(whole.max(0)));
            }
            Cost::Given { minor, of: None } | Cost::Added { minor, .. } => return Ok(Some(minor)),
            Cost::Of { of, offset_micro } => (of, offset_micro),
            Cost::ByMethod | Cost::Known | Cost::Undone { .. } => return Ok(None),
        };
        let original = originals.get(of).ok_or_else(|| self.missing(entry.at))?;
        // What came back before took its part already, and all parts together are the whole.
        let (whole, value) = (
            original.quantity_micro.saturating_abs(),
            original.value_minor.saturating_abs(),
        );
        let until = share(value, offset + entry.quantity_micro, whole)?;
        Ok(Some(until - share(value, offset, whole)?))
    }

    fn missing(&self, at: Timestamp) -> ErpError {
        ErpError::HistoryMissing {
            product: Arc::clone(&self.product),
            at,
        }
    }

    fn short(&self, entry: &Entry, quantity_micro: i64) -> ErpError {
        ErpError::InsufficientStock {
            product: Arc::clone(&self.product),
            location: Arc::clone(&entry.location),
            at: entry.at,
            short_micro: quantity_micro.saturating_neg(),
        }
    }

    fn standard(&self, at: Timestamp) -> Option<CostBasis> {
        let place = self.standards.partition_point(|standard| standard.from <= at);
        let standard = self.standards.get(place.saturating_sub(1))?;
        Some(standard.cost)
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
        (_, out) if out < 0 => Ok(-holding.issue(method, out.saturating_neg())?),
        (_, quantity) => holding.enter(method, entry.id, quantity, given),
    }
}
