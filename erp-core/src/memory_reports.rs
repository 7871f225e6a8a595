//! Reports over the ledger in memory, by going over everything.

use std::collections::BTreeMap;
use std::sync::Arc;

use cortex_types::{Currency, RequestContext, Timestamp};

use crate::{
    Ageing, GeneralLedger, ItemAllocation, ItemSide, JournalEntryRecord, LedgerLine, Link, MemoryLedger, Page, Product,
    Span, StockOnHand, TaxTotal, day_of,
};

impl MemoryLedger {
    pub(crate) async fn aged(
        &self,
        ctx: &RequestContext,
        side: ItemSide,
        before: Timestamp,
        days: &[u32],
    ) -> Vec<Ageing> {
        let accepted = self.accepted(&ctx.tenant).await;
        let allocations: Vec<_> = accepted
            .iter()
            .flat_map(|accepted| &accepted.postings.allocations)
            .collect();
        let mut parties: BTreeMap<(Option<Arc<str>>, Currency), Vec<i64>> = BTreeMap::new();
        for item in self.books(&ctx.tenant).await.items.into_values() {
            if item.side != side || item.posted_at >= before {
                continue;
            }
            let settled = |of: &&&ItemAllocation| of.allocated_at < before;
            let debits = allocations.iter().filter(settled).filter(|of| of.debit == item.id);
            let credits = allocations.iter().filter(settled).filter(|of| of.credit == item.id);
            let open = item.amount_minor - debits.map(|of| of.amount_minor).sum::<i64>()
                + credits.map(|of| of.amount_minor).sum::<i64>();
            let today = day_of(Timestamp::from_micros(before.micros() - 1));
            let overdue = (today.micros() - day_of(item.due_at).micros()) / 86_400_000_000;
            let bucket = match overdue {
                1.. => 1 + days.iter().filter(|days| overdue > i64::from(**days)).count(),
                _ => 0,
            };
            let key = (item.party, item.currency);
            parties.entry(key).or_insert_with(|| vec![0; days.len() + 2])[bucket] += open;
        }
        let ageing = parties.into_iter().map(|((party, currency), open_minor)| Ageing {
            party,
            currency,
            total_minor: open_minor.iter().sum(),
            open_minor,
        });
        ageing
            .filter(|of| of.open_minor.iter().any(|open| *open != 0))
            .collect()
    }

    pub(crate) async fn taxed(&self, ctx: &RequestContext, span: Span) -> Vec<TaxTotal> {
        let mut totals: Vec<TaxTotal> = Vec::new();
        let accepted = self.accepted(&ctx.tenant).await;
        let taxes = accepted.iter().flat_map(|accepted| &accepted.postings.taxes);
        for tax in taxes.filter(|tax| span.contains(tax.taxed_at)) {
            let key = |of: &TaxTotal| {
                (
                    of.direction,
                    Arc::clone(&of.code),
                    Arc::clone(&of.component),
                    of.rate,
                    of.currency,
                )
            };
            let of_tax = TaxTotal {
                direction: tax.direction,
                code: Arc::clone(&tax.code),
                component: Arc::clone(&tax.component),
                rate: tax.rate,
                currency: tax.currency,
                base_minor: tax.base_minor,
                tax_minor: tax.tax_minor,
            };
            match totals.iter_mut().find(|total| key(total) == key(&of_tax)) {
                Some(total) => {
                    total.base_minor += tax.base_minor;
                    total.tax_minor += tax.tax_minor;
                }
                None => totals.push(of_tax),
            }
        }
        // Rates as texts, which is what they are in the tables.
        totals.sort_by_cached_key(|of| {
            let (code, component) = (Arc::clone(&of.code), Arc::clone(&of.component));
            (of.direction.as_str(), code, component, of.rate.to_string(), of.currency)
        });
        totals
    }

    pub(crate) async fn on_hand(
        &self,
        ctx: &RequestContext,
        before: Option<Timestamp>,
        page: &Page,
    ) -> Vec<StockOnHand> {
        let books = self.books(&ctx.tenant).await;
        let products: Vec<&Product> = books.products.values().collect();
        let mut stock = Vec::new();
        for (id, timeline) in self.stock(&ctx.tenant).await {
            let Some(product) = products.iter().find(|product| product.id == id) else {
                continue;
            };
            for location in timeline.now.keys() {
                let counted = timeline.moves.iter().filter(|entry| entry.location == *location);
                let counted = counted.filter(|entry| before.is_none_or(|before| entry.at < before));
                let (quantity_micro, value_minor) = counted.fold((0, 0), |(quantity, value), entry| {
                    (quantity + entry.quantity_micro, value + entry.value_minor)
                });
                stock.push(StockOnHand {
                    product_code: product.code.clone(),
                    description: product.description.clone(),
                    location: Arc::clone(location),
                    quantity_micro,
                    reserved_micro: before.is_none().then(|| books.reserved(id, location)),
                    unit: product.unit.clone(),
                    value_minor,
                    currency: product.currency,
                });
            }
        }
        stock.retain(|stock| page.after.as_ref().is_none_or(|after| *stock.product_code > **after));
        stock.sort_by(|one, other| (&one.product_code, &one.location).cmp(&(&other.product_code, &other.location)));
        let mut codes: Vec<_> = stock.iter().map(|stock| stock.product_code.clone()).collect();
        codes.dedup();
        codes.truncate(page.limit() as usize);
        stock.retain(|stock| codes.contains(&stock.product_code));
        stock
    }

    pub(crate) async fn ledger_of(
        &self,
        ctx: &RequestContext,
        account: &str,
        span: Span,
        page: &Page,
    ) -> GeneralLedger {
        let accepted = self.accepted(&ctx.tenant).await;
        let entries = accepted.iter().flat_map(|accepted| &accepted.postings.entries);
        let mut lines: Vec<LedgerLine> = entries
            .flat_map(|entry| entry.lines().iter().map(move |line| (entry, line)))
            .filter(|(entry, line)| *line.account == *account && span.before.is_none_or(|end| entry.posted_at() < end))
            .map(|(entry, line)| LedgerLine {
                id: line.id,
                entry: Arc::clone(entry.number()),
                memo: entry.memo().to_owned(),
                document: entry.document().kind,
                posted_at: entry.posted_at(),
                currency: line.currency,
                debit_minor: line.debit_minor,
                credit_minor: line.credit_minor,
                base_minor: line.base_minor,
                cost_centre: line.cost_centre.clone(),
                balance_minor: 0,
                balance_base_minor: 0,
            })
            .collect();
        lines.sort_by_key(|line| (line.posted_at, line.id));
        let after = page.after.as_deref();
        let seen = after.and_then(|after| lines.iter().position(|line| line.id.to_string() == after));
        let before_span = lines.partition_point(|line| span.from.is_some_and(|from| line.posted_at < from));
        let mut shown = lines.split_off(seen.map_or(before_span, |place| place + 1));
        shown.truncate(page.limit() as usize);
        let mut opening = BTreeMap::new();
        for line in &lines {
            *opening.entry(line.currency).or_default() += line.debit_minor - line.credit_minor;
        }
        GeneralLedger::new(opening, lines.iter().map(LedgerLine::in_base).sum(), shown)
    }
}

impl MemoryLedger {
    pub(crate) async fn seals(&self, ctx: &RequestContext) -> Vec<Link> {
        let accepted = self.accepted(&ctx.tenant).await;
        let entries = accepted.iter().flat_map(|accepted| &accepted.postings.entries);
        let seal = |newest: &mut Link, entry: &crate::PostedEntry| {
            *newest = newest.next(&entry.into());
            Some(*newest)
        };
        entries.scan(Link::start(ctx.tenant.as_str()), seal).collect()
    }
}

impl From<&crate::PostedEntry> for JournalEntryRecord {
    fn from(entry: &crate::PostedEntry) -> Self {
        Self {
            id: entry.id(),
            number: entry.number().clone(),
            document: entry.document(),
            memo: entry.memo().to_owned(),
            currency: entry.currency(),
            posted_at: entry.posted_at(),
            lines: entry.lines().to_vec(),
        }
    }
}
