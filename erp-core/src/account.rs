//! The chart of accounts: rows of a company, made from a template. Posting rules name roles; the chart says which account has
//! which.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use cortex_types::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::words::words;
use crate::{ErpError, ids};

words! {
    AccountKind {
        Asset = "asset",
        Liability = "liability",
        Equity = "equity",
        Income = "income",
        Expense = "expense",
    }
}

words! {
    /// What posting rules ask a chart for. Each has one account.
    Role {
        Bank = "bank",
        /// What customers owe.
        Receivables = "receivables",
        /// What stock is worth; nothing but stock moves it.
        Inventory = "inventory",
        /// The other side of what is exchanged, so that every currency balances by itself.
        CurrencyConversion = "currency-conversion",
        /// What is owed to suppliers.
        Payables = "payables",
        /// Charged to customers, and owed to the state.
        OutputTax = "output-tax",
        /// Charged by suppliers, and claimed back.
        InputTax = "input-tax",
        /// Came, and is not billed yet.
        GoodsReceived = "goods-received",
        Equity = "equity",
        RetainedEarnings = "retained-earnings",
        /// The other side of what a company brings along from its books before.
        OpeningBalances = "opening-balances",
        Sales = "sales",
        ServiceSales = "service-sales",
        SalesReturns = "sales-returns",
        Discounts = "discounts",
        CostOfSales = "cost-of-sales",
        WriteOffs = "write-offs",
        StockFound = "stock-found",
        PriceVariance = "price-variance",
        StockRevalued = "stock-revalued",
        BankCharges = "bank-charges",
        MarketplaceFees = "marketplace-fees",
        BadDebt = "bad-debt",
        ExchangeDifferences = "exchange-differences",
        /// What amounts in another currency lose when each is rounded.
        Rounding = "rounding",
    }
}

impl Role {
    /// Whether its account is the sum of other records: it cannot be moved to another one once something is posted.
    #[must_use]
    pub const fn is_control(self) -> bool {
        matches!(
            self,
            Self::Receivables
                | Self::Inventory
                | Self::CurrencyConversion
                | Self::Payables
                | Self::GoodsReceived
                | Self::RetainedEarnings
                | Self::OpeningBalances
        )
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An account of a company.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub id: AccountId,
    pub code: Arc<str>,
    pub title: String,
    pub kind: AccountKind,
    pub role: Option<Role>,
    /// Nothing more is posted to it.
    pub blocked: bool,
    pub created_at: Timestamp,
}

/// What a chart is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChartTemplate {
    pub name: &'static str,
    pub title: &'static str,
    csv: &'static str,
}

#[derive(Deserialize)]
struct TemplateRow {
    code: Arc<str>,
    kind: AccountKind,
    role: Option<Role>,
    title: String,
}

impl ChartTemplate {
    pub const ALL: &'static [Self] = &[
        Self {
            name: "trading",
            title: "a trading company",
            csv: include_str!("../charts/trading.csv"),
        },
        Self {
            name: "skr04",
            title: "Germany: excerpt of the Standardkontenrahmen 04",
            csv: include_str!("../charts/skr04.csv"),
        },
        Self {
            name: "pcg",
            title: "France: excerpt of the plan comptable général",
            csv: include_str!("../charts/pcg.csv"),
        },
    ];

    /// What a company has that does not say.
    pub const DEFAULT: &'static Self = &Self::ALL[0];

    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|template| template.name == name)
    }

    fn rows(&self) -> impl Iterator<Item = TemplateRow> {
        // They are part of the program; a test reads them all.
        csv::Reader::from_reader(self.csv.as_bytes())
            .into_deserialize()
            .flatten()
    }
}

/// The accounts of a company. Every role has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chart {
    accounts: BTreeMap<Arc<str>, Account>,
    roles: BTreeMap<Role, Arc<str>>,
    /// Of the template, and written nowhere yet.
    fresh: BTreeSet<Arc<str>>,
}

impl Default for Chart {
    fn default() -> Self {
        static TRADING: LazyLock<Chart> = LazyLock::new(|| Chart::new(Vec::new(), ChartTemplate::DEFAULT));
        TRADING.clone()
    }
}

impl Chart {
    /// What is stored, and what of the template that has not: its roles, and while nothing is stored the rest of it.
    #[must_use]
    pub fn new(stored: Vec<Account>, template: &ChartTemplate) -> Self {
        let mut chart = Self {
            accounts: BTreeMap::new(),
            roles: BTreeMap::new(),
            fresh: BTreeSet::new(),
        };
        for account in stored {
            chart.put(account);
        }
        for TemplateRow {
            code,
            kind,
            role,
            title,
        } in template.rows()
        {
            let there = match role {
                Some(role) => chart.roles.contains_key(&role),
                None => chart.accounts.contains_key(&code),
            };
            if !there {
                let code = chart.free(code);
                chart.fresh.insert(Arc::clone(&code));
                chart.put(Account {
                    id: AccountId(ids::next()),
                    code,
                    title,
                    kind,
                    role,
                    blocked: false,
                    created_at: Timestamp::default(),
                });
            }
        }
        chart
    }

    /// The code, or one beside it where somebody else has it.
    fn free(&self, code: Arc<str>) -> Arc<str> {
        let beside = (2..).map(|place| Arc::from(format!("{code}-{place}")));
        let mut codes = std::iter::once(Arc::clone(&code)).chain(beside);
        codes.find(|code| !self.accounts.contains_key(code)).unwrap_or(code)
    }

    /// Adds an account, or what became of one. A role goes to the one that came last.
    pub fn put(&mut self, account: Account) {
        if let Some(role) = account.role
            && let Some(before) = self.roles.insert(role, Arc::clone(&account.code))
            && before != account.code
            && let Some(before) = self.accounts.get_mut(&before)
        {
            before.role = None;
        }
        self.accounts.insert(Arc::clone(&account.code), account);
    }

    /// The account with this code, or else with this role.
    pub fn account(&self, named: &str) -> Result<&Account, ErpError> {
        let role = || named.parse::<Role>().ok().map(|role| self.of(role));
        let found = self.accounts.get(named).or_else(|| self.accounts.get(role()?));
        found.ok_or_else(|| ErpError::UnknownAccount(named.to_owned()))
    }

    /// The code of the account that has a role.
    #[must_use]
    pub fn of(&self, role: Role) -> &Arc<str> {
        // Every template has every role, which a test holds them to.
        &self.roles[&role]
    }

    /// By code.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.values()
    }

    /// What was only of the template is written from now on.
    pub(crate) fn keep(&mut self, account: &Account) {
        self.fresh.remove(&account.code);
        self.put(account.clone());
    }

    /// Gives what is not written yet the ids it will be written under.
    pub(crate) fn name_fresh(&mut self) {
        for code in &self.fresh {
            if let Some(account) = self.accounts.get_mut(code) {
                account.id = AccountId(ids::next());
            }
        }
    }

    /// What is not written yet; it is from `now` on.
    pub(crate) fn take_fresh(&mut self, now: Timestamp) -> Vec<Account> {
        let mut taken = Vec::with_capacity(self.fresh.len());
        for code in std::mem::take(&mut self.fresh) {
            if let Some(account) = self.accounts.get_mut(&code) {
                account.created_at = now;
                taken.push(account.clone());
            }
        }
        taken
    }

    /// Whether an account is only of the template: nothing was ever posted to it.
    #[must_use]
    pub fn is_fresh(&self, code: &str) -> bool {
        self.fresh.contains(code)
    }
}

impl FromStr for Role {
    type Err = ErpError;
    fn from_str(text: &str) -> Result<Self, ErpError> {
        let role = Self::ALL.iter().copied().find(|role| role.as_str() == text);
        role.ok_or_else(|| {
            let words: Vec<&str> = Self::ALL.iter().map(|role| role.as_str()).collect();
            ErpError::invalid(
                "role",
                format!("'{text}' is no role of an account: {}", words.join(", ")),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_has_every_role_once_and_every_row_reads() {
        for template in ChartTemplate::ALL {
            let rows: Vec<TemplateRow> = template.rows().collect();
            assert_eq!(rows.len(), template.csv.lines().count() - 1, "{}", template.name);
            let mut roles: Vec<Role> = rows.iter().filter_map(|row| row.role).collect();
            roles.sort_unstable();
            assert_eq!(roles, Role::ALL, "{}", template.name);
            let codes: BTreeSet<_> = rows.iter().map(|row| Arc::clone(&row.code)).collect();
            assert_eq!(codes.len(), rows.len(), "{}", template.name);
        }
    }

    #[test]
    fn roles_of_one_kind_have_accounts_of_that_kind_in_every_chart() {
        let kinds = |template| {
            let chart = Chart::new(Vec::new(), template);
            let kind = |role: &Role| chart.account(chart.of(*role)).unwrap().kind;
            Role::ALL.iter().map(kind).collect::<Vec<_>>()
        };
        for template in ChartTemplate::ALL {
            assert_eq!(kinds(template), kinds(ChartTemplate::DEFAULT), "{}", template.name);
        }
    }

    #[test]
    fn an_account_is_found_by_its_code_or_its_role_and_no_other_is() {
        let chart = Chart::default();
        assert_eq!(&*chart.account("1100").unwrap().code, "1100");
        assert_eq!(&*chart.account("receivables").unwrap().code, "1100");
        assert!(matches!(chart.account("9999"), Err(ErpError::UnknownAccount(code)) if code == "9999"));
    }

    #[test]
    fn what_a_company_has_stays_and_what_is_missing_comes_beside_it() {
        let own = |code: &str, role| Account {
            id: AccountId::new(),
            code: code.into(),
            title: "own".to_owned(),
            kind: AccountKind::Asset,
            role,
            blocked: false,
            created_at: Timestamp::default(),
        };
        let stored = vec![own("1150", Some(Role::Receivables)), own("1000", None)];
        let mut chart = Chart::new(stored, ChartTemplate::DEFAULT);
        assert_eq!(&**chart.of(Role::Receivables), "1150");
        assert_eq!(&**chart.of(Role::Bank), "1000-2");
        assert!(chart.account("1100").is_err());
        assert!(chart.is_fresh("1200") && !chart.is_fresh("1150"));
        assert_eq!(chart.take_fresh(Timestamp::default()).len(), Role::ALL.len() - 1);
        assert!(chart.take_fresh(Timestamp::default()).is_empty());
        chart.put(own("1001", Some(Role::Bank)));
        assert_eq!(
            (&**chart.of(Role::Bank), chart.account("1000-2").unwrap().role),
            ("1001", None)
        );
    }
}
