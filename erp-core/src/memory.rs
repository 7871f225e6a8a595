//! The ledger in memory, for tests and for trying things out: it forgets everything when it is dropped.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use cortex_types::{InvoiceId, TenantId};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::fiscal::closing_span;
use crate::postings::{Accepted, Document, Group};
use crate::valuation::StockLevel;
use crate::{
    AccountBalance, Answered, Books, DocumentKind, ErpError, FiscalYear, LevelKey, PartyKind, References, UnitOfWork,
    Work,
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
    pub async fn balances(&self, tenant: &TenantId) -> BTreeMap<&'static str, i64> {
        let mut balances = BTreeMap::new();
        for accepted in self.accepted(tenant).await {
            for line in accepted.postings.entries.iter().flat_map(|entry| entry.lines()) {
                *balances.entry(line.account.code()).or_insert(0) += line.debit_minor - line.credit_minor;
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

    /// Its fiscal years, in their order.
    pub async fn years(&self, tenant: &TenantId) -> Vec<FiscalYear> {
        let tenants = self.0.lock().await;
        tenants
            .get(tenant)
            .map(|tenant| tenant.books.years.clone())
            .unwrap_or_default()
    }

    /// What lies where.
    pub async fn levels(&self, tenant: &TenantId) -> HashMap<LevelKey, StockLevel> {
        self.0
            .lock()
            .await
            .get(tenant)
            .map(|tenant| tenant.books.levels.clone())
            .unwrap_or_default()
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
        let Some(Tenant { books, .. }) = self.tenants.get(tenant) else {
            return Ok(Books::default());
        };
        let mut loaded = Books {
            series: books.series.clone(),
            locks: books.locks,
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
        for code in &wanted.products {
            let Some(product) = books.products.get(code) else {
                continue;
            };
            loaded.products.insert(Arc::clone(code), product.clone());
            let levels = books.levels.iter().filter(|(key, _)| key.product_id == product.id);
            loaded.levels.extend(levels.map(|(key, level)| (key.clone(), *level)));
        }
        for number in &wanted.numbers {
            loaded
                .documents
                .extend(books.documents.get(number).map(|id| (number.clone(), *id)));
            let invoice = books.documents.get(number).map(|id| InvoiceId(*id));
            let invoice = invoice.and_then(|id| Some((id, *books.invoices.get(&id)?)));
            loaded.invoices.extend(invoice);
        }
        if wanted.years {
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
            let accepted = self
                .tenants
                .get(tenant)
                .map(|tenant| &tenant.accepted[..])
                .unwrap_or_default();
            let entries = accepted.iter().flat_map(|accepted| &accepted.postings.entries);
            let balances = AccountBalance::of(entries.filter(|entry| span.contains(entry.posted_at())));
            loaded.year_balances.insert(Arc::clone(code), (span, balances));
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
        for accepted in std::mem::take(&mut self.saved.accepted) {
            let tenant = self.tenants.entry(accepted.ctx.tenant.clone()).or_default();
            tenant.books.apply(&accepted.postings);
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
