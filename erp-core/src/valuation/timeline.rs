//! A product's moves in the order of their time, and what each is worth.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use cortex_types::{Currency, MoneyError, StockMoveId, Timestamp};

use super::entry::{Entry, Original, Originals, StandardCost};
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
        let mut quantity = self.quantity_at(location, at);
        let mut least = quantity;
        let mut gone = self.undone();
        gone.extend(self.there_and_back(at));
        let stands = |entry: &&Entry| entry.cost.undoes().is_none() && !gone.contains(&entry.id);
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
    pub(super) fn originals_of(&self, id: StockMoveId) -> Originals {
        let mut originals = self.originals.only(id);
        let of = |entry: &&Entry| entry.id == id || entry.cost.added_to() == Some(id);
        for entry in self.moves.iter().filter(of) {
            let is_undone = || self.moves.iter().any(|other| other.cost.undoes() == Some(entry.id));
            originals.forget_cost(id, entry.id);
            originals.remember(entry, entry.id != id && is_undone());
        }
        originals
    }

    /// Moves that were reversed by the end of `at`, with what reversed them: the same goods left and came back.
    fn there_and_back(&self, at: Timestamp) -> impl Iterator<Item = StockMoveId> + '_ {
        let moved: HashMap<StockMoveId, &Entry> = self.moves.iter().map(|entry| (entry.id, entry)).collect();
        let reversals = self.moves.iter().filter(move |entry| entry.at <= at);
        reversals
            .filter_map(move |entry| Some((entry, *moved.get(&entry.cost.refers_to()?)?)))
            .filter(|(entry, of)| (entry.reason, &entry.location) == (of.reason, &of.location))
            .filter(|(entry, of)| entry.quantity_micro == -of.quantity_micro)
            .flat_map(|(entry, of)| [entry.id, of.id])
    }

    pub(super) fn undone(&self) -> BTreeSet<StockMoveId> {
        self.moves.iter().filter_map(|entry| entry.cost.undoes()).collect()
    }

    /// What a move is said to cost, and with what was added to the cost of the goods that it takes back; `None` where nobody says.
    pub(super) fn given(&self, entry: &Entry, originals: &Originals) -> Result<Option<i64>, ErpError> {
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
        let until = share(value, offset + entry.quantity_micro.saturating_abs(), whole)?;
        Ok(Some(until - share(value, offset, whole)?))
    }

    pub(super) fn missing(&self, at: Timestamp) -> ErpError {
        ErpError::HistoryMissing {
            product: Arc::clone(&self.product),
            at,
        }
    }

    pub(super) fn short(&self, entry: &Entry, quantity_micro: i64) -> ErpError {
        ErpError::InsufficientStock {
            product: Arc::clone(&self.product),
            location: Arc::clone(&entry.location),
            at: entry.at,
            short_micro: quantity_micro.saturating_neg(),
        }
    }

    pub(super) fn standard(&self, at: Timestamp) -> Option<CostBasis> {
        let place = self.standards.partition_point(|standard| standard.from <= at);
        let standard = self.standards.get(place.saturating_sub(1))?;
        Some(standard.cost)
    }
}
