//! The ledger in memory, for tests and for trying things out: it forgets everything when it is dropped.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use cortex_types::{InvoiceId, ProductId, TenantId, Timestamp};
use tokio::sync::{Mutex, OwnedMutexGuard};
use uuid::Uuid;

use crate::fiscal::closing_span;
use crate::number_series::prefix_of;
use crate::postings::{Accepted, Document, Group};
use crate::valuation::{Holdings, Timeline};
use crate::{
    AccountBalance, Answered, Books, DocumentKind, ErpError, FiscalYear, ItemSide, NumberSeries, OpenItem, PartyKind,
    PostedEntry, References, Span, UnbilledGoods, UnitOfWork, Work,
};

#[derive(Clone, Debug, Default)]
pub struct MemoryLedger(Arc<Mutex<HashMap<TenantId, Tenant>>>);

#[derive(Clone, Debug, Default)]
pub(crate) struct Tenant {
    /// Everything, as books that were loaded whole.
    pub books: Books,
    pub accepted: Vec<Accepted>,
    /// Where the cancellation of a document is, by the id of the document.
    pub cancellations: HashMap<Uuid, usize>,
}

struct MemoryWork {
    tenants: OwnedMutexGuard<HashMap<TenantId, Tenant>>,
    /// Saved, and not in the books yet.
    saved: Group,
    /// As it was before anything of this work came into the books, which is there only where something is loaded after
    /// something was saved.
    before: Option<HashMap<TenantId, Tenant>>,
}

impl MemoryWork {
    fn apply_saved(&mut self) {
        for (tenant, product, timeline) in std::mem::take(&mut self.saved.stock) {
            let tenant = self.tenants.entry(tenant).or_default();
            tenant.books.stock.insert(product, timeline);
        }
        for mut accepted in std::mem::take(&mut self.saved.accepted) {
            let tenant = self.tenants.entry(accepted.ctx.tenant.clone()).or_default();
            tenant.books.apply(&mut accepted.postings);
            let answered = Answered {
                digest: accepted.digest,
                receipt: accepted.receipt.clone(),
            };
            tenant.books.answered.insert(accepted.key.shared().clone(), answered);
            if let Document::Cancellation(cancellation) = &accepted.postings.document {
                let place = tenant.accepted.len();
                tenant.cancellations.insert(cancellation.document.id, place);
            }
            tenant.accepted.push(accepted);
        }
    }
}

impl Drop for MemoryWork {
    fn drop(&mut self) {
        if let Some(before) = self.before.take() {
            *self.tenants = before;
        }
    }
}

impl MemoryLedger {
    /// Everything that was committed for `tenant`, in order.
    pub async fn accepted(&self, tenant: &TenantId) -> Vec<Accepted> {
        self.0
            .lock()
            .await
            .get(tenant)
            .map(|tenant| tenant.accepted.clone())
            .unwrap_or_default()
    }

    /// Debits less credits of each account of `tenant`.
    pub async fn balances(&self, tenant: &TenantId) -> BTreeMap<Arc<str>, i64> {
        let mut balances = BTreeMap::new();
        for accepted in self.accepted(tenant).await {
            for line in accepted.postings.entries.iter().flat_map(|entry| entry.lines()) {
                *balances.entry(Arc::clone(&line.account)).or_insert(0) += line.amount_minor();
            }
        }
        balances
    }

    /// How many documents of a kind `tenant` has.
    pub async fn count(&self, tenant: &TenantId, kind: DocumentKind) -> usize {
        self.accepted(tenant)
            .await
            .iter()
            .filter(|accepted| accepted.postings.kind == kind)
            .count()
    }

    /// Codes of the customers of `tenant`, sorted.
    pub async fn customers(&self, tenant: &TenantId) -> Vec<Arc<str>> {
        let accepted = self.accepted(tenant).await;
        let mut codes: Vec<_> = accepted
            .iter()
            .filter_map(|accepted| match &accepted.postings.document {
                Document::Party(party) if party.kind == PartyKind::Customer => Some(Arc::clone(&party.code)),
                _ => None,
            })
            .collect();
        codes.sort();
        codes
    }

    /// Everything, as books that were loaded whole.
    pub(crate) async fn books(&self, tenant: &TenantId) -> Books {
        let tenants = self.0.lock().await;
        tenants
            .get(tenant)
            .map(|tenant| tenant.books.clone())
            .unwrap_or_default()
    }

    /// What came before a time and was not billed before it.
    pub(crate) async fn unbilled_of(&self, tenant: &TenantId, before: Timestamp) -> Vec<UnbilledGoods> {
        let tenants = self.0.lock().await;
        let tenant = tenants.get(tenant);
        tenant.map(|tenant| tenant.unbilled(before)).unwrap_or_default()
    }

    /// Its fiscal years, in their order.
    pub async fn years(&self, tenant: &TenantId) -> Vec<FiscalYear> {
        let tenants = self.0.lock().await;
        tenants
            .get(tenant)
            .map(|tenant| tenant.books.years.clone())
            .unwrap_or_default()
    }

    /// The stock of each product, with all its moves.
    pub async fn stock(&self, tenant: &TenantId) -> HashMap<ProductId, Timeline> {
        let tenants = self.0.lock().await;
        tenants
            .get(tenant)
            .map(|tenant| tenant.books.stock.clone())
            .unwrap_or_default()
    }
}

impl Tenant {
    pub(crate) fn entries(&self) -> impl Iterator<Item = &PostedEntry> {
        self.accepted.iter().flat_map(|accepted| &accepted.postings.entries)
    }

    /// A product with all its moves at hand.
    fn load_product(&self, loaded: &mut Books, code: &Arc<str>) {
        let Some(product) = self.books.products.get(code) else {
            return;
        };
        loaded.products.insert(Arc::clone(code), product.clone());
        if let Some(stock) = self.books.stock.get(&product.id) {
            let mut timeline = Timeline::at_its_end(product, stock.now.clone(), stock.newest_at);
            timeline.standards.clone_from(&stock.standards);
            timeline.with_history(Timestamp::MIN, Holdings::new(), stock.moves.clone());
            loaded.stock.insert(product.id, timeline);
        }
    }
}

#[async_trait]
impl UnitOfWork for MemoryLedger {
    async fn begin(&self) -> Result<Box<dyn Work>, ErpError> {
        let tenants = Arc::clone(&self.0).lock_owned().await;
        Ok(Box::new(MemoryWork {
            tenants,
            saved: Group::default(),
            before: None,
        }))
    }
}

#[async_trait]
impl Work for MemoryWork {
    async fn load(&mut self, tenant: &TenantId, wanted: &References) -> Result<Books, ErpError> {
        if !self.saved.accepted.is_empty() {
            if self.before.is_none() {
                self.before = Some(self.tenants.clone());
            }
            self.apply_saved();
        }
        let Some(of_tenant) = self.tenants.get(tenant) else {
            return Ok(Books::default());
        };
        let books = &of_tenant.books;
        let mut loaded = Books {
            number_series: books.number_series.clone(),
            counters: books.counters.clone(),
            locks: books.locks,
            company: books.company.clone(),
            chart: books.chart.clone(),
            cost_centres: books.cost_centres.clone(),
            tax_codes: books.tax_codes.clone(),
            approval_rules: books.approval_rules.clone(),
            rates: books.rates.clone(),
            product_units: books.product_units.clone(),
            contacts: books.contacts.clone(),
            ..Books::default()
        };
        if wanted.walk_in {
            loaded.walk_in = books.walk_in.clone();
        }
        loaded.orders = books.orders.clone();
        loaded.reserved = books.reserved.clone();
        loaded.reorder_rules = books.reorder_rules.clone();
        let bills = of_tenant.accepted.iter().map(|accepted| &accepted.postings);
        for bill in bills.filter(|postings| of_tenant.cancelled(postings.id).is_none()) {
            if let Document::PurchaseBill(bill) = &bill.document
                && let Some(reference) = &bill.reference
            {
                let key = (Arc::clone(&bill.supplier_code), Arc::clone(reference));
                loaded.bill_references.insert(key, Arc::clone(&bill.number));
            }
        }
        let orders = || {
            let keys = wanted.orders.keys();
            keys.filter_map(|(kind, number)| books.orders.numbered(*kind, number))
        };
        for order in orders() {
            for line in &order.lines {
                of_tenant.load_product(&mut loaded, &line.product_code);
            }
        }
        for code in wanted.parties.iter().chain(orders().map(|order| &order.party_code)) {
            loaded
                .parties
                .extend(books.parties.get(code).map(|party| (Arc::clone(code), party.clone())));
        }
        loaded.locations.clone_from(&books.locations);
        for code in wanted.products.keys() {
            of_tenant.load_product(&mut loaded, code);
        }
        for (kind, number) in wanted.documents.keys() {
            let Some(posted) = of_tenant.posted(*kind, number) else {
                continue;
            };
            let delivered = posted.delivered.iter().map(|of| &of.moved);
            for moved in posted.moves.iter().map(|(moved, _)| moved).chain(delivered) {
                of_tenant.load_product(&mut loaded, &moved.product_code);
                let (returned, returned_minor) = of_tenant.returned(moved.id, Timestamp::MAX);
                loaded.returned.insert(moved.id, returned);
                loaded.returned_minor.insert(moved.id, returned_minor);
                loaded
                    .billed
                    .insert(moved.id, of_tenant.billed(moved.id, Timestamp::MAX));
            }
            let party = posted.party.as_ref().and_then(|code| books.parties.get(code));
            loaded
                .parties
                .extend(party.map(|party| (Arc::clone(&party.code), party.clone())));
            loaded.posted.insert((*kind, Arc::clone(number)), posted);
        }
        let of_kinds = books
            .documents
            .keys()
            .filter(|(kind, _)| wanted.prefixes.contains(kind));
        let prefixes = of_kinds.filter_map(|(kind, number)| Some((*kind, prefix_of(number)?.into())));
        loaded.prefixes = prefixes.collect();
        for number in &wanted.numbers {
            loaded
                .documents
                .extend(books.documents.get(number).map(|id| (number.clone(), *id)));
            let invoice = books.documents.get(number).map(|id| InvoiceId(*id));
            let invoice = invoice.and_then(|id| Some((id, *books.invoices.get(&id)?)));
            loaded.invoices.extend(invoice);
        }
        if wanted.years
            || wanted.products.values().any(Option::is_some)
            || !wanted.documents.is_empty()
            || !wanted.orders.is_empty()
            || books.number_series.values().any(NumberSeries::goes_by_fiscal_year)
        {
            loaded.years = books.years.clone();
        }
        for number in &wanted.entries {
            let entry = books.entries.get(number);
            loaded
                .entries
                .extend(entry.map(|entry| (Arc::clone(number), entry.clone())));
        }
        for code in &wanted.year_balances {
            let Some(span) = closing_span(&books.years, code) else {
                continue;
            };
            let balances = AccountBalance::of(of_tenant.entries().filter(|entry| span.contains(entry.posted_at())));
            loaded.year_balances.insert(Arc::clone(code), (span, balances));
        }
        loaded.items = books.items.clone();
        let limited = loaded
            .parties
            .values()
            .filter_map(|party| Some((Arc::clone(&party.code), party.terms.credit_limit?.1)));
        for (code, currency) in limited.chain(wanted.owed.iter().cloned()).collect::<Vec<_>>() {
            let of_party = |item: &&OpenItem| {
                item.side == ItemSide::Receivable && item.party.as_ref() == Some(&code) && item.currency == currency
            };
            let owed = books.items.values().filter(of_party).map(|item| item.open_minor).sum();
            loaded.owed.insert((code, currency), owed);
        }
        for before in &wanted.balances_before {
            let span = Span {
                before: Some(*before),
                ..Span::default()
            };
            let balances = AccountBalance::of(of_tenant.entries().filter(|entry| span.contains(entry.posted_at())));
            loaded.balances_before.insert(*before, (span, balances));
            loaded.carried_before.insert(*before, of_tenant.carried(*before));
            loaded.newest_revaluation = of_tenant.newest_revaluation();
        }
        if wanted.currencies {
            let products = books.products.values().map(|product| product.currency);
            let lines = of_tenant.entries().flat_map(|entry| entry.lines());
            loaded.currencies = products.chain(lines.map(|line| line.currency)).collect();
        }
        for key in &wanted.keys {
            loaded.answered.extend(
                books
                    .answered
                    .get(key)
                    .map(|answered| (Arc::clone(key), answered.clone())),
            );
        }
        Ok(loaded)
    }

    async fn save(&mut self, group: &Group) -> Result<Vec<u64>, ErpError> {
        self.saved = group.clone();
        let mut newest: HashMap<TenantId, u64> = HashMap::new();
        let position = |Accepted { ctx, .. }: &Accepted| {
            let tenant = self.tenants.get(&ctx.tenant);
            let already = || tenant.map_or(0, |tenant| tenant.accepted.len() as u64);
            let newest = newest.entry(ctx.tenant.clone()).or_insert_with(already);
            *newest += 1;
            *newest
        };
        let positions = group.accepted.iter().map(position).collect();
        self.saved = group.clone();
        Ok(positions)
    }

    async fn commit(mut self: Box<Self>) -> Result<(), ErpError> {
        self.apply_saved();
        self.before = None;
        Ok(())
    }
}
