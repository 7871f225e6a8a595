//! What a document comes to, account by account, before it is an entry.

use std::sync::Arc;

use cortex_types::{Currency, MoneyError};

use crate::{Chart, ErpError, JournalDraft, Role};

/// Debits less credits of each account, in the order in which they were first named.
#[derive(Clone, Debug)]
pub(super) struct Sides {
    /// Of the document.
    currency: Currency,
    sums: Vec<Side>,
}

#[derive(Clone, Debug)]
struct Side {
    place: Place,
    currency: Currency,
    minor: i64,
    /// In the company's currency, where that is not what the rate of the day says.
    base_minor: Option<i64>,
    /// The part of the company that it is counted for.
    cost_centre: Option<Arc<str>>,
}

/// Where an amount goes: to the account with a role, or to one by its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Role(Role),
    Code(Arc<str>),
}

impl From<Role> for Place {
    fn from(role: Role) -> Self {
        Self::Role(role)
    }
}

impl From<&Arc<str>> for Place {
    fn from(code: &Arc<str>) -> Self {
        Self::Code(Arc::clone(code))
    }
}

impl Sides {
    pub const fn new(currency: Currency) -> Self {
        Self {
            currency,
            sums: Vec::new(),
        }
    }

    /// Debits an account; a negative amount credits it.
    pub fn debit(&mut self, place: impl Into<Place>, minor: i64) -> Result<&mut Self, ErpError> {
        self.debit_in(self.currency, place, minor)
    }

    /// Credits an account; a negative amount debits it.
    pub fn credit(&mut self, place: impl Into<Place>, minor: i64) -> Result<&mut Self, ErpError> {
        self.debit(place, minor.checked_neg().ok_or(MoneyError::Overflow)?)
    }

    /// Debits an account in another currency than the document is in.
    pub fn debit_in(&mut self, currency: Currency, place: impl Into<Place>, minor: i64) -> Result<&mut Self, ErpError> {
        self.put(currency, place.into(), minor, None)
    }

    /// Debits an account, for a part of the company.
    pub fn debit_for(
        &mut self,
        place: impl Into<Place>,
        minor: i64,
        cost_centre: Option<&Arc<str>>,
    ) -> Result<&mut Self, ErpError> {
        self.put(self.currency, place.into(), minor, cost_centre)
    }

    fn put(
        &mut self,
        currency: Currency,
        place: Place,
        minor: i64,
        cost_centre: Option<&Arc<str>>,
    ) -> Result<&mut Self, ErpError> {
        let same = |side: &&mut Side| {
            side.place == place
                && side.currency == currency
                && side.base_minor.is_none()
                && side.cost_centre.as_ref() == cost_centre
        };
        match self.sums.iter_mut().find(same) {
            Some(side) => add(&mut side.minor, minor)?,
            None => self.sums.push(Side {
                place,
                currency,
                minor,
                base_minor: None,
                cost_centre: cost_centre.cloned(),
            }),
        }
        Ok(self)
    }

    /// Debits an account with what that is in the company's currency.
    pub fn debit_with_base(&mut self, place: impl Into<Place>, minor: i64, base_minor: i64) -> &mut Self {
        self.sums.push(Side {
            place: place.into(),
            currency: self.currency,
            minor,
            base_minor: Some(base_minor),
            cost_centre: None,
        });
        self
    }

    pub fn take_in(&mut self, others: Self) -> Result<&mut Self, ErpError> {
        for side in others.sums {
            match side.base_minor {
                None => {
                    self.put(side.currency, side.place, side.minor, side.cost_centre.as_ref())?;
                }
                Some(_) => self.sums.push(side),
            }
        }
        Ok(self)
    }

    pub fn into_draft(self, chart: &Chart, memo: impl Into<String>) -> Result<JournalDraft, ErpError> {
        let mut draft = JournalDraft::new(self.currency, memo);
        for side in self.sums {
            let code = match &side.place {
                Place::Role(role) => chart.of(*role),
                Place::Code(code) => code,
            };
            match side.base_minor {
                None => draft.debit_in(code, side.currency, side.minor)?,
                Some(base) => draft.debit_with_base(code, side.currency, side.minor, base)?,
            };
            if let Some(cost_centre) = side.cost_centre.filter(|_| side.minor != 0) {
                draft.for_cost_centre(&cost_centre);
            }
        }
        Ok(draft)
    }
}

/// Adds up amounts that were each checked alone.
pub(super) fn add(total: &mut i64, amount: i64) -> Result<(), ErpError> {
    *total = total.checked_add(amount).ok_or(MoneyError::Overflow)?;
    Ok(())
}
