//! [`Records`] over the ledger in memory.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use cortex_types::{RequestContext, Timestamp};

use crate::memory_pages::{documents, numbered, paged, standard_cost};
use crate::postings::{Accepted, Document};
use crate::{
    AccountBalance, Ageing, Answered, Base, Cancellation, Chart, Closings, Company, Contact, CostCentre, CreditNote,
    DocumentKind, ErpError, ExchangeRate, Expected, Finding, FiscalYear, GeneralLedger, IdempotencyKey, Invoice,
    ItemSide, JournalEntryRecord, Link, Location, MemoryLedger, OpenItem, Order, OrderProgress, OrderState, Page,
    Party, Payment, Product, ProductCost, ProductUnit, PurchaseBill, PurchaseReceipt, Records, ReorderRule, Span,
    StockDocument, StockMove, StockOnHand, TaxCode, TaxTotal, UnbilledGoods,
};

#[async_trait]
impl Records for MemoryLedger {
    async fn party(&self, ctx: &RequestContext, code: &str) -> Result<Option<Party>, ErpError> {
        Ok(self.books(&ctx.tenant).await.parties.remove(code))
    }

    async fn parties(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<Party>, ErpError> {
        let books = self.books(&ctx.tenant).await;
        Ok(paged(books.parties.into_values(), page, |party| party.id.to_string()))
    }

    async fn product(&self, ctx: &RequestContext, code: &str) -> Result<Option<Product>, ErpError> {
        Ok(self.books(&ctx.tenant).await.products.remove(code))
    }

    async fn products(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<Product>, ErpError> {
        let books = self.books(&ctx.tenant).await;
        Ok(paged(books.products.into_values(), page, |product| {
            product.id.to_string()
        }))
    }

    async fn product_units(
        &self,
        ctx: &RequestContext,
        product: Option<&str>,
        page: &Page,
    ) -> Result<Vec<ProductUnit>, ErpError> {
        let units = self.books(&ctx.tenant).await.product_units.into_values().flatten();
        let of_product = units.filter(|unit| product.is_none_or(|code| &*unit.product_code == code));
        Ok(paged(of_product, page, |unit| unit.id.to_string()))
    }

    async fn standard_costs(
        &self,
        ctx: &RequestContext,
        page: &Page,
    ) -> Result<Vec<(Arc<str>, ProductCost)>, ErpError> {
        Ok(self.listed(ctx, page, standard_cost).await)
    }

    async fn standard_cost(&self, ctx: &RequestContext, number: &str) -> Result<Option<ProductCost>, ErpError> {
        let mut all = self.accepted(&ctx.tenant).await.into_iter().flat_map(standard_cost);
        Ok(all.find_map(|(_, (of, cost))| (*of == *number).then_some(cost)))
    }

    async fn contacts(&self, ctx: &RequestContext, party: Option<&str>, page: &Page) -> Result<Vec<Contact>, ErpError> {
        let contacts = self.books(&ctx.tenant).await.contacts.into_values().flatten();
        let of_party = contacts.filter(|of| party.is_none_or(|code| &*of.party_code == code));
        Ok(paged(of_party, page, |of| of.id.to_string()))
    }

    async fn contact(&self, ctx: &RequestContext, party: &str, contact: &str) -> Result<Option<Contact>, ErpError> {
        let contacts = self.books(&ctx.tenant).await.contacts.remove(party);
        Ok(contacts.into_iter().flatten().find(|of| &*of.code == contact))
    }

    async fn invoice(&self, ctx: &RequestContext, number: &str) -> Result<Option<Invoice>, ErpError> {
        Ok(self.document(ctx, numbered!(Invoice, number)).await)
    }

    async fn invoices(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<Invoice>, ErpError> {
        Ok(self.listed(ctx, page, documents!(Invoice)).await)
    }

    async fn credit_note(&self, ctx: &RequestContext, number: &str) -> Result<Option<CreditNote>, ErpError> {
        Ok(self.document(ctx, numbered!(CreditNote, number)).await)
    }

    async fn credit_notes(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<CreditNote>, ErpError> {
        Ok(self.listed(ctx, page, documents!(CreditNote)).await)
    }

    async fn journal_entries(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<JournalEntryRecord>, ErpError> {
        let entry = |accepted: Accepted| {
            let entries = accepted.postings.entries.iter();
            entries
                .map(|entry| (entry.id().to_string(), JournalEntryRecord::from(entry)))
                .collect()
        };
        Ok(self.listed(ctx, page, entry).await)
    }

    async fn stock_moves(
        &self,
        ctx: &RequestContext,
        product: Option<&str>,
        page: &Page,
    ) -> Result<Vec<(StockMove, i64)>, ErpError> {
        Ok(self.moves_of(ctx, product, page).await)
    }

    async fn locations(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<Location>, ErpError> {
        Ok(self.listed(ctx, page, documents!(Location)).await)
    }

    async fn location(&self, ctx: &RequestContext, code: &str) -> Result<Option<Location>, ErpError> {
        let accepted = self.accepted(&ctx.tenant).await;
        let locations = accepted.into_iter().rev().flat_map(documents!(Location));
        let mut of_code = locations.filter(|(_, location)| &*location.code == code);
        Ok(of_code.next().map(|(_, location)| location))
    }

    async fn stock_documents(
        &self,
        ctx: &RequestContext,
        kind: DocumentKind,
        page: &Page,
    ) -> Result<Vec<StockDocument>, ErpError> {
        let mut documents = self.listed(ctx, page, documents!(Stock)).await;
        documents.retain(|document: &StockDocument| document.kind == kind);
        Ok(documents)
    }

    async fn stock_document(
        &self,
        ctx: &RequestContext,
        kind: DocumentKind,
        number: &str,
    ) -> Result<Option<(StockDocument, Vec<(StockMove, i64)>)>, ErpError> {
        Ok(self.stock_document_numbered(ctx, kind, number).await)
    }

    async fn cancellations(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<Cancellation>, ErpError> {
        Ok(self.listed(ctx, page, documents!(Cancellation)).await)
    }

    async fn cancelled(&self, ctx: &RequestContext, documents: &[&str]) -> Result<HashMap<String, Arc<str>>, ErpError> {
        let accepted = self.accepted(&ctx.tenant).await;
        let cancellations = accepted
            .iter()
            .filter_map(|accepted| match &accepted.postings.document {
                Document::Cancellation(of) => Some((of.document.id.to_string(), Arc::clone(&of.number))),
                _ => None,
            });
        Ok(cancellations
            .filter(|(id, _)| documents.contains(&id.as_str()))
            .collect())
    }

    async fn orders(
        &self,
        ctx: &RequestContext,
        kind: DocumentKind,
        state: Option<OrderState>,
        page: &Page,
    ) -> Result<Vec<Order>, ErpError> {
        Ok(self.orders_of(ctx, kind, state, page).await)
    }

    async fn order(
        &self,
        ctx: &RequestContext,
        kind: DocumentKind,
        number: &str,
    ) -> Result<Option<(Order, Vec<OrderProgress>)>, ErpError> {
        Ok(self.order_numbered(ctx, kind, number).await)
    }

    async fn reorder_rules(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<ReorderRule>, ErpError> {
        let expected = self.expected(ctx, page).await;
        Ok(expected.into_iter().map(|(rule, _)| rule).collect())
    }

    async fn expected_stock(
        &self,
        ctx: &RequestContext,
        page: &Page,
    ) -> Result<Vec<(ReorderRule, Expected)>, ErpError> {
        Ok(self.expected(ctx, page).await)
    }

    async fn unbilled_goods(
        &self,
        ctx: &RequestContext,
        before: Option<Timestamp>,
        page: &Page,
    ) -> Result<Vec<UnbilledGoods>, ErpError> {
        Ok(self.unbilled(ctx, before, page).await)
    }

    async fn purchase_bills(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<PurchaseBill>, ErpError> {
        Ok(self.listed(ctx, page, documents!(PurchaseBill)).await)
    }

    async fn purchase_bill(&self, ctx: &RequestContext, number: &str) -> Result<Option<PurchaseBill>, ErpError> {
        Ok(self.document(ctx, numbered!(PurchaseBill, number)).await)
    }

    async fn purchase_receipt(&self, ctx: &RequestContext, number: &str) -> Result<Option<PurchaseReceipt>, ErpError> {
        Ok(self.document(ctx, numbered!(PurchaseReceipt, number)).await)
    }

    async fn purchase_receipts(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<PurchaseReceipt>, ErpError> {
        Ok(self.listed(ctx, page, documents!(PurchaseReceipt)).await)
    }

    async fn open_items(
        &self,
        ctx: &RequestContext,
        side: Option<ItemSide>,
        party: Option<&str>,
        page: &Page,
    ) -> Result<Vec<OpenItem>, ErpError> {
        let mut items: Vec<OpenItem> = self.books(&ctx.tenant).await.items.into_values().collect();
        items.retain(|item| {
            let behind = page.after.as_ref().is_none_or(|after| item.id.to_string() > *after);
            let wanted = side.is_none_or(|side| item.side == side)
                && party.is_none_or(|code| item.party.as_deref() == Some(code));
            behind && wanted && item.open_minor != 0
        });
        items.truncate(page.limit() as usize);
        Ok(items)
    }

    async fn ageing(
        &self,
        ctx: &RequestContext,
        side: ItemSide,
        before: Timestamp,
        days: &[u32],
    ) -> Result<Vec<Ageing>, ErpError> {
        Ok(self.aged(ctx, side, before, days).await)
    }

    async fn payment(&self, ctx: &RequestContext, number: &str) -> Result<Option<Payment>, ErpError> {
        Ok(self.document(ctx, numbered!(Payment, number)).await)
    }

    async fn payments(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<Payment>, ErpError> {
        Ok(self.listed(ctx, page, documents!(Payment)).await)
    }

    async fn company(&self, ctx: &RequestContext) -> Result<Option<Company>, ErpError> {
        Ok(self.books(&ctx.tenant).await.company)
    }

    async fn base(&self, ctx: &RequestContext) -> Result<Option<Base>, ErpError> {
        let books = self.books(&ctx.tenant).await;
        let (is_settled, company) = (books.has_posted(), books.company);
        Ok(company.map(|Company { currency, .. }| Base { currency, is_settled }))
    }

    async fn chart(&self, ctx: &RequestContext) -> Result<Chart, ErpError> {
        Ok(self.books(&ctx.tenant).await.chart)
    }

    async fn tax_codes(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<TaxCode>, ErpError> {
        let books = self.books(&ctx.tenant).await;
        Ok(paged(books.tax_codes.into_values(), page, |row| row.id.to_string()))
    }

    async fn tax_totals(&self, ctx: &RequestContext, span: Span) -> Result<Vec<TaxTotal>, ErpError> {
        Ok(self.taxed(ctx, span).await)
    }

    async fn cost_centres(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<CostCentre>, ErpError> {
        let books = self.books(&ctx.tenant).await;
        Ok(paged(books.cost_centres.into_values(), page, |row| row.id.to_string()))
    }

    async fn exchange_rates(&self, ctx: &RequestContext, page: &Page) -> Result<Vec<ExchangeRate>, ErpError> {
        Ok(self.listed(ctx, page, documents!(ExchangeRate)).await)
    }

    async fn cost_centre_balances(
        &self,
        ctx: &RequestContext,
        cost_centre: &str,
        span: Span,
    ) -> Result<Vec<AccountBalance>, ErpError> {
        let accepted = self.accepted(&ctx.tenant).await;
        let entries = accepted.iter().flat_map(|accepted| &accepted.postings.entries);
        let mut balances = Vec::new();
        for entry in entries.filter(|entry| span.contains(entry.posted_at())) {
            let of_centre = |line: &&crate::JournalLine| line.cost_centre.as_deref() == Some(cost_centre);
            for line in entry.lines().iter().filter(of_centre) {
                AccountBalance::add(&mut balances, line);
            }
        }
        balances.sort_by(|one, other| (&one.account, one.currency).cmp(&(&other.account, other.currency)));
        Ok(balances)
    }

    async fn trial_balance(
        &self,
        ctx: &RequestContext,
        span: Span,
        closings: Closings,
    ) -> Result<Vec<AccountBalance>, ErpError> {
        let accepted = self.accepted(&ctx.tenant).await;
        let entries = accepted.iter().flat_map(|accepted| &accepted.postings.entries);
        let counted = |entry: &&crate::PostedEntry| {
            let is_closing = entry.document().kind == DocumentKind::FiscalYear;
            span.contains(entry.posted_at()) && (closings == Closings::Counted || !is_closing)
        };
        Ok(AccountBalance::of(entries.filter(counted)))
    }

    async fn journal_entry(&self, ctx: &RequestContext, number: &str) -> Result<Option<JournalEntryRecord>, ErpError> {
        let accepted = self.accepted(&ctx.tenant).await;
        let mut entries = accepted.iter().flat_map(|accepted| &accepted.postings.entries);
        Ok(entries.find(|entry| &**entry.number() == number).map(Into::into))
    }

    async fn general_ledger(
        &self,
        ctx: &RequestContext,
        account: &str,
        span: Span,
        page: &Page,
    ) -> Result<GeneralLedger, ErpError> {
        Ok(self.ledger_of(ctx, account, span, page).await)
    }

    async fn fiscal_years(&self, ctx: &RequestContext) -> Result<Vec<FiscalYear>, ErpError> {
        Ok(self.years(&ctx.tenant).await)
    }

    async fn stock_on_hand(
        &self,
        ctx: &RequestContext,
        before: Option<Timestamp>,
        page: &Page,
    ) -> Result<Vec<StockOnHand>, ErpError> {
        Ok(self.on_hand(ctx, before, page).await)
    }

    async fn answered(&self, ctx: &RequestContext, key: &IdempotencyKey) -> Result<Option<Answered>, ErpError> {
        let accepted = self
            .accepted(&ctx.tenant)
            .await
            .into_iter()
            .find(|accepted| accepted.key == *key);
        Ok(accepted.map(|Accepted { digest, receipt, .. }| Answered { digest, receipt }))
    }

    /// What is planned is sound, and nothing here can be changed afterwards.
    async fn verify(&self, _ctx: &RequestContext) -> Result<Vec<Finding>, ErpError> {
        Ok(Vec::new())
    }

    async fn sealed(&self, ctx: &RequestContext) -> Result<(u64, Link), ErpError> {
        let seals = self.seals(ctx).await;
        Ok((
            seals.len() as u64,
            seals
                .last()
                .copied()
                .unwrap_or_else(|| Link::start(ctx.tenant.as_str())),
        ))
    }

    async fn has_seal(&self, ctx: &RequestContext, seal: Link) -> Result<bool, ErpError> {
        Ok(seal == Link::start(ctx.tenant.as_str()) || self.seals(ctx).await.contains(&seal))
    }
}
