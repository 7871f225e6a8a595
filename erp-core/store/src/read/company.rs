//! The company, its chart, its cost centres and its exchange rates.

use std::collections::BTreeSet;
use std::sync::Arc;

use cortex_erp::{
    Account, AccountBalance, AccountKind, Base, Books, Chart, ChartTemplate, Company, CostCentre, ExchangeRate,
    References, Role, Span, TaxRounding, day_of,
};
use cortex_store::sql::{self, On, Pool, Row, Transaction};
use cortex_types::{Currency, Timestamp};

use super::fiscal::of_tenant;
use super::{carried, taxes};
use crate::days;
use crate::rows::Columns;

const COMPANY: &str = "SELECT id, name, currency, chart, tax_rounding, created_at FROM companies WHERE tenant_id = $1";
/// Once an entry is posted, nothing changes the currency any more.
const BASE: &str = "SELECT currency, EXISTS (SELECT 1 FROM journal_chain j WHERE j.tenant_id = c.tenant_id) AS is_settled \
                    FROM companies c WHERE tenant_id = $1";
const ACCOUNTS: &str =
    "SELECT id, code, title, kind, role, state, created_at FROM accounts WHERE tenant_id = $1 ORDER BY created_at, id";
pub(super) const COST_CENTRES: &str = "SELECT id, code, title, state, created_at FROM cost_centres";
pub(super) const RATES: &str = "SELECT id, currency, base, valid_from, rate FROM exchange_rates";
const RATE_OF_DAY: &str = "SELECT id, currency, base, valid_from, rate FROM exchange_rates \
                           WHERE tenant_id = $1 AND currency = $2 AND valid_from <= $3 ORDER BY valid_from DESC LIMIT 1";
/// Of products and of what was posted.
const CURRENCIES: &str = "SELECT DISTINCT currency FROM account_days WHERE tenant_id = $1 \
                          UNION SELECT DISTINCT currency FROM products WHERE tenant_id = $1";

/// As it is stored: whether something more may be posted.
pub(crate) const fn state(blocked: bool) -> &'static str {
    match blocked {
        true => "blocked",
        false => "open",
    }
}

pub(super) async fn company<'c>(on: impl Into<On<'c>>, tenant: &str) -> Result<Option<Company>, sqlx::Error> {
    let rows = of_tenant(on, COMPANY, tenant).await?;
    let company = |row: &Row| {
        Ok(Company {
            id: row.parsed("id")?,
            name: row.try_get("name")?,
            currency: row.parsed("currency")?,
            chart: row.text("chart")?,
            tax_rounding: row.word("tax_rounding", &TaxRounding::ALL, TaxRounding::as_str)?,
            created_at: row.time("created_at")?,
        })
    };
    rows.first().map(company).transpose()
}

pub(super) async fn base(readers: &Pool, tenant: &str) -> Result<Option<Base>, sqlx::Error> {
    let rows = of_tenant(readers, BASE, tenant).await?;
    let base = |row: &Row| {
        Ok(Base {
            currency: row.parsed("currency")?,
            is_settled: row.try_get("is_settled")?,
        })
    };
    rows.first().map(base).transpose()
}

/// The accounts that are stored, and what the company's template has besides.
pub(crate) async fn chart(on: &mut Transaction, tenant: &str, company: Option<&Company>) -> Result<Chart, sqlx::Error> {
    let rows = of_tenant(on, ACCOUNTS, tenant).await?;
    let stored = rows.iter().map(account).collect::<Result<Vec<_>, _>>()?;
    let template = company.and_then(|company| ChartTemplate::find(&company.chart));
    Ok(Chart::new(stored, template.unwrap_or(ChartTemplate::DEFAULT)))
}

/// [`chart`] of a tenant of whom nothing is known yet.
pub(crate) async fn chart_of(on: &mut Transaction, tenant: &str) -> Result<Chart, sqlx::Error> {
    let company = company(&mut *on, tenant).await?;
    chart(on, tenant, company.as_ref()).await
}

fn account(row: &Row) -> Result<Account, sqlx::Error> {
    Ok(Account {
        id: row.parsed("id")?,
        code: row.text("code")?,
        title: row.try_get("title")?,
        kind: row.word("kind", AccountKind::ALL, AccountKind::as_str)?,
        role: row.optional_parsed::<Role>("role")?,
        blocked: is_blocked(row)?,
        created_at: row.time("created_at")?,
    })
}

pub(super) fn cost_centre(row: &Row) -> Result<CostCentre, sqlx::Error> {
    Ok(CostCentre {
        id: row.parsed("id")?,
        code: row.text("code")?,
        title: row.try_get("title")?,
        blocked: is_blocked(row)?,
        created_at: row.time("created_at")?,
    })
}

pub(super) fn is_blocked(row: &Row) -> Result<bool, sqlx::Error> {
    row.word("state", &[true, false], state)
}

pub(super) fn rate(row: &Row) -> Result<ExchangeRate, sqlx::Error> {
    Ok(ExchangeRate {
        id: row.parsed("id")?,
        currency: row.parsed("currency")?,
        base: row.parsed("base")?,
        valid_from: row.time("valid_from")?,
        rate: row.parsed("rate")?,
    })
}

/// A reversal belongs to what it undoes: what is reversed is there twice.
async fn newest_revaluation(on: &mut Transaction, tenant: &str) -> Result<Option<(Arc<str>, Timestamp)>, sqlx::Error> {
    let select = "SELECT min(number) AS number, max(posted_at) AS posted_at FROM journal_entries \
                  WHERE tenant_id = $1 AND document_kind = 'exchange-revaluation' \
                  GROUP BY document_id HAVING count(*) = 1 ORDER BY 2 DESC LIMIT 1";
    let newest = sql::query(select).bind(tenant).fetch_optional(on).await?;
    newest
        .map(|row| Ok((row.text("number")?, row.time("posted_at")?)))
        .transpose()
}

/// What some commands need to know of the company.
pub(super) async fn load(
    on: &mut Transaction,
    tenant: &str,
    wanted: &References,
    books: &mut Books,
) -> Result<(), sqlx::Error> {
    if wanted.cost_centres {
        let select = "SELECT id, code, title, state, created_at FROM cost_centres WHERE tenant_id = $1";
        for row in of_tenant(&mut *on, select, tenant).await? {
            let centre = cost_centre(&row)?;
            books.cost_centres.insert(Arc::clone(&centre.code), centre);
        }
    }
    if wanted.tax_codes {
        let select = "SELECT id, code, title, components, state, created_at FROM tax_codes WHERE tenant_id = $1";
        for row in of_tenant(&mut *on, select, tenant).await? {
            let code = taxes::code(&row)?;
            books.tax_codes.insert(Arc::clone(&code.code), code);
        }
    }
    if wanted.currencies {
        for row in of_tenant(&mut *on, CURRENCIES, tenant).await? {
            books.currencies.insert(row.parsed("currency")?);
        }
    }
    let mut rates: BTreeSet<(Currency, Timestamp)> = wanted.rates.clone();
    for before in &wanted.balances_before {
        let span = Span {
            before: Some(*before),
            ..Span::default()
        };
        let codes: Vec<Arc<str>> = books
            .chart
            .accounts()
            .map(|account| Arc::clone(&account.code))
            .collect();
        let balances: Vec<AccountBalance> =
            days::balances(on, tenant, span, cortex_erp::Closings::Counted, &codes).await?;
        let last = day_of(Timestamp::from_micros(before.micros().saturating_sub(1)));
        rates.extend(balances.iter().map(|balance| (balance.currency, last)));
        books.balances_before.insert(*before, (span, balances));
        let carried = carried::before(on, tenant, *before, books).await?;
        books.carried_before.insert(*before, carried);
        books.newest_revaluation = newest_revaluation(on, tenant).await?;
    }
    let Some(base) = books.base() else { return Ok(()) };
    for (currency, day) in rates.into_iter().filter(|(currency, _)| *currency != base) {
        let rows = sql::query(RATE_OF_DAY)
            .bind(tenant)
            .bind(currency.as_str())
            .bind(day)
            .fetch_all(&mut *on)
            .await?;
        for row in &rows {
            let rate = rate(row)?;
            books.rates.insert((rate.currency, rate.valid_from), rate);
        }
    }
    Ok(())
}
