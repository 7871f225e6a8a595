//! What planning knows of the ledger: what was loaded for a group of commands, with what the group itself has planned
//! so far laid over it.

mod currency;

pub use self::currency::day_of;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use cortex_types::{Currency, InvoiceId, JournalLineId, Money, PartyId, ProductId, StockMoveId, Timestamp};
use uuid::Uuid;

use crate::limits::check_code;
use crate::postings::{Document, Postings};
use crate::valuation::{CostBasis, Holdings, Original, StandardCost, Timeline, month_of};
use crate::{
    AccountBalance, Answered, Chart, ChartTemplate, Company, CostCentre, DocumentKind, DocumentRef, DocumentTax,
    ErpError, ExchangeRate, FiscalYear, ItemAllocation, JournalEntryRecord, Location, Locks, MAIN_LOCATION, MoveReason,
    NegativeStock, OpenItem, Party, PartyKind, PostedEntry, Product, ProductKind, Span, StockMove, TaxCode,
};

/// The books of one tenant, as far as a group of commands refers to them.
#[derive(Clone, Debug, Default)]
pub struct Books {
    pub parties: HashMap<Arc<str>, Party>,
    pub walk_in: Option<Party>,
    pub products: HashMap<Arc<str>, Product>,
    pub locations: HashMap<Arc<str>, Location>,
    pub company: Option<Company>,
    pub chart: Chart,
    pub cost_centres: HashMap<Arc<str>, CostCentre>,
    pub tax_codes: HashMap<Arc<str>, TaxCode>,
    /// What is worth how much, by currency and from when on: for the days that were asked for.
    pub rates: BTreeMap<(Currency, Timestamp), ExchangeRate>,
    /// Everything that documents and products are in, where that was asked for.
    pub currencies: BTreeSet<Currency>,
    /// The stock of the products that there are.
    pub stock: HashMap<ProductId, Timeline>,
    /// Documents by kind and number, of the numbers that were asked for.
    pub documents: HashMap<(DocumentKind, Arc<str>), Uuid>,
    /// Of the invoices among `documents`: what a credit note is held against.
    pub invoices: HashMap<InvoiceId, CreditedInvoice>,
    /// Documents with all that they did, where that was asked for.
    pub posted: HashMap<(DocumentKind, Arc<str>), PostedDocument>,
    /// How much of a move of `posted` came back before.
    pub returned: HashMap<StockMoveId, i64>,
    /// The newest number drawn from each series.
    pub series: HashMap<DocumentKind, u64>,
    pub answered: HashMap<Arc<str>, Answered>,
    pub locks: Locks,
    /// The fiscal years in their order, where they were asked for.
    pub years: Vec<FiscalYear>,
    /// What was posted to each account in the years that were asked for, and their span.
    pub year_balances: HashMap<Arc<str>, (Span, Vec<AccountBalance>)>,
    /// What was posted to each account before a time, where that was asked for.
    pub balances_before: HashMap<Timestamp, (Span, Vec<AccountBalance>)>,
    /// Open items of the documents and parties that were asked for.
    pub items: BTreeMap<JournalLineId, OpenItem>,
    /// What customers with a limit owe in its currency.
    pub owed: HashMap<(Arc<str>, Currency), i64>,
    /// Manual journal entries, of the numbers that were asked for.
    pub entries: HashMap<Arc<str>, Reversible>,
    pub(crate) touched: BTreeSet<ProductId>,
}

/// A document that was posted, and what it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostedDocument {
    pub id: Uuid,
    pub at: Timestamp,
    pub currency: Currency,
    /// With its taxes.
    pub amount_minor: i64,
    pub party: Option<Arc<str>>,
    /// With what each is worth now.
    pub moves: Vec<(StockMove, i64)>,
    /// Its own, without what it made of the value of others.
    pub entries: Vec<JournalEntryRecord>,
    pub cancelled_by: Option<Arc<str>>,
    /// Its open items, and those that they settle or are settled by.
    pub items: Vec<OpenItem>,
    /// What is allocated between them.
    pub allocations: Vec<ItemAllocation>,
    pub taxes: Vec<DocumentTax>,
    /// What stands on it, such as `credit note CN-000012`.
    pub needed_by: Option<String>,
}

/// A posted invoice, as far as credit notes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreditedInvoice {
    pub customer_id: PartyId,
    pub currency: Currency,
    pub net_minor: i64,
    /// What credit notes have taken back of it so far.
    pub credited_minor: i64,
}

/// A journal entry, and the number of the one that reversed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reversible {
    pub entry: JournalEntryRecord,
    pub reversed_by: Option<Arc<str>>,
}

impl Books {
    pub fn party(&self, code: &Arc<str>) -> Result<&Party, ErpError> {
        self.parties
            .get(code)
            .ok_or_else(|| ErpError::UnknownParty(Arc::clone(code)))
    }

    /// The customer of a sale: the one named, or the walk-in party.
    pub fn customer(&self, code: Option<&Arc<str>>) -> Result<&Party, ErpError> {
        let Some(code) = code else {
            return self.walk_in.as_ref().ok_or(ErpError::NoWalkInParty);
        };
        let party = self.party(code)?;
        match party.kind {
            PartyKind::Customer | PartyKind::WalkIn => Ok(party),
            PartyKind::Supplier => Err(ErpError::invalid("customer", format!("'{code}' is a supplier"))),
        }
    }

    pub fn supplier(&self, code: &Arc<str>) -> Result<&Party, ErpError> {
        let party = self.party(code)?;
        match party.kind {
            PartyKind::Supplier => Ok(party),
            PartyKind::Customer | PartyKind::WalkIn => {
                Err(ErpError::invalid("supplier", format!("'{code}' is a customer")))
            }
        }
    }

    /// The product, which must be kept in the document's currency.
    pub fn product(&self, code: &Arc<str>, document: Currency) -> Result<&Product, ErpError> {
        let product = self
            .products
            .get(code)
            .ok_or_else(|| ErpError::UnknownProduct(Arc::clone(code)))?;
        if product.currency == self.goods_currency(document) {
            Ok(product)
        } else {
            Err(ErpError::WrongCurrency {
                what: format!("product '{code}'"),
                kept: product.currency,
                document,
            })
        }
    }

    /// The product, which must be one that lies in stock; `field` is where the caller named it.
    pub fn goods(&self, field: &str, code: &Arc<str>, document: Currency) -> Result<&Product, ErpError> {
        let product = self.product(code, document)?;
        match product.kind {
            ProductKind::Goods => Ok(product),
            ProductKind::Service => Err(ErpError::invalid(
                field,
                format!("'{code}' is a service and has no stock"),
            )),
        }
    }

    /// The stock of a product.
    #[must_use]
    pub fn timeline(&self, product: &Product) -> Timeline {
        let known = self.stock.get(&product.id).cloned();
        known.unwrap_or_else(|| Timeline::at_its_end(product, Holdings::new(), None))
    }

    /// The location named, or the main one.
    pub fn location(&self, field: &str, given: Option<&Arc<str>>) -> Result<Arc<str>, ErpError> {
        let Some(code) = given else {
            return Ok(MAIN_LOCATION.into());
        };
        check_code(field, code)?;
        if &**code == MAIN_LOCATION || self.locations.contains_key(code) {
            return Ok(Arc::clone(code));
        }
        Err(ErpError::UnknownLocation(Arc::clone(code)))
    }

    /// Whether more may leave a location than is there: at the main one, unless somebody said otherwise.
    #[must_use]
    pub fn may_go_below_zero(&self, location: &str) -> bool {
        let policy = self.locations.get(location).map(|location| location.negative_stock);
        policy.unwrap_or(NegativeStock::Allow) == NegativeStock::Allow
    }

    /// A document, with all that it did.
    pub fn posted(&self, kind: DocumentKind, number: &Arc<str>) -> Result<&PostedDocument, ErpError> {
        let found = self.posted.get(&(kind, Arc::clone(number)));
        found.ok_or_else(|| ErpError::NotFound {
            kind: kind.as_str(),
            number: number.to_string(),
        })
    }

    /// What goes on from the moves of a posted document asks what they are worth.
    pub fn know_originals(&mut self) {
        for (moved, value_minor) in self.posted.values().flat_map(|document| &document.moves) {
            if let Some(timeline) = self.stock.get_mut(&moved.product_id) {
                let original = Original {
                    quantity_micro: moved.quantity_micro,
                    value_minor: *value_minor,
                };
                timeline.originals.insert(moved.id, original);
            }
        }
    }

    /// The beginning of the period of a time: of the fiscal period, or of the month where there is none.
    #[must_use]
    pub fn period_of(&self, at: Timestamp) -> Timestamp {
        let mut periods = self.years.iter().flat_map(|year| &year.periods);
        let found = periods.find(|period| (period.from..period.before).contains(&at));
        found.map_or_else(|| month_of(at), |period| period.from)
    }

    /// The number of a new document: the given one when it is free, the next of the series otherwise. The second part
    /// is the place in the series, when one was drawn.
    pub fn number(&self, kind: DocumentKind, given: Option<&Arc<str>>) -> Result<(Arc<str>, Option<u64>), ErpError> {
        let Some(given) = given else {
            let next = self.series.get(&kind).copied().unwrap_or(0) + 1;
            return Ok((kind.number(next), Some(next)));
        };
        check_code("number", given)?;
        if kind.drew(given) {
            let problem = format!("'{given}' looks like a number of our own series: leave it out to draw the next one");
            return Err(ErpError::invalid("number", problem));
        }
        if self.documents.contains_key(&(kind, Arc::clone(given))) {
            return Err(ErpError::AlreadyExists {
                kind: kind.as_str(),
                number: Arc::clone(given),
            });
        }
        Ok((Arc::clone(given), None))
    }

    /// The next number of a series of our own, of which a document has drawn some already; and its place.
    #[must_use]
    pub fn number_after(&self, kind: DocumentKind, drawn: &[(DocumentKind, u64)]) -> (Arc<str>, u64) {
        let of_kind = drawn.iter().filter(|(of, _)| *of == kind).map(|(_, place)| *place);
        let newest = of_kind.max().or(self.series.get(&kind).copied()).unwrap_or(0);
        (kind.number(newest + 1), newest + 1)
    }

    /// Lays what was planned over the books, so that the next command of the group sees it.
    pub fn apply(&mut self, postings: &mut Postings) {
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
            Document::Account(account) => self.chart.put(account.clone()),
            Document::CostCentre(centre) => {
                self.cost_centres.insert(Arc::clone(&centre.code), centre.clone());
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
        for entry in &postings.entries {
            self.apply_entry(entry);
        }
        for item in &postings.items {
            self.apply_item(item);
        }
        for account in &postings.accounts {
            self.chart.keep(account);
        }
        for (kind, drawn) in &postings.drawn {
            self.series.insert(*kind, *drawn);
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

    /// Whether there is any journal entry.
    #[must_use]
    pub fn has_posted(&self) -> bool {
        self.series
            .get(&DocumentKind::JournalEntry)
            .is_some_and(|newest| *newest > 0)
    }

    fn apply_item(&mut self, item: &OpenItem) {
        let before = self.items.insert(item.id, item.clone());
        let key = item.party.as_ref().map(|party| (Arc::clone(party), item.currency));
        if let Some(owed) = key.and_then(|key| self.owed.get_mut(&key)) {
            *owed += item.open_minor - before.map_or(0, |before| before.open_minor);
        }
    }

    /// Whether a customer may owe so much more.
    pub fn check_credit(&self, customer: &Party, currency: Currency, more_minor: i64) -> Result<(), ErpError> {
        let Some((limit_minor, _)) = customer.terms.credit_limit.filter(|(_, of)| *of == currency) else {
            return Ok(());
        };
        let owed = self
            .owed
            .get(&(Arc::clone(&customer.code), currency))
            .copied()
            .unwrap_or(0);
        if more_minor <= 0 || owed.saturating_add(more_minor) <= limit_minor {
            return Ok(());
        }
        Err(ErpError::CreditLimitExceeded {
            customer: Arc::clone(&customer.code),
            limit: Money::new(limit_minor, currency),
            owed: Money::new(owed, currency),
            more: Money::new(more_minor, currency),
        })
    }

    fn relock(&mut self) {
        self.locks = Locks::of(self.years.iter().flat_map(|year| &year.periods));
    }

    fn apply_entry(&mut self, entry: &PostedEntry) {
        let DocumentRef { kind, id } = entry.document();
        if kind == DocumentKind::JournalEntry {
            let reversed = self.entries.values_mut().find(|there| there.entry.id.0 == id);
            match reversed {
                Some(reversed) => reversed.reversed_by = Some(Arc::clone(entry.number())),
                None => {
                    let reversible = Reversible {
                        entry: entry.into(),
                        reversed_by: None,
                    };
                    self.entries.insert(Arc::clone(entry.number()), reversible);
                }
            }
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

/// The country named, or the customer's own. It is copied into every line, so it is held to the length of a code.
pub(crate) fn country(given: Option<&Arc<str>>, customer: &Party) -> Result<Arc<str>, ErpError> {
    match given {
        Some(name) => check_code("country", name).map(|()| Arc::clone(name)),
        None => Ok(Arc::clone(&customer.country)),
    }
}
