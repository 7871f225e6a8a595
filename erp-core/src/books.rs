//! What planning knows of the ledger: what was loaded for a group of commands, with what the group itself has planned
//! so far laid over it.

use std::collections::HashMap;
use std::sync::Arc;

use cortex_types::{Currency, InvoiceId, PartyId};
use uuid::Uuid;

use crate::limits::check_code;
use crate::postings::{Document, Postings};
use crate::valuation::StockLevel;
use crate::{
    AccountBalance, Answered, DocumentKind, DocumentRef, ErpError, FiscalYear, JournalEntryRecord, LevelKey, Locks,
    MAIN_LOCATION, Party, PartyKind, PostedEntry, Product, ProductKind, Span,
};

/// The books of one tenant, as far as a group of commands refers to them.
#[derive(Clone, Debug, Default)]
pub struct Books {
    pub parties: HashMap<Arc<str>, Party>,
    pub walk_in: Option<Party>,
    pub products: HashMap<Arc<str>, Product>,
    pub levels: HashMap<LevelKey, StockLevel>,
    /// Documents by kind and number, of the numbers that were asked for.
    pub documents: HashMap<(DocumentKind, Arc<str>), Uuid>,
    /// Of the invoices among `documents`: what a credit note is held against.
    pub invoices: HashMap<InvoiceId, CreditedInvoice>,
    /// The newest number drawn from each series.
    pub series: HashMap<DocumentKind, u64>,
    pub answered: HashMap<Arc<str>, Answered>,
    pub locks: Locks,
    /// The fiscal years in their order, where they were asked for.
    pub years: Vec<FiscalYear>,
    /// What was posted to each account in the years that were asked for, and their span.
    pub year_balances: HashMap<Arc<str>, (Span, Vec<AccountBalance>)>,
    /// Manual journal entries, of the numbers that were asked for.
    pub entries: HashMap<Arc<str>, Reversible>,
    pub(crate) touched: HashMap<LevelKey, Currency>,
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
        if product.currency == document {
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

    #[must_use]
    pub fn level(&self, key: &LevelKey) -> StockLevel {
        self.levels.get(key).copied().unwrap_or_default()
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
    pub fn apply(&mut self, postings: &Postings) {
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
            document => {
                self.documents
                    .insert((postings.kind, Arc::clone(&postings.number)), postings.id);
                self.apply_sales(document);
            }
        }
        for (key, currency, level) in &postings.levels {
            self.levels.insert(key.clone(), *level);
            self.touched.insert(key.clone(), *currency);
        }
        for entry in &postings.entries {
            self.apply_entry(entry);
        }
        for (kind, drawn) in &postings.drawn {
            self.series.insert(*kind, *drawn);
        }
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
        let balances = self.year_balances.values_mut();
        for (_, balances) in balances.filter(|(span, _)| span.contains(entry.posted_at())) {
            for line in entry.lines() {
                AccountBalance::add(balances, entry.currency(), line);
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
                let corrected = note.invoice_id.and_then(|invoice| self.invoices.get_mut(&invoice));
                if let Some(invoice) = corrected {
                    // Planning has checked that this is no more than was invoiced.
                    invoice.credited_minor = invoice.credited_minor.saturating_add(note.net_minor);
                }
            }
            _ => {}
        }
    }

    /// The levels that planning has moved.
    pub fn moved(&self) -> impl Iterator<Item = (LevelKey, Currency, StockLevel)> + '_ {
        self.touched
            .iter()
            .map(|(key, currency)| (key.clone(), *currency, self.level(key)))
    }
}

/// The country named, or the customer's own. It is copied into every line, so it is held to the length of a code.
pub(crate) fn country(given: Option<&Arc<str>>, customer: &Party) -> Result<Arc<str>, ErpError> {
    match given {
        Some(name) => check_code("country", name).map(|()| Arc::clone(name)),
        None => Ok(Arc::clone(&customer.country)),
    }
}

/// The location named, or the main one.
pub(crate) fn location(given: Option<&Arc<str>>) -> Result<Arc<str>, ErpError> {
    match given {
        Some(name) => check_code("location", name).map(|()| Arc::clone(name)),
        None => Ok(MAIN_LOCATION.into()),
    }
}
