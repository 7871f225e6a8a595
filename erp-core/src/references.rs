//! What commands refer to.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::{Command, DocumentKind, PartyKind};

/// What a group of commands refers to, so that it can be loaded in a few queries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct References {
    pub parties: BTreeSet<Arc<str>>,
    /// Whether the walk-in party is needed.
    pub walk_in: bool,
    /// With their stock levels at all locations.
    pub products: BTreeSet<Arc<str>>,
    pub numbers: BTreeSet<(DocumentKind, Arc<str>)>,
    pub keys: BTreeSet<Arc<str>>,
    /// Journal entries by number, with what reversed them.
    pub entries: BTreeSet<Arc<str>>,
    /// Whether the fiscal years are needed.
    pub years: bool,
    /// Years whose accounts are needed.
    pub year_balances: BTreeSet<Arc<str>>,
}

impl References {
    /// Adds what `command` refers to.
    pub fn collect(&mut self, command: &Command) {
        match command {
            Command::CreateParty(party) => {
                self.parties.insert(Arc::clone(&party.code));
                self.walk_in |= party.kind == PartyKind::WalkIn;
            }
            Command::CreateProduct(product) => {
                self.products.insert(Arc::clone(&product.code));
            }
            Command::PostInvoice(invoice) => {
                self.customer(invoice.customer.as_ref());
                self.number(DocumentKind::SalesInvoice, invoice.number.as_ref());
                self.products
                    .extend(invoice.lines.iter().map(|line| Arc::clone(&line.product)));
            }
            Command::PostCreditNote(note) => {
                self.customer(note.customer.as_ref());
                self.number(DocumentKind::CreditNote, note.number.as_ref());
                self.number(DocumentKind::SalesInvoice, note.invoice.as_ref());
                self.products
                    .extend(note.lines.iter().map(|line| Arc::clone(&line.line.product)));
            }
            Command::PostJournalEntry(_) => {}
            Command::AdjustStock(adjustment) => {
                self.products
                    .extend(adjustment.lines.iter().map(|line| Arc::clone(&line.product)));
            }
            Command::ReceiveGoods(receipt) => {
                self.parties.insert(Arc::clone(&receipt.supplier));
                self.number(DocumentKind::PurchaseReceipt, receipt.number.as_ref());
                self.products
                    .extend(receipt.lines.iter().map(|line| Arc::clone(&line.product)));
            }
            Command::ReverseEntry(reversal) => {
                self.entries.insert(Arc::clone(&reversal.entry));
            }
            Command::OpenFiscalYear(_) | Command::SetPeriodState(_) => self.years = true,
            Command::CloseFiscalYear(closing) => {
                self.years = true;
                self.year_balances.insert(Arc::clone(&closing.year));
            }
            Command::RecordPayment(payment) => {
                self.parties.insert(Arc::clone(&payment.party));
                self.number(DocumentKind::Payment, payment.number.as_ref());
            }
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
