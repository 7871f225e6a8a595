//! What a command comes to: the rows that are written, all in one transaction.

use std::sync::Arc;

use cortex_types::{Currency, ProductId, RequestContext, TenantId, Timestamp};
use uuid::Uuid;

use crate::valuation::{Revalued, Timeline};
use crate::{
    Account, ApprovalRule, Cancellation, Company, Contact, CostCentre, CreditNote, DocumentKind, DocumentTax, Drawn,
    Event, EventName, ExchangeRate, FiscalPeriod, FiscalYear, IdempotencyKey, Invoice, ItemAllocation, Known, Location,
    NumberSeries, OpenItem, Order, OrderProgress, Party, Payment, PostedEntry, Product, ProductCost, ProductUnit,
    PurchaseBill, PurchaseReceipt, Receipt, ReorderRule, StockDocument, StockMove, StockRevaluation, TaxCode,
};

/// The document itself. A manual journal entry has no table of its own: it is its entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Document {
    Party(Party),
    Product(Product),
    Invoice(Invoice),
    CreditNote(CreditNote),
    JournalEntry,
    Stock(StockDocument),
    PurchaseReceipt(PurchaseReceipt),
    Payment(Payment),
    Cancellation(Cancellation),
    /// As it is afterwards.
    Location(Location),
    StandardCost,
    /// The year and all its periods, as they are afterwards.
    FiscalYear(FiscalYear),
    FiscalPeriod(FiscalPeriod),
    Company(Company),
    Account(Account),
    CostCentre(CostCentre),
    ExchangeRate(ExchangeRate),
    /// It is its allocations.
    Settlement,
    TaxCode(TaxCode),
    /// It is among the orders.
    Order,
    PurchaseBill(PurchaseBill),
    ReorderRule(ReorderRule),
    /// As it is afterwards.
    ProductUnit(ProductUnit),
    /// As it is afterwards.
    ApprovalRule(ApprovalRule),
    /// With the one that was the default before it, if there was.
    NumberSeries(Vec<NumberSeries>),
    /// As it is afterwards, and so the one that is asked first no longer.
    Contact {
        contact: Contact,
        displaced: Option<Contact>,
    },
}

/// The rows of one command.
#[derive(Clone, Debug)]
pub struct Postings {
    pub kind: DocumentKind,
    pub id: Uuid,
    pub number: Arc<str>,
    pub currency: Currency,
    pub amount_minor: i64,
    pub at: Timestamp,
    pub document: Document,
    pub moves: Vec<StockMove>,
    /// The document's own first, then what it made of the value of others.
    pub entries: Vec<PostedEntry>,
    pub revaluations: Vec<StockRevaluation>,
    /// The moves behind the revaluations, with what they are worth now.
    pub revalued: Vec<(ProductId, Revalued)>,
    pub costs: Vec<ProductCost>,
    /// The products that moved, as they are afterwards; the books take them over.
    pub stock: Vec<(ProductId, Timeline)>,
    /// The numbers that series gave.
    pub drawn: Vec<Drawn>,
    /// Of the chart's template, which are kept from the first entry on; and one that gives its role to another.
    pub accounts: Vec<Account>,
    /// When what it posts to receivables and payables is due; at once where it is absent.
    pub due_at: Option<Timestamp>,
    /// Open items that are new or changed, as they are afterwards.
    pub items: Vec<OpenItem>,
    pub allocations: Vec<ItemAllocation>,
    pub taxes: Vec<DocumentTax>,
    /// Orders that are new or carried on, as they are afterwards.
    pub orders: Vec<Order>,
    pub progress: Vec<OrderProgress>,
}

impl Postings {
    /// A document that is nothing but itself.
    #[must_use]
    pub const fn bare(kind: DocumentKind, id: Uuid, number: Arc<str>, at: Timestamp, document: Document) -> Self {
        Self {
            kind,
            id,
            number,
            // An answer says its amount in some currency; here it is zero.
            currency: Currency::GBP,
            amount_minor: 0,
            at,
            document,
            moves: Vec::new(),
            entries: Vec::new(),
            revaluations: Vec::new(),
            revalued: Vec::new(),
            costs: Vec::new(),
            stock: Vec::new(),
            drawn: Vec::new(),
            accounts: Vec::new(),
            due_at: None,
            items: Vec::new(),
            allocations: Vec::new(),
            taxes: Vec::new(),
            orders: Vec::new(),
            progress: Vec::new(),
        }
    }
}

/// A command that was planned, with everything its transaction has to say.
#[derive(Clone, Debug)]
pub struct Accepted {
    pub ctx: RequestContext,
    pub known: Known,
    pub key: IdempotencyKey,
    pub digest: [u8; 32],
    pub decided_at: Timestamp,
    pub event: EventName,
    /// The document that it happened to.
    pub subject: Arc<str>,
    /// The command as it is kept.
    pub journalled: String,
    pub postings: Postings,
    pub receipt: Receipt,
}

impl Accepted {
    /// What happened, at its position among all events.
    #[must_use]
    pub fn event(&self, position: u64) -> Event {
        Event {
            position,
            tenant: self.ctx.tenant.clone(),
            name: self.event,
            subject: Arc::clone(&self.subject),
            by: Arc::clone(&self.ctx.principal.id),
            decided_at: self.decided_at,
            receipt: self.receipt.clone(),
        }
    }
}

/// What one group commit writes.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// In the order in which they were planned.
    pub accepted: Vec<Accepted>,
    /// Everything that moved, after the whole group.
    pub stock: Vec<(TenantId, ProductId, Timeline)>,
}
