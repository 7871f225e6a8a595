//! Goods that came and are neither billed nor went back.

use std::collections::HashMap;

use cortex_types::StockMoveId;

use crate::{Books, StockMove};

pub(super) struct Unbilled<'a> {
    books: &'a Books,
    /// By the document in the making: how much, and what for.
    taken: HashMap<StockMoveId, (i64, i64)>,
}

impl<'a> Unbilled<'a> {
    pub fn new(books: &'a Books) -> Self {
        Self {
            books,
            taken: HashMap::new(),
        }
    }

    /// How much of a move is left, and what of it stands on goods received: both below zero where something went back after it was
    /// billed.
    pub fn of(&self, moved: &StockMove) -> (i64, i64) {
        let returned = self.books.returned.get(&moved.id).copied().unwrap_or(0);
        let returned_minor = self.books.returned_minor.get(&moved.id).copied().unwrap_or(0);
        let (billed, cleared) = self.books.billed.get(&moved.id).copied().unwrap_or_default();
        let (taken, taken_minor) = self.taken.get(&moved.id).copied().unwrap_or_default();
        (
            moved.quantity_micro - returned - billed - taken,
            moved.given_minor() - returned_minor - cleared - taken_minor,
        )
    }

    pub fn take(&mut self, moved: &StockMove, quantity_micro: i64, minor: i64) {
        let taken = self.taken.entry(moved.id).or_default();
        taken.0 += quantity_micro;
        taken.1 += minor;
    }
}
