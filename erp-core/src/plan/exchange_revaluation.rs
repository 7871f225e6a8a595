use std::sync::Arc;

use cortex_types::{JournalEntryId, MoneyError, Timestamp};

use super::sides::add;
use crate::postings::{Document, Postings};
use crate::{
    AccountKind, Books, DocumentKind, DocumentRef, Drawn, ErpError, JournalDraft, PostedEntry, RevalueCurrencies, Role,
    ids,
};

/// What is owned and owed in other currencies, at what it is worth at the end of the span: the difference to what the books have it
/// at is gained or lost. Stock is not money, what was exchanged is past, and taxes were worth what they were on their
/// day: these stay.
///
/// What parties owe and are owed is taken back at once, in the next day: what settles an item gains or loses from the rate that the item
/// was posted at (see `exchange_difference`), and nothing is to be in the books twice.
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
    let mut lasting = JournalDraft::new(base, "");
    lasting.base = Some(base);
    let mut open = lasting.clone();
    let mut gained_minor = 0;
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
        let draft = match account.role {
            Some(Role::Receivables | Role::Payables) => &mut open,
            _ => &mut lasting,
        };
        draft
            .debit_with_base(&account.code, balance.currency, 0, change)?
            .debit_with_base(books.chart.of(Role::ExchangeDifferences), balance.currency, 0, -change)?;
        add(&mut gained_minor, change)?;
    }
    let mut revaluation = Revaluation {
        books,
        entries: Vec::new(),
        drawn: Vec::new(),
    };
    if !lasting.is_empty() {
        revaluation.post(lasting, None, at)?;
    }
    if !open.is_empty() {
        let mut taken_back = JournalDraft::new(base, "");
        taken_back.base = Some(base);
        for line in &open.lines {
            taken_back.counter(line)?;
        }
        let posted = revaluation.post(open, None, at)?;
        books.locks.check(command.before, command.adjusting)?;
        revaluation.post(taken_back, Some(posted), command.before)?;
    }
    let Some(first) = revaluation.entries.first() else {
        let problem = "everything is worth what the books have it at: there is nothing to revalue";
        return Err(ErpError::invalid("as_of", problem));
    };
    let (kind, id, number) = (
        DocumentKind::ExchangeRevaluation,
        first.id().0,
        Arc::clone(first.number()),
    );
    Ok(Postings {
        currency: base,
        amount_minor: gained_minor,
        entries: revaluation.entries,
        drawn: revaluation.drawn,
        ..Postings::bare(kind, id, number, at, Document::JournalEntry)
    })
}

/// Its entries, each under the next number of the journal.
struct Revaluation<'a> {
    books: &'a Books,
    entries: Vec<PostedEntry>,
    drawn: Vec<Drawn>,
}

impl Revaluation<'_> {
    /// An entry of its own, or the reversal of one: that belongs to what it takes back.
    fn post(
        &mut self,
        mut draft: JournalDraft,
        reverses: Option<(JournalEntryId, Arc<str>)>,
        at: Timestamp,
    ) -> Result<(JournalEntryId, Arc<str>), ErpError> {
        let id = JournalEntryId(ids::next());
        let (number, drawn) = self.books.number_after(DocumentKind::JournalEntry, at, &self.drawn)?;
        let (of, memo) = match reverses {
            None => (id, format!("exchange revaluation {number}")),
            Some((of, reversed)) => (of, format!("reversal of exchange revaluation {reversed}")),
        };
        draft.memo = memo;
        let reference = DocumentRef {
            kind: DocumentKind::ExchangeRevaluation,
            id: of.0,
        };
        self.entries.push(draft.post(id, Arc::clone(&number), reference, at)?);
        self.drawn.push(drawn);
        Ok((id, number))
    }
}
