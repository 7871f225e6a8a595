use std::sync::Arc;

use cortex_types::Timestamp;

use super::master_data::product_cost;
use super::shelf::{Moving, Shelf};
use super::sides::{Sides, add};
use super::{Head, Posting};
use crate::postings::{Document, Postings};
use crate::valuation::{CostBasis, Method, StandardCost};
use crate::{Books, Cost, DocumentKind, DocumentRef, ErpError, MoveReason, SetStandardCost};

/// Another standard cost: what is there is worth it from now on, and the difference is a revaluation.
pub fn plan_standard_cost(command: &SetStandardCost, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    let product = books
        .products
        .get(&command.product)
        .ok_or_else(|| ErpError::UnknownProduct(Arc::clone(&command.product)))?;
    if product.valuation != Method::Standard {
        let method = product.valuation.as_str();
        let problem = format!("'{}' is valued at {method}: it has no standard cost", product.code);
        return Err(ErpError::invalid("product", problem));
    }
    let at = command.from.unwrap_or(now);
    let cost = product_cost(product, "cost", command.cost, at)?;
    let (number, drawn) = books.number_after(DocumentKind::StandardCost, at, &[])?;
    let reference = DocumentRef {
        kind: DocumentKind::StandardCost,
        id: cost.id.0,
    };
    let mut shelf = Shelf::new(books, reference);
    let standard = CostBasis {
        value_minor: cost.value_minor,
        quantity_micro: cost.quantity_micro,
    };
    shelf.set_standard(
        product,
        StandardCost {
            from: at,
            cost: standard,
        },
    );
    let timeline = books.timeline(product);
    for (line_no, location) in (1..).zip(timeline.now.keys()) {
        shelf.put(&Moving {
            product,
            location,
            quantity_micro: 0,
            reason: MoveReason::StandardCost,
            cost: Cost::ByMethod,
            line_no,
            at,
        });
    }
    let mut stocked = shelf.settle()?;
    let mut amount_minor = 0;
    for moved in stocked.moves.iter().filter(|moved| moved.moved_at == at) {
        add(&mut amount_minor, moved.value_minor)?;
    }
    let mut posting = Posting::new(books, reference, Some(drawn));
    let memo = format!("standard cost {number}");
    posting.post_with(Sides::new(product.currency), &mut stocked, &memo, at)?;
    let head = Head {
        number,
        currency: product.currency,
        amount_minor,
        at,
    };
    let mut postings = posting.into_postings(head, Document::StandardCost, Some(stocked));
    postings.costs.push(cost);
    Ok(postings)
}
