//! What was planned, laid over the books.

use std::sync::Arc;

use cortex_types::{InvoiceId, ProductId};

use super::{Books, CreditedInvoice, Reversible};
use crate::postings::{Document, Postings};
use crate::valuation::{CostBasis, StandardCost, Timeline};
use crate::{
    AccountBalance, Chart, ChartTemplate, Company, Cost, DocumentKind, DocumentRef, ItemSide, Locks, MoveReason,
    OpenItem, PartyKind, PostedEntry, StockMove,
};

impl Books {
    /// Lays what was planned over the books, so that the next command of the group sees it.
    pub fn apply(&mut self, postings: &mut Postings) {
        // Before the document: it may be one of these, as it is afterwards.
        for account in &postings.accounts {
            self.chart.keep(account);
        }
        for cost in &postings.costs {
            let standard = StandardCost {
                from: cost.from,
                cost: CostBasis {
                    value_minor: cost.value_minor,
                    quantity_micro: cost.quantity_micro,
                },
            };
            if let Document::Product(product) = &postings.document {
                let mut timeline = self.timeline(product);
                timeline.set_standard(standard);
                self.stock.insert(product.id, timeline);
            }
        }
        for (product, timeline) in postings.stock.drain(..) {
            self.stock.insert(product, timeline);
            self.touched.insert(product);
        }
        for moved in &postings.moves {
            self.apply_return(moved, postings);
        }
        match &postings.document {
            Document::Party(party) => {
                if party.kind == PartyKind::WalkIn {
                    self.walk_in = Some(party.clone());
                }
                self.parties.insert(Arc::clone(&party.code), party.clone());
            }
            Document::FiscalYear(year) => {
                self.years.retain(|there| there.id != year.id);
                self.years.push(year.clone());
                self.years.sort_by_key(|year| year.from);
                self.relock();
            }
            Document::FiscalPeriod(period) => {
                let periods = self.years.iter_mut().flat_map(|year| &mut year.periods);
                for there in periods.filter(|there| there.id == period.id) {
                    there.clone_from(period);
                }
                self.relock();
            }
            Document::Product(product) => {
                self.products.insert(Arc::clone(&product.code), product.clone());
            }
            Document::Location(location) => {
                self.locations.insert(Arc::clone(&location.code), location.clone());
            }
            Document::Company(company) => self.take_company(company),
            Document::Account(account) => self.chart.keep(account),
            Document::CostCentre(centre) => {
                self.cost_centres.insert(Arc::clone(&centre.code), centre.clone());
            }
            Document::ReorderRule(rule) => {
                let place = (rule.product_id, Arc::clone(&rule.location));
                self.reorder_rules.insert(place, rule.clone());
            }
            Document::ProductUnit(unit) => {
                let units = self.product_units.entry(Arc::clone(&unit.product_code)).or_default();
                units.retain(|there| there.id != unit.id);
                units.push(unit.clone());
            }
            Document::NumberSeries(series) => {
                for series in series {
                    self.number_series.insert(Arc::clone(&series.code), series.clone());
                }
            }
            Document::ApprovalRule(rule) => {
                self.approval_rules.insert(Arc::clone(&rule.code), rule.clone());
            }
            Document::Contact { contact, displaced } => {
                let contacts = self.contacts.entry(Arc::clone(&contact.party_code)).or_default();
                for one in displaced.iter().chain([contact]) {
                    contacts.retain(|there| there.id != one.id);
                    contacts.push(one.clone());
                }
            }
            Document::TaxCode(code) => {
                self.tax_codes.insert(Arc::clone(&code.code), code.clone());
            }
            Document::ExchangeRate(rate) => {
                self.rates.insert((rate.currency, rate.valid_from), rate.clone());
            }
            Document::Cancellation(cancellation) => {
                let kind = cancellation.document.kind;
                let cancelled = self.posted.get_mut(&(kind, Arc::clone(&cancellation.document_number)));
                if let Some(document) = cancelled {
                    document.cancelled_by = Some(Arc::clone(&cancellation.number));
                }
            }
            document => {
                self.documents
                    .insert((postings.kind, Arc::clone(&postings.number)), postings.id);
                self.apply_sales(document);
            }
        }
        self.apply_orders(&postings.orders, &postings.progress);
        for entry in &postings.entries {
            self.apply_entry(entry);
        }
        for item in &postings.items {
            self.apply_item(item);
        }
        for drawn in &postings.drawn {
            self.counters
                .insert((drawn.kind, Arc::clone(&drawn.prefix)), drawn.place);
        }
    }

    /// As long as nothing is posted, another company has another chart.
    fn take_company(&mut self, company: &Company) {
        let chart = |company: &Company| Arc::clone(&company.chart);
        if self.company.as_ref().map(chart) != Some(chart(company))
            && !self.has_posted()
            && let Some(template) = ChartTemplate::find(&company.chart)
        {
            let own = self
                .chart
                .accounts()
                .filter(|account| !self.chart.is_fresh(&account.code));
            self.chart = Chart::new(own.cloned().collect(), template);
        }
        self.company = Some(company.clone());
    }

    fn apply_item(&mut self, item: &OpenItem) {
        let before = self.items.insert(item.id, item.clone());
        let key = item.party.as_ref().map(|party| (Arc::clone(party), item.currency));
        let key = key.filter(|_| item.side == ItemSide::Receivable);
        if let Some(owed) = key.and_then(|key| self.owed.get_mut(&key)) {
            *owed += item.open_minor - before.map_or(0, |before| before.open_minor);
        }
    }

    fn relock(&mut self) {
        self.locks = Locks::of(self.years.iter().flat_map(|year| &year.periods));
    }

    fn apply_entry(&mut self, entry: &PostedEntry) {
        let DocumentRef { kind, id } = entry.document();
        if matches!(kind, DocumentKind::JournalEntry | DocumentKind::ExchangeRevaluation) {
            let reversed = self.entries.values_mut().find(|there| there.entry.id.0 == id);
            if let Some(reversed) = reversed {
                reversed.reversed_by = Some(Arc::clone(entry.number()));
            }
            let reversible = Reversible {
                entry: entry.into(),
                reversed_by: None,
            };
            self.entries.insert(Arc::clone(entry.number()), reversible);
        }
        let balances = self.year_balances.values_mut().chain(self.balances_before.values_mut());
        for (_, balances) in balances.filter(|(span, _)| span.contains(entry.posted_at())) {
            for line in entry.lines() {
                AccountBalance::add(balances, line);
            }
        }
    }

    fn apply_sales(&mut self, document: &Document) {
        match document {
            Document::Invoice(invoice) => {
                let credited = CreditedInvoice {
                    customer_id: invoice.customer_id,
                    currency: invoice.currency,
                    net_minor: invoice.net_minor,
                    credited_minor: 0,
                };
                self.invoices.insert(invoice.id, credited);
            }
            Document::CreditNote(note) => {
                let invoice = self
                    .posted
                    .values_mut()
                    .find(|posted| Some(InvoiceId(posted.id)) == note.invoice_id);
                if let Some(invoice) = invoice {
                    invoice.needed_by = Some(format!("credit note {}", note.number));
                }
                let corrected = note.invoice_id.and_then(|invoice| self.invoices.get_mut(&invoice));
                if let Some(invoice) = corrected {
                    // Planning has checked that this is no more than was invoiced.
                    invoice.credited_minor = invoice.credited_minor.saturating_add(note.net_minor);
                }
            }
            Document::PurchaseBill(bill) => {
                if let Some(reference) = &bill.reference {
                    let key = (Arc::clone(&bill.supplier_code), Arc::clone(reference));
                    self.bill_references.insert(key, Arc::clone(&bill.number));
                }
                for line in &bill.lines {
                    let Some(of) = line.of_move else { continue };
                    let billed = self.billed.entry(of).or_default();
                    billed.0 += line.quantity_micro;
                    billed.1 += line.cleared_minor;
                    let mut documents = self.posted.values_mut();
                    let receipt = documents.find(|document| document.moves.iter().any(|(moved, _)| moved.id == of));
                    if let Some(receipt) = receipt {
                        receipt.needed_by = Some(format!("purchase bill {}", bill.number));
                    }
                }
            }
            _ => {}
        }
    }

    /// What goes on from a move of another document, or takes it back, stands on that document.
    fn apply_return(&mut self, moved: &StockMove, postings: &Postings) {
        let Some(of) = moved.cost.refers_to().filter(|_| moved.cost.undoes().is_none()) else {
            return;
        };
        if matches!(moved.reason, MoveReason::Return | MoveReason::SupplierReturn) {
            *self.returned.entry(of).or_default() += moved.quantity_micro.saturating_abs();
            if let (MoveReason::SupplierReturn, Cost::Given { minor, .. }) = (moved.reason, moved.cost) {
                *self.returned_minor.entry(of).or_default() += minor;
            }
            let invoice = match &postings.document {
                Document::CreditNote(note) => note.invoice_id,
                _ => None,
            };
            let invoices = self
                .posted
                .values_mut()
                .filter(|document| invoice == Some(InvoiceId(document.id)));
            let delivered = invoices.flat_map(|document| &mut document.delivered);
            let mut left = moved.quantity_micro.saturating_abs();
            for delivered in delivered.filter(|delivered| delivered.moved.id == of) {
                let part = left.min(delivered.quantity_micro - delivered.returned_micro);
                delivered.returned_micro += part;
                left -= part;
            }
        }
        let mut documents = self.posted.values_mut();
        let origin = documents.find(|document| document.moves.iter().any(|(moved, _)| moved.id == of));
        if let Some(origin) = origin {
            origin.needed_by = Some(format!("{} {}", postings.kind, postings.number));
        }
    }

    /// The stock that planning has moved.
    pub(crate) fn take_moved(&mut self) -> impl Iterator<Item = (ProductId, Timeline)> + '_ {
        let touched = std::mem::take(&mut self.touched);
        touched
            .into_iter()
            .filter_map(|product| self.stock.remove(&product).map(|timeline| (product, timeline)))
    }
}
