//! What a document comes to, account by account, before it is an entry.

use cortex_types::{Currency, MoneyError};

use crate::{Account, ErpError, JournalDraft};

/// Debits less credits of each account, in the order in which they were first named.
#[derive(Clone, Debug, Default)]
pub(super) struct Sides(Vec<(Account, i64)>);

impl Sides {
    /// Debits `account`; a negative amount credits it.
    pub fn debit(&mut self, account: Account, minor: i64) -> Result<&mut Self, ErpError> {
        match self.0.iter_mut().find(|(there, _)| *there == account) {
            Some((_, sum)) => add(sum, minor)?,
            None => self.0.push((account, minor)),
        }
        Ok(self)
    }

    /// Credits `account`; a negative amount debits it.
    pub fn credit(&mut self, account: Account, minor: i64) -> Result<&mut Self, ErpError> {
        self.debit(account, minor.checked_neg().ok_or(MoneyError::Overflow)?)
    }

    pub fn take_in(&mut self, others: &Self) -> Result<&mut Self, ErpError> {
        for (account, minor) in &others.0 {
            self.debit(*account, *minor)?;
        }
        Ok(self)
    }

    pub fn into_draft(self, currency: Currency, memo: impl Into<String>) -> Result<JournalDraft, ErpError> {
        let mut draft = JournalDraft::new(currency, memo);
        for (account, minor) in self.0 {
            draft.debit(account, minor)?;
        }
        Ok(draft)
    }
}

/// Adds up amounts that were each checked alone.
pub(super) fn add(total: &mut i64, amount: i64) -> Result<(), ErpError> {
    *total = total.checked_add(amount).ok_or(MoneyError::Overflow)?;
    Ok(())
}
