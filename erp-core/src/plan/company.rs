//! The company and what its books are made of: its chart, its cost centres, what other currencies are worth.

use std::collections::BTreeSet;
use std::sync::Arc;

use cortex_types::{AccountId, CompanyId, CostCentreId, Currency, ExchangeRateId, TaxCodeId, Timestamp};

use crate::limits::{NAME_LENGTH_MAX, check_code, check_currency, check_name, check_time};
use crate::postings::{Document, Postings};
use crate::{
    Account, Books, ChartTemplate, Company, CostCentre, DefineAccount, DefineCompany, DefineCostCentre, DefineTaxCode,
    DocumentKind, ErpError, ExchangeRate, Role, SetExchangeRate, TaxCode, TaxComponent, TaxRounding, day_of, ids,
};

/// What a company's number is: there is one.
const COMPANY: &str = "company";
/// Of a rate.
const DECIMALS_MAX: u32 = 12;
const TAX_COMPONENTS_MAX: usize = 8;
const TAX_RATE_MAX: i64 = 1_000;
const TAX_RATE_DECIMALS_MAX: u32 = 6;

/// What the company is. Its currency and its chart are those of everything that is posted.
pub fn plan_company(command: &DefineCompany, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    check_name("name", &command.name, NAME_LENGTH_MAX)?;
    let before = books.company.as_ref();
    let chart = match (&command.chart, before) {
        (Some(chart), _) => Arc::clone(chart),
        (None, Some(company)) => Arc::clone(&company.chart),
        (None, None) => ChartTemplate::DEFAULT.name.into(),
    };
    if ChartTemplate::find(&chart).is_none() {
        let names: Vec<&str> = ChartTemplate::ALL.iter().map(|template| template.name).collect();
        let problem = format!("there is no chart '{chart}': {}", names.join(", "));
        return Err(ErpError::invalid("chart", problem));
    }
    let kept = before.map_or(ChartTemplate::DEFAULT.name, |company| &company.chart);
    if kept != &*chart && books.has_posted() {
        let problem = format!("entries were posted to the chart '{kept}': add accounts to it instead");
        return Err(ErpError::invalid("chart", problem));
    }
    if before.is_none_or(|company| company.currency != command.currency) {
        check_base(command.currency, before, books)?;
    }
    let company = Company {
        id: before.map_or_else(|| CompanyId(ids::next()), |company| company.id),
        name: command.name.clone(),
        currency: command.currency,
        chart,
        tax_rounding: command
            .tax_rounding
            .unwrap_or_else(|| before.map_or_else(TaxRounding::default, |company| company.tax_rounding)),
        created_at: before.map_or(now, |company| company.created_at),
    };
    let (id, document) = (company.id.0, Document::Company(company));
    Ok(Postings::bare(DocumentKind::Company, id, COMPANY.into(), now, document))
}

/// Another currency for the books: nothing may be in them that it does not hold for.
fn check_base(currency: Currency, before: Option<&Company>, books: &Books) -> Result<(), ErpError> {
    let refused = |problem: String| Err(ErpError::invalid("currency", problem));
    if let Some(company) = before.filter(|_| books.has_posted()) {
        return refused(format!("entries were posted in books that are in {}", company.currency));
    }
    match books.currencies.iter().find(|used| **used != currency) {
        Some(used) => refused(format!(
            "there are products or entries in {used} already, of which nobody knows what they are in {currency}"
        )),
        None => Ok(()),
    }
}

/// A new account, or what becomes of one.
pub fn plan_account(command: &DefineAccount, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    check_code("code", &command.code)?;
    check_name("title", &command.title, NAME_LENGTH_MAX)?;
    if command.code.parse::<Role>().is_ok() {
        let problem = format!("'{}' is the name of a role: give another code", command.code);
        return Err(ErpError::invalid("code", problem));
    }
    let there = books.chart.accounts().find(|account| account.code == command.code);
    let is_used = there.is_some_and(|account| may_be_posted_to(books, &account.code));
    if let Some(there) = there.filter(|there| is_used && there.kind != command.kind) {
        let problem = format!(
            "'{}' is of kind {}, and may have been posted to",
            there.code,
            there.kind.as_str()
        );
        return Err(ErpError::invalid("kind", problem));
    }
    if command.blocked && command.role.is_some() {
        let problem = "an account that posting rules use cannot be blocked: give its role to another one first";
        return Err(ErpError::invalid("blocked", problem));
    }
    if let Some(role) = command.role {
        check_new_role(role, command, books)?;
    }
    if let Some(role) = there
        .and_then(|there| there.role)
        .filter(|role| Some(*role) != command.role)
    {
        let problem = format!(
            "'{}' is the account for {role}: give that role to another one instead",
            command.code
        );
        return Err(ErpError::invalid("role", problem));
    }
    let account = Account {
        id: there.map_or_else(|| AccountId(ids::next()), |there| there.id),
        code: Arc::clone(&command.code),
        title: command.title.clone(),
        kind: command.kind,
        role: command.role,
        blocked: command.blocked,
        created_at: there.map_or(now, |there| there.created_at),
    };
    let (id, code) = (account.id.0, Arc::clone(&account.code));
    let losing = command
        .role
        .map(|role| books.chart.account(books.chart.of(role)))
        .transpose()?;
    let losing = losing.filter(|holder| holder.code != code && may_be_posted_to(books, &holder.code));
    let losing = losing.map(|holder| Account {
        role: None,
        ..holder.clone()
    });
    Ok(Postings {
        accounts: losing.into_iter().collect(),
        ..Postings::bare(DocumentKind::Account, id, code, now, Document::Account(account))
    })
}

/// Whether there may be lines on it: in books that have entries, also on those of the template.
fn may_be_posted_to(books: &Books, code: &str) -> bool {
    books.has_posted() || !books.chart.is_fresh(code)
}

fn check_new_role(role: Role, command: &DefineAccount, books: &Books) -> Result<(), ErpError> {
    let holder = books.chart.account(books.chart.of(role))?;
    let refused = |problem: String| Err(ErpError::invalid("role", problem));
    if holder.kind != command.kind {
        let problem = format!("the account for {role} is of kind {}", holder.kind.as_str());
        return refused(problem);
    }
    if role.is_control() && holder.code != command.code && may_be_posted_to(books, &holder.code) {
        let problem = format!(
            "'{}' is the account for {role} and may have been posted to: what it sums up would be on two accounts",
            holder.code
        );
        return refused(problem);
    }
    Ok(())
}

/// A new cost centre, or what becomes of one.
pub fn plan_cost_centre(command: &DefineCostCentre, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    check_code("code", &command.code)?;
    check_name("title", &command.title, NAME_LENGTH_MAX)?;
    let there = books.cost_centres.get(&command.code);
    let centre = CostCentre {
        id: there.map_or_else(|| CostCentreId(ids::next()), |there| there.id),
        code: Arc::clone(&command.code),
        title: command.title.clone(),
        blocked: command.blocked,
        created_at: there.map_or(now, |there| there.created_at),
    };
    let (id, code) = (centre.id.0, Arc::clone(&centre.code));
    Ok(Postings::bare(
        DocumentKind::CostCentre,
        id,
        code,
        now,
        Document::CostCentre(centre),
    ))
}

/// New taxes, or what becomes of some.
pub fn plan_tax_code(command: &DefineTaxCode, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    check_code("code", &command.code)?;
    check_name("title", &command.title, NAME_LENGTH_MAX)?;
    if !(1..=TAX_COMPONENTS_MAX).contains(&command.components.len()) {
        let problem = format!("must be 1 to {TAX_COMPONENTS_MAX}");
        return Err(ErpError::invalid("components", problem));
    }
    let mut names = BTreeSet::new();
    for (index, component) in command.components.iter().enumerate() {
        let field = |name: &str| format!("components[{index}].{name}");
        check_code(&field("name"), &component.name)?;
        if !names.insert(&component.name) {
            return Err(ErpError::invalid(
                field("name"),
                "is there twice: each has a name of its own",
            ));
        }
        let rate = component.rate.normalize();
        if rate.is_sign_negative() || rate > TAX_RATE_MAX.into() || rate.scale() > TAX_RATE_DECIMALS_MAX {
            let problem = format!("is in percent: 0 to {TAX_RATE_MAX}, with {TAX_RATE_DECIMALS_MAX} decimals at most");
            return Err(ErpError::invalid(field("rate"), problem));
        }
    }
    let there = books.tax_codes.get(&command.code);
    let code = TaxCode {
        id: there.map_or_else(|| TaxCodeId(ids::next()), |there| there.id),
        code: Arc::clone(&command.code),
        title: command.title.clone(),
        components: command.components.iter().map(normal).collect(),
        blocked: command.blocked,
        created_at: there.map_or(now, |there| there.created_at),
    };
    let (id, number) = (code.id.0, Arc::clone(&code.code));
    Ok(Postings::bare(
        DocumentKind::TaxCode,
        id,
        number,
        now,
        Document::TaxCode(code),
    ))
}

/// 20.0 % is 20 %.
fn normal(component: &TaxComponent) -> TaxComponent {
    TaxComponent {
        rate: component.rate.normalize(),
        ..component.clone()
    }
}

/// What a currency is worth from a day on.
pub fn plan_exchange_rate(command: &SetExchangeRate, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    check_time("valid_from", Some(command.valid_from))?;
    check_currency(command.currency)?;
    let Some(base) = books.base() else {
        let problem = "the company has no currency yet that it could be worth something in: say it first";
        return Err(ErpError::invalid("currency", problem));
    };
    if base == command.currency {
        return Err(ErpError::invalid("currency", format!("{base} is the company's own")));
    }
    let rate = command.rate.normalize();
    if rate.is_zero() || rate.is_sign_negative() {
        return Err(ErpError::invalid("rate", "must be above zero"));
    }
    if rate.scale() > DECIMALS_MAX || rate >= 1_000_000_000.into() {
        let problem = format!("must be below 1,000,000,000 and have {DECIMALS_MAX} decimals at most");
        return Err(ErpError::invalid("rate", problem));
    }
    let valid_from = day_of(command.valid_from);
    let there = books.rates.get(&(command.currency, valid_from));
    let rate = ExchangeRate {
        id: there.map_or_else(|| ExchangeRateId(ids::next()), |there| there.id),
        currency: command.currency,
        base,
        valid_from,
        rate,
    };
    let day = rate.valid_from.to_string();
    let number = format!("{}/{}", rate.currency, day.split('T').next().unwrap_or_default());
    let id = rate.id.0;
    let document = Document::ExchangeRate(rate);
    Ok(Postings::bare(
        DocumentKind::ExchangeRate,
        id,
        number.into(),
        now,
        document,
    ))
}
