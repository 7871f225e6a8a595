//! What commands refer to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cortex_types::{Currency, Timestamp, Unit};

use crate::{Command, DocumentKind, JournalLineInput, PartyKind, Settle, day_of};

/// What a group of commands refers to, so that it can be loaded in a few queries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct References {
    pub parties: BTreeSet<Arc<str>>,
    /// Whether the walk-in party is needed.
    pub walk_in: bool,
    /// With their stock, and the time of their earliest move: what is at hand reaches back to it.
    pub products: BTreeMap<Arc<str>, Option<Timestamp>>,
    /// The units that lines are in where they name one: of those that are not the product's own, all of its units are needed.
    pub units: BTreeSet<(Arc<str>, Unit)>,
    /// Documents with all that they did, and whether their goods are to be valued anew.
    pub documents: BTreeMap<(DocumentKind, Arc<str>), bool>,
    pub numbers: BTreeSet<(DocumentKind, Arc<str>)>,
    pub keys: BTreeSet<Arc<str>>,
    /// Kinds of documents of whose numbers it is needed what stands before their last digits.
    pub prefixes: BTreeSet<DocumentKind>,
    /// Journal entries by number, with what reversed them.
    pub entries: BTreeSet<Arc<str>>,
    /// Whether the fiscal years are needed.
    pub years: bool,
    /// Years whose accounts are needed.
    pub year_balances: BTreeSet<Arc<str>>,
    /// Times up to which the accounts are needed, with what currencies are worth then.
    pub balances_before: BTreeSet<Timestamp>,
    /// Days on which it is needed what currencies are worth.
    pub rates: BTreeSet<(Currency, Timestamp)>,
    pub cost_centres: bool,
    /// What customers owe in a currency, where a limit is set in it.
    pub owed: BTreeSet<(Arc<str>, Currency)>,
    pub tax_codes: bool,
    /// Documents whose open items are needed.
    pub items: BTreeSet<(DocumentKind, Arc<str>)>,
    /// Parties all of whose open items are needed.
    pub open_of: BTreeSet<Arc<str>>,
    /// Whether those of the parties of `documents` are needed as well.
    pub open_of_documents: bool,
    /// Whether it is needed which currencies products and entries are in.
    pub currencies: bool,
    /// Orders, with their party and their products; and with the stock of these from some time on.
    pub orders: BTreeMap<(DocumentKind, Arc<str>), Option<Timestamp>>,
    pub reorder_rules: bool,
    /// Bills by their supplier and its own number.
    pub bill_references: BTreeSet<(Arc<str>, Arc<str>)>,
    /// Parties whose contacts are needed.
    pub contacts: BTreeSet<Arc<str>>,
}

impl References {
    /// Adds what `command` refers to, which is of `now` where it does not say otherwise.
    pub fn collect(&mut self, command: &Command, now: Timestamp) {
        // It is looked up before the command is checked.
        let at = command.given_time().1.unwrap_or(now);
        let at = at.clamp(Timestamp::GIVEN_FROM, Timestamp::GIVEN_BEFORE);
        if let Some(currency) = command.currency() {
            self.rates.insert((currency, day_of(at)));
        }
        for line in command.measured() {
            let named = line.product().zip(line.unit());
            self.units
                .extend(named.map(|(product, unit)| (Arc::clone(product), unit.clone())));
        }
        match command {
            Command::CreateParty(party) | Command::DefineParty(party) => {
                self.parties.insert(Arc::clone(&party.code));
                self.walk_in |= party.kind == PartyKind::WalkIn;
                let limit = party.terms.as_ref().and_then(|terms| terms.credit_limit);
                self.owed
                    .extend(limit.map(|(_, currency)| (Arc::clone(&party.code), currency)));
            }
            Command::CreateProduct(product) | Command::DefineProduct(product) => {
                self.products.entry(Arc::clone(&product.code)).or_default();
            }
            Command::DefineProductUnit(unit) => {
                self.products.entry(Arc::clone(&unit.product)).or_default();
                self.units.insert((Arc::clone(&unit.product), unit.unit.clone()));
            }
            Command::PlaceOrder(order) => {
                self.parties.insert(Arc::clone(&order.party));
                self.number(order.side.kind(), order.number.as_ref());
                self.tax_codes |= order.lines.iter().any(|line| line.tax.is_some());
                for line in &order.lines {
                    self.products.entry(Arc::clone(&line.product)).or_default();
                }
            }
            Command::ChangeOrder(change) => {
                let key = (change.side.kind(), Arc::clone(&change.number));
                self.orders.entry(key).or_default();
            }
            Command::DeliverGoods(delivery) => {
                self.number(DocumentKind::Delivery, delivery.number.as_ref());
                self.order(DocumentKind::SalesOrder, Some(&delivery.order), at);
            }
            Command::PostBill(bill) => {
                self.parties.insert(Arc::clone(&bill.supplier));
                self.number(DocumentKind::PurchaseBill, bill.number.as_ref());
                let reference = bill.reference.clone();
                self.bill_references
                    .extend(reference.map(|reference| (Arc::clone(&bill.supplier), reference)));
                self.tax_codes = true;
                self.cost_centres |= bill.lines.iter().any(|line| line.cost_centre.is_some());
                for receipt in bill.lines.iter().filter_map(|line| line.receipt.as_ref()) {
                    self.document(DocumentKind::PurchaseReceipt, receipt, true);
                }
            }
            Command::SetReorderRule(rule) => {
                self.products.entry(Arc::clone(&rule.product)).or_default();
                self.parties.extend(rule.supplier.clone());
                self.reorder_rules = true;
            }
            Command::PostInvoice(invoice) => {
                if invoice.customer.is_some() || invoice.order.is_none() {
                    self.customer(invoice.customer.as_ref());
                }
                self.order(DocumentKind::SalesOrder, invoice.order.as_ref(), at);
                self.tax_codes |= invoice.order.is_some();
                self.number(DocumentKind::SalesInvoice, invoice.number.as_ref());
                self.tax_codes |= invoice.lines.iter().any(|line| line.tax.is_some());
                self.moved(at, invoice.lines.iter().map(|line| &line.product));
            }
            Command::PostCreditNote(note) => {
                self.customer(note.customer.as_ref());
                self.number(DocumentKind::CreditNote, note.number.as_ref());
                self.number(DocumentKind::SalesInvoice, note.invoice.as_ref());
                if let Some(invoice) = &note.invoice {
                    self.items.insert((DocumentKind::SalesInvoice, Arc::clone(invoice)));
                    self.document(DocumentKind::SalesInvoice, invoice, false);
                }
                self.tax_codes |= note.lines.iter().any(|line| line.line.tax.is_some());
                self.moved(at, note.lines.iter().map(|line| &line.line.product));
            }
            Command::PostJournalEntry(entry) => self.journal_lines(&entry.lines, at),
            Command::DefineCompany(_) => self.currencies = true,
            Command::DefineAccount(_) | Command::DefineApprovalRule(_) => {}
            Command::DefineNumberSeries(series) => {
                self.prefixes.insert(series.kind);
            }
            Command::SetExchangeRate(rate) => {
                self.rates.insert((rate.currency, day_of(rate.valid_from)));
            }
            Command::DefineCostCentre(_) => self.cost_centres = true,
            Command::DefineTaxCode(_) => self.tax_codes = true,
            Command::RevalueCurrencies(revaluation) => {
                self.balances_before.insert(revaluation.before);
            }
            Command::OpenBalances(opening) => {
                self.journal_lines(&opening.lines, at);
                self.moved(at, opening.stock.iter().map(|stock| &stock.product));
            }
            Command::AdjustStock(adjustment) => {
                self.moved(at, adjustment.lines.iter().map(|line| &line.product));
            }
            Command::ReceiveGoods(receipt) => {
                self.parties.insert(Arc::clone(&receipt.supplier));
                self.number(DocumentKind::PurchaseReceipt, receipt.number.as_ref());
                self.order(DocumentKind::PurchaseOrder, receipt.order.as_ref(), at);
                self.tax_codes |= receipt.order.is_some();
                self.tax_codes |= receipt.lines.iter().any(|line| line.tax.is_some());
                self.moved(at, receipt.lines.iter().map(|line| &line.product));
            }
            Command::ReturnGoods(goods) => {
                self.document(DocumentKind::PurchaseReceipt, &goods.receipt, false);
                self.moved(at, goods.lines.iter().map(|line| &line.product));
            }
            Command::AddLandedCost(cost) => {
                self.parties.insert(Arc::clone(&cost.supplier));
                for receipt in &cost.receipts {
                    self.document(DocumentKind::PurchaseReceipt, receipt, true);
                }
            }
            Command::CountStock(count) => self.moved(at, count.lines.iter().map(|line| &line.product)),
            Command::TransferStock(transfer) => self.moved(at, transfer.lines.iter().map(|line| &line.product)),
            // Everything of its time has it.
            Command::SetStandardCost(cost) => self.moved(Timestamp::from_micros(at.micros() - 1), [&cost.product]),
            Command::DefineLocation(_) => {}
            Command::Cancel(cancel) => self.document(cancel.kind, &cancel.number, true),
            Command::ReverseEntry(reversal) => {
                self.entries.insert(Arc::clone(&reversal.entry));
                self.document(DocumentKind::JournalEntry, &reversal.entry, false);
            }
            Command::OpenFiscalYear(_) | Command::SetPeriodState(_) => self.years = true,
            Command::CloseFiscalYear(closing) => {
                self.years = true;
                self.year_balances.insert(Arc::clone(&closing.year));
            }
            Command::RecordPayment(payment) => {
                self.parties.insert(Arc::clone(&payment.party));
                self.number(DocumentKind::Payment, payment.number.as_ref());
                if let Some(settles) = &payment.settles {
                    self.settles(settles, Some(&payment.party));
                }
            }
            Command::SetPartyTerms(terms) => {
                self.parties.insert(Arc::clone(&terms.party));
                let limited = terms
                    .credit_limit
                    .map(|(_, currency)| (Arc::clone(&terms.party), currency));
                self.owed.extend(limited);
            }
            Command::DefineContact(contact) => {
                self.parties.insert(Arc::clone(&contact.party));
                self.contacts.insert(Arc::clone(&contact.party));
            }
            Command::SettleItems(settlement) => {
                self.document(settlement.kind, &settlement.number, false);
                self.settles(&settlement.settles, None);
                self.open_of_documents |= matches!(settlement.settles, Settle::Oldest);
            }
        }
    }

    fn settles(&mut self, settles: &Settle, party: Option<&Arc<str>>) {
        match (settles, party) {
            (Settle::Oldest, party) => self.open_of.extend(party.cloned()),
            (Settle::Named(named), _) => {
                for input in named {
                    let kinds = [
                        DocumentKind::SalesInvoice,
                        DocumentKind::PurchaseReceipt,
                        DocumentKind::PurchaseBill,
                    ];
                    let kinds = input.kind.map_or(kinds.to_vec(), |kind| vec![kind]);
                    self.items
                        .extend(kinds.into_iter().map(|kind| (kind, Arc::clone(&input.number))));
                }
            }
        }
    }

    fn journal_lines(&mut self, lines: &[JournalLineInput], at: Timestamp) {
        self.parties.extend(lines.iter().filter_map(|line| line.party.clone()));
        let currencies = lines.iter().filter_map(|line| line.currency);
        self.rates.extend(currencies.map(|currency| (currency, day_of(at))));
        self.cost_centres |= lines.iter().any(|line| line.cost_centre.is_some());
    }

    fn moved<'a>(&mut self, at: Timestamp, products: impl IntoIterator<Item = &'a Arc<str>>) {
        for product in products {
            let earliest = self.products.entry(Arc::clone(product)).or_default();
            *earliest = Some(earliest.map_or(at, |earliest| earliest.min(at)));
        }
    }

    fn document(&mut self, kind: DocumentKind, number: &Arc<str>, valued_anew: bool) {
        *self.documents.entry((kind, Arc::clone(number))).or_default() |= valued_anew;
    }

    /// An order that is carried on at `at`.
    fn order(&mut self, kind: DocumentKind, number: Option<&Arc<str>>, at: Timestamp) {
        if let Some(number) = number {
            let earliest = self.orders.entry((kind, Arc::clone(number))).or_default();
            *earliest = Some(earliest.map_or(at, |earliest| earliest.min(at)));
        }
    }

    fn customer(&mut self, code: Option<&Arc<str>>) {
        match code {
            Some(code) => {
                self.parties.insert(Arc::clone(code));
            }
            None => self.walk_in = true,
        }
    }

    fn number(&mut self, kind: DocumentKind, number: Option<&Arc<str>>) {
        if let Some(number) = number {
            self.numbers.insert((kind, Arc::clone(number)));
        }
    }
}
