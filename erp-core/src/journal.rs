//! Double entry: a draft may be anything, a posted entry always balances.

use std::sync::Arc;

use cortex_types::{Currency, JournalEntryId, JournalLineId, Money, MoneyError, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::limits::check_amount;
use crate::{Account, DocumentKind, ErpError};

/// One side of an entry: exactly one of debit and credit is not zero, in minor units; below zero only in a storno.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalLine {
    pub id: JournalLineId,
    pub account: Account,
    pub debit_minor: i64,
    pub credit_minor: i64,
}

/// An entry in the making. Amounts of zero leave no line.
#[derive(Clone, Debug)]
pub struct JournalDraft {
    pub currency: Currency,
    pub memo: String,
    lines: Vec<JournalLine>,
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
        }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Debits `account`; a negative amount credits it.
    pub fn debit(&mut self, account: Account, minor: i64) -> Result<&mut Self, ErpError> {
        let size = minor.checked_abs().ok_or(MoneyError::Overflow)?;
        if size > 0 {
            let (debit_minor, credit_minor) = if minor > 0 { (size, 0) } else { (0, size) };
            self.lines.push(JournalLine {
                id: JournalLineId::new(),
                account,
                debit_minor,
                credit_minor,
            });
        }
        Ok(self)
    }

    /// Credits `account`; a negative amount debits it.
    pub fn credit(&mut self, account: Account, minor: i64) -> Result<&mut Self, ErpError> {
        self.debit(account, minor.checked_neg().ok_or(MoneyError::Overflow)?)
    }

    /// Takes back what a line debited or credited, on its own side.
    pub fn storno(&mut self, account: Account, debit_minor: i64, credit_minor: i64) -> Result<&mut Self, ErpError> {
        let negative = |minor: i64| minor.checked_neg().ok_or(MoneyError::Overflow);
        self.lines.push(JournalLine {
            id: JournalLineId::new(),
            account,
            debit_minor: negative(debit_minor)?,
            credit_minor: negative(credit_minor)?,
        });
        Ok(self)
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
        let debits = sum(self.lines.iter().map(|line| line.debit_minor))?;
        let credits = sum(self.lines.iter().map(|line| line.credit_minor))?;
        if debits != credits {
            let money = |minor| Money::new(minor, self.currency);
            return Err(ErpError::Unbalanced {
                debits: money(debits),
                credits: money(credits),
            });
        }
        let Self { currency, memo, lines } = self;
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

    /// The sum of the debits, which is the sum of the credits.
    #[must_use]
    pub fn amount_minor(&self) -> i64 {
        self.lines.iter().map(|line| line.debit_minor).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
            .debit(Account::BANK, 1000)
            .unwrap()
            .credit(Account::SALES, 990)
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
            .debit(Account::BANK, 0)
            .unwrap()
            .credit(Account::SALES, 0)
            .unwrap();
        assert!(draft.is_empty());
        assert!(post(draft).is_err());
    }

    proptest! {
        #[test]
        fn whatever_is_posted_balances(amounts in proptest::collection::vec(-1_000_000_i64..1_000_000, 1..20)) {
            let mut draft = JournalDraft::new(Currency::GBP, "random");
            for (index, amount) in amounts.iter().enumerate() {
                draft.debit(Account::ALL[index % Account::ALL.len()], *amount).unwrap();
            }
            draft.credit(Account::EQUITY, amounts.iter().sum()).unwrap();
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
