//! The stock moves of one document: put in their places among all others, and valued with everything behind them.

use std::collections::BTreeMap;
use std::sync::Arc;

use cortex_types::{Currency, ProductId, StockMoveId, StockRevaluationId, Timestamp};

use super::sides::Sides;
use crate::valuation::{Entry, Method, Revalued, StandardCost, Timeline};
use crate::{Books, Cost, DocumentRef, ErpError, MoveReason, Product, Role, StockMove, StockRevaluation, ids};

pub(super) struct Shelf<'a> {
    books: &'a Books,
    document: DocumentRef,
    products: BTreeMap<ProductId, OnShelf<'a>>,
    moves: Vec<StockMove>,
    /// What is not set aside any more, where it was.
    released: BTreeMap<(ProductId, Arc<str>), i64>,
}

struct OnShelf<'a> {
    product: &'a Product,
    timeline: Timeline,
    /// Its moves, by their place among all of the document.
    moves: Vec<usize>,
}

/// What a document does to stock.
pub(super) struct Stocked {
    pub moves: Vec<StockMove>,
    pub revaluations: Vec<StockRevaluation>,
    pub revalued: Vec<(ProductId, Revalued)>,
    pub stock: Vec<(ProductId, Timeline)>,
    /// What the document's own moves do to the journal, by their time: inventory against what their reason stands for.
    pub effects: BTreeMap<Timestamp, Sides>,
    /// What became of the value of other moves, by the beginning of their period: when the last of them was, in which
    /// currency, and what it does to the journal.
    pub consequences: BTreeMap<(Timestamp, Currency), (Timestamp, Sides)>,
}

/// A move to be.
pub(super) struct Moving<'a> {
    pub product: &'a Product,
    pub location: &'a Arc<str>,
    pub quantity_micro: i64,
    pub reason: MoveReason,
    pub cost: Cost,
    pub line_no: u32,
    pub at: Timestamp,
}

impl<'a> Shelf<'a> {
    pub fn new(books: &'a Books, document: DocumentRef) -> Self {
        Self {
            books,
            document,
            products: BTreeMap::new(),
            moves: Vec::new(),
            released: BTreeMap::new(),
        }
    }

    /// So much was set aside for what the document does.
    pub fn release(&mut self, product: &Product, location: &Arc<str>, quantity_micro: i64) {
        *self.released.entry((product.id, Arc::clone(location))).or_default() += quantity_micro;
    }

    /// Notes a move; what it is worth is known when the shelf is settled.
    pub fn put(&mut self, moving: &Moving<'a>) -> StockMoveId {
        let id = StockMoveId(ids::next());
        let place = self.moves.len();
        self.on_shelf(moving.product).moves.push(place);
        self.moves.push(StockMove {
            id,
            product_id: moving.product.id,
            product_code: Arc::clone(&moving.product.code),
            location: Arc::clone(moving.location),
            quantity_micro: moving.quantity_micro,
            value_minor: 0,
            currency: moving.product.currency,
            reason: moving.reason,
            cost: moving.cost,
            document: self.document,
            line_no: moving.line_no,
            moved_at: moving.at,
        });
        id
    }

    /// Another standard cost for a product.
    pub fn set_standard(&mut self, product: &'a Product, standard: StandardCost) {
        self.on_shelf(product).timeline.set_standard(standard);
    }

    fn on_shelf(&mut self, product: &'a Product) -> &mut OnShelf<'a> {
        let books = self.books;
        self.products.entry(product.id).or_insert_with(|| OnShelf {
            product,
            timeline: books.timeline(product),
            moves: Vec::new(),
        })
    }

    /// Values all moves, and what stands behind them.
    pub fn settle(self) -> Result<Stocked, ErpError> {
        let Self {
            books,
            document,
            products,
            mut moves,
            released,
        } = self;
        let mut stocked = Stocked {
            moves: Vec::new(),
            revaluations: Vec::new(),
            revalued: Vec::new(),
            stock: Vec::with_capacity(products.len()),
            effects: BTreeMap::new(),
            consequences: BTreeMap::new(),
        };
        for (id, on_shelf) in products {
            let OnShelf {
                product,
                mut timeline,
                moves: mut places,
            } = on_shelf;
            let new = places.iter().map(|place| Entry::of(&moves[*place], 0)).collect();
            let mut new: Vec<Entry> = new;
            for later in standards_to_come(&timeline, &moves, &places) {
                places.push(moves.len());
                new.push(Entry::of(&later, 0));
                moves.push(later);
            }
            let recorded = timeline.record(new, |location| books.may_go_below_zero(location))?;
            let leaves = places
                .iter()
                .map(|place| &moves[*place])
                .filter(|moved| moved.quantity_micro < 0);
            for moved in leaves.filter(|moved| !books.may_go_below_zero(&moved.location)) {
                let released = released.get(&(id, Arc::clone(&moved.location))).copied().unwrap_or(0);
                let reserved = books.reserved(id, &moved.location);
                // Where it could go below zero when it was set aside, it may be short before.
                let before = reserved - books.on_hand(id, &moved.location);
                let short_micro = reserved - released - timeline.holding(&moved.location).quantity_micro;
                if reserved > released && short_micro > before.max(0) {
                    return Err(ErpError::StockReserved {
                        product: Arc::clone(&product.code),
                        location: Arc::clone(&moved.location),
                        short_micro,
                    });
                }
            }
            for (place, value_minor) in places.iter().zip(recorded.values) {
                let moved = &mut moves[*place];
                moved.value_minor = value_minor;
                let fresh = || Sides::new(moved.currency);
                let sides = stocked.effects.entry(moved.moved_at).or_insert_with(fresh);
                effect(sides, moved.reason, timeline.method, value_minor)?;
            }
            stocked.account_for(books, document, product, &recorded.revalued)?;
            stocked
                .revalued
                .extend(recorded.revalued.into_iter().map(|revalued| (id, revalued)));
            stocked.stock.push((id, timeline));
        }
        stocked.moves = moves;
        Ok(stocked)
    }
}

impl Stocked {
    fn account_for(
        &mut self,
        books: &Books,
        document: DocumentRef,
        product: &Product,
        revalued: &[Revalued],
    ) -> Result<(), ErpError> {
        let mut rows: BTreeMap<(Timestamp, &Arc<str>), StockRevaluation> = BTreeMap::new();
        // Moves are in the order of their time, and periods begin with days: one is looked up once a day.
        let (mut day, mut period) = (i64::MIN, Timestamp::MIN);
        for changed in revalued {
            let day_of = changed.at.micros().div_euclid(DAY_MICROS);
            if day_of != day {
                (day, period) = (day_of, books.period_of(changed.at));
            }
            let fresh = || (changed.at, Sides::new(product.currency));
            let (at, sides) = self
                .consequences
                .entry((period, product.currency))
                .or_insert_with(fresh);
            *at = changed.at.max(*at);
            effect(sides, changed.reason, product.valuation, changed.change_minor)?;
            let row = rows
                .entry((period, &changed.location))
                .or_insert_with(|| StockRevaluation {
                    id: StockRevaluationId(ids::next()),
                    product_id: product.id,
                    product_code: Arc::clone(&product.code),
                    location: Arc::clone(&changed.location),
                    value_minor: 0,
                    move_count: 0,
                    currency: product.currency,
                    document,
                    posted_at: changed.at,
                });
            super::sides::add(&mut row.value_minor, changed.change_minor)?;
            row.move_count = row.move_count.saturating_add(1);
            row.posted_at = row.posted_at.max(changed.at);
        }
        self.revaluations.extend(rows.into_values());
        Ok(())
    }

    /// What the document's own moves do to the journal at its own time.
    pub fn take_effects(&mut self, at: Timestamp) -> Option<Sides> {
        self.effects.remove(&at)
    }
}

/// Goods that come to a location where a later standard cost was not said, because nothing was there: it is said now.
fn standards_to_come(timeline: &Timeline, moves: &[StockMove], places: &[usize]) -> Vec<StockMove> {
    let mut said: Vec<StockMove> = Vec::new();
    if timeline.method != Method::Standard {
        return said;
    }
    for moved in places.iter().map(|place| &moves[*place]) {
        if moved.cost.undoes().is_some() {
            continue;
        }
        for from in timeline.later_standards(&moved.location, moved.moved_at) {
            let known = |there: &StockMove| there.moved_at == from && there.location == moved.location;
            if !said.iter().any(known) {
                said.push(StockMove {
                    id: StockMoveId(ids::next()),
                    quantity_micro: 0,
                    reason: MoveReason::StandardCost,
                    cost: Cost::ByMethod,
                    moved_at: from,
                    ..moved.clone()
                });
            }
        }
    }
    said
}

const DAY_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

/// Stock is worth `minor` more: against the cost of sales, or what else the reason stands for. Documents that say what goods
/// cost put that against the same account, so that only the difference stays there.
fn effect(sides: &mut Sides, reason: MoveReason, method: Method, minor: i64) -> Result<(), ErpError> {
    sides
        .debit(Role::Inventory, minor)?
        .credit(counterpart(reason, method), minor)?;
    Ok(())
}

/// Where the value of a move goes to or comes from.
pub(super) const fn counterpart(reason: MoveReason, method: Method) -> Role {
    match reason {
        MoveReason::Sale | MoveReason::Return => Role::CostOfSales,
        MoveReason::WriteOff => Role::WriteOffs,
        MoveReason::Found => Role::StockFound,
        MoveReason::StandardCost => Role::StockRevalued,
        MoveReason::Opening => Role::OpeningBalances,
        MoveReason::Receipt | MoveReason::SupplierReturn | MoveReason::Transfer | MoveReason::LandedCost => {
            match method {
                Method::Standard => Role::PriceVariance,
                Method::Fifo | Method::MovingAverage => Role::CostOfSales,
            }
        }
    }
}
