//! The moves of a document that goods come back from.

use std::sync::Arc;

use cortex_types::{StockMoveId, Timestamp};
use rust_decimal::Decimal;

use crate::valuation::share;
use crate::{Books, Cost, DocumentKind, ErpError, Product, StockMove};

/// How much of each of its moves may still come back.
pub(super) struct Origins<'a> {
    books: &'a Books,
    kind: DocumentKind,
    number: &'a Arc<str>,
    /// The document's own moves, and those that it billed.
    sources: Vec<Source<'a>>,
}

struct Source<'a> {
    moved: &'a StockMove,
    /// How much may still come back.
    open: i64,
    /// How much of the whole move came back, by this document too; and what a supplier took it back for.
    returned: i64,
    returned_minor: i64,
}

impl<'a> Origins<'a> {
    pub fn of(books: &'a Books, kind: DocumentKind, number: &'a Arc<str>) -> Result<Self, ErpError> {
        let document = books.posted(kind, number)?;
        if let Some(cancellation) = &document.cancelled_by {
            let problem = format!("'{number}' was cancelled, by {cancellation}");
            return Err(ErpError::invalid(fields_of(kind).0, problem));
        }
        let returned = |id: StockMoveId| books.returned.get(&id).copied().unwrap_or(0);
        let returned_minor = |id: StockMoveId| books.returned_minor.get(&id).copied().unwrap_or(0);
        let own = document.moves.iter().map(|(moved, _)| Source {
            moved,
            open: moved.quantity_micro.saturating_abs() - returned(moved.id),
            returned: returned(moved.id),
            returned_minor: returned_minor(moved.id),
        });
        let delivered = document.delivered.iter().map(|of| Source {
            moved: &of.moved,
            open: of.quantity_micro - of.returned_micro,
            returned: returned(of.moved.id),
            returned_minor: 0,
        });
        Ok(Self {
            books,
            kind,
            number,
            sources: own.chain(delivered).collect(),
        })
    }

    /// Takes so much of a product, from its first move on; returns the parts and where the cost of each comes from.
    pub fn take(
        &mut self,
        field: &str,
        product: &Product,
        quantity_micro: i64,
        at: Timestamp,
    ) -> Result<Vec<(i64, Cost)>, ErpError> {
        let document = self.books.posted(self.kind, self.number)?;
        if at < document.at {
            let problem = format!("must not be before {}, the time of '{}'", document.at, self.number);
            return Err(ErpError::invalid(fields_of(self.kind).1, problem));
        }
        document.check_goods_free(fields_of(self.kind).1, at)?;
        let (mut wanted, mut parts) = (quantity_micro, Vec::new());
        for Source {
            moved,
            open,
            returned,
            returned_minor,
        } in &mut self.sources
        {
            let part = wanted.min(*open);
            if moved.product_id != product.id || part <= 0 {
                continue;
            }
            let (of, offset_micro) = (moved.id, *returned);
            parts.push((
                part,
                match moved.cost {
                    // A supplier takes goods back for what they were billed at.
                    Cost::Given { minor, .. } => {
                        let left = minor - *returned_minor;
                        let minor = share(left, part, moved.quantity_micro - offset_micro)?;
                        *returned_minor += minor;
                        Cost::Given { minor, of: Some(of) }
                    }
                    _ => Cost::Of { of, offset_micro },
                },
            ));
            *returned += part;
            *open -= part;
            wanted -= part;
        }
        if wanted > 0 {
            let open = Decimal::new(quantity_micro - wanted, 6).normalize();
            let problem = format!("of '{}', {open} of '{}' can still come back", product.code, self.number);
            return Err(ErpError::invalid(field, problem));
        }
        Ok(parts)
    }
}

/// What the caller calls the document, and the time of what comes back.
const fn fields_of(kind: DocumentKind) -> (&'static str, &'static str) {
    match kind {
        DocumentKind::SalesInvoice => ("invoice", "credited_at"),
        _ => ("receipt", "returned_at"),
    }
}
