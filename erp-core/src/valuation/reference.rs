//! The valuation of stock once more: slow, simple, and written from the definition alone. Everything is valued anew from
//! the first move on, whatever was posted last.

mod cases;
mod examples;
mod histories;
mod properties;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use cortex_types::{StockMoveId, Timestamp};

use super::{Entry, Holding, Method, StandardCost};
use crate::{Cost, MoveReason};

/// The whole number nearest to `numerator / denominator`; of two that are equally near, the even one. The denominator is
/// above zero.
fn nearest(numerator: i128, denominator: i128) -> i128 {
    let magnitude = numerator.abs();
    let below = magnitude / denominator;
    let (to_below, to_above) = (magnitude - below * denominator, (below + 1) * denominator - magnitude);
    let is_up = to_above < to_below || (to_above == to_below && below % 2 == 1);
    numerator.signum() * (below + i128::from(is_up))
}

/// This quantity came for this value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rate {
    value: i128,
    quantity: i128,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Arrival {
    of: StockMoveId,
    quantity: i128,
    value: i128,
}

/// One location.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Shelf {
    quantity: i128,
    value: i128,
    last_known: Option<Rate>,
    arrivals: Vec<Arrival>,
}

impl Shelf {
    fn average(&self) -> Option<Rate> {
        (self.quantity > 0 && self.value > 0).then_some(Rate {
            value: self.value,
            quantity: self.quantity,
        })
    }

    /// Returns the value that leaves. `own_cost` is what all of it cost that goes back to a supplier.
    fn leave(&mut self, is_fifo: bool, quantity: i128, own_cost: Option<i128>, from: Option<StockMoveId>) -> i128 {
        let on_hand = self.quantity.max(0);
        let taken = quantity.min(on_hand);
        if !is_fifo {
            self.last_known = self.average().or(self.last_known);
        }
        let out_of_stock = match (is_fifo, own_cost) {
            _ if taken == 0 => 0,
            (true, _) => self.leave_arrivals(taken, from),
            (false, _) if taken == on_hand => self.value,
            (false, None) => nearest(self.value * taken, on_hand),
            (false, Some(cost)) => nearest(cost * taken, quantity).min(self.value),
        };
        let beyond = match self.last_known {
            Some(rate) => nearest(rate.value * (quantity - taken), rate.quantity),
            None => 0,
        };
        self.quantity -= quantity;
        self.value -= out_of_stock + beyond;
        out_of_stock + beyond
    }

    fn leave_arrivals(&mut self, quantity: i128, first: Option<StockMoveId>) -> i128 {
        let (mut missing, mut value) = (quantity, 0);
        let mut order: Vec<usize> = (0..self.arrivals.len()).collect();
        order.sort_by_key(|index| Some(self.arrivals[*index].of) != first);
        for index in order {
            let arrival = &mut self.arrivals[index];
            let part = missing.min(arrival.quantity);
            let worth = if part == arrival.quantity {
                arrival.value
            } else {
                nearest(arrival.value * part, arrival.quantity)
            };
            (arrival.quantity, arrival.value) = (arrival.quantity - part, arrival.value - worth);
            (missing, value) = (missing - part, value + worth);
        }
        assert_eq!(missing, 0, "what is on hand is what arrived and is left");
        self.arrivals.retain(|arrival| arrival.quantity > 0);
        value
    }

    /// Returns what the shelf is worth more. `cost` is `None` where nobody says it.
    fn arrive(&mut self, is_fifo: bool, of: StockMoveId, quantity: i128, cost: Option<i128>) -> i128 {
        let known = if is_fifo { None } else { self.average() }.or(self.last_known);
        let by_known = known.map_or(0, |rate| nearest(rate.value * quantity, rate.quantity));
        let cost = cost.unwrap_or(by_known);
        let short = (-self.quantity).max(0);
        let filled = quantity.min(short);
        let (replaced, expensed) = if short > 0 {
            (nearest(-self.value * filled, short), nearest(cost * filled, quantity))
        } else {
            (0, 0)
        };
        if cost > 0 {
            self.last_known = Some(Rate { value: cost, quantity });
        }
        if is_fifo && quantity > filled {
            self.arrivals.push(Arrival {
                of,
                quantity: quantity - filled,
                value: cost - expensed,
            });
        }
        self.quantity += quantity;
        self.value += replaced + cost - expensed;
        replaced + cost - expensed
    }

    /// Returns what the shelf is worth more.
    fn become_dearer(&mut self, is_fifo: bool, of: StockMoveId, of_quantity: i128, cost: i128) -> i128 {
        let change = if is_fifo {
            let Some(arrival) = self.arrivals.iter_mut().find(|arrival| arrival.of == of) else {
                return 0;
            };
            let change = nearest(cost * arrival.quantity, of_quantity).max(-arrival.value);
            arrival.value += change;
            let newest = self.arrivals.last().is_some_and(|arrival| arrival.of == of);
            let known = self.last_known.filter(|_| newest).map(|rate| Rate {
                value: rate.value + nearest(cost * rate.quantity, of_quantity),
                ..rate
            });
            self.last_known = known.filter(|rate| rate.value > 0).or(self.last_known);
            change
        } else {
            let there = self.quantity.max(0).min(of_quantity);
            nearest(cost * there, of_quantity).max(-self.value.max(0))
        };
        self.value += change;
        change
    }

    fn is_like(&self, holding: &Holding) -> bool {
        let rate = holding.last_cost.map(|cost| Rate {
            value: cost.value_minor.into(),
            quantity: cost.quantity_micro.into(),
        });
        let arrivals = holding.layers.iter().map(|layer| Arrival {
            of: layer.of,
            quantity: layer.quantity_micro.into(),
            value: layer.value_minor.into(),
        });
        *self
            == Self {
                quantity: holding.quantity_micro.into(),
                value: holding.value_minor.into(),
                last_known: rate,
                arrivals: arrivals.collect(),
            }
    }
}

type Shelves = BTreeMap<Arc<str>, Shelf>;

/// How much lay at the location when this much had left it.
#[derive(Clone, Debug)]
struct Departure {
    id: StockMoveId,
    at: Timestamp,
    location: Arc<str>,
    left: i128,
}

/// What everything that was posted came to.
#[derive(Clone, Debug, Default)]
struct Outcome {
    values: HashMap<StockMoveId, i128>,
    /// What made moves dearer, and for how much of them, by the moves.
    added: HashMap<StockMoveId, Vec<Rate>>,
    shelves: Shelves,
    /// What there was before each time at which something was posted.
    shelves_before: BTreeMap<Timestamp, Shelves>,
    /// In the order of time, without what was cancelled.
    departures: Vec<Departure>,
}

impl Outcome {
    fn shelves_at(&self, time: Timestamp) -> &Shelves {
        let next = self.shelves_before.range(time..).next();
        next.map_or(&self.shelves, |(_, shelves)| shelves)
    }

    /// The first that `allowed` forbids: one that is new, or did not leave its location short `before`.
    fn forbidden(&self, before: &Self, allowed: impl Fn(&str) -> bool) -> Option<&Departure> {
        let was_short = |id| before.departures.iter().any(|other| other.id == id && other.left < 0);
        let mut short = self.departures.iter().filter(|departure| departure.left < 0);
        short.find(|departure| !allowed(&departure.location) && !was_short(departure.id))
    }
}

/// All that was ever posted.
#[derive(Clone, Debug)]
struct Model {
    method: Method,
    standards: Vec<StandardCost>,
    /// In the order of posting.
    posted: Vec<Entry>,
    /// What moves were worth when they were cancelled.
    cancelled: HashMap<StockMoveId, i128>,
}

impl Model {
    fn new(method: Method) -> Self {
        Self {
            method,
            standards: Vec::new(),
            posted: Vec::new(),
            cancelled: HashMap::new(),
        }
    }

    fn post(&mut self, moves: &[Entry]) {
        let of: Vec<StockMoveId> = moves.iter().filter_map(undone).collect();
        if !of.is_empty() {
            let before = self.outcome();
            self.cancelled.extend(of.into_iter().map(|of| (of, before.values[&of])));
        }
        self.posted.extend_from_slice(moves);
    }

    /// By time, then as it was posted; but what is added to the cost of a move of the same time stands right behind that, and
    /// a standard cost before all that is worth it.
    fn in_order(&self) -> Vec<&Entry> {
        let mut ordered: Vec<&Entry> = Vec::new();
        for entry in &self.posted {
            let of = added_to(entry);
            let is_target = |other: &&Entry| other.at == entry.at && Some(other.id) == of;
            let has_target = of.is_some() && ordered.iter().any(is_target);
            let last = ordered.iter().rposition(|other| {
                let at_same_time = other.at == entry.at;
                match entry.reason {
                    MoveReason::StandardCost => other.at < entry.at || (at_same_time && other.reason == entry.reason),
                    _ if has_target => at_same_time && (Some(other.id) == of || added_to(other) == of),
                    _ => other.at <= entry.at,
                }
            });
            ordered.insert(last.map_or(0, |index| index + 1), entry);
        }
        ordered
    }

    fn outcome(&self) -> Outcome {
        let mut outcome = Outcome::default();
        let undoing = self.posted.iter().filter(|entry| undone(entry).is_some());
        let inert: HashSet<StockMoveId> = undoing
            .map(|entry| entry.id)
            .chain(self.cancelled.keys().copied())
            .collect();
        for entry in self.in_order() {
            if !outcome.shelves_before.contains_key(&entry.at) {
                outcome.shelves_before.insert(entry.at, outcome.shelves.clone());
            }
            let value = match undone(entry) {
                Some(of) => -self.cancelled[&of],
                None if inert.contains(&entry.id) => self.cancelled[&entry.id],
                None => self.move_it(entry, &mut outcome),
            };
            outcome.values.insert(entry.id, value);
        }
        outcome
    }

    fn move_it(&self, entry: &Entry, outcome: &mut Outcome) -> i128 {
        let is_fifo = self.method == Method::Fifo;
        let quantity = i128::from(entry.quantity_micro);
        let cost = self.cost(entry, outcome);
        let shelf = outcome.shelves.entry(Arc::clone(&entry.location)).or_default();
        let value = match (self.standard_at(entry.at), entry.cost) {
            (Some(standard), _) => {
                let worth = nearest(standard.value * (shelf.quantity + quantity), standard.quantity);
                let change = worth - shelf.value;
                (shelf.quantity, shelf.value) = (shelf.quantity + quantity, worth);
                change
            }
            (
                None,
                Cost::Added {
                    of,
                    of_quantity_micro,
                    minor,
                },
            ) => {
                let (value, quantity) = (minor.into(), of_quantity_micro.into());
                outcome.added.entry(of).or_default().push(Rate { value, quantity });
                shelf.become_dearer(is_fifo, of, quantity, value)
            }
            (None, Cost::Given { of, .. }) if quantity < 0 => -shelf.leave(is_fifo, -quantity, cost, of),
            (None, Cost::Of { of, .. }) if quantity < 0 => -shelf.leave(is_fifo, -quantity, cost, Some(of)),
            (None, _) if quantity < 0 => -shelf.leave(is_fifo, -quantity, None, None),
            (None, _) if quantity > 0 => shelf.arrive(is_fifo, entry.id, quantity, cost),
            (None, _) => 0,
        };
        if quantity < 0 {
            outcome.departures.push(Departure {
                id: entry.id,
                at: entry.at,
                location: Arc::clone(&entry.location),
                left: shelf.quantity,
            });
        }
        value
    }

    fn cost(&self, entry: &Entry, outcome: &Outcome) -> Option<i128> {
        match entry.cost {
            Cost::Given { minor, of: None } => Some(minor.into()),
            Cost::Given { minor, of: Some(of) } => {
                let quantity = i128::from(entry.quantity_micro).abs();
                let added = outcome.added.get(&of).into_iter().flatten();
                let added: i128 = added.map(|rate| nearest(rate.value * quantity, rate.quantity)).sum();
                Some((i128::from(minor) + added).max(0))
            }
            Cost::Of { of, offset_micro } => {
                let original = self.posted.iter().find(|posted| posted.id == of)?;
                let whole = i128::from(original.quantity_micro).abs();
                let part = |quantity: i128| nearest(outcome.values[&of].abs() * quantity, whole);
                let offset = i128::from(offset_micro);
                Some(part(offset + i128::from(entry.quantity_micro).abs()) - part(offset))
            }
            _ => None,
        }
    }

    /// The standard cost, if this product has such.
    fn standard_at(&self, at: Timestamp) -> Option<Rate> {
        let begun = self.standards.iter().filter(|standard| standard.from <= at);
        let first = self.standards.iter().min_by_key(|standard| standard.from);
        let standard = begun.max_by_key(|standard| standard.from).or(first)?;
        (self.method == Method::Standard).then_some(Rate {
            value: standard.cost.value_minor.into(),
            quantity: standard.cost.quantity_micro.into(),
        })
    }
}

fn added_to(entry: &Entry) -> Option<StockMoveId> {
    match entry.cost {
        Cost::Added { of, .. } => Some(of),
        _ => None,
    }
}

fn undone(entry: &Entry) -> Option<StockMoveId> {
    match entry.cost {
        Cost::Undone { of } => Some(of),
        _ => None,
    }
}
