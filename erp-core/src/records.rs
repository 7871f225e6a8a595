//! The reading side: documents by number, lists, reports, and the check that the books are sound.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use cortex_types::{Currency, JournalEntryId, JournalLineId, RequestContext, Timestamp, Unit};
use serde::{Deserialize, Serialize};

use crate::{
    Account, AccountKind, Answered, Cancellation, CreditNote, DocumentKind, DocumentRef, ErpError, FiscalYear,
    IdempotencyKey, Invoice, JournalLine, Link, Location, Party, Payment, PostedEntry, Product, PurchaseReceipt, Span,
    StockDocument, StockMove,
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
    /// What `entries` come to, by account and currency.
    pub(crate) fn of<'a>(entries: impl Iterator<Item = &'a PostedEntry>) -> Vec<Self> {
        let mut balances = Vec::new();
        for entry in entries {
            for line in entry.lines() {
                Self::add(&mut balances, entry.currency(), line);
            }
        }
        balances.sort_by(|one, other| (&one.account, one.currency).cmp(&(&other.account, other.currency)));
        balances
    }

    /// Adds a line to the balance of its account.
    pub(crate) fn add(balances: &mut Vec<Self>, currency: Currency, line: &JournalLine) {
        let code = line.account.code();
        let of_line = |balance: &&mut Self| balance.account == code && balance.currency == currency;
        match balances.iter_mut().find(of_line) {
            Some(balance) => {
                balance.debit_minor += line.debit_minor;
                balance.credit_minor += line.credit_minor;
            }
            None => balances.push(Self {
                account: code.to_owned(),
                currency,
                debit_minor: line.debit_minor,
                credit_minor: line.credit_minor,
            }),
        }
    }

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

/// A posting to one account, and what the account came to with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerLine {
    pub id: JournalLineId,
    /// Number of its entry.
    pub entry: Arc<str>,
    pub memo: String,
    pub document: DocumentKind,
    pub posted_at: Timestamp,
    pub currency: Currency,
    pub debit_minor: i64,
    pub credit_minor: i64,
    /// Debits less credits of everything up to here, in this currency.
    pub balance_minor: i64,
}

/// A page of an account's postings, in the order of business time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GeneralLedger {
    /// Debits less credits of everything before the page, by currency.
    pub opening: BTreeMap<Currency, i64>,
    pub lines: Vec<LedgerLine>,
}

impl GeneralLedger {
    /// Lines that were read with a balance of zero, each with the balance that it leaves.
    #[must_use]
    pub fn new(opening: BTreeMap<Currency, i64>, mut lines: Vec<LedgerLine>) -> Self {
        let mut running = opening.clone();
        for line in &mut lines {
            let balance = running.entry(line.currency).or_default();
            *balance += line.debit_minor - line.credit_minor;
            line.balance_minor = *balance;
        }
        Self { opening, lines }
    }
}

/// What becomes of the entries that carry a year's results to equity: a statement of those results leaves them out, or it would
/// be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closings {
    Counted,
    LeftOut,
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
    /// Of one product in the order of business time, or of all in the order of posting; each with what it is worth now.
    async fn stock_moves(
        &self,
        ctx: &RequestContext,
        product: Option<&str>,
        page: &Page,
    ) -> Result<Vec<(StockMove, i64)>, ErpError>;
    async fn locations(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<Location>, ErpError>;
    async fn location(&self, ctx: &RequestContext, code: &str) -> Result<Option<Location>, ErpError>;
    /// Documents of one kind that move stock and nothing else, without their moves.
    async fn stock_documents(
        &self,
        ctx: &RequestContext,
        kind: DocumentKind,
        page: &Page,
    ) -> Result<Vec<StockDocument>, ErpError>;
    /// With its moves, each with what it is worth now.
    async fn stock_document(
        &self,
        ctx: &RequestContext,
        kind: DocumentKind,
        number: &str,
    ) -> Result<Option<(StockDocument, Vec<(StockMove, i64)>)>, ErpError>;
    async fn cancellations(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<Cancellation>, ErpError>;
    async fn purchase_receipts(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<PurchaseReceipt>, ErpError>;
    async fn payments(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<Payment>, ErpError>;
    /// Every account that was posted to in the span, by code, with what was posted then.
    async fn trial_balance(
        &self,
        ctx: &RequestContext,
        span: Span,
        closings: Closings,
    ) -> Result<Vec<AccountBalance>, ErpError>;
    async fn journal_entry(&self, ctx: &RequestContext, number: &str) -> Result<Option<JournalEntryRecord>, ErpError>;
    /// What was posted to an account in the span, in the order of business time; `page.after` is the id of a line.
    async fn general_ledger(
        &self,
        ctx: &RequestContext,
        account: Account,
        span: Span,
        page: &Page,
    ) -> Result<GeneralLedger, ErpError>;
    /// The fiscal years in their order, each with its periods.
    async fn fiscal_years(&self, ctx: &RequestContext) -> Result<Vec<FiscalYear>, ErpError>;
    /// By product code and location; `page.after` is the product code to go on after. A page holds whole products: as
    /// many as its limit, of those that have a stock level.
    /// As it was before a time, with all that is known now; as it is where none is given.
    async fn stock_on_hand(
        &self,
        ctx: &RequestContext,
        before: Option<Timestamp>,
        page: &Page,
    ) -> Result<Vec<StockOnHand>, ErpError>;
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
