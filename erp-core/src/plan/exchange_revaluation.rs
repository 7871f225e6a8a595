use std::sync::Arc;

use cortex_types::{JournalEntryId, MoneyError, Timestamp};

use crate::postings::{Document, Postings};
use crate::{AccountKind, Books, DocumentKind, DocumentRef, ErpError, JournalDraft, RevalueCurrencies, Role, ids};

/// What is owned and owed in other currencies, at what it is worth at the end of the span: the difference to what the books have it
/// at is gained or lost. Stock is not money, what was exchanged is past, and taxes were worth what they were on their
/// day: these stay.
pub fn plan_exchange_revaluation(command: &RevalueCurrencies, books: &Books) -> Result<Postings, ErpError> {
    let Some(base) = books.base() else {
        let problem = "the company has no currency yet that others could be worth something in: say it first";
        return Err(ErpError::invalid("as_of", problem));
    };
    let at = Timestamp::from_micros(command.before.micros().saturating_sub(1));
    // It was made of what the books said then; something before it would be in it twice.
    if let Some((number, newest)) = books.newest_revaluation.as_ref().filter(|(_, newest)| *newest > at) {
        let problem = format!(
            "must not be before {newest}, of which {number} is the revaluation: reverse that first, and make it again"
        );
        return Err(ErpError::invalid("as_of", problem));
    }
    let Some((_, balances)) = books.balances_before.get(&command.before) else {
        return Err(ErpError::invalid(
            "as_of",
            "its balances were not at hand: send the request again",
        ));
    };
    let (number, drawn) = books.number_after(DocumentKind::JournalEntry, at, &[])?;
    let mut draft = JournalDraft::new(base, format!("exchange revaluation {number}"));
    draft.base = Some(base);
    for balance in balances.iter().filter(|balance| balance.currency != base) {
        let account = books.chart.account(&balance.account)?;
        let is_money = matches!(account.kind, AccountKind::Asset | AccountKind::Liability)
            && !matches!(
                account.role,
                Some(Role::Inventory | Role::CurrencyConversion | Role::InputTax | Role::OutputTax)
            );
        if !is_money {
            continue;
        }
        let Some(conversion) = books.conversion(balance.currency, at)? else {
            continue;
        };
        let worth = conversion.convert(balance.balance_minor())?;
        let change = worth
            .checked_sub(balance.base_balance_minor())
            .ok_or(MoneyError::Overflow)?;
        draft
            .debit_with_base(&account.code, balance.currency, 0, change)?
            .debit_with_base(books.chart.of(Role::ExchangeDifferences), balance.currency, 0, -change)?;
    }
    if draft.is_empty() {
        let problem = "everything is worth what the books have it at: there is nothing to revalue";
        return Err(ErpError::invalid("as_of", problem));
    }
    let reference = DocumentRef {
        kind: DocumentKind::ExchangeRevaluation,
        id: ids::next(),
    };
    let gained = draft
        .lines
        .iter()
        .filter(|line| line.account == *books.chart.of(Role::ExchangeDifferences));
    let gained_minor = -gained.map(|line| line.in_base_minor()).sum::<i64>();
    let entry = draft.post(JournalEntryId(reference.id), Arc::clone(&number), reference, at)?;
    Ok(Postings {
        currency: base,
        amount_minor: gained_minor,
        entries: vec![entry],
        drawn: vec![drawn],
        ..Postings::bare(
            DocumentKind::ExchangeRevaluation,
            reference.id,
            number,
            at,
            Document::JournalEntry,
        )
    })
}
