//! Stock of the ledger in memory, as it is read.

use cortex_types::RequestContext;

use crate::postings::{Accepted, Document};
use crate::{DocumentKind, MemoryLedger, Page, StockDocument, StockMove};

impl MemoryLedger {
    /// Each with what it is worth now.
    pub(crate) async fn moves_of(
        &self,
        ctx: &RequestContext,
        product: Option<&str>,
        page: &Page,
    ) -> Vec<(StockMove, i64)> {
        let stock = self.stock(&ctx.tenant).await;
        let moves = |accepted: Accepted| {
            let moves = accepted.postings.moves.into_iter();
            let of_product = moves.filter(|moved| product.is_none_or(|code| &*moved.product_code == code));
            let worth = |moved: StockMove| {
                let original = stock.get(&moved.product_id).and_then(|of| of.original(moved.id));
                let value_minor = original.map_or(moved.value_minor, |original| original.value_minor);
                (moved.id.to_string(), (moved, value_minor))
            };
            of_product.map(worth).collect()
        };
        self.listed(ctx, page, moves).await
    }

    pub(crate) async fn stock_document_numbered(
        &self,
        ctx: &RequestContext,
        kind: DocumentKind,
        number: &str,
    ) -> Option<(StockDocument, Vec<(StockMove, i64)>)> {
        let accepted = self.accepted(&ctx.tenant).await;
        let found = accepted.into_iter().map(|accepted| accepted.postings);
        let mut found = found.filter(|postings| postings.kind == kind && &*postings.number == number);
        found.find_map(|postings| match postings.document {
            Document::Stock(document) => {
                let moves = postings
                    .moves
                    .into_iter()
                    .map(|moved| (moved.clone(), moved.value_minor));
                Some((document, moves.collect()))
            }
            _ => None,
        })
    }
}
