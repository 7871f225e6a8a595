//! Lists are objects, so that they can grow further fields.

use serde::Serialize;
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct List<T> {
    pub items: Vec<T>,
}

impl<T> List<T> {
    pub fn of<R>(rows: Vec<R>, view: impl FnMut(R) -> T) -> Self {
        Self {
            items: rows.into_iter().map(view).collect(),
        }
    }
}
