//! The company, its chart, its cost centres and its exchange rates, as they are after the group.

use std::collections::BTreeMap;

use cortex_erp::postings::Document;
use cortex_erp::{Account, ApprovalRule, Company, CostCentre, ExchangeRate, NumberSeries, TaxCode};
use cortex_store::{StoreError, WriteTransaction};

use super::{Numbered, id};
use crate::read::{choice, state};

/// The newest of each: a group may define one more than once.
#[derive(Default)]
struct Defined<'a> {
    companies: BTreeMap<&'a str, (&'a Numbered<'a>, &'a Company)>,
    accounts: BTreeMap<(&'a str, &'a str), (&'a Numbered<'a>, &'a Account)>,
    cost_centres: BTreeMap<(&'a str, &'a str), (&'a Numbered<'a>, &'a CostCentre)>,
    rates: BTreeMap<(&'a str, String), (&'a Numbered<'a>, &'a ExchangeRate)>,
    tax_codes: BTreeMap<(&'a str, &'a str), (&'a Numbered<'a>, &'a TaxCode)>,
    approval_rules: BTreeMap<(&'a str, &'a str), (&'a Numbered<'a>, &'a ApprovalRule)>,
    number_series: BTreeMap<(&'a str, &'a str), (&'a Numbered<'a>, &'a NumberSeries)>,
}

pub(super) async fn save(transaction: &mut WriteTransaction, numbered: &[Numbered<'_>]) -> Result<(), StoreError> {
    let mut defined = Defined::default();
    for command in numbered {
        let tenant = command.tenant;
        for account in &command.accepted.postings.accounts {
            defined.accounts.insert((tenant, &account.code), (command, account));
        }
        match &command.accepted.postings.document {
            Document::Company(company) => {
                defined.companies.insert(tenant, (command, company));
            }
            Document::Account(account) => {
                defined.accounts.insert((tenant, &account.code), (command, account));
            }
            Document::CostCentre(centre) => {
                defined.cost_centres.insert((tenant, &centre.code), (command, centre));
            }
            Document::TaxCode(code) => {
                defined.tax_codes.insert((tenant, &code.code), (command, code));
            }
            Document::ApprovalRule(rule) => {
                defined.approval_rules.insert((tenant, &rule.code), (command, rule));
            }
            Document::NumberSeries(series) => {
                let keyed = series.iter().map(|series| ((tenant, &*series.code), (command, series)));
                defined.number_series.extend(keyed);
            }
            Document::ExchangeRate(rate) => {
                let key = (tenant, format!("{}/{}", rate.currency, rate.valid_from));
                defined.rates.insert(key, (command, rate));
            }
            _ => {}
        }
    }
    save_companies(transaction, &defined).await?;
    save_accounts(transaction, &defined).await?;
    save_tax_codes(transaction, &defined).await?;
    save_approval_rules(transaction, &defined).await?;
    save_number_series(transaction, &defined).await?;
    let columns = ["id", "tenant_id", "code", "title", "state", "created_at", "tx_no"];
    let centres: Vec<_> = defined.cost_centres.into_values().collect();
    transaction
        .upsert_rows("cost_centres", (&columns, 1), &centres, |row, (command, centre)| {
            row.bind(id(centre.id.0)).bind(command.tenant).bind(&*centre.code);
            row.bind(centre.title.as_str()).bind(state(centre.blocked));
            row.bind(centre.created_at).bind(command.tx_no);
        })
        .await?;
    let columns = ["id", "tenant_id", "currency", "base", "valid_from", "rate", "tx_no"];
    let rates: Vec<_> = defined.rates.into_values().collect();
    transaction
        .upsert_rows("exchange_rates", (&columns, 1), &rates, |row, (command, rate)| {
            row.bind(id(rate.id.0))
                .bind(command.tenant)
                .bind(rate.currency.as_str());
            row.bind(rate.base.as_str()).bind(rate.valid_from);
            row.bind(rate.rate.to_string()).bind(command.tx_no);
        })
        .await
}

async fn save_companies(transaction: &mut WriteTransaction, defined: &Defined<'_>) -> Result<(), StoreError> {
    let columns = [
        "id",
        "tenant_id",
        "name",
        "currency",
        "chart",
        "tax_rounding",
        "created_at",
        "tx_no",
    ];
    let companies: Vec<_> = defined.companies.values().collect();
    transaction
        .upsert_rows("companies", (&columns, 1), &companies, |row, (command, company)| {
            row.bind(id(company.id.0))
                .bind(command.tenant)
                .bind(company.name.as_str());
            row.bind(company.currency.as_str())
                .bind(&*company.chart)
                .bind(company.tax_rounding.as_str());
            row.bind(company.created_at).bind(command.tx_no);
        })
        .await
}

async fn save_accounts(transaction: &mut WriteTransaction, defined: &Defined<'_>) -> Result<(), StoreError> {
    let columns = [
        "id",
        "tenant_id",
        "code",
        "title",
        "kind",
        "role",
        "state",
        "created_at",
        "tx_no",
    ];
    let accounts: Vec<_> = defined.accounts.values().collect();
    transaction
        .upsert_rows("accounts", (&columns, 1), &accounts, |row, (command, account)| {
            row.bind(id(account.id.0)).bind(command.tenant).bind(&*account.code);
            row.bind(account.title.as_str()).bind(account.kind.as_str());
            row.bind(account.role.map(|role| role.as_str()))
                .bind(state(account.blocked));
            row.bind(account.created_at).bind(command.tx_no);
        })
        .await
}

async fn save_approval_rules(transaction: &mut WriteTransaction, defined: &Defined<'_>) -> Result<(), StoreError> {
    let columns = [
        "id",
        "tenant_id",
        "code",
        "kind",
        "above_minor",
        "currency",
        "role",
        "state",
        "created_at",
        "tx_no",
    ];
    let rules: Vec<_> = defined.approval_rules.values().collect();
    transaction
        .upsert_rows("approval_rules", (&columns, 1), &rules, |row, (command, rule)| {
            row.bind(id(rule.id.0)).bind(command.tenant).bind(&*rule.code);
            row.bind(rule.kind.as_str())
                .bind(rule.above_minor)
                .bind(rule.currency.as_str());
            row.bind(rule.role.as_str()).bind(state(rule.blocked));
            row.bind(rule.created_at).bind(command.tx_no);
        })
        .await
}

async fn save_number_series(transaction: &mut WriteTransaction, defined: &Defined<'_>) -> Result<(), StoreError> {
    let columns = [
        "id",
        "tenant_id",
        "code",
        "kind",
        "prefix",
        "digits",
        "choice",
        "state",
        "created_at",
        "tx_no",
    ];
    let series: Vec<_> = defined.number_series.values().collect();
    transaction
        .upsert_rows("number_series", (&columns, 1), &series, |row, (command, series)| {
            row.bind(id(series.id.0)).bind(command.tenant).bind(&*series.code);
            row.bind(series.kind.as_str())
                .bind(&*series.prefix)
                .bind(i64::from(series.digits));
            row.bind(choice(series.is_default)).bind(state(series.blocked));
            row.bind(series.created_at).bind(command.tx_no);
        })
        .await
}

async fn save_tax_codes(transaction: &mut WriteTransaction, defined: &Defined<'_>) -> Result<(), StoreError> {
    let columns = [
        "id",
        "tenant_id",
        "code",
        "title",
        "components",
        "state",
        "created_at",
        "tx_no",
    ];
    let mut codes = Vec::with_capacity(defined.tax_codes.len());
    for (command, code) in defined.tax_codes.values() {
        let components = serde_json::to_string(&code.components).map_err(|error| StoreError::Unreadable {
            what: "taxes",
            detail: error.to_string(),
        })?;
        codes.push((command, code, components));
    }
    transaction
        .upsert_rows(
            "tax_codes",
            (&columns, 1),
            &codes,
            |row, (command, code, components)| {
                row.bind(id(code.id.0)).bind(command.tenant).bind(&*code.code);
                row.bind(code.title.as_str())
                    .bind(components.as_str())
                    .bind(state(code.blocked));
                row.bind(code.created_at).bind(command.tx_no);
            },
        )
        .await
}
