use std::sync::Arc;

use cortex_types::{MoneyError, StockDocumentId, Timestamp};

use super::journal_entry::add_line;
use super::shelf::{Moving, Shelf};
use super::sides::add;
use super::{Posting, check_line_count, line_number};
use crate::limits::{MEMO_LENGTH_MAX, check_amount, check_quantity, check_text};
use crate::postings::Postings;
use crate::{
    Books, Cost, DocumentKind, DocumentRef, ErpError, JournalDraft, MoveReason, OpenBalances, Role, StockDocument, ids,
};

/// What a company brings along: balances of accounts, and stock at what it is worth. What is missing to balance them goes to the
/// account for opening balances, which comes to zero once everything is there.
pub fn plan_opening_balance(command: &OpenBalances, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    let count = command.lines.len() + command.stock.len();
    check_line_count(count)?;
    check_text("memo", &command.memo, MEMO_LENGTH_MAX)?;
    let (id, at) = (StockDocumentId(ids::next()), command.opened_at.unwrap_or(now));
    let (number, drawn) = books.number_after(DocumentKind::OpeningBalance, at, &[])?;
    let reference = DocumentRef {
        kind: DocumentKind::OpeningBalance,
        id: id.0,
    };
    let goods_currency = books.goods_currency(command.currency);
    let mut shelf = Shelf::new(books, reference);
    let locations = command
        .stock
        .iter()
        .enumerate()
        .map(|(index, stock)| books.location(&format!("stock[{index}].location"), stock.location.as_ref()));
    let locations = locations.collect::<Result<Vec<_>, _>>()?;
    for (index, (stock, location)) in command.stock.iter().zip(&locations).enumerate() {
        let field = |name: &str| format!("stock[{index}].{name}");
        let product = books.goods(&field("product"), &stock.product, command.currency)?;
        if stock.quantity_micro <= 0 {
            return Err(ErpError::invalid(field("quantity"), "must be above zero"));
        }
        if stock.value_minor < 0 {
            return Err(ErpError::invalid(field("value"), "must not be negative"));
        }
        check_quantity(&field("quantity"), stock.quantity_micro)?;
        check_amount(&field("value"), stock.value_minor)?;
        shelf.put(&Moving {
            product,
            location,
            quantity_micro: stock.quantity_micro,
            reason: MoveReason::Opening,
            cost: Cost::Given {
                minor: stock.value_minor,
                of: None,
            },
            line_no: line_number(index),
            at,
        });
    }
    let mut stocked = shelf.settle()?;
    let memo = match command.memo.is_empty() {
        true => format!("opening balance {number}"),
        false => command.memo.clone(),
    };
    let mut posting = Posting::new(books, reference, Some(drawn));
    let draft = accounts(command, books, &memo, at)?;
    posting.post_draft(draft, reference, at)?;
    let mut value_minor = 0;
    for moved in &stocked.moves {
        add(&mut value_minor, moved.value_minor)?;
    }
    posting.post_with(super::sides::Sides::new(goods_currency), &mut stocked, &memo, at)?;
    let document = StockDocument {
        id,
        kind: DocumentKind::OpeningBalance,
        number,
        party_id: None,
        party_code: None,
        location: None,
        to_location: None,
        order: None,
        memo: command.memo.clone(),
        currency: goods_currency,
        value_minor,
        line_count: line_number(count.saturating_sub(1)),
        moved_at: at,
    };
    Ok(posting.into_stock_postings(document, stocked))
}

/// The accounts, each currency closed by the account for opening balances.
fn accounts(command: &OpenBalances, books: &Books, memo: &str, at: Timestamp) -> Result<JournalDraft, ErpError> {
    let mut draft = JournalDraft::new(command.currency, memo);
    for (index, line) in command.lines.iter().enumerate() {
        add_line(&mut draft, index, line, books)?;
    }
    let account = Arc::clone(books.chart.of(Role::OpeningBalances));
    for (currency, amount) in draft.by_currency()? {
        let rest = amount.checked_neg().ok_or(MoneyError::Overflow)?;
        let foreign = books.base().filter(|base| *base != currency);
        // What was said to be worth something else than by the rate of the day is closed by that.
        let said = draft.lines.iter().filter(|line| line.currency == currency);
        let said: Vec<_> = said.cloned().collect();
        if foreign.is_none() || said.iter().all(|line| line.base_minor.is_none()) {
            draft.debit_in(&account, currency, rest)?;
            continue;
        }
        let mut worth = 0;
        for line in said {
            let by_rate = match (line.base_minor, books.conversion(currency, at)?) {
                (Some(base), _) => base,
                (None, Some(conversion)) => conversion.convert(line.amount_minor())?,
                (None, None) => line.amount_minor(),
            };
            add(&mut worth, by_rate)?;
        }
        draft.debit_with_base(&account, currency, rest, -worth)?;
    }
    Ok(draft)
}
