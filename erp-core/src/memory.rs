//! The ledger in memory, for tests and for trying things out: it forgets everything when it is dropped.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use cortex_types::{InvoiceId, JournalLineId, LineId, ProductId, StockMoveId, TenantId, Timestamp};
use tokio::sync::{Mutex, OwnedMutexGuard};
use uuid::Uuid;

use crate::fiscal::closing_span;
use crate::postings::{Accepted, Document, Group, Postings};
use crate::valuation::{Holdings, Timeline};
use crate::{
    AccountBalance, Answered, Books, DocumentKind, ErpError, FiscalYear, ItemAllocation, ItemSide, MoveReason,
    OpenItem, PartyKind, PostedDocument, PostedEntry, References, Span, StockMove, UnitOfWork, Work,
};

#[derive(Clone, Debug, Default)]
pub struct MemoryLedger(Arc<Mutex<HashMap<TenantId, Tenant>>>);

#[derive(Debug, Default)]
struct Tenant {
    /// Everything, as books that were loaded whole.
    books: Books,
    accepted: Vec<Accepted>,
}

struct MemoryWork {
    tenants: OwnedMutexGuard<HashMap<TenantId, Tenant>>,
    saved: Group,
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
    fn entries(&self) -> impl Iterator<Item = &PostedEntry> {
        self.accepted.iter().flat_map(|accepted| &accepted.postings.entries)
    }

    /// A document, and all that it did.
    fn posted(&self, kind: DocumentKind, number: &Arc<str>) -> Option<PostedDocument> {
        let mut postings = self.accepted.iter().map(|accepted| &accepted.postings);
        let found = postings.find(|postings| postings.kind == kind && postings.number == *number)?;
        let ids: BTreeSet<StockMoveId> = found.moves.iter().map(|moved| moved.id).collect();
        let others = || self.accepted.iter().map(|accepted| &accepted.postings);
        let needed_by = others().find(|other| {
            let follows = other.moves.iter().any(|moved| {
                moved.cost.undoes().is_none() && moved.cost.refers_to().is_some_and(|of| ids.contains(&of))
            });
            let credits = match &other.document {
                Document::CreditNote(note) => note.invoice_id.is_some_and(|invoice| invoice.0 == found.id),
                _ => false,
            };
            other.id != found.id && (follows || credits) && self.cancelled(other.id).is_none()
        });
        let worth = |moved: &StockMove| {
            let timeline = self.books.stock.get(&moved.product_id);
            let original = timeline.and_then(|timeline| timeline.original(moved.id));
            original.map_or(moved.value_minor, |original| original.value_minor)
        };
        Some(PostedDocument {
            id: found.id,
            at: found.at,
            currency: found.currency,
            amount_minor: found.amount_minor,
            party: match &found.document {
                Document::PurchaseReceipt(receipt) => Some(Arc::clone(&receipt.supplier_code)),
                _ => None,
            },
            moves: found.moves.iter().map(|moved| (moved.clone(), worth(moved))).collect(),
            entries: found
                .entries
                .iter()
                .filter(|entry| entry.document().kind == kind)
                .map(Into::into)
                .collect(),
            items: self.items_around(found.id),
            allocations: self.allocations_of(found.id),
            taxes: found.taxes.clone(),
            cancelled_by: self
                .cancelled(found.id)
                .map(|cancellation| Arc::clone(&cancellation.number)),
            needed_by: needed_by.map(|other| format!("{} {}", other.kind, other.number)),
        })
    }

    fn cancelled(&self, id: Uuid) -> Option<&Postings> {
        let mut postings = self.accepted.iter().map(|accepted| &accepted.postings);
        postings.find(|other| match &other.document {
            Document::Cancellation(cancellation) => cancellation.document.id == id,
            _ => false,
        })
    }

    /// What is allocated to or from the items of a document, and not taken back.
    fn allocations_of(&self, id: Uuid) -> Vec<ItemAllocation> {
        let own: BTreeSet<JournalLineId> = self
            .books
            .items
            .values()
            .filter(|item| item.document.id == id)
            .map(|item| item.id)
            .collect();
        let all = || self.accepted.iter().flat_map(|accepted| &accepted.postings.allocations);
        let undone: BTreeSet<LineId> = all().filter_map(|allocation| allocation.undoes).collect();
        all()
            .filter(|allocation| allocation.undoes.is_none() && !undone.contains(&allocation.id))
            .filter(|allocation| own.contains(&allocation.debit) || own.contains(&allocation.credit))
            .cloned()
            .collect()
    }

    /// The items of a document, and those on the other side of their allocations.
    fn items_around(&self, id: Uuid) -> Vec<OpenItem> {
        let allocations = self.allocations_of(id);
        let around = |item: &&OpenItem| {
            item.document.id == id || allocations.iter().any(|of| of.debit == item.id || of.credit == item.id)
        };
        self.books.items.values().filter(around).cloned().collect()
    }

    /// How much of a move came back.
    fn returned(&self, of: StockMoveId) -> i64 {
        let postings = self.accepted.iter().map(|accepted| &accepted.postings);
        let standing = postings.filter(|postings| self.cancelled(postings.id).is_none());
        let moves = standing.flat_map(|postings| &postings.moves);
        moves
            .filter(|moved| matches!(moved.reason, MoveReason::Return | MoveReason::SupplierReturn))
            .filter(|moved| moved.cost.undoes().is_none() && moved.cost.refers_to() == Some(of))
            .map(|moved| moved.quantity_micro.saturating_abs())
            .sum()
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
        }))
    }
}

#[async_trait]
impl Work for MemoryWork {
    async fn load(&mut self, tenant: &TenantId, wanted: &References) -> Result<Books, ErpError> {
        let Some(of_tenant) = self.tenants.get(tenant) else {
            return Ok(Books::default());
        };
        let books = &of_tenant.books;
        let mut loaded = Books {
            series: books.series.clone(),
            locks: books.locks,
            company: books.company.clone(),
            chart: books.chart.clone(),
            cost_centres: books.cost_centres.clone(),
            tax_codes: books.tax_codes.clone(),
            rates: books.rates.clone(),
            ..Books::default()
        };
        if wanted.walk_in {
            loaded.walk_in = books.walk_in.clone();
        }
        for code in &wanted.parties {
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
            for (moved, _) in &posted.moves {
                of_tenant.load_product(&mut loaded, &moved.product_code);
                loaded.returned.insert(moved.id, of_tenant.returned(moved.id));
            }
            loaded.posted.insert((*kind, Arc::clone(number)), posted);
        }
        for number in &wanted.numbers {
            loaded
                .documents
                .extend(books.documents.get(number).map(|id| (number.clone(), *id)));
            let invoice = books.documents.get(number).map(|id| InvoiceId(*id));
            let invoice = invoice.and_then(|id| Some((id, *books.invoices.get(&id)?)));
            loaded.invoices.extend(invoice);
        }
        if wanted.years || wanted.products.values().any(Option::is_some) || !wanted.documents.is_empty() {
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

    async fn save(&mut self, group: &Group) -> Result<(), ErpError> {
        self.saved = group.clone();
        Ok(())
    }

    async fn commit(mut self: Box<Self>) -> Result<(), ErpError> {
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
            tenant.accepted.push(accepted);
        }
        Ok(())
    }
}
