//! What planning knows of the ledger: what was loaded for a group of commands, with what the group itself has planned
//! so far laid over it.

mod apply;
mod currency;
mod numbers;
mod orders;

pub use self::currency::day_of;
pub use self::numbers::Numbering;
pub use self::orders::Orders;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use cortex_types::{Currency, InvoiceId, JournalLineId, Money, PartyId, ProductId, StockMoveId, Timestamp};
use uuid::Uuid;

use crate::limits::check_code;
use crate::valuation::{Holdings, Original, Timeline, month_of};
use crate::{
    AccountBalance, Answered, ApprovalRule, Carried, Chart, Company, Contact, CostCentre, DocumentKind, DocumentTax,
    ErpError, ExchangeRate, FiscalYear, ItemAllocation, JournalEntryRecord, Location, Locks, MAIN_LOCATION,
    NegativeStock, NumberSeries, OpenItem, OrderProgress, Party, PartyKind, Product, ProductKind, ProductUnit,
    PurchaseReceiptLine, ReorderRule, Span, StockMove, TaxCode,
};

/// The books of one tenant, as far as a group of commands refers to them.
#[derive(Clone, Debug, Default)]
pub struct Books {
    pub parties: HashMap<Arc<str>, Party>,
    pub walk_in: Option<Party>,
    pub products: HashMap<Arc<str>, Product>,
    /// Units of products besides their own, by the product's code, where a line is in one.
    pub product_units: HashMap<Arc<str>, Vec<ProductUnit>>,
    /// By the code of their party, of the parties that were asked for.
    pub contacts: HashMap<Arc<str>, Vec<Contact>>,
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
    /// What suppliers took back of it for.
    pub returned_minor: HashMap<StockMoveId, i64>,
    /// The bills of suppliers by their own number, of those that were asked for.
    pub bill_references: HashMap<(Arc<str>, Arc<str>), Arc<str>>,
    /// How much of it was billed, and what of it stood on goods received.
    pub billed: HashMap<StockMoveId, (i64, i64)>,
    /// The orders that were asked for, and those of `posted`.
    pub orders: Orders,
    /// What is set aside of products, by location.
    pub reserved: HashMap<(ProductId, Arc<str>), i64>,
    pub reorder_rules: HashMap<(ProductId, Arc<str>), ReorderRule>,
    pub approval_rules: BTreeMap<Arc<str>, ApprovalRule>,
    pub number_series: BTreeMap<Arc<str>, NumberSeries>,
    /// How far each prefix has counted, of its kind.
    pub counters: HashMap<(DocumentKind, Arc<str>), u64>,
    /// What stands before the last digits of the numbers that there are, of the kinds that were asked for.
    pub prefixes: BTreeSet<(DocumentKind, Arc<str>)>,
    pub answered: HashMap<Arc<str>, Answered>,
    pub locks: Locks,
    /// The fiscal years in their order, where they were asked for.
    pub years: Vec<FiscalYear>,
    /// What was posted to each account in the years that were asked for, and their span.
    pub year_balances: HashMap<Arc<str>, (Span, Vec<AccountBalance>)>,
    /// What was posted to each account before a time, where that was asked for.
    pub balances_before: HashMap<Timestamp, (Span, Vec<AccountBalance>)>,
    /// What control accounts were worth by their items before a time, where that was asked for.
    pub carried_before: HashMap<Timestamp, Vec<Carried>>,
    /// The newest revaluation of what is in other currencies that was not reversed, where that was asked for.
    pub newest_revaluation: Option<(Arc<str>, Timestamp)>,
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
    /// Of a receipt.
    pub lines: Vec<PostedLine>,
    /// Whether it is a receipt whose bill is to come.
    pub to_be_billed: bool,
    /// What it did to orders.
    pub progress: Vec<OrderProgress>,
    /// Of an invoice, what of the moves of deliveries it billed.
    pub delivered: Vec<Delivered>,
    /// What stands on it, such as `credit note CN-000012`.
    pub needed_by: Option<String>,
    /// What stood on it until it was reversed.
    pub once_needed_by: Vec<StoodUntil>,
}

/// A document that was reversed, such as `credit note CN-000012`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoodUntil {
    pub other: String,
    pub until: Timestamp,
    /// Whether it billed goods of the document that it stood on, or moved them on: until then others could not.
    pub took_goods: bool,
}

impl PostedDocument {
    /// What stood on it last.
    pub(crate) fn stood_last(&self) -> Option<&StoodUntil> {
        self.once_needed_by.iter().max_by_key(|of| of.until)
    }

    /// Refuses a time at which its goods were still taken; `field` is where the caller said the time.
    pub(crate) fn check_goods_free(&self, field: &str, at: Timestamp) -> Result<(), ErpError> {
        let took = self.once_needed_by.iter().filter(|of| of.took_goods);
        took.max_by_key(|of| of.until).map_or(Ok(()), |of| of.check(field, at))
    }
}

impl StoodUntil {
    /// Refuses a time at which it stood.
    pub(crate) fn check(&self, field: &str, at: Timestamp) -> Result<(), ErpError> {
        if at < self.until {
            let problem = format!("must not be before {}: {} stood until then", self.until, self.other);
            return Err(ErpError::invalid(field, problem));
        }
        Ok(())
    }
}

/// A line of a posted document, in its currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostedLine {
    pub line_no: u32,
    pub net_minor: i64,
    pub tax: Option<Arc<str>>,
}

impl From<&PurchaseReceiptLine> for PostedLine {
    fn from(line: &PurchaseReceiptLine) -> Self {
        Self {
            line_no: line.line_no,
            net_minor: line.value_minor,
            tax: line.tax.clone(),
        }
    }
}

/// What an invoice billed of goods that were delivered before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    pub moved: StockMove,
    /// What the move is worth now.
    pub value_minor: i64,
    /// How much of it was billed.
    pub quantity_micro: i64,
    /// How much of that came back before, with credit notes of this invoice.
    pub returned_micro: i64,
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
                document: self.goods_currency(document),
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

    /// The units that a product is traded in besides its own.
    #[must_use]
    pub fn units_of(&self, product: &str) -> &[ProductUnit] {
        self.product_units.get(product).map_or(&[], Vec::as_slice)
    }

    #[must_use]
    pub fn contacts_of(&self, party: &str) -> &[Contact] {
        self.contacts.get(party).map_or(&[], Vec::as_slice)
    }

    /// The stock of a product.
    #[must_use]
    pub fn timeline(&self, product: &Product) -> Timeline {
        let known = self.stock.get(&product.id).cloned();
        known.unwrap_or_else(|| Timeline::at_its_end(product, Holdings::new(), None))
    }

    /// How much of a product lies at a location.
    #[must_use]
    pub fn on_hand(&self, product: ProductId, location: &str) -> i64 {
        self.stock
            .get(&product)
            .map_or(0, |timeline| timeline.holding(location).quantity_micro)
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
        let moves = self.posted.values().flat_map(|document| {
            let delivered = document.delivered.iter().map(|of| (&of.moved, of.value_minor));
            document
                .moves
                .iter()
                .map(|(moved, value)| (moved, *value))
                .chain(delivered)
        });
        for (moved, value_minor) in moves {
            if let Some(timeline) = self.stock.get_mut(&moved.product_id) {
                let original = Original {
                    quantity_micro: moved.quantity_micro,
                    value_minor,
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

    /// Whether there is any journal entry.
    #[must_use]
    pub fn has_posted(&self) -> bool {
        self.counters
            .keys()
            .any(|(kind, _)| *kind == DocumentKind::JournalEntry)
    }
}

/// The country named, or the customer's own. It is copied into every line, so it is held to the length of a code.
pub(crate) fn country(given: Option<&Arc<str>>, customer: &Party) -> Result<Arc<str>, ErpError> {
    match given {
        Some(name) => check_code("country", name).map(|()| Arc::clone(name)),
        None => Ok(Arc::clone(&customer.country)),
    }
}
