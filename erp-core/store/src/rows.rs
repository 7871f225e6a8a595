//! From rows back to the types they were.

use std::str::FromStr;
use std::sync::Arc;

use cortex_store::sql::{Instant, Row};
use cortex_types::Timestamp;

/// A row that does not read as what was written.
#[derive(Debug, thiserror::Error)]
#[error("column '{column}' holds '{text}', which is none of what it may hold")]
struct Unreadable {
    column: &'static str,
    text: String,
}

pub(crate) fn unreadable(column: &'static str, text: &str) -> sqlx::Error {
    sqlx::Error::Decode(Box::new(Unreadable {
        column,
        text: text.to_owned(),
    }))
}

pub(crate) trait Columns {
    fn text(&self, column: &'static str) -> Result<Arc<str>, sqlx::Error>;
    fn optional_text(&self, column: &'static str) -> Result<Option<Arc<str>>, sqlx::Error>;
    fn integer(&self, column: &'static str) -> Result<i64, sqlx::Error>;
    fn time(&self, column: &'static str) -> Result<Timestamp, sqlx::Error>;
    fn optional_time(&self, column: &'static str) -> Result<Option<Timestamp>, sqlx::Error>;
    /// An id, a currency, a unit: whatever is written as its text.
    fn parsed<T: FromStr>(&self, column: &'static str) -> Result<T, sqlx::Error>;
    fn optional_parsed<T: FromStr>(&self, column: &'static str) -> Result<Option<T>, sqlx::Error>;
    /// One of a closed set of words.
    fn word<T: Copy>(
        &self,
        column: &'static str,
        all: &[T],
        as_str: impl Fn(T) -> &'static str,
    ) -> Result<T, sqlx::Error>;
}

impl Columns for Row {
    fn text(&self, column: &'static str) -> Result<Arc<str>, sqlx::Error> {
        self.try_get::<&str>(column).map(Arc::from)
    }

    fn optional_text(&self, column: &'static str) -> Result<Option<Arc<str>>, sqlx::Error> {
        self.try_get::<Option<&str>>(column).map(|text| text.map(Arc::from))
    }

    fn integer(&self, column: &'static str) -> Result<i64, sqlx::Error> {
        self.try_get(column)
    }

    fn time(&self, column: &'static str) -> Result<Timestamp, sqlx::Error> {
        self.try_get::<Instant>(column).map(|instant| instant.0)
    }

    fn optional_time(&self, column: &'static str) -> Result<Option<Timestamp>, sqlx::Error> {
        self.try_get::<Option<Instant>>(column)
            .map(|instant| instant.map(|instant| instant.0))
    }

    fn parsed<T: FromStr>(&self, column: &'static str) -> Result<T, sqlx::Error> {
        let text: &str = self.try_get(column)?;
        text.parse().map_err(|_| unreadable(column, text))
    }

    fn optional_parsed<T: FromStr>(&self, column: &'static str) -> Result<Option<T>, sqlx::Error> {
        let text: Option<&str> = self.try_get(column)?;
        text.map(|text| text.parse().map_err(|_| unreadable(column, text)))
            .transpose()
    }

    fn word<T: Copy>(
        &self,
        column: &'static str,
        all: &[T],
        as_str: impl Fn(T) -> &'static str,
    ) -> Result<T, sqlx::Error> {
        let text: &str = self.try_get(column)?;
        all.iter()
            .copied()
            .find(|word| as_str(*word) == text)
            .ok_or_else(|| unreadable(column, text))
    }
}
