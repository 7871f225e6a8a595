use std::sync::Arc;
use std::time::Duration;

use cortex_types::{JournalEntryId, MoneyError, Timestamp};

use super::sides::add;
use crate::postings::{Document, Postings};
use crate::{
    AccountKind, Books, Carried, DocumentKind, DocumentRef, Drawn, ErpError, ItemSide, JournalDraft, PostedEntry,
    RevalueCurrencies, Role, day_of, ids,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The end of the month is revalued before it is there, but not that of another one.
const DAYS_AHEAD_MAX: u32 = 31;

/// What is owned and owed in other currencies, at what it is worth at the end of the span: the difference to what the books have it
/// at is gained or lost. Stock is not money, what was exchanged is past, and taxes were worth what they were on their
/// day: these stay.
///
/// What parties owe and are owed is taken back at the beginning of the next day: what settles an item gains or loses from the rate that the item
/// was posted at (see `exchange_difference`), and nothing is to be in the books twice.
pub fn plan_exchange_revaluation(
    command: &RevalueCurrencies,
    books: &Books,
    now: Timestamp,
) -> Result<Postings, ErpError> {
    let Some(base) = books.base() else {
        let problem = "the company has no currency yet that others could be worth something in: say it first";
        return Err(ErpError::invalid("as_of", problem));
    };
    let at = Timestamp::from_micros(command.before.micros().saturating_sub(1));
    let latest = now.saturating_add(DAY * DAYS_AHEAD_MAX);
    if at > latest {
        let problem = format!("must not be after {latest}: nobody knows what a currency will be worth");
        return Err(ErpError::invalid("as_of", problem));
    }
    // It was made of what the books said then; something before it would be in it twice.
    if let Some((number, newest)) = books.newest_revaluation.as_ref().filter(|(_, newest)| *newest > at) {
        let problem = format!(
            "must not be before {newest}, of which {number} is the revaluation: reverse that first, and make it again"
        );
        return Err(ErpError::invalid("as_of", problem));
    }
    let balances = books.balances_before.get(&command.before);
    let Some(((_, balances), carried)) = balances.zip(books.carried_before.get(&command.before)) else {
        let problem = "its balances were not at hand: send the request again";
        return Err(ErpError::invalid("as_of", problem));
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
        add(&mut gained_minor, change)?;
        let side = ItemSide::ALL.into_iter().find(|side| account.role == Some(side.role()));
        let taken_back = match side {
            None => 0,
            Some(side) => {
                let is_of = |of: &&Carried| of.side == side && of.currency == balance.currency;
                taken_back(carried.iter().filter(is_of), worth, change)?
            }
        };
        let differences = books.chart.of(Role::ExchangeDifferences);
        for (draft, minor) in [(&mut lasting, change - taken_back), (&mut open, taken_back)] {
            draft
                .debit_with_base(&account.code, balance.currency, 0, minor)?
                .debit_with_base(differences, balance.currency, 0, -minor)?;
        }
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
        let next_day = day_of(at.saturating_add(DAY));
        books.locks.check(next_day, command.adjusting)?;
        revaluation.post(taken_back, Some(posted), next_day).map_err(|error| {
            let problem = format!("what is open then is taken back on {next_day}, which is refused: {error}");
            ErpError::invalid("as_of", problem)
        })?;
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

/// How much of the change of a control account stands until the next day: what its items are worth more than when they were posted.
/// Whatever else is on the account goes for good.
fn taken_back<'a>(carried: impl Iterator<Item = &'a Carried>, worth: i64, change: i64) -> Result<i64, ErpError> {
    let (mut taken_back, mut rounded) = (worth, 0);
    for of in carried {
        add(&mut taken_back, -of.items_minor)?;
        add(&mut taken_back, -of.taken_back_minor)?;
        add(&mut rounded, of.rounded_minor)?;
    }
    let is_rounded = change.abs_diff(taken_back) <= rounded.unsigned_abs();
    Ok(if is_rounded { change } else { taken_back })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn stands(worth: i64, balance: i64, carried: &[(i64, i64, i64)]) -> i64 {
        let carried: Vec<Carried> = carried
            .iter()
            .map(|(items_minor, rounded_minor, taken_back_minor)| Carried {
                side: ItemSide::Receivable,
                currency: "EUR".parse().unwrap(),
                items_minor: *items_minor,
                rounded_minor: *rounded_minor,
                taken_back_minor: *taken_back_minor,
            })
            .collect();
        taken_back(carried.iter(), worth, worth - balance).unwrap()
    }

    #[test]
    fn what_no_item_explains_goes_for_good() {
        // 90.00 for what was 80.00 when it was posted.
        assert_eq!(stands(9_000, 8_000, &[(5_000, 0, 0), (3_000, 0, 0)]), 1_000);
        // Another 2.00 on the account are of nobody.
        assert_eq!(stands(9_000, 8_200, &[(8_000, 0, 0)]), 1_000);
        // 7.00 of the 10.00 were posted, and will be taken back.
        assert_eq!(stands(9_000, 8_700, &[(8_000, 0, 0), (0, 0, 700)]), 300);
        // A penny of rounding is no more than that.
        assert_eq!(stands(9_000, 8_001, &[(8_000, 1, 0)]), 999);
        assert_eq!(stands(9_000, 8_002, &[(8_000, 1, 0)]), 1_000);
    }
}
