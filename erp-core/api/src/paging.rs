//! Lists come in pages, oldest first.

use cortex_erp::Page;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

const LIMIT: u32 = 100;

#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// `next` of the page before.
    pub after: Option<String>,
    /// 1 to 500; 100 where it is absent.
    pub limit: Option<u32>,
}

impl PageQuery {
    pub fn page(self) -> Page {
        Page::new(self.after, self.limit.unwrap_or(LIMIT))
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct List<T> {
    pub items: Vec<T>,
    /// What to send as `after` for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl<T> List<T> {
    /// `cursor` gives what a row is gone on after.
    pub fn new<R>(page: &Page, rows: Vec<R>, cursor: impl Fn(&R) -> String, view: impl Fn(R) -> T) -> Self {
        let full = rows.len() >= page.limit() as usize;
        let next = rows.last().filter(|_| full).map(cursor);
        Self {
            items: rows.into_iter().map(view).collect(),
            next,
        }
    }
}
