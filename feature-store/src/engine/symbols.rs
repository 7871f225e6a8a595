//! Text values as numbers, so that facts of all kinds are stored and compared alike.

use std::collections::HashMap;
use std::sync::Arc;

/// Whether a value column holds numbers or symbols.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColumnKind {
    #[default]
    Int,
    Text,
}

/// The texts of one view, each with its number. Numbers mean nothing outside this table.
#[derive(Clone, Debug, Default)]
pub struct Symbols {
    numbers: HashMap<Arc<str>, i64>,
    texts: Vec<Arc<str>>,
}

impl Symbols {
    pub(super) fn number(&mut self, text: &Arc<str>) -> i64 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.texts.len() as i64;
        self.texts.push(Arc::clone(text));
        self.numbers.insert(Arc::clone(text), number);
        number
    }

    pub(super) fn text(&self, number: i64) -> Option<Arc<str>> {
        usize::try_from(number)
            .ok()
            .and_then(|index| self.texts.get(index))
            .cloned()
    }
}
