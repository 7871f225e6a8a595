//! Fiscal years and their periods: what may still be posted to.

use std::sync::Arc;
use std::time::Duration;

use chrono::Months;
use cortex_types::{Currency, FiscalPeriodId, FiscalYearId, MoneyError, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{AccountBalance, AccountKind, Chart, ErpError, JournalDraft, Role, Span, ids};

/// Most months of one year: a long first one has up to two.
pub const YEAR_MONTHS_MAX: u32 = 24;

/// What a period takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PeriodState {
    Open,
    /// Adjusting entries only.
    SoftClosed,
    /// Nothing any more.
    HardClosed,
}

impl PeriodState {
    pub const ALL: [Self; 3] = [Self::Open, Self::SoftClosed, Self::HardClosed];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::SoftClosed => "soft-closed",
            Self::HardClosed => "hard-closed",
        }
    }
}

/// A month of a fiscal year.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FiscalPeriod {
    pub id: FiscalPeriodId,
    /// The year's code and the number of the month, such as `FY2011-03`.
    pub code: Arc<str>,
    pub from: Timestamp,
    /// The first instant that does not belong to it.
    pub before: Timestamp,
    pub state: PeriodState,
}

/// A fiscal year with its periods, which follow each other without a gap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FiscalYear {
    pub id: FiscalYearId,
    pub code: Arc<str>,
    pub from: Timestamp,
    pub before: Timestamp,
    /// Its results were carried to equity.
    pub closed: bool,
    pub periods: Vec<FiscalPeriod>,
}

impl FiscalYear {
    /// A year of `months` periods from the day on that begins at `from`. Its code is that of its last day's year where none is
    /// given.
    pub fn new(code: Option<&Arc<str>>, from: Timestamp, months: u32) -> Result<Self, ErpError> {
        if !(1..=YEAR_MONTHS_MAX).contains(&months) {
            let problem = format!("must be 1 to {YEAR_MONTHS_MAX}");
            return Err(ErpError::invalid("months", problem));
        }
        from.check_given()
            .map_err(|error| ErpError::invalid("from", error.to_string()))?;
        let first = from.to_datetime();
        if first.time() != chrono::NaiveTime::MIN {
            return Err(ErpError::invalid(
                "from",
                "a year begins with a day, in UTC: give a date alone",
            ));
        }
        // Counted from the first day each time, so that a year from the 31st on keeps its ends of months.
        let month = |months: u32| {
            let begins = first.checked_add_months(Months::new(months)).map(Timestamp::from);
            begins.ok_or_else(|| ErpError::invalid("from", "the year would end beyond the calendar"))
        };
        let before = month(months)?;
        let last_day = before.saturating_sub(Duration::from_micros(1)).to_datetime();
        let code = match code {
            Some(code) => Arc::clone(code),
            None => format!("FY{}", last_day.format("%Y")).into(),
        };
        let periods = (0..months).map(|place| {
            Ok(FiscalPeriod {
                id: FiscalPeriodId(ids::next()),
                code: format!("{code}-{:02}", place + 1).into(),
                from: month(place)?,
                before: month(place + 1)?,
                state: PeriodState::Open,
            })
        });
        Ok(Self {
            id: FiscalYearId(ids::next()),
            from,
            before,
            closed: false,
            periods: periods.collect::<Result<_, ErpError>>()?,
            code,
        })
    }

    #[must_use]
    pub const fn span(&self) -> Span {
        Span {
            from: Some(self.from),
            before: Some(self.before),
        }
    }

    /// Its last instant, at which it is closed.
    #[must_use]
    pub fn end(&self) -> Timestamp {
        self.before.saturating_sub(Duration::from_micros(1))
    }
}

/// What the closing of a year carries to equity: its own results, and with the first year's those of the time before.
#[must_use]
pub fn closing_span(years: &[FiscalYear], code: &str) -> Option<Span> {
    let place = years.iter().position(|year| *year.code == *code)?;
    let span = years.get(place)?.span();
    Some(Span {
        from: span.from.filter(|_| place > 0),
        ..span
    })
}

/// Up to where the books are closed. Periods close in their order, so each is one instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Locks {
    pub soft_before: Option<Timestamp>,
    pub hard_before: Option<Timestamp>,
}

impl Locks {
    /// As `years` have them.
    #[must_use]
    pub fn of<'a>(periods: impl IntoIterator<Item = &'a FiscalPeriod>) -> Self {
        let mut locks = Self::default();
        for period in periods {
            if period.state >= PeriodState::SoftClosed {
                locks.soft_before = locks.soft_before.max(Some(period.before));
            }
            if period.state == PeriodState::HardClosed {
                locks.hard_before = locks.hard_before.max(Some(period.before));
            }
        }
        locks
    }

    /// Whether something may be posted at `at`.
    pub fn check(&self, at: Timestamp, adjusting: bool) -> Result<(), ErpError> {
        let locked = |before: Option<Timestamp>| before.filter(|before| at < *before);
        if let Some(before) = locked(self.hard_before) {
            return Err(ErpError::PeriodClosed {
                at,
                before,
                how: "nothing is posted to it any more: give a later time",
            });
        }
        match locked(self.soft_before) {
            Some(before) if !adjusting => Err(ErpError::PeriodClosed {
                at,
                before,
                how: "only adjusting entries and reversals are (`adjusting`): give a later time, or reopen the period",
            }),
            _ => Ok(()),
        }
    }
}

/// The entry that carries the results of a year to equity: one draft for each currency that has any.
pub(crate) fn closing_drafts(
    year: &FiscalYear,
    balances: &[AccountBalance],
    chart: &Chart,
    base: Option<Currency>,
) -> Result<Vec<JournalDraft>, ErpError> {
    let mut currencies: Vec<Currency> = balances.iter().map(|balance| balance.currency).collect();
    currencies.sort_unstable();
    currencies.dedup();
    let mut drafts = Vec::new();
    for currency in currencies {
        let mut draft = JournalDraft::new(currency, format!("closing of {}", year.code));
        draft.base = base.filter(|base| *base != currency);
        let (mut result, mut result_in_base) = (0_i64, 0_i64);
        for balance in balances.iter().filter(|balance| balance.currency == currency) {
            let account = chart.account(&balance.account)?;
            if matches!(account.kind, AccountKind::Income | AccountKind::Expense) {
                let (minor, in_base) = (balance.balance_minor(), balance.base_balance_minor());
                close(&mut draft, &account.code, -minor, -in_base)?;
                result = result.checked_add(minor).ok_or(MoneyError::Overflow)?;
                result_in_base = result_in_base.checked_add(in_base).ok_or(MoneyError::Overflow)?;
            }
        }
        close(&mut draft, chart.of(Role::RetainedEarnings), result, result_in_base)?;
        if !draft.is_empty() {
            drafts.push(draft);
        }
    }
    Ok(drafts)
}

fn close(draft: &mut JournalDraft, account: &Arc<str>, minor: i64, base_minor: i64) -> Result<(), ErpError> {
    match draft.base {
        Some(_) => draft.debit_with_base(account, draft.currency, minor, base_minor)?,
        None => draft.debit(account, minor)?,
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_year_is_its_months_without_a_gap() {
        let year = FiscalYear::new(None, at("2011-04-01"), 12).unwrap();
        assert_eq!((&*year.code, year.before), ("FY2012", at("2012-04-01")));
        assert_eq!(year.periods.len(), 12);
        assert_eq!(&*year.periods[10].code, "FY2012-11");
        assert_eq!(year.periods[10].before, at("2012-03-01"), "a leap year's February");
        assert!(year.periods.windows(2).all(|two| two[0].before == two[1].from));
        let odd = FiscalYear::new(None, at("2011-01-31"), 2).unwrap();
        assert_eq!(
            (odd.periods[0].before, odd.before),
            (at("2011-02-28"), at("2011-03-31"))
        );
        for (from, months) in [("2011-04-01T10:00:00Z", 12), ("2011-04-01", 0), ("2011-04-01", 25)] {
            assert!(FiscalYear::new(None, at(from), months).is_err(), "{from} {months}");
        }
    }

    #[test]
    fn a_hard_lock_refuses_all_and_a_soft_one_all_but_adjustments() {
        let mut year = FiscalYear::new(None, at("2011-01-01"), 12).unwrap();
        year.periods[0].state = PeriodState::HardClosed;
        year.periods[1].state = PeriodState::SoftClosed;
        let locks = Locks::of(&year.periods);
        assert!(locks.check(at("2011-01-31T23:59:59Z"), true).is_err());
        assert!(locks.check(at("2011-02-01"), true).is_ok());
        assert!(locks.check(at("2011-02-28"), false).is_err());
        assert!(locks.check(at("2011-03-01"), false).is_ok());
        assert!(Locks::default().check(Timestamp::MIN, false).is_ok());
    }
}
