//! The commands of one invoice number, and of what it needs first.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use cortex_types::{Timestamp, Unit};
use rust_decimal::Decimal;
use sha2::{Digest, Sha256};

use super::catalogue::{descriptions, product_kind};
use super::documents::{Entry, EntryKind, LineKind};
use super::fate::{Fate, fate, line_kind};
use super::line::{CURRENCY, RetailLine};
use crate::{
    AMOUNT_MINOR_MAX, AdjustStock, AdjustmentLineInput, Chart, Command, CreateParty, CreateProduct, CreditLineInput,
    InvoiceLineInput, JournalLineInput, LinePrice, PartyKind, PostCreditNote, PostInvoice, PostJournalEntry, Role,
};

const WALK_IN: &str = "WALK-IN";
const MICROS_PER_PIECE: i64 = 1_000_000;
/// Longest number or code that is a part of a key as it is.
const KEYED_LENGTH_MAX: usize = 100;

/// Walks over the numbers in order, and remembers which parties and products came up.
pub(super) struct Mapping {
    descriptions: HashMap<Arc<str>, String>,
    products: HashSet<Arc<str>>,
    customers: HashSet<Option<Arc<str>>>,
    pub entries: Vec<Entry>,
    pub refused: Vec<(u32, String)>,
    pub counts: HashMap<LineKind, u64>,
    pub value_exact: Decimal,
}

impl Mapping {
    pub fn new(lines: &[RetailLine]) -> Self {
        Self {
            descriptions: descriptions(lines),
            products: HashSet::new(),
            customers: HashSet::new(),
            entries: Vec::new(),
            refused: Vec::new(),
            counts: HashMap::new(),
            value_exact: Decimal::ZERO,
        }
    }

    /// Adds the documents of one invoice number; it has at least one line.
    pub fn add(&mut self, number: &[&RetailLine]) {
        let first = number[0];
        // Everything that is added up below is a part of this.
        let total: i128 = number.iter().map(|line| i128::from(line.net_minor).abs()).sum();
        if total > i128::from(AMOUNT_MINOR_MAX) {
            let reason = format!("the lines of {} come to more than can be posted", first.number);
            self.refused
                .extend(number.iter().map(|line| (line.record, reason.clone())));
            return;
        }
        let priced = number.iter().any(|line| !line.price.is_zero());
        let at = number.iter().map(|line| line.at).min().unwrap_or(first.at);
        let mut sorted: Vec<(Fate, Vec<&RetailLine>)> = Vec::new();
        for line in number {
            let decided = if line.customer == first.customer {
                fate(line, priced)
            } else {
                Err(format!("its customer is not that of the first line of {}", line.number))
            };
            match decided {
                Ok(fate) => {
                    *self.counts.entry(line_kind(line, fate)).or_default() += 1;
                    self.value_exact += Decimal::from(line.pieces) * line.price;
                    group_of(&mut sorted, fate).push(line);
                }
                Err(reason) => self.refused.push((line.record, reason)),
            }
        }
        for (fate, lines) in sorted {
            self.document(fate, &lines, at);
        }
    }

    fn document(&mut self, fate: Fate, lines: &[&RetailLine], at: Timestamp) {
        let first = lines[0];
        let (kind, command) = match fate {
            Fate::NoEffect => return,
            Fate::Invoiced => (EntryKind::Invoice, self.invoice(lines, at)),
            Fate::Credited(_) => (EntryKind::CreditNote, self.credit_note(lines, at)),
            Fate::BadDebt => (EntryKind::BadDebt, journal(lines, Role::BadDebt, Role::Receivables, at)),
            Fate::Fee(role) => (EntryKind::Fees, journal(lines, role, Role::Bank, at)),
            Fate::WrittenOff => (EntryKind::WriteOff, self.adjustment(lines, at)),
            Fate::Found => (EntryKind::Found, self.adjustment(lines, at)),
        };
        let Some(command) = command else { return };
        let mut key = key_of(kind, &first.number);
        if let Fate::Fee(role) = fate {
            // The same in every chart, so that a second run finds what the first one posted.
            key = format!("{key}/{}", Chart::default().of(role));
        }
        self.entries.push(Entry {
            at,
            kind,
            key,
            command,
            value_minor: lines.iter().map(|line| line.net_minor).sum(),
            records: lines.iter().map(|line| line.record).collect(),
        });
    }

    fn invoice(&mut self, lines: &[&RetailLine], at: Timestamp) -> Option<Command> {
        let first = lines[0];
        self.need_customer(first, at);
        Some(Command::PostInvoice(PostInvoice {
            order: None,
            prices_include_tax: false,
            due_at: None,
            number: Some(Arc::clone(&first.number)),
            series: None,
            customer: first.customer.clone(),
            country: Some(Arc::clone(&first.country)),
            currency: CURRENCY,
            location: None,
            invoiced_at: Some(at),
            decision_id: None,
            lines: lines.iter().map(|line| self.sales_line(line, at)).collect(),
        }))
    }

    fn credit_note(&mut self, lines: &[&RetailLine], at: Timestamp) -> Option<Command> {
        let first = lines[0];
        self.need_customer(first, at);
        let lines = lines.iter().filter_map(|line| {
            let Ok(Fate::Credited(reason)) = fate(line, true) else {
                return None;
            };
            Some(CreditLineInput {
                line: self.sales_line(line, at),
                reason,
            })
        });
        Some(Command::PostCreditNote(PostCreditNote {
            prices_include_tax: false,
            lines: lines.collect(),
            number: Some(Arc::clone(&first.number)),
            series: None,
            customer: first.customer.clone(),
            country: Some(Arc::clone(&first.country)),
            currency: CURRENCY,
            location: None,
            invoice: None,
            credited_at: Some(at),
        }))
    }

    fn adjustment(&mut self, lines: &[&RetailLine], at: Timestamp) -> Option<Command> {
        let first = lines[0];
        let memo = format!("{} {}", first.number, first.description);
        let lines = lines.iter().map(|line| {
            self.need_product(line, at);
            AdjustmentLineInput {
                unit: None,
                product: Arc::clone(&line.code),
                quantity_micro: line.pieces.saturating_mul(MICROS_PER_PIECE),
                value_minor: None,
            }
        });
        let lines = lines.collect();
        Some(Command::AdjustStock(AdjustStock {
            memo: memo.trim().to_owned(),
            location: None,
            moved_at: Some(at),
            lines,
        }))
    }

    fn sales_line(&mut self, line: &RetailLine, at: Timestamp) -> InvoiceLineInput {
        self.need_product(line, at);
        InvoiceLineInput {
            tax: None,
            product: Arc::clone(&line.code),
            quantity_micro: line.pieces.saturating_abs().saturating_mul(MICROS_PER_PIECE),
            unit: None,
            price: LinePrice::Unit(line.price),
        }
    }

    fn need_customer(&mut self, line: &RetailLine, at: Timestamp) {
        if !self.customers.insert(line.customer.clone()) {
            return;
        }
        let (code, kind) = match &line.customer {
            Some(code) => (Arc::clone(code), PartyKind::Customer),
            None => (Arc::from(WALK_IN), PartyKind::WalkIn),
        };
        let key = key_of(EntryKind::Party, &code);
        let country = Arc::clone(&line.country);
        let party = CreateParty {
            code,
            kind,
            country,
            name_sealed: None,
            terms: None,
            created_at: Some(at),
        };
        self.master_data(EntryKind::Party, key, Command::CreateParty(party), line, at);
    }

    fn need_product(&mut self, line: &RetailLine, at: Timestamp) {
        if !self.products.insert(Arc::clone(&line.code)) {
            return;
        }
        let product = CreateProduct {
            code: Arc::clone(&line.code),
            description: self.descriptions.get(&line.code).cloned().unwrap_or_default(),
            kind: product_kind(&line.code),
            unit: Unit::each(),
            currency: CURRENCY,
            list_price_minor: None,
            valuation: None,
            standard_cost: None,
            created_at: Some(at),
        };
        let key = key_of(EntryKind::Product, &line.code);
        self.master_data(EntryKind::Product, key, Command::CreateProduct(product), line, at);
    }

    fn master_data(&mut self, kind: EntryKind, key: String, command: Command, line: &RetailLine, at: Timestamp) {
        self.entries.push(Entry {
            at,
            kind,
            key,
            command,
            value_minor: 0,
            records: vec![line.record],
        });
    }
}

/// The idempotency key of what has this number or code. Keys are visible ASCII and have an end; what stands in a file need not.
fn key_of(kind: EntryKind, code: &str) -> String {
    let fits = code.len() <= KEYED_LENGTH_MAX && code.bytes().all(|b| (0x20..0x7f).contains(&b));
    match fits {
        true => format!("online-retail/{}/{code}", kind.as_str()),
        false => format!(
            "online-retail/{}/sha256/{}",
            kind.as_str(),
            hex::encode(Sha256::digest(code))
        ),
    }
}

/// Lines of one number that come onto one document; credited lines share theirs, whatever the reason of each.
fn group_of<'s, 'a>(sorted: &'s mut Vec<(Fate, Vec<&'a RetailLine>)>, fate: Fate) -> &'s mut Vec<&'a RetailLine> {
    let same = |other: Fate| other == fate || matches!((other, fate), (Fate::Credited(_), Fate::Credited(_)));
    let place = sorted.iter().position(|(other, _)| same(*other)).unwrap_or_else(|| {
        sorted.push((fate, Vec::new()));
        sorted.len() - 1
    });
    &mut sorted[place].1
}

/// A negative amount debits the expense; a positive one takes it back.
fn journal(lines: &[&RetailLine], expense: Role, against: Role, at: Timestamp) -> Option<Command> {
    let amount: i64 = lines.iter().map(|line| -line.net_minor).sum();
    let (debit, credit) = if amount >= 0 {
        (expense, against)
    } else {
        (against, expense)
    };
    let (number, description) = (&lines[0].number, &lines[0].description);
    let line = |role: Role, debit_minor, credit_minor| JournalLineInput {
        account: role.as_str().to_owned(),
        debit_minor,
        credit_minor,
        ..JournalLineInput::default()
    };
    let minor = amount.saturating_abs();
    (minor != 0).then(|| {
        Command::PostJournalEntry(PostJournalEntry {
            memo: format!("{number} {description}").trim().to_owned(),
            currency: CURRENCY,
            posted_at: Some(at),
            adjusting: false,
            lines: vec![line(debit, minor, 0), line(credit, 0, minor)],
        })
    })
}
