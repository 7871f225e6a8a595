//! The chart of accounts: one built-in template, enough for a trading company.

use serde::{Deserialize, Serialize};

use crate::ErpError;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccountKind {
    Asset,
    Liability,
    Equity,
    Income,
    Expense,
}

/// An account of the chart, by its code. Only accounts of the chart can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Account(&'static str);

macro_rules! chart {
    ($($name:ident = $code:literal, $kind:ident, $title:literal;)+) => {
        impl Account {
            $(#[doc = $title] pub const $name: Self = Self($code);)+

            /// Every account of the chart, by code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            #[must_use]
            pub fn kind(self) -> AccountKind {
                match self.0 { $($code => AccountKind::$kind,)+ _ => AccountKind::Asset }
            }

            #[must_use]
            pub fn title(self) -> &'static str {
                match self.0 { $($code => $title,)+ other => other }
            }
        }
    };
}

chart! {
    BANK = "1000", Asset, "bank and cash";
    RECEIVABLES = "1100", Asset, "trade receivables";
    INVENTORY = "1200", Asset, "inventory";
    PAYABLES = "2000", Liability, "trade payables";
    GOODS_RECEIVED = "2100", Liability, "goods received, not yet invoiced";
    EQUITY = "3000", Equity, "equity";
    RETAINED_EARNINGS = "3100", Equity, "retained earnings";
    SALES = "4000", Income, "sales of goods";
    SERVICE_SALES = "4100", Income, "sales of services, carriage and postage";
    SALES_RETURNS = "4900", Income, "sales returns and allowances";
    DISCOUNTS = "4910", Income, "discounts given";
    COST_OF_SALES = "5000", Expense, "cost of goods sold";
    WRITE_OFFS = "5100", Expense, "inventory written off";
    STOCK_FOUND = "5200", Expense, "inventory found";
    PRICE_VARIANCE = "5300", Expense, "purchase price variance";
    STOCK_REVALUED = "5400", Expense, "inventory revalued";
    BANK_CHARGES = "6000", Expense, "bank charges";
    MARKETPLACE_FEES = "6100", Expense, "marketplace fees";
    BAD_DEBT = "6900", Expense, "bad debt";
}

impl Account {
    #[must_use]
    pub const fn code(self) -> &'static str {
        self.0
    }

    /// The account with this code; [`ErpError::UnknownAccount`] where the chart has none.
    pub fn find(code: &str) -> Result<Self, ErpError> {
        Self::ALL
            .iter()
            .copied()
            .find(|account| account.0 == code)
            .ok_or_else(|| ErpError::UnknownAccount(code.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_account_is_found_by_its_code_and_no_other_is() {
        for account in Account::ALL {
            assert_eq!(Account::find(account.code()).unwrap(), *account);
        }
        assert!(matches!(Account::find("9999"), Err(ErpError::UnknownAccount(code)) if code == "9999"));
    }
}
