//! What amounts are in the company's currency.

use std::sync::Arc;

use cortex_types::{Currency, MoneyError, Timestamp};

use super::Books;
use crate::{Conversion, CostCentre, ErpError, JournalDraft, JournalLine, Role};

const DAY_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

/// The beginning of a day, in UTC.
#[must_use]
pub fn day_of(at: Timestamp) -> Timestamp {
    Timestamp::from_micros(at.micros().div_euclid(DAY_MICROS) * DAY_MICROS)
}

impl Books {
    /// The company's currency, where it said one.
    #[must_use]
    pub fn base(&self) -> Option<Currency> {
        self.company.as_ref().map(|company| company.currency)
    }

    /// What stock is worth is in the company's currency, or else in that of the document that moves it.
    #[must_use]
    pub fn goods_currency(&self, document: Currency) -> Currency {
        self.base().unwrap_or(document)
    }

    /// From `currency` to the company's, by the rate of the day. `None` where it is that, or no company said its own.
    pub fn conversion(&self, currency: Currency, at: Timestamp) -> Result<Option<Conversion>, ErpError> {
        let Some(base) = self.base().filter(|base| *base != currency) else {
            return Ok(None);
        };
        let until = self.rates.range((currency, Timestamp::MIN)..=(currency, at));
        // A company that was in another currency before has rates in that.
        match until.last().filter(|(_, rate)| rate.base == base) {
            Some((_, rate)) => Ok(Some(Conversion {
                from: currency,
                to: base,
                rate: rate.rate,
            })),
            None => Err(ErpError::NoExchangeRate { currency, base, at }),
        }
    }

    pub(crate) fn cost_centre(&self, field: &str, code: &Arc<str>) -> Result<&Arc<str>, ErpError> {
        match self.cost_centres.get(code) {
            Some(CostCentre {
                blocked: false, code, ..
            }) => Ok(code),
            Some(_) => {
                let problem = format!("'{code}' is blocked: nothing more is counted for it");
                Err(ErpError::invalid(field, problem))
            }
            None => Err(ErpError::invalid(
                field,
                format!("there is no cost centre '{code}': create it first, or correct the code"),
            )),
        }
    }

    /// The draft with what its lines are in the company's currency. What rounding each of them leaves goes to its own account,
    /// and what one currency gives and another takes goes through that of conversion: so the entry balances in every currency
    /// and in the company's.
    pub(crate) fn in_base(&self, mut draft: JournalDraft, at: Timestamp) -> Result<JournalDraft, ErpError> {
        let Some(base) = self.base() else {
            return Ok(draft);
        };
        let Some(foreign) = draft.lines.iter().map(|line| line.currency).find(|of| *of != base) else {
            return Ok(draft);
        };
        draft.base = Some(base);
        let mut converted: u64 = 0;
        for line in &mut draft.lines {
            if line.currency != base
                && line.base_minor.is_none()
                && let Some(conversion) = self.conversion(line.currency, at)?
            {
                line.base_minor = Some(conversion.convert(line.amount_minor())?);
                converted += 1;
            }
        }
        let rounded = sum(draft.lines.iter().map(JournalLine::in_base_minor))?;
        // Each is off by half a minor unit at most; what is more is no rounding, and is refused.
        if rounded.unsigned_abs() > converted.div_ceil(2) {
            draft.check_base()?;
        }
        draft.debit_with_base(self.chart.of(Role::Rounding), foreign, 0, -rounded)?;
        for (currency, amount) in draft.by_currency()? {
            let account = self.chart.of(Role::CurrencyConversion);
            if currency == base {
                draft.debit_in(account, currency, -amount)?;
            } else {
                let of_currency = draft.lines.iter().filter(|line| line.currency == currency);
                let worth = sum(of_currency.map(JournalLine::in_base_minor))?;
                draft.debit_with_base(account, currency, -amount, -worth)?;
            }
        }
        Ok(draft)
    }
}

fn sum(amounts: impl Iterator<Item = i64>) -> Result<i64, ErpError> {
    let total: i128 = amounts.map(i128::from).sum();
    Ok(i64::try_from(total).map_err(|_| MoneyError::Overflow)?)
}
