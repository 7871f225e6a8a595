//! What a command comes to: the rows that are written, all in one transaction.

use std::sync::Arc;

use cortex_types::{Currency, RequestContext, TenantId, Timestamp};
use uuid::Uuid;

use crate::valuation::StockLevel;
use crate::{
    CreditNote, DocumentKind, FiscalPeriod, FiscalYear, IdempotencyKey, Invoice, Known, LevelKey, Party, Payment,
    PostedEntry, Product, PurchaseReceipt, Receipt, StockMove,
};

/// The document itself. A manual journal entry and a stock adjustment have no table of their own: they are their entry
/// and their moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Document {
    Party(Party),
    Product(Product),
    Invoice(Invoice),
    CreditNote(CreditNote),
    JournalEntry,
    StockAdjustment,
    PurchaseReceipt(PurchaseReceipt),
    Payment(Payment),
    /// The year and all its periods, as they are afterwards.
    FiscalYear(FiscalYear),
    FiscalPeriod(FiscalPeriod),
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
    /// One at most, but for the closing of a year in several currencies.
    pub entries: Vec<PostedEntry>,
    /// Stock levels as they are afterwards.
    pub levels: Vec<(LevelKey, Currency, StockLevel)>,
    /// Series that gave a number, with the number they gave.
    pub drawn: Vec<(DocumentKind, u64)>,
}

/// A command that was planned, with everything its transaction has to say.
#[derive(Clone, Debug)]
pub struct Accepted {
    pub ctx: RequestContext,
    pub known: Known,
    pub key: IdempotencyKey,
    pub digest: [u8; 32],
    pub postings: Postings,
    pub receipt: Receipt,
}

/// What one group commit writes.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// In the order in which they were planned.
    pub accepted: Vec<Accepted>,
    /// The level of everything that moved, after the whole group.
    pub levels: Vec<(TenantId, LevelKey, Currency, StockLevel)>,
    /// The newest number drawn from each series.
    pub series: Vec<(TenantId, DocumentKind, u64)>,
}
