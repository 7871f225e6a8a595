//! Financial statements: balances of accounts, in the order in which they are read.

use std::time::Duration;

use cortex_types::{Currency, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{AccountBalance, AccountKind, Chart, ErpError};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A stretch of business time: postings from the one instant on, up to but without the other. All of it where neither is
/// given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub from: Option<Timestamp>,
    pub before: Option<Timestamp>,
}

impl Span {
    /// From the beginning of `from` to the end of `as_of`. A date is a whole day, in UTC; a time is that instant.
    pub fn new(from: Option<&str>, as_of: Option<&str>) -> Result<Self, ErpError> {
        let instant = |field: &str, text: &str| {
            let instant = text.parse::<Timestamp>();
            instant.map_err(|error| ErpError::invalid(field, error.to_string()))
        };
        let end = |text: &str| {
            let length = match text.trim().contains(['T', 't', ' ']) {
                true => Duration::from_micros(1),
                false => DAY,
            };
            instant("as_of", text).map(|at| at.saturating_add(length))
        };
        let span = Self {
            from: from.map(|text| instant("from", text)).transpose()?,
            before: as_of.map(end).transpose()?,
        };
        match (span.from, span.before) {
            (Some(from), Some(before)) if from >= before => {
                let problem = format!("{from} is not before the end of 'as_of', {before}");
                Err(ErpError::invalid("from", problem))
            }
            _ => Ok(span),
        }
    }

    #[must_use]
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| at >= from) && self.before.is_none_or(|before| at < before)
    }
}

/// An account in a statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementLine {
    pub account: String,
    pub title: String,
    /// Positive on the side where accounts of its kind grow: debit for assets and expenses, credit for the others.
    pub amount_minor: i64,
}

/// Accounts of one kind, by code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    pub lines: Vec<StatementLine>,
    pub total_minor: i64,
}

impl Section {
    /// The accounts of `kind` whose balance is not zero.
    fn of(balances: &[&AccountBalance], chart: &Chart, kind: AccountKind) -> Self {
        let mut section = Self::default();
        for balance in balances {
            let Some(account) = chart
                .account(&balance.account)
                .ok()
                .filter(|account| account.kind == kind)
            else {
                continue;
            };
            let amount_minor = match kind {
                AccountKind::Asset | AccountKind::Expense => balance.balance_minor(),
                AccountKind::Liability | AccountKind::Equity | AccountKind::Income => -balance.balance_minor(),
            };
            if amount_minor != 0 {
                section.total_minor += amount_minor;
                section.lines.push(StatementLine {
                    account: balance.account.to_string(),
                    title: account.title.clone(),
                    amount_minor,
                });
            }
        }
        section
    }
}

/// What there is and whose it is, at one time and in one currency. Assets are liabilities and equity and what was earned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalanceSheet {
    pub currency: Currency,
    pub assets: Section,
    pub liabilities: Section,
    pub equity: Section,
    /// Income less expenses of the years whose results were not carried to equity yet.
    pub earned_minor: i64,
}

impl BalanceSheet {
    /// One per currency, from the balances of everything before some time.
    #[must_use]
    pub fn of(balances: &[AccountBalance], chart: &Chart) -> Vec<Self> {
        let sheet = |currency, balances: Vec<&AccountBalance>| Self {
            currency,
            assets: Section::of(&balances, chart, AccountKind::Asset),
            liabilities: Section::of(&balances, chart, AccountKind::Liability),
            equity: Section::of(&balances, chart, AccountKind::Equity),
            earned_minor: Section::of(&balances, chart, AccountKind::Income).total_minor
                - Section::of(&balances, chart, AccountKind::Expense).total_minor,
        };
        by_currency(balances, sheet)
    }

    #[must_use]
    pub fn liabilities_and_equity_minor(&self) -> i64 {
        self.liabilities.total_minor + self.equity.total_minor + self.earned_minor
    }
}

/// What was earned and what it cost, in a stretch of time and in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfitAndLoss {
    pub currency: Currency,
    pub income: Section,
    pub expenses: Section,
}

impl ProfitAndLoss {
    /// One per currency, from the balances of what was posted in the stretch.
    #[must_use]
    pub fn of(balances: &[AccountBalance], chart: &Chart) -> Vec<Self> {
        by_currency(balances, |currency, balances| Self {
            currency,
            income: Section::of(&balances, chart, AccountKind::Income),
            expenses: Section::of(&balances, chart, AccountKind::Expense),
        })
    }

    #[must_use]
    pub fn result_minor(&self) -> i64 {
        self.income.total_minor - self.expenses.total_minor
    }
}

fn by_currency<T>(balances: &[AccountBalance], statement: impl Fn(Currency, Vec<&AccountBalance>) -> T) -> Vec<T> {
    let mut currencies: Vec<Currency> = balances.iter().map(|balance| balance.currency).collect();
    currencies.sort_unstable();
    currencies.dedup();
    let of = |currency| {
        balances
            .iter()
            .filter(move |balance| balance.currency == currency)
            .collect()
    };
    currencies
        .into_iter()
        .map(|currency| statement(currency, of(currency)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;
    use proptest::prelude::*;

    fn balance(role: Role, currency: Currency, debit_minor: i64, credit_minor: i64) -> AccountBalance {
        AccountBalance {
            debit_minor,
            credit_minor,
            ..AccountBalance::zero(Chart::default().of(role), currency)
        }
    }

    /// The owner pays in 1,000; goods for 600 are bought on credit, half of them sold for 500 that are owed.
    fn trading() -> Vec<AccountBalance> {
        vec![
            balance(Role::Bank, Currency::GBP, 1_000, 0),
            balance(Role::Receivables, Currency::GBP, 500, 0),
            balance(Role::Inventory, Currency::GBP, 600, 300),
            balance(Role::Payables, Currency::GBP, 0, 600),
            balance(Role::Equity, Currency::GBP, 0, 1_000),
            balance(Role::Sales, Currency::GBP, 0, 500),
            balance(Role::CostOfSales, Currency::GBP, 300, 0),
            balance(Role::BadDebt, Currency::GBP, 70, 70),
        ]
    }

    #[test]
    fn a_small_company_s_statements_are_those_of_the_textbook() {
        let sheet = BalanceSheet::of(&trading(), &Chart::default()).remove(0);
        let amounts = |section: &Section| section.lines.iter().map(|line| line.amount_minor).collect::<Vec<_>>();
        assert_eq!(amounts(&sheet.assets), [1_000, 500, 300]);
        assert_eq!(
            (
                sheet.liabilities.total_minor,
                sheet.equity.total_minor,
                sheet.earned_minor
            ),
            (600, 1_000, 200)
        );
        assert_eq!(sheet.assets.total_minor, sheet.liabilities_and_equity_minor());
        let result = ProfitAndLoss::of(&trading(), &Chart::default()).remove(0);
        assert_eq!((result.income.total_minor, result.result_minor()), (500, 200));
        assert_eq!(
            amounts(&result.expenses),
            [300],
            "an account that came back to zero is no line"
        );
    }

    #[test]
    fn each_currency_has_statements_of_its_own() {
        let mut balances = trading();
        balances.push(balance(Role::Bank, Currency::EUR, 10, 0));
        balances.push(balance(Role::Equity, Currency::EUR, 0, 10));
        let sheets = BalanceSheet::of(&balances, &Chart::default());
        assert_eq!(
            sheets.iter().map(|sheet| sheet.currency).collect::<Vec<_>>(),
            [Currency::EUR, Currency::GBP]
        );
        assert_eq!(sheets[0].assets.total_minor, 10);
    }

    #[test]
    fn a_date_is_a_whole_day_and_a_time_an_instant() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let day = Span::new(Some("2011-06-30"), Some("2011-06-30")).unwrap();
        assert!(day.contains(at("2011-06-30")) && day.contains(at("2011-06-30T23:59:59.999999Z")));
        assert!(!day.contains(at("2011-07-01")) && !day.contains(at("2011-06-29T23:59:59Z")));
        assert_eq!(Span::new(None, Some("2011-6-30")).unwrap().before, day.before);
        let noon = Span::new(None, Some("2011-06-30T12:00:00Z")).unwrap();
        assert!(noon.contains(at("2011-06-30T12:00:00Z")) && !noon.contains(at("2011-06-30T12:00:00.000001Z")));
        assert!(Span::new(None, None).unwrap().contains(at("1970-01-01")));
        for (from, as_of, field) in [
            ("2011-07-01", "2011-06-30", "from"),
            ("soon", "2011-06-30", "from"),
            ("2011-06-01", "30.6.2011", "as_of"),
        ] {
            let refused = Span::new(Some(from), Some(as_of)).unwrap_err();
            assert!(
                matches!(&refused, ErpError::Invalid { field: named, .. } if named == field),
                "{refused}"
            );
        }
    }

    proptest! {
        #[test]
        fn whatever_was_posted_both_sides_are_equal(
            entries in proptest::collection::vec((0..Role::ALL.len(), 0..Role::ALL.len(), 1..1_000_000_i64), 0..40)
        ) {
            let mut balances: Vec<AccountBalance> =
                Role::ALL.iter().map(|role| balance(*role, Currency::GBP, 0, 0)).collect();
            for (debited, credited, amount) in entries {
                balances[debited].debit_minor += amount;
                balances[credited].credit_minor += amount;
            }
            let sheet = BalanceSheet::of(&balances, &Chart::default()).remove(0);
            prop_assert_eq!(sheet.assets.total_minor, sheet.liabilities_and_equity_minor());
            prop_assert_eq!(sheet.earned_minor, ProfitAndLoss::of(&balances, &Chart::default()).remove(0).result_minor());
        }
    }
}
