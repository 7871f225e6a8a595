//! Double entry: a draft may be anything, a posted entry always balances: in every currency, and in the company's.

use std::collections::BTreeMap;
use std::sync::Arc;

use cortex_types::{Currency, JournalEntryId, JournalLineId, Money, MoneyError, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::limits::check_amount;
use crate::{DocumentKind, ErpError, ids};

/// One side of an entry: at most one of debit and credit is not zero, in minor units; below zero only in a storno. Both are
/// zero where the line is only about the company's currency, as exchange differences are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalLine {
    pub id: JournalLineId,
    /// Its code.
    pub account: Arc<str>,
    pub currency: Currency,
    pub debit_minor: i64,
    pub credit_minor: i64,
    /// Debits less credits in the company's currency, where the line is in another one.
    pub base_minor: Option<i64>,
    pub cost_centre: Option<Arc<str>>,
    /// Whose account it is, on receivables and payables.
    pub party: Option<Arc<str>>,
}

impl JournalLine {
    /// Debits less credits.
    #[must_use]
    pub fn amount_minor(&self) -> i64 {
        self.debit_minor - self.credit_minor
    }

    /// Debits and credits in the company's currency; in its own where no company said one.
    #[must_use]
    pub fn base_sides(&self) -> (i64, i64) {
        match self.base_minor {
            None => (self.debit_minor, self.credit_minor),
            Some(base) if self.debit_minor != 0 => (base, 0),
            Some(base) if self.credit_minor != 0 => (0, -base),
            Some(base) => (base.max(0), (-base).max(0)),
        }
    }

    /// Debits less credits in the company's currency; in its own where no company said one.
    #[must_use]
    pub fn in_base_minor(&self) -> i64 {
        self.base_minor.unwrap_or_else(|| self.amount_minor())
    }
}

/// An entry in the making. Amounts of zero leave no line.
#[derive(Clone, Debug)]
pub struct JournalDraft {
    pub currency: Currency,
    pub memo: String,
    pub(crate) lines: Vec<JournalLine>,
    /// The company's currency, where lines say what they are in it.
    pub(crate) base: Option<Currency>,
}

/// The document that an entry was posted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentRef {
    pub kind: DocumentKind,
    pub id: Uuid,
}

/// A balanced entry. It is only made by [`JournalDraft::post`], and nothing changes it afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostedEntry {
    id: JournalEntryId,
    number: Arc<str>,
    document: DocumentRef,
    memo: String,
    currency: Currency,
    posted_at: Timestamp,
    lines: Vec<JournalLine>,
}

impl JournalDraft {
    #[must_use]
    pub fn new(currency: Currency, memo: impl Into<String>) -> Self {
        Self {
            currency,
            memo: memo.into(),
            lines: Vec::new(),
            base: None,
        }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Debits `account`; a negative amount credits it.
    pub fn debit(&mut self, account: &Arc<str>, minor: i64) -> Result<&mut Self, ErpError> {
        self.debit_in(account, self.currency, minor)
    }

    /// Credits `account`; a negative amount debits it.
    pub fn credit(&mut self, account: &Arc<str>, minor: i64) -> Result<&mut Self, ErpError> {
        self.debit(account, minor.checked_neg().ok_or(MoneyError::Overflow)?)
    }

    /// [`debit`](Self::debit) in another currency than most of the entry is in.
    pub fn debit_in(&mut self, account: &Arc<str>, currency: Currency, minor: i64) -> Result<&mut Self, ErpError> {
        if minor != 0 {
            self.line(account, currency, minor, None)?;
        }
        Ok(self)
    }

    /// Debits `account`, with what that is in the company's currency.
    pub fn debit_with_base(
        &mut self,
        account: &Arc<str>,
        currency: Currency,
        minor: i64,
        base_minor: i64,
    ) -> Result<&mut Self, ErpError> {
        if minor != 0 || base_minor != 0 {
            self.line(account, currency, minor, Some(base_minor))?;
        }
        Ok(self)
    }

    fn line(
        &mut self,
        account: &Arc<str>,
        currency: Currency,
        minor: i64,
        base_minor: Option<i64>,
    ) -> Result<(), ErpError> {
        let size = minor.checked_abs().ok_or(MoneyError::Overflow)?;
        let (debit_minor, credit_minor) = if minor > 0 { (size, 0) } else { (0, size) };
        self.lines.push(JournalLine {
            id: JournalLineId(ids::next()),
            account: Arc::clone(account),
            currency,
            debit_minor,
            credit_minor,
            base_minor,
            cost_centre: None,
            party: None,
        });
        Ok(())
    }

    /// Counts the newest line for a part of the company.
    pub fn for_cost_centre(&mut self, cost_centre: &Arc<str>) {
        if let Some(line) = self.lines.last_mut() {
            line.cost_centre = Some(Arc::clone(cost_centre));
        }
    }

    /// Says whose account the newest line is on.
    pub(crate) fn of_party(&mut self, party: &Arc<str>) {
        if let Some(line) = self.lines.last_mut() {
            line.party = Some(Arc::clone(party));
        }
    }

    /// Undoes a line of another entry, on the other side.
    pub fn counter(&mut self, line: &JournalLine) -> Result<&mut Self, ErpError> {
        let negative = |minor: i64| minor.checked_neg().ok_or(MoneyError::Overflow);
        // What was a storno goes back to the side it was taken from.
        let (debit_minor, credit_minor) = match line.amount_minor() >= 0 {
            true => (0, line.amount_minor()),
            false => (negative(line.amount_minor())?, 0),
        };
        self.undo(line, debit_minor, credit_minor)
    }

    /// Takes back what a line debited or credited, on its own side.
    pub fn storno(&mut self, line: &JournalLine) -> Result<&mut Self, ErpError> {
        let negative = |minor: i64| minor.checked_neg().ok_or(MoneyError::Overflow);
        self.undo(line, negative(line.debit_minor)?, negative(line.credit_minor)?)
    }

    fn undo(&mut self, line: &JournalLine, debit_minor: i64, credit_minor: i64) -> Result<&mut Self, ErpError> {
        let base_minor = line
            .base_minor
            .map(|base| base.checked_neg().ok_or(MoneyError::Overflow));
        self.lines.push(JournalLine {
            id: JournalLineId(ids::next()),
            debit_minor,
            credit_minor,
            base_minor: base_minor.transpose()?,
            ..line.clone()
        });
        Ok(self)
    }

    /// Whether it balances in the company's currency.
    pub(crate) fn check_base(&self) -> Result<(), ErpError> {
        let Some(base) = self.base else { return Ok(()) };
        let lines = || self.lines.iter().map(JournalLine::in_base_minor);
        let debits = sum(lines().filter(|base| *base > 0))?;
        let credits = sum(lines().filter(|base| *base < 0))?;
        if debits == -credits {
            return Ok(());
        }
        let money = |minor| Money::new(minor, base);
        Err(ErpError::Unbalanced {
            debits: money(debits),
            credits: money(-credits),
        })
    }

    /// Debits less credits of each currency that the lines are in.
    pub(crate) fn by_currency(&self) -> Result<BTreeMap<Currency, i64>, MoneyError> {
        let mut sums = BTreeMap::new();
        for line in &self.lines {
            let sum: &mut i64 = sums.entry(line.currency).or_default();
            *sum = sum.checked_add(line.amount_minor()).ok_or(MoneyError::Overflow)?;
        }
        Ok(sums)
    }

    /// The entry, when its debits equal its credits; [`ErpError::Unbalanced`] with both sums otherwise.
    pub fn post(
        self,
        id: JournalEntryId,
        number: Arc<str>,
        document: DocumentRef,
        posted_at: Timestamp,
    ) -> Result<PostedEntry, ErpError> {
        // Documents check their lines; this is what the lines come to.
        check_amount("lines", sum(self.lines.iter().map(|line| line.debit_minor))?)?;
        check_amount("lines", sum(self.lines.iter().map(|line| line.credit_minor))?)?;
        let worth = self.lines.iter().filter_map(|line| line.base_minor);
        check_amount("lines", sum(worth.filter(|base| *base > 0))?)?;
        self.close(id, number, document, posted_at)
    }

    /// [`post`](Self::post) for what a whole year comes to, which may be more than a document.
    pub(crate) fn close(
        self,
        id: JournalEntryId,
        number: Arc<str>,
        document: DocumentRef,
        posted_at: Timestamp,
    ) -> Result<PostedEntry, ErpError> {
        if self.lines.is_empty() {
            return Err(ErpError::invalid(
                "lines",
                "an entry needs at least one debit and one credit above zero",
            ));
        }
        for (currency, amount) in self.by_currency()? {
            if amount != 0 {
                let of_currency = || self.lines.iter().filter(|line| line.currency == currency);
                let money = |minor| Money::new(minor, currency);
                return Err(ErpError::Unbalanced {
                    debits: money(sum(of_currency().map(|line| line.debit_minor))?),
                    credits: money(sum(of_currency().map(|line| line.credit_minor))?),
                });
            }
        }
        self.check_base()?;
        let Self {
            currency, memo, lines, ..
        } = self;
        Ok(PostedEntry {
            id,
            number,
            document,
            memo,
            currency,
            posted_at,
            lines,
        })
    }
}

fn sum(amounts: impl Iterator<Item = i64>) -> Result<i64, MoneyError> {
    let total: i128 = amounts.map(i128::from).sum();
    i64::try_from(total).map_err(|_| MoneyError::Overflow)
}

impl PostedEntry {
    #[must_use]
    pub fn id(&self) -> JournalEntryId {
        self.id
    }

    #[must_use]
    pub fn number(&self) -> &Arc<str> {
        &self.number
    }

    #[must_use]
    pub fn document(&self) -> DocumentRef {
        self.document
    }

    #[must_use]
    pub fn memo(&self) -> &str {
        &self.memo
    }

    #[must_use]
    pub fn currency(&self) -> Currency {
        self.currency
    }

    #[must_use]
    pub fn posted_at(&self) -> Timestamp {
        self.posted_at
    }

    #[must_use]
    pub fn lines(&self) -> &[JournalLine] {
        &self.lines
    }

    /// The sum of the debits in its own currency, which is the sum of the credits.
    #[must_use]
    pub fn amount_minor(&self) -> i64 {
        let own = self.lines.iter().filter(|line| line.currency == self.currency);
        own.map(|line| line.debit_minor).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Chart, Role};
    use proptest::prelude::*;

    fn account(role: Role) -> Arc<str> {
        Arc::clone(Chart::default().of(role))
    }

    fn post(draft: JournalDraft) -> Result<PostedEntry, ErpError> {
        let document = DocumentRef {
            kind: DocumentKind::JournalEntry,
            id: Uuid::nil(),
        };
        draft.post(JournalEntryId::new(), "J-000001".into(), document, Timestamp::default())
    }

    #[test]
    fn an_unbalanced_draft_is_refused_with_both_sums() {
        let mut draft = JournalDraft::new(Currency::GBP, "typo");
        draft
            .debit(&account(Role::Bank), 1000)
            .unwrap()
            .credit(&account(Role::Sales), 990)
            .unwrap();
        let error = post(draft).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the entry does not balance: debits are 10.00 GBP, credits are 9.90 GBP"
        );
    }

    #[test]
    fn an_entry_of_zeros_is_no_entry() {
        let mut draft = JournalDraft::new(Currency::GBP, "nothing");
        draft
            .debit(&account(Role::Bank), 0)
            .unwrap()
            .credit(&account(Role::Sales), 0)
            .unwrap();
        assert!(draft.is_empty());
        assert!(post(draft).is_err());
    }

    proptest! {
        #[test]
        fn whatever_is_posted_balances(amounts in proptest::collection::vec(-1_000_000_i64..1_000_000, 1..20)) {
            let mut draft = JournalDraft::new(Currency::GBP, "random");
            for (index, amount) in amounts.iter().enumerate() {
                draft.debit(&account(Role::ALL[index % Role::ALL.len()]), *amount).unwrap();
            }
            draft.credit(&account(Role::Equity), amounts.iter().sum()).unwrap();
            if !draft.is_empty() {
                let entry = post(draft).unwrap();
                let debits: i64 = entry.lines().iter().map(|line| line.debit_minor).sum();
                let credits: i64 = entry.lines().iter().map(|line| line.credit_minor).sum();
                prop_assert_eq!(debits, credits);
                prop_assert!(entry.lines().iter().all(|line| (line.debit_minor > 0) != (line.credit_minor > 0)));
            }
        }
    }
}
