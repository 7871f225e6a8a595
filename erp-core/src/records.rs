//! The reading side: documents by number, lists, reports, and the check that the books are sound.

use std::sync::Arc;

use async_trait::async_trait;
use cortex_types::{Currency, JournalEntryId, RequestContext, Timestamp, Unit};
use serde::{Deserialize, Serialize};

use crate::{
    Account, AccountKind, Answered, CreditNote, DocumentRef, ErpError, IdempotencyKey, Invoice, Link, Party, Payment,
    Product, PurchaseReceipt, Span, StockMove,
};

/// Most rows of one page.
pub const PAGE_LIMIT_MAX: u32 = 500;

/// A part of a list, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Id of the last row of the page before.
    pub after: Option<String>,
    limit: u32,
}

impl Page {
    /// `limit` is held to 1 to [`PAGE_LIMIT_MAX`].
    #[must_use]
    pub fn new(after: Option<String>, limit: u32) -> Self {
        Self {
            after,
            limit: limit.clamp(1, PAGE_LIMIT_MAX),
        }
    }

    #[must_use]
    pub fn limit(&self) -> u32 {
        self.limit
    }
}

impl Default for Page {
    fn default() -> Self {
        Self::new(None, 100)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalLineRecord {
    pub account: String,
    pub debit_minor: i64,
    pub credit_minor: i64,
}

/// A posted entry as it is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntryRecord {
    pub id: JournalEntryId,
    pub number: Arc<str>,
    pub document: DocumentRef,
    pub memo: String,
    pub currency: Currency,
    pub posted_at: Timestamp,
    pub lines: Vec<JournalLineRecord>,
}

/// All that was debited and credited to an account, in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountBalance {
    pub account: String,
    pub currency: Currency,
    pub debit_minor: i64,
    pub credit_minor: i64,
}

impl AccountBalance {
    /// Debits less credits.
    #[must_use]
    pub fn balance_minor(&self) -> i64 {
        self.debit_minor - self.credit_minor
    }

    #[must_use]
    pub fn title(&self) -> &'static str {
        Account::find(&self.account).map_or("", Account::title)
    }

    #[must_use]
    pub fn kind(&self) -> Option<AccountKind> {
        Account::find(&self.account).map(Account::kind).ok()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockOnHand {
    pub product_code: Arc<str>,
    pub description: String,
    pub location: Arc<str>,
    pub quantity_micro: i64,
    pub unit: Unit,
    pub value_minor: i64,
    pub currency: Currency,
}

/// Something in the books that should never be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule that does not hold, such as `entry-balanced`.
    pub rule: String,
    /// Where, such as `journal entry J-000042`.
    pub subject: String,
    pub problem: String,
}

/// Reads the ledger of the caller's tenant, and of no other. Everything committed before the call is seen.
#[async_trait]
pub trait Records: Send + Sync + std::fmt::Debug {
    async fn party(&self, ctx: &RequestContext, code: &str) -> Result<Option<Party>, ErpError>;
    async fn parties(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<Party>, ErpError>;
    async fn product(&self, ctx: &RequestContext, code: &str) -> Result<Option<Product>, ErpError>;
    async fn products(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<Product>, ErpError>;
    async fn invoice(&self, ctx: &RequestContext, number: &str) -> Result<Option<Invoice>, ErpError>;
    async fn invoices(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<Invoice>, ErpError>;
    async fn credit_note(&self, ctx: &RequestContext, number: &str) -> Result<Option<CreditNote>, ErpError>;
    async fn credit_notes(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<CreditNote>, ErpError>;
    async fn journal_entries(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<JournalEntryRecord>, ErpError>;
    /// Of one product, or of all.
    async fn stock_moves(
        &self,
        ctx: &RequestContext,
        product: Option<&str>,
        page: &Page,
    ) -> Result<Vec<StockMove>, ErpError>;
    async fn purchase_receipts(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<PurchaseReceipt>, ErpError>;
    async fn payments(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<Payment>, ErpError>;
    /// Every account that was posted to in the span, by code, with what was posted then.
    async fn trial_balance(&self, ctx: &RequestContext, span: Span) -> Result<Vec<AccountBalance>, ErpError>;
    /// By product code and location; `page.after` is the product code to go on after. A page holds whole products: as
    /// many as its limit, of those that have a stock level.
    async fn stock_on_hand(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<StockOnHand>, ErpError>;
    /// The answer that was given under this key.
    async fn answered(&self, ctx: &RequestContext, key: &IdempotencyKey) -> Result<Option<Answered>, ErpError>;
    /// Checks that the numbers of our own series have no gaps, that every entry balances and the trial balance is zero,
    /// that stock levels are the sums of their moves and the inventory account is the sum of their values, and that
    /// every invoice and credit note has its entry and its moves. Empty where the books are sound; at most 100 findings
    /// per rule.
    /// Last, every entry is held against its seal: the first that is not what was posted is named.
    async fn verify(&self, ctx: &RequestContext) -> Result<Vec<Finding>, ErpError>;
    /// The seal of the newest entry, and so of all before it, and how many they are. Kept elsewhere, it proves later that
    /// nothing of them was changed, not even by whoever makes all seals anew.
    async fn sealed(&self, ctx: &RequestContext) -> Result<(u64, Link), ErpError>;
    /// Whether this seal was ever the newest one.
    async fn has_seal(&self, ctx: &RequestContext, seal: Link) -> Result<bool, ErpError>;
}
