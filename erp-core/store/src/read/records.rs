//! [`Records`] on SQL: each query is scoped by the tenant of the call.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use cortex_erp::{
    AccountBalance, Ageing, Answered, Base, Cancellation, Chart, Closings, Company, Contact, CostCentre, CreditNote,
    DocumentKind, ErpError, ExchangeRate, Expected, Finding, FiscalYear, GeneralLedger, IdempotencyKey, Invoice,
    ItemSide, JournalEntryRecord, Link, Location, OpenItem, Order, OrderProgress, OrderState, Page, Party, Payment,
    Product, ProductCost, ProductUnit, PurchaseBill, PurchaseReceipt, Records, ReorderRule, Span, StockDocument,
    StockMove, StockOnHand, TaxCode, TaxTotal, UnbilledGoods,
};
use cortex_types::{RequestContext, Timestamp};

use super::answers::{ANSWERS, answered};
use super::master_data::{LOCATIONS, location};
use super::{
    bills, company, contacts, documents, fiscal, journal, master_data, open_items, orders, purchasing, reports, stock,
    stock_documents, taxes, verify,
};
use crate::SqlLedger;
use crate::{chain, days};

#[async_trait]
impl Records for SqlLedger {
    async fn party(&self, ctx: &RequestContext, code: &str) -> Result<Option<Party>, ErpError> {
        let key = (master_data::PARTIES, "code", code);
        self.one("read a party", ctx, key, master_data::party).await
    }

    async fn parties(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<Party>, ErpError> {
        let page = (master_data::PARTIES, page);
        self.page("list parties", ctx, page, master_data::party).await
    }

    async fn product(&self, ctx: &RequestContext, code: &str) -> Result<Option<Product>, ErpError> {
        let key = (master_data::PRODUCTS, "code", code);
        self.one("read a product", ctx, key, master_data::product).await
    }

    async fn products(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<Product>, ErpError> {
        let page = (master_data::PRODUCTS, page);
        self.page("list products", ctx, page, master_data::product).await
    }

    async fn product_units(
        &self,
        ctx: &RequestContext,
        product: Option<&str>,
        page: &Page,
    ) -> Result<Vec<ProductUnit>, ErpError> {
        let units = master_data::units_of(&self.readers_of(ctx), ctx.tenant.as_str(), product, page).await;
        self.read("list the units of products", units)
    }

    async fn standard_costs(
        &self,
        ctx: &RequestContext,
        page: &Page,
    ) -> Result<Vec<(Arc<str>, ProductCost)>, ErpError> {
        let costs = master_data::standard_costs(&self.readers_of(ctx), ctx.tenant.as_str(), page).await;
        self.read("list standard costs", costs)
    }

    async fn standard_cost(&self, ctx: &RequestContext, number: &str) -> Result<Option<ProductCost>, ErpError> {
        let key = (master_data::STANDARD_COSTS, "number", number);
        self.one("read a cost", ctx, key, master_data::standard_cost).await
    }

    async fn contacts(&self, ctx: &RequestContext, party: Option<&str>, page: &Page) -> Result<Vec<Contact>, ErpError> {
        let contacts = contacts::page(&self.readers_of(ctx), ctx.tenant.as_str(), party, page).await;
        self.read("list contacts", contacts)
    }

    async fn contact(&self, ctx: &RequestContext, party: &str, contact: &str) -> Result<Option<Contact>, ErpError> {
        let contact = contacts::one(&self.readers_of(ctx), ctx.tenant.as_str(), party, contact).await;
        self.read("read a contact", contact)
    }

    async fn invoice(&self, ctx: &RequestContext, number: &str) -> Result<Option<Invoice>, ErpError> {
        let invoice = documents::invoice(&self.readers_of(ctx), ctx.tenant.as_str(), number).await;
        self.read("read an invoice", invoice)
    }

    async fn invoices(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<Invoice>, ErpError> {
        let invoices = documents::invoices(&self.readers_of(ctx), ctx.tenant.as_str(), page).await;
        self.read("list invoices", invoices)
    }

    async fn credit_note(&self, ctx: &RequestContext, number: &str) -> Result<Option<CreditNote>, ErpError> {
        let note = documents::credit_note(&self.readers_of(ctx), ctx.tenant.as_str(), number).await;
        self.read("read a credit note", note)
    }

    async fn credit_notes(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<CreditNote>, ErpError> {
        let notes = documents::credit_notes(&self.readers_of(ctx), ctx.tenant.as_str(), page).await;
        self.read("list credit notes", notes)
    }

    async fn journal_entries(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<JournalEntryRecord>, ErpError> {
        let entries = journal::entries(&self.readers_of(ctx), ctx.tenant.as_str(), page).await;
        self.read("list journal entries", entries)
    }

    async fn stock_moves(
        &self,
        ctx: &RequestContext,
        product: Option<&str>,
        page: &Page,
    ) -> Result<Vec<(StockMove, i64)>, ErpError> {
        let moves = stock::moves(&self.readers_of(ctx), ctx.tenant.as_str(), product, page).await;
        self.read("list stock moves", moves)
    }

    async fn locations(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<Location>, ErpError> {
        let page = (LOCATIONS, page);
        self.page("list locations", ctx, page, location).await
    }

    async fn location(&self, ctx: &RequestContext, code: &str) -> Result<Option<Location>, ErpError> {
        let key = (LOCATIONS, "code", code);
        self.one("read a location", ctx, key, location).await
    }

    async fn stock_documents(
        &self,
        ctx: &RequestContext,
        kind: DocumentKind,
        page: &Page,
    ) -> Result<Vec<StockDocument>, ErpError> {
        let documents = stock_documents::page(&self.readers_of(ctx), ctx.tenant.as_str(), kind, page).await;
        self.read("list stock documents", documents)
    }

    async fn stock_document(
        &self,
        ctx: &RequestContext,
        kind: DocumentKind,
        number: &str,
    ) -> Result<Option<(StockDocument, Vec<(StockMove, i64)>)>, ErpError> {
        let document = stock_documents::one(&self.readers_of(ctx), ctx.tenant.as_str(), kind, number).await;
        self.read("read a stock document", document)
    }

    async fn cancellations(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<Cancellation>, ErpError> {
        let cancellations = stock_documents::cancellations(&self.readers_of(ctx), ctx.tenant.as_str(), page).await;
        self.read("list cancellations", cancellations)
    }

    async fn cancelled(&self, ctx: &RequestContext, documents: &[&str]) -> Result<HashMap<String, Arc<str>>, ErpError> {
        let cancelled = stock_documents::cancelled(&self.readers_of(ctx), ctx.tenant.as_str(), documents).await;
        self.read("look up cancellations", cancelled)
    }

    async fn orders(
        &self,
        ctx: &RequestContext,
        kind: DocumentKind,
        state: Option<OrderState>,
        page: &Page,
    ) -> Result<Vec<Order>, ErpError> {
        let found = orders::page(&self.readers_of(ctx), ctx.tenant.as_str(), (kind, state), page).await;
        self.read("list orders", found)
    }

    async fn order(
        &self,
        ctx: &RequestContext,
        kind: DocumentKind,
        number: &str,
    ) -> Result<Option<(Order, Vec<OrderProgress>)>, ErpError> {
        let found = orders::one(&self.readers_of(ctx), ctx.tenant.as_str(), kind, number).await;
        self.read("read an order", found)
    }

    async fn reorder_rules(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<ReorderRule>, ErpError> {
        let rules = orders::rules(&self.readers_of(ctx), ctx.tenant.as_str(), page).await;
        self.read("list reorder rules", rules)
    }

    async fn expected_stock(
        &self,
        ctx: &RequestContext,
        page: &Page,
    ) -> Result<Vec<(ReorderRule, Expected)>, ErpError> {
        let expected = orders::expected(&self.readers_of(ctx), ctx.tenant.as_str(), page).await;
        self.read("read what stock is to be expected", expected)
    }

    async fn unbilled_goods(
        &self,
        ctx: &RequestContext,
        before: Option<Timestamp>,
        page: &Page,
    ) -> Result<Vec<UnbilledGoods>, ErpError> {
        let unbilled = bills::unbilled(&self.readers_of(ctx), ctx.tenant.as_str(), before, page).await;
        self.read("list goods that are not billed", unbilled)
    }

    async fn purchase_bills(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<PurchaseBill>, ErpError> {
        let bills = bills::page(&self.readers_of(ctx), ctx.tenant.as_str(), page).await;
        self.read("list purchase bills", bills)
    }

    async fn purchase_bill(&self, ctx: &RequestContext, number: &str) -> Result<Option<PurchaseBill>, ErpError> {
        let bill = bills::one(&self.readers_of(ctx), ctx.tenant.as_str(), number).await;
        self.read("read a purchase bill", bill)
    }

    async fn purchase_receipt(&self, ctx: &RequestContext, number: &str) -> Result<Option<PurchaseReceipt>, ErpError> {
        let receipt = purchasing::one_receipt(&self.readers_of(ctx), ctx.tenant.as_str(), number).await;
        self.read("read a purchase receipt", receipt)
    }

    async fn purchase_receipts(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<PurchaseReceipt>, ErpError> {
        let receipts = purchasing::receipts(&self.readers_of(ctx), ctx.tenant.as_str(), page).await;
        self.read("list purchase receipts", receipts)
    }

    async fn open_items(
        &self,
        ctx: &RequestContext,
        side: Option<ItemSide>,
        party: Option<&str>,
        page: &Page,
    ) -> Result<Vec<OpenItem>, ErpError> {
        let items = open_items::page(&self.readers_of(ctx), ctx.tenant.as_str(), (side, party), page).await;
        self.read("list open items", items)
    }

    async fn ageing(
        &self,
        ctx: &RequestContext,
        side: ItemSide,
        before: Timestamp,
        days: &[u32],
    ) -> Result<Vec<Ageing>, ErpError> {
        let ageing = open_items::ageing(&self.readers_of(ctx), ctx.tenant.as_str(), side, before, days).await;
        self.read("read how old open items are", ageing)
    }

    async fn payment(&self, ctx: &RequestContext, number: &str) -> Result<Option<Payment>, ErpError> {
        let payment = purchasing::one_payment(&self.readers_of(ctx), ctx.tenant.as_str(), number).await;
        self.read("read a payment", payment)
    }

    async fn payments(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<Payment>, ErpError> {
        let payments = purchasing::payments(&self.readers_of(ctx), ctx.tenant.as_str(), page).await;
        self.read("list payments", payments)
    }

    async fn company(&self, ctx: &RequestContext) -> Result<Option<Company>, ErpError> {
        let company = company::company(&self.readers_of(ctx), ctx.tenant.as_str()).await;
        self.read("read the company", company)
    }

    async fn base(&self, ctx: &RequestContext) -> Result<Option<Base>, ErpError> {
        let base = company::base(&self.readers_of(ctx), ctx.tenant.as_str()).await;
        self.read("read the company's currency", base)
    }

    async fn chart(&self, ctx: &RequestContext) -> Result<Chart, ErpError> {
        let read = async {
            let mut snapshot = self.readers_of(ctx).snapshot().await?;
            company::chart_of(&mut snapshot, ctx.tenant.as_str()).await
        };
        self.read("read the chart of accounts", read.await)
    }

    async fn tax_codes(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<TaxCode>, ErpError> {
        let page = (taxes::CODES, page);
        self.page("list tax codes", ctx, page, taxes::code).await
    }

    async fn tax_totals(&self, ctx: &RequestContext, span: Span) -> Result<Vec<TaxTotal>, ErpError> {
        let totals = taxes::totals(&self.readers_of(ctx), ctx.tenant.as_str(), span).await;
        self.read("add taxes up", totals)
    }

    async fn cost_centres(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<CostCentre>, ErpError> {
        let page = (company::COST_CENTRES, page);
        self.page("list cost centres", ctx, page, company::cost_centre).await
    }

    async fn exchange_rates(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<ExchangeRate>, ErpError> {
        let page = (company::RATES, page);
        self.page("list exchange rates", ctx, page, company::rate).await
    }

    async fn cost_centre_balances(
        &self,
        ctx: &RequestContext,
        cost_centre: &str,
        span: Span,
    ) -> Result<Vec<AccountBalance>, ErpError> {
        let read = async {
            let mut snapshot = self.readers_of(ctx).snapshot().await?;
            days::of_cost_centre(&mut snapshot, ctx.tenant.as_str(), cost_centre, span).await
        };
        self.read("read a cost centre", read.await)
    }

    async fn trial_balance(
        &self,
        ctx: &RequestContext,
        span: Span,
        closings: Closings,
    ) -> Result<Vec<AccountBalance>, ErpError> {
        let balances = reports::trial_balance(&self.readers_of(ctx), ctx.tenant.as_str(), span, closings).await;
        self.read("read the trial balance", balances)
    }

    async fn journal_entry(&self, ctx: &RequestContext, number: &str) -> Result<Option<JournalEntryRecord>, ErpError> {
        let entry = journal::entry_numbered(&self.readers_of(ctx), ctx.tenant.as_str(), number).await;
        self.read("read a journal entry", entry)
    }

    async fn general_ledger(
        &self,
        ctx: &RequestContext,
        account: &str,
        span: Span,
        page: &Page,
    ) -> Result<GeneralLedger, ErpError> {
        let (readers, tenant) = (self.readers_of(ctx), ctx.tenant.as_str());
        let ledger = reports::general_ledger(&readers, tenant, account, span, page).await;
        self.read("read the general ledger", ledger)
    }

    async fn fiscal_years(&self, ctx: &RequestContext) -> Result<Vec<FiscalYear>, ErpError> {
        let years = fiscal::years(&self.readers_of(ctx), ctx.tenant.as_str()).await;
        self.read("read the fiscal years", years)
    }

    async fn stock_on_hand(
        &self,
        ctx: &RequestContext,
        before: Option<Timestamp>,
        page: &Page,
    ) -> Result<Vec<StockOnHand>, ErpError> {
        let (readers, tenant) = (self.readers_of(ctx), ctx.tenant.as_str());
        let levels = reports::stock_on_hand(&readers, tenant, before, page).await;
        self.read("read stock levels", levels)
    }

    async fn answered(&self, ctx: &RequestContext, key: &IdempotencyKey) -> Result<Option<Answered>, ErpError> {
        let key = (ANSWERS, "idempotency_key", key.as_str());
        self.one("read an answer", ctx, key, answered).await
    }

    async fn verify(&self, ctx: &RequestContext) -> Result<Vec<Finding>, ErpError> {
        let findings = verify::verify(&self.readers_of(ctx), ctx.tenant.as_str()).await;
        self.read("check the books", findings)
    }

    async fn sealed(&self, ctx: &RequestContext) -> Result<(u64, Link), ErpError> {
        let newest = chain::newest(&self.readers_of(ctx), ctx.tenant.as_str()).await;
        let newest = self.read("read the newest seal", newest)?;
        let (entries, seal) = newest.unwrap_or_else(|| (0, Link::start(ctx.tenant.as_str())));
        Ok((entries.unsigned_abs(), seal))
    }

    async fn has_seal(&self, ctx: &RequestContext, seal: Link) -> Result<bool, ErpError> {
        let found = chain::has_seal(&self.readers_of(ctx), ctx.tenant.as_str(), seal).await;
        self.read("look for a seal", found)
    }
}
