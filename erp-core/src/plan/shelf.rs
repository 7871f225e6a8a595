//! The stock moves of one document, valued one after another, so that its second line sees what its first took.

use std::collections::BTreeMap;
use std::sync::Arc;

use cortex_types::{Currency, MoneyError, StockMoveId, Timestamp};

use crate::valuation::StockLevel;
use crate::{Books, DocumentRef, ErpError, LevelKey, MoveReason, Product, StockMove};

pub(super) struct Shelf<'a> {
    books: &'a Books,
    location: Arc<str>,
    document: DocumentRef,
    moved_at: Timestamp,
    moves: Vec<StockMove>,
    levels: BTreeMap<LevelKey, (Currency, StockLevel)>,
}

impl<'a> Shelf<'a> {
    pub fn new(books: &'a Books, location: Arc<str>, document: DocumentRef, moved_at: Timestamp) -> Self {
        Self {
            books,
            location,
            document,
            moved_at,
            moves: Vec::new(),
            levels: BTreeMap::new(),
        }
    }

    /// Takes goods out; returns their value.
    pub fn issue(&mut self, product: &Product, quantity_micro: i64, reason: MoveReason) -> Result<i64, ErpError> {
        let value = self.level(product).issue(quantity_micro)?;
        self.record(product, -quantity_micro, -value, reason);
        Ok(value)
    }

    /// Puts goods back at the known cost; returns their value.
    pub fn restore(&mut self, product: &Product, quantity_micro: i64, reason: MoveReason) -> Result<i64, ErpError> {
        let value = self.level(product).restore(quantity_micro)?;
        self.record(product, quantity_micro, value, reason);
        Ok(value)
    }

    /// Receives goods; returns how much of their value was sold before it came. That part leaves again at once, as a
    /// move of no quantity.
    pub fn receive(&mut self, product: &Product, quantity_micro: i64, value_minor: i64) -> Result<i64, ErpError> {
        let sold_before = self.level(product).receive(quantity_micro, value_minor)?;
        self.record(product, quantity_micro, value_minor, MoveReason::Receipt);
        if sold_before > 0 {
            self.record(product, 0, -sold_before, MoveReason::Sale);
        }
        Ok(sold_before)
    }

    pub fn into_parts(self) -> (Vec<StockMove>, Vec<(LevelKey, Currency, StockLevel)>) {
        let levels = self
            .levels
            .into_iter()
            .map(|(key, (currency, level))| (key, currency, level))
            .collect();
        (self.moves, levels)
    }

    fn level(&mut self, product: &Product) -> &mut StockLevel {
        let key = LevelKey {
            product_id: product.id,
            location: Arc::clone(&self.location),
        };
        let books = self.books;
        &mut self
            .levels
            .entry(key)
            .or_insert_with_key(|key| (product.currency, books.level(key)))
            .1
    }

    fn record(&mut self, product: &Product, quantity_micro: i64, value_minor: i64, reason: MoveReason) {
        self.moves.push(StockMove {
            id: StockMoveId::new(),
            product_id: product.id,
            product_code: Arc::clone(&product.code),
            location: Arc::clone(&self.location),
            quantity_micro,
            value_minor,
            currency: product.currency,
            reason,
            document: self.document,
            moved_at: self.moved_at,
        });
    }
}

/// Adds up amounts that were each checked alone.
pub(super) fn add(total: &mut i64, amount: i64) -> Result<(), ErpError> {
    *total = total.checked_add(amount).ok_or(MoneyError::Overflow)?;
    Ok(())
}
