//! What goods that came before cost on top.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as MapEntry;
use std::sync::Arc;

use cortex_types::{Currency, StockMoveId, Timestamp};

use super::Posting;
use super::shelf::{Moving, Shelf, Stocked, counterpart};
use super::sides::Sides;
use crate::valuation::{Method, share};
use crate::{Books, Cost, DocumentRef, ErpError, MoveReason, Product, Role, StockMove};

/// More, or less, for the goods that came with a move.
pub(super) struct Added<'a> {
    pub moved: &'a StockMove,
    pub product: &'a Product,
    pub line_no: u32,
    pub minor: i64,
    /// What went back before bears nothing of it, as of a bill for what stayed.
    pub of_what_stayed: bool,
}

/// Of what is added at `from` to the cost of so much that came with a move: what goods bear that are there, and how many they are.
pub(super) fn still_there(
    books: &Books,
    (product, location): (&Product, &Arc<str>),
    of: StockMoveId,
    (of_quantity_micro, minor): (i64, i64),
    from: Timestamp,
) -> Result<(i64, i64), ErpError> {
    if product.valuation != Method::MovingAverage {
        return Ok((of_quantity_micro, minor));
    }
    // An average does not know which goods are there. Where there were fewer since, the others are gone.
    let timeline = books.stock.get(&product.id);
    let least = timeline.map_or(0, |timeline| timeline.least_since(of, location, from));
    let there = least.min(of_quantity_micro);
    Ok((there, share(minor, there, of_quantity_micro)?))
}

/// What a document adds to the cost of goods.
pub(super) struct AddedCosts {
    pub stocked: Stocked,
    /// Against goods received, by when the goods cost it.
    given: BTreeMap<Timestamp, Sides>,
}

impl AddedCosts {
    /// The goods have cost it from their receipt on, as far as its period is open.
    pub fn new<'a>(
        books: &'a Books,
        document: DocumentRef,
        (currency, at): (Currency, Timestamp),
        added: impl Iterator<Item = Added<'a>>,
    ) -> Result<Self, ErpError> {
        let mut shelf = Shelf::new(books, document);
        let mut given: BTreeMap<Timestamp, Sides> = BTreeMap::new();
        for Added {
            moved,
            product,
            line_no,
            minor,
            of_what_stayed,
        } in added
        {
            let returned = books.returned.get(&moved.id).copied().unwrap_or(0);
            let is_late = books.locks.check(moved.moved_at, false).is_err() || (of_what_stayed && returned > 0);
            // What went back by the time that it is added bears nothing of it.
            let late = at.max(moved.moved_at);
            let (from, of_quantity_micro) = match is_late {
                true if returned < moved.quantity_micro => (late, moved.quantity_micro - returned),
                true => (late, moved.quantity_micro),
                false => (moved.moved_at, moved.quantity_micro),
            };
            let sides = given.entry(from).or_insert_with(|| Sides::new(currency));
            sides
                .debit(counterpart(MoveReason::LandedCost, product.valuation), minor)?
                .credit(Role::GoodsReceived, minor)?;
            let (of_quantity_micro, minor) = match is_late {
                true => still_there(
                    books,
                    (product, &moved.location),
                    moved.id,
                    (of_quantity_micro, minor),
                    from,
                )?,
                false => (of_quantity_micro, minor),
            };
            if of_quantity_micro == 0 {
                continue;
            }
            shelf.put(&Moving {
                product,
                location: &moved.location,
                quantity_micro: 0,
                reason: MoveReason::LandedCost,
                cost: Cost::Added {
                    of: moved.id,
                    of_quantity_micro,
                    minor,
                },
                line_no,
                at: from,
            });
        }
        Ok(Self {
            stocked: shelf.settle()?,
            given,
        })
    }

    /// The goods have cost it from their receipt on, the bill is owed from its own time on: what is between is goods received and
    /// not yet invoiced.
    pub fn post(
        self,
        posting: &mut Posting<'_>,
        mut bill: Sides,
        memo: &str,
        at: Timestamp,
    ) -> Result<Stocked, ErpError> {
        let Self { stocked, given } = self;
        let mut goods = given;
        for (from, effects) in &stocked.effects {
            match goods.entry(*from) {
                MapEntry::Occupied(mut there) => {
                    there.get_mut().take_in(effects.clone())?;
                }
                MapEntry::Vacant(free) => {
                    free.insert(effects.clone());
                }
            }
        }
        if let Some(same_time) = goods.remove(&at) {
            bill.take_in(same_time)?;
        }
        posting.post(bill, memo, at)?;
        for (from, sides) in goods {
            posting.post(sides, memo, from)?;
        }
        posting.post_consequences(&stocked, memo)?;
        Ok(stocked)
    }
}
