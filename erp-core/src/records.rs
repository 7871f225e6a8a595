//! The reading side: documents by number, lists, reports, and the check that the books are sound.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use cortex_types::{Currency, JournalEntryId, JournalLineId, RequestContext, Timestamp, Unit};
use serde::{Deserialize, Serialize};

use crate::{
    Ageing, Answered, Base, Cancellation, Chart, Company, Contact, CostCentre, CreditNote, DocumentKind, DocumentRef,
    ErpError, ExchangeRate, Expected, FiscalYear, IdempotencyKey, Invoice, ItemSide, JournalLine, Link, Location,
    OpenItem, Order, OrderProgress, OrderState, Party, Payment, PostedEntry, Product, ProductCost, ProductUnit,
    PurchaseBill, PurchaseReceipt, ReorderRule, Span, StockDocument, StockMove, TaxCode, TaxTotal, UnbilledGoods,
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

/// A posted entry as it is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntryRecord {
    pub id: JournalEntryId,
    pub number: Arc<str>,
    pub document: DocumentRef,
    pub memo: String,
    pub currency: Currency,
    pub posted_at: Timestamp,
    pub lines: Vec<JournalLine>,
}

/// All that was debited and credited to an account, in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountBalance {
    /// Its code.
    pub account: Arc<str>,
    pub currency: Currency,
    pub debit_minor: i64,
    pub credit_minor: i64,
    /// The same in the company's currency; in its own where no company said one.
    pub base_debit_minor: i64,
    pub base_credit_minor: i64,
}

impl AccountBalance {
    #[must_use]
    pub fn zero(account: &Arc<str>, currency: Currency) -> Self {
        Self {
            account: Arc::clone(account),
            currency,
            debit_minor: 0,
            credit_minor: 0,
            base_debit_minor: 0,
            base_credit_minor: 0,
        }
    }

    /// What `entries` come to, by account and currency.
    pub(crate) fn of<'a>(entries: impl Iterator<Item = &'a PostedEntry>) -> Vec<Self> {
        let mut balances = Vec::new();
        for line in entries.flat_map(PostedEntry::lines) {
            Self::add(&mut balances, line);
        }
        balances.sort_by(|one, other| (&one.account, one.currency).cmp(&(&other.account, other.currency)));
        balances
    }

    /// Adds a line to the balance of its account.
    pub(crate) fn add(balances: &mut Vec<Self>, line: &JournalLine) {
        let of_line = |balance: &Self| balance.account == line.account && balance.currency == line.currency;
        let place = balances.iter().position(of_line).unwrap_or_else(|| {
            balances.push(Self::zero(&line.account, line.currency));
            balances.len() - 1
        });
        let balance = &mut balances[place];
        let (base_debit_minor, base_credit_minor) = line.base_sides();
        balance.debit_minor += line.debit_minor;
        balance.credit_minor += line.credit_minor;
        balance.base_debit_minor += base_debit_minor;
        balance.base_credit_minor += base_credit_minor;
    }

    /// One balance for each account, in the company's currency.
    #[must_use]
    pub fn in_base(balances: &[Self], base: Currency) -> Vec<Self> {
        let mut of_accounts: BTreeMap<&Arc<str>, Self> = BTreeMap::new();
        for balance in balances {
            let sum = of_accounts.entry(&balance.account);
            let sum = sum.or_insert_with(|| Self::zero(&balance.account, base));
            sum.base_debit_minor += balance.base_debit_minor;
            sum.base_credit_minor += balance.base_credit_minor;
            (sum.debit_minor, sum.credit_minor) = (sum.base_debit_minor, sum.base_credit_minor);
        }
        of_accounts.into_values().collect()
    }

    /// Debits less credits.
    #[must_use]
    pub const fn balance_minor(&self) -> i64 {
        self.debit_minor - self.credit_minor
    }

    /// Debits less credits, in the company's currency.
    #[must_use]
    pub const fn base_balance_minor(&self) -> i64 {
        self.base_debit_minor - self.base_credit_minor
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockOnHand {
    pub product_code: Arc<str>,
    pub description: String,
    pub location: Arc<str>,
    pub quantity_micro: i64,
    /// What of it is set aside for orders, as it is now.
    pub reserved_micro: Option<i64>,
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
    /// Debits less credits in the company's currency, where the line is in another one.
    pub base_minor: Option<i64>,
    pub cost_centre: Option<Arc<str>>,
    /// Debits less credits of everything up to here, in this currency.
    pub balance_minor: i64,
    /// The same of every currency, in the company's.
    pub balance_base_minor: i64,
}

impl LedgerLine {
    /// Debits less credits in the company's currency.
    #[must_use]
    pub fn in_base(&self) -> i64 {
        self.base_minor.unwrap_or(self.debit_minor - self.credit_minor)
    }
}

/// A page of an account's postings, in the order of business time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GeneralLedger {
    /// Debits less credits of everything before the page, by currency.
    pub opening: BTreeMap<Currency, i64>,
    /// The same in the company's currency.
    pub opening_base_minor: i64,
    pub lines: Vec<LedgerLine>,
}

impl GeneralLedger {
    /// Lines that were read with balances of zero, each with those that it leaves.
    #[must_use]
    pub fn new(opening: BTreeMap<Currency, i64>, opening_base_minor: i64, mut lines: Vec<LedgerLine>) -> Self {
        let mut running = opening.clone();
        let mut running_base = opening_base_minor;
        for line in &mut lines {
            let balance = running.entry(line.currency).or_default();
            *balance += line.debit_minor - line.credit_minor;
            running_base += line.in_base();
            line.balance_minor = *balance;
            line.balance_base_minor = running_base;
        }
        Self {
            opening,
            opening_base_minor,
            lines,
        }
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
    /// The units that a product, or all of them, are traded in besides their own, oldest first.
    async fn product_units(
        &self,
        ctx: &RequestContext,
        product: Option<&str>,
        page: &Page,
    ) -> Result<Vec<ProductUnit>, ErpError>;
    /// Those that were set behind the first one of their product, by their numbers, oldest first.
    async fn standard_costs(&self, ctx: &RequestContext, page: &Page)
    -> Result<Vec<(Arc<str>, ProductCost)>, ErpError>;
    async fn standard_cost(&self, ctx: &RequestContext, number: &str) -> Result<Option<ProductCost>, ErpError>;
    /// Of one party, or of all, oldest first.
    async fn contacts(&self, ctx: &RequestContext, party: Option<&str>, page: &Page) -> Result<Vec<Contact>, ErpError>;
    async fn contact(&self, ctx: &RequestContext, party: &str, contact: &str) -> Result<Option<Contact>, ErpError>;
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
    /// Of these documents, by their ids, those that were taken back: with the number of what did it.
    async fn cancelled(&self, ctx: &RequestContext, documents: &[&str]) -> Result<HashMap<String, Arc<str>>, ErpError>;
    /// Of one kind, oldest first.
    async fn orders(
        &self,
        ctx: &RequestContext,
        kind: DocumentKind,
        state: Option<OrderState>,
        page: &Page,
    ) -> Result<Vec<Order>, ErpError>;
    /// With all that came of it, in the order in which it was posted.
    async fn order(
        &self,
        ctx: &RequestContext,
        kind: DocumentKind,
        number: &str,
    ) -> Result<Option<(Order, Vec<OrderProgress>)>, ErpError>;
    async fn reorder_rules(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<ReorderRule>, ErpError>;
    /// The rules of a page, each with what is to be expected where it applies.
    async fn expected_stock(&self, ctx: &RequestContext, page: &Page)
    -> Result<Vec<(ReorderRule, Expected)>, ErpError>;
    /// What came and is not billed, oldest first; of what was before a time where that is given. Below zero is what was billed or went
    /// back before it came.
    async fn unbilled_goods(
        &self,
        ctx: &RequestContext,
        before: Option<Timestamp>,
        page: &Page,
    ) -> Result<Vec<UnbilledGoods>, ErpError>;
    async fn purchase_bills(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<PurchaseBill>, ErpError>;
    async fn purchase_bill(&self, ctx: &RequestContext, number: &str) -> Result<Option<PurchaseBill>, ErpError>;
    async fn purchase_receipt(&self, ctx: &RequestContext, number: &str) -> Result<Option<PurchaseReceipt>, ErpError>;
    async fn purchase_receipts(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<PurchaseReceipt>, ErpError>;
    /// Those with something open, oldest first.
    async fn open_items(
        &self,
        ctx: &RequestContext,
        side: Option<ItemSide>,
        party: Option<&str>,
        page: &Page,
    ) -> Result<Vec<OpenItem>, ErpError>;
    /// What parties had open before a time, by how many days it was overdue then: `days` are the ends of the buckets.
    async fn ageing(
        &self,
        ctx: &RequestContext,
        side: ItemSide,
        before: Timestamp,
        days: &[u32],
    ) -> Result<Vec<Ageing>, ErpError>;
    async fn payment(&self, ctx: &RequestContext, number: &str) -> Result<Option<Payment>, ErpError>;
    async fn payments(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<Payment>, ErpError>;
    /// `None` where nobody said what the company is.
    async fn company(&self, ctx: &RequestContext) -> Result<Option<Company>, ErpError>;
    /// `None` where nobody said what the company is.
    async fn base(&self, ctx: &RequestContext) -> Result<Option<Base>, ErpError>;
    /// The accounts of the company; those of its template while nothing is posted.
    async fn chart(&self, ctx: &RequestContext) -> Result<Chart, ErpError>;
    async fn tax_codes(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<TaxCode>, ErpError>;
    /// What taxes came to in the span.
    async fn tax_totals(&self, ctx: &RequestContext, span: Span) -> Result<Vec<TaxTotal>, ErpError>;
    async fn cost_centres(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<CostCentre>, ErpError>;
    /// Of all currencies, oldest said first.
    async fn exchange_rates(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<ExchangeRate>, ErpError>;
    /// What was posted for a part of the company, by account.
    async fn cost_centre_balances(
        &self,
        ctx: &RequestContext,
        cost_centre: &str,
        span: Span,
    ) -> Result<Vec<AccountBalance>, ErpError>;
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
        account: &str,
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
