use std::collections::BTreeSet;
use std::sync::Arc;

use cortex_types::{Currency, QuantityError, StockDocumentId, Timestamp};

use super::sales_lines::field;
use super::shelf::{Moving, Shelf};
use super::sides::{Sides, add};
use super::{Posting, check_line_count, line_number};
use crate::limits::{MEMO_LENGTH_MAX, check_amount, check_quantity, check_text};
use crate::postings::Postings;
use crate::{
    AdjustStock, AdjustmentLineInput, Books, Cost, CountStock, DocumentKind, DocumentRef, ErpError, MoveReason,
    QuantityInput, StockDocument, ids,
};

/// Stock written off or found. What has no known cost moves in quantity alone, and the journal stays as it is.
pub fn plan_stock_adjustment(command: &AdjustStock, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    check_line_count(command.lines.len())?;
    for (index, line) in command.lines.iter().enumerate() {
        check_quantity(&field(index, "quantity"), line.quantity_micro)?;
        if line.quantity_micro == 0 {
            return Err(ErpError::invalid(field(index, "quantity"), "must not be zero"));
        }
    }
    let lines: Vec<_> = command.lines.iter().map(Some).collect();
    let document = Adjustment {
        currency: None,
        kind: DocumentKind::StockAdjustment,
        memo: &command.memo,
        location: books.location("location", command.location.as_ref())?,
        at: command.moved_at.unwrap_or(now),
    };
    document.plan(&lines, books)
}

/// Stock as it was counted: what is missing is written off, what is there on top was found.
pub fn plan_stock_count(command: &CountStock, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    check_line_count(command.lines.len())?;
    let location = books.location("location", command.location.as_ref())?;
    let at = command.counted_at.unwrap_or(now);
    let mut counted = BTreeSet::new();
    let mut currency: Option<Currency> = None;
    let mut lines = Vec::with_capacity(command.lines.len());
    for (
        index,
        QuantityInput {
            product,
            quantity_micro,
            ..
        },
    ) in command.lines.iter().enumerate()
    {
        let refused = |name: &str, problem: &str| Err(ErpError::invalid(field(index, name), problem));
        if *quantity_micro < 0 {
            return refused("quantity", "must not be negative: give what was counted");
        }
        check_quantity(&field(index, "quantity"), *quantity_micro)?;
        let kept_in = books.products.get(product).map(|product| product.currency);
        let currency = *currency.get_or_insert(kept_in.unwrap_or(Currency::GBP));
        let known = books.goods(&field(index, "product"), product, currency)?;
        if !counted.insert(known.id) {
            return refused("product", "was counted on a line before: give each product once");
        }
        let timeline = books.timeline(known);
        let difference = quantity_micro
            .checked_sub(timeline.quantity_at(&location, at))
            .ok_or(QuantityError::Overflow)?;
        check_quantity(&field(index, "quantity"), difference)?;
        lines.push((difference != 0).then(|| AdjustmentLineInput {
            unit: None,
            product: Arc::clone(product),
            quantity_micro: difference,
            value_minor: None,
        }));
    }
    let lines: Vec<_> = lines.iter().map(Option::as_ref).collect();
    let document = Adjustment {
        currency,
        kind: DocumentKind::StockCount,
        memo: &command.memo,
        location,
        at,
    };
    document.plan(&lines, books)
}

struct Adjustment<'a> {
    /// Of its first product, where that was looked up already.
    currency: Option<Currency>,
    kind: DocumentKind,
    memo: &'a str,
    location: Arc<str>,
    at: Timestamp,
}

impl Adjustment<'_> {
    /// Moves what the lines say; one that says nothing keeps its number.
    fn plan(self, lines: &[Option<&AdjustmentLineInput>], books: &Books) -> Result<Postings, ErpError> {
        check_text("memo", self.memo, MEMO_LENGTH_MAX)?;
        let (number, drawn) = books.number_after(self.kind, self.at, &[])?;
        let (id, at) = (StockDocumentId(ids::next()), self.at);
        let reference = DocumentRef {
            kind: self.kind,
            id: id.0,
        };
        let mut shelf = Shelf::new(books, reference);
        let mut currency = self.currency;
        for (index, line) in lines.iter().enumerate() {
            let Some(line) = line else { continue };
            let kept_in = books.products.get(&line.product).map(|product| product.currency);
            let product = books.goods(
                &field(index, "product"),
                &line.product,
                *currency.get_or_insert(kept_in.unwrap_or(Currency::GBP)),
            )?;
            let into_stock = line.quantity_micro > 0;
            let cost = match line.value_minor {
                Some(minor) if into_stock && minor >= 0 => {
                    check_amount(&field(index, "value"), minor)?;
                    Cost::Given { minor, of: None }
                }
                Some(_) => {
                    let problem = "is for what was found, and not negative: what is written off has a cost already";
                    return Err(ErpError::invalid(field(index, "value"), problem));
                }
                None if into_stock => Cost::Known,
                None => Cost::ByMethod,
            };
            shelf.put(&Moving {
                product,
                location: &self.location,
                quantity_micro: line.quantity_micro,
                reason: if into_stock {
                    MoveReason::Found
                } else {
                    MoveReason::WriteOff
                },
                cost,
                line_no: line_number(index),
                at,
            });
        }
        let mut stocked = shelf.settle()?;
        let currency = currency.or(books.base()).unwrap_or(Currency::GBP);
        let mut value_minor = 0;
        for moved in stocked.moves.iter().filter(|moved| moved.moved_at == at) {
            add(&mut value_minor, moved.value_minor)?;
        }
        let memo = if self.memo.is_empty() { &*number } else { self.memo };
        let mut posting = Posting::new(books, reference, Some(drawn));
        posting.post_with(Sides::new(currency), &mut stocked, memo, at)?;
        let document = StockDocument {
            id,
            kind: self.kind,
            number,
            party_id: None,
            party_code: None,
            location: Some(self.location),
            to_location: None,
            order: None,
            memo: self.memo.to_owned(),
            currency,
            value_minor,
            line_count: line_number(lines.len().saturating_sub(1)),
            moved_at: at,
        };
        Ok(posting.into_stock_postings(document, stocked))
    }
}
