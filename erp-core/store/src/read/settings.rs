//! What a company said once and every command goes by.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use cortex_erp::postings::{Document, Postings};
use cortex_erp::{ApprovalRule, Books, Chart, Company, FiscalYear, Location, Locks, NumberSeries};
use cortex_store::sql::Transaction;

use super::fiscal::of_tenant;
use super::{company, fiscal, master_data, number_series, rulebook};

/// The company, its chart, its rules and its calendar.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    company: Option<Company>,
    chart: Chart,
    approval_rules: BTreeMap<Arc<str>, ApprovalRule>,
    number_series: BTreeMap<Arc<str>, NumberSeries>,
    locations: HashMap<Arc<str>, Location>,
    locks: Locks,
    years: Vec<FiscalYear>,
}

impl Settings {
    pub async fn read(on: &mut Transaction, tenant: &str) -> Result<Self, sqlx::Error> {
        let company = company::company(&mut *on, tenant).await?;
        let chart = company::chart(on, tenant, company.as_ref()).await?;
        let rules = rulebook::approval_rules(&mut *on, tenant).await?;
        let series = number_series::of_company(&mut *on, tenant).await?;
        let locations = of_tenant(&mut *on, master_data::LOCATIONS_OF_TENANT, tenant).await?;
        let locations = locations.iter().map(master_data::location);
        let locations = locations.map(|location| location.map(|location| (Arc::clone(&location.code), location)));
        Ok(Self {
            company,
            chart,
            approval_rules: rules.into_iter().map(|rule| (Arc::clone(&rule.code), rule)).collect(),
            number_series: series.into_iter().map(|one| (Arc::clone(&one.code), one)).collect(),
            locations: locations.collect::<Result<_, _>>()?,
            locks: fiscal::locks(on, tenant).await?,
            years: fiscal::years_on(on, tenant).await?,
        })
    }

    pub fn books(&self) -> Books {
        let mut books = Books::default();
        books.company.clone_from(&self.company);
        books.chart.clone_from(&self.chart);
        books.approval_rules.clone_from(&self.approval_rules);
        books.number_series.clone_from(&self.number_series);
        books.locations.clone_from(&self.locations);
        books.locks = self.locks;
        books.years.clone_from(&self.years);
        books
    }

    /// Whether a document leaves other settings than there were.
    pub fn are_changed_by(postings: &Postings) -> bool {
        let by_document = match &postings.document {
            Document::Company(_)
            | Document::Account(_)
            | Document::ApprovalRule(_)
            | Document::NumberSeries(_)
            | Document::Location(_)
            | Document::FiscalYear(_)
            | Document::FiscalPeriod(_) => true,
            Document::Party(_)
            | Document::Product(_)
            | Document::Invoice(_)
            | Document::CreditNote(_)
            | Document::JournalEntry
            | Document::Stock(_)
            | Document::PurchaseReceipt(_)
            | Document::Payment(_)
            | Document::Cancellation(_)
            | Document::StandardCost
            | Document::CostCentre(_)
            | Document::ExchangeRate(_)
            | Document::Settlement
            | Document::TaxCode(_)
            | Document::Order
            | Document::PurchaseBill(_)
            | Document::ReorderRule(_)
            | Document::ProductUnit(_)
            | Document::Contact { .. } => false,
        };
        by_document || !postings.accounts.is_empty()
    }
}
