//! Finding rows in what the ledger in memory accepted, and pages of them.

use std::sync::Arc;

use cortex_types::RequestContext;

use crate::postings::{Accepted, Document, Postings};
use crate::{MemoryLedger, Page, ProductCost};

impl MemoryLedger {
    /// What `pick` finds in the documents of the caller's tenant, in order, from behind the page's cursor.
    pub(crate) async fn listed<T>(
        &self,
        ctx: &RequestContext,
        page: &Page,
        pick: impl Fn(Accepted) -> Vec<(String, T)>,
    ) -> Vec<T> {
        let accepted = self.accepted(&ctx.tenant).await;
        let after = |id: &String| page.after.as_ref().is_none_or(|after| id > after);
        let found = accepted
            .into_iter()
            .flat_map(pick)
            .filter(|(id, _)| after(id))
            .map(|(_, row)| row);
        found.take(page.limit() as usize).collect()
    }

    pub(crate) async fn document<T>(&self, ctx: &RequestContext, pick: impl Fn(Document) -> Option<T>) -> Option<T> {
        self.accepted(&ctx.tenant)
            .await
            .into_iter()
            .find_map(|accepted| pick(accepted.postings.document))
    }
}

/// A page of rows, in the order of their ids.
pub(crate) fn paged<T>(rows: impl Iterator<Item = T>, page: &Page, id: impl Fn(&T) -> String) -> Vec<T> {
    let mut rows: Vec<T> = rows.collect();
    rows.sort_by_key(&id);
    rows.retain(|row| page.after.as_ref().is_none_or(|after| id(row) > *after));
    rows.truncate(page.limit() as usize);
    rows
}

/// The documents of one kind, as rows of a list.
macro_rules! documents {
    ($kind:ident) => {
        |accepted: Accepted| match accepted.postings.document {
            Document::$kind(document) => vec![(document.id.to_string(), document)],
            _ => Vec::new(),
        }
    };
}

/// One that was set behind the first of its product, as a row of a list.
pub(crate) fn standard_cost(accepted: Accepted) -> Vec<(String, (Arc<str>, ProductCost))> {
    let Postings {
        document: Document::StandardCost,
        number,
        costs,
        ..
    } = accepted.postings
    else {
        return Vec::new();
    };
    let row = |cost: ProductCost| (cost.id.to_string(), (Arc::clone(&number), cost));
    costs.into_iter().map(row).collect()
}

/// The document of one kind with a number.
macro_rules! numbered {
    ($kind:ident, $number:ident) => {
        |document| match document {
            Document::$kind(document) if &*document.number == $number => Some(document),
            _ => None,
        }
    };
}

pub(crate) use {documents, numbered};
