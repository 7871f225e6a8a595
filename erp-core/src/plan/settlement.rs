//! Open items: what a document adds to them, and what it settles.

mod allocation;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use cortex_types::{JournalLineId, LineId, Money, Timestamp};

use super::exchange_difference::ExchangeDifferences;
use super::sides::add;
use crate::postings::{Document, Postings};
use crate::{
    Books, Command, DocumentKind, DocumentRef, ErpError, ItemAllocation, ItemSide, JournalLineInput, OpenItem, Settle,
    SettleInput, SettleItems, ids,
};

/// The items of a document in the making, and those that it settles.
struct Settlement<'a> {
    books: &'a Books,
    document: DocumentRef,
    number: Arc<str>,
    at: Timestamp,
    /// As they are afterwards.
    items: BTreeMap<JournalLineId, OpenItem>,
    /// The document's own.
    own: Vec<JournalLineId>,
    allocations: Vec<ItemAllocation>,
    differences: ExchangeDifferences,
}

/// Adds the open items of a document to what it comes to, and settles what it says.
pub(super) fn settle(postings: &mut Postings, command: &Command, books: &Books) -> Result<(), ErpError> {
    let document = DocumentRef {
        kind: postings.kind,
        id: postings.id,
    };
    let mut settlement = Settlement::of(books, document, &postings.number, postings.at);
    let by_hand: &[JournalLineInput] = match command {
        Command::PostJournalEntry(entry) => &entry.lines,
        Command::OpenBalances(opening) => &opening.lines,
        _ => &[],
    };
    settlement.add(postings, by_hand);
    match command {
        Command::RecordPayment(payment) => settlement.settle(payment.settles.as_ref(), "settles")?,
        Command::PostCreditNote(note) => {
            if let Some(invoice) = &note.invoice {
                settlement.credit(DocumentKind::SalesInvoice, invoice)?;
            }
        }
        Command::ReturnGoods(goods) => settlement.credit(DocumentKind::PurchaseReceipt, &goods.receipt)?,
        Command::Cancel(cancel) => settlement.take_back(cancel.kind, &cancel.number)?,
        Command::ReverseEntry(reverse) => settlement.take_back(DocumentKind::JournalEntry, &reverse.entry)?,
        _ => {}
    }
    postings.items = settlement.items.into_values().collect();
    postings.allocations = settlement.allocations;
    settlement.differences.post(postings, books, command.is_adjusting())
}

/// What of a payment or a credit note is open settles other items of its party.
pub fn plan_settlement(command: &SettleItems, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    let document = books.posted(command.kind, &command.number)?;
    let amounts = match &command.settles {
        Settle::Oldest => false,
        Settle::Named(named) if named.is_empty() => {
            return Err(ErpError::invalid(
                "settles",
                "names nothing: give 'oldest', or documents",
            ));
        }
        Settle::Named(named) => named.iter().any(|input| input.amount_minor.is_some()),
    };
    let own = document.items.iter().filter(|item| item.document.id == document.id);
    // Amounts are of items in their currency.
    let own: Vec<&OpenItem> = own
        .filter(|item| !amounts || item.currency == command.currency)
        .collect();
    if own.is_empty() && command.currency != document.currency {
        return Err(ErpError::WrongCurrency {
            what: format!("{} '{}'", command.kind, command.number),
            kept: document.currency,
            document: command.currency,
        });
    }
    let id = LineId(ids::next());
    let reference = DocumentRef {
        kind: DocumentKind::Settlement,
        id: id.0,
    };
    let mut settlement = Settlement::of(books, reference, &command.number, command.settled_at.unwrap_or(now));
    for item in own {
        settlement.own.push(item.id);
        settlement.items.insert(item.id, item.clone());
    }
    settlement.settle(Some(&command.settles), "settles")?;
    let Some(currency) = settlement.allocations.first().map(|allocation| allocation.currency) else {
        let problem = match settlement.open() {
            None => format!("nothing of '{}' is left to settle with", command.number),
            Some(_) => format!("nothing is open that '{}' could settle", command.number),
        };
        return Err(ErpError::invalid("settles", problem));
    };
    let (at, number) = (settlement.at, Arc::clone(&command.number));
    let mut amount_minor = 0;
    for allocation in &settlement.allocations {
        // What was open in a period that is closed stays what it was.
        books.locks.check(allocation.allocated_at, false)?;
    }
    for allocation in settlement.allocations.iter().filter(|of| of.currency == currency) {
        add(&mut amount_minor, allocation.amount_minor)?;
    }
    let mut postings = Postings {
        currency,
        amount_minor,
        items: settlement.items.into_values().collect(),
        allocations: settlement.allocations,
        ..Postings::bare(DocumentKind::Settlement, id.0, number, at, Document::Settlement)
    };
    settlement.differences.post(&mut postings, books, false)?;
    Ok(postings)
}

impl<'a> Settlement<'a> {
    fn of(books: &'a Books, document: DocumentRef, number: &Arc<str>, at: Timestamp) -> Self {
        Self {
            books,
            document,
            number: Arc::clone(number),
            at,
            items: BTreeMap::new(),
            own: Vec::new(),
            allocations: Vec::new(),
            differences: ExchangeDifferences::default(),
        }
    }

    /// Every line on a control account. The first entry of what is posted `by_hand` begins with its lines, which may say when each is due.
    fn add(&mut self, postings: &Postings, by_hand: &[JournalLineInput]) {
        let first = postings.entries.first().map_or(&[][..], |entry| entry.lines());
        let said = first.iter().zip(by_hand);
        let said: HashMap<_, _> = said
            .filter_map(|(line, input)| Some((line.id, input.due_at?)))
            .collect();
        for entry in &postings.entries {
            for line in entry.lines().iter().filter(|line| line.amount_minor() != 0) {
                let of = |side: &ItemSide| *self.books.chart.of(side.role()) == line.account;
                let Some(side) = ItemSide::ALL.into_iter().find(of) else {
                    continue;
                };
                let item = OpenItem {
                    id: line.id,
                    side,
                    party: line.party.clone(),
                    document: self.document,
                    number: Arc::clone(&self.number),
                    currency: line.currency,
                    amount_minor: line.amount_minor(),
                    open_minor: line.amount_minor(),
                    base_minor: line.base_minor,
                    posted_at: entry.posted_at(),
                    due_at: said
                        .get(&line.id)
                        .copied()
                        .or(postings.due_at)
                        .unwrap_or(entry.posted_at()),
                };
                self.own.push(item.id);
                self.items.insert(item.id, item);
            }
        }
    }

    fn settle(&mut self, settles: Option<&Settle>, field: &str) -> Result<(), ErpError> {
        match settles {
            None => Ok(()),
            Some(Settle::Oldest) => self.oldest(),
            Some(Settle::Named(named)) => {
                for (index, input) in named.iter().enumerate() {
                    self.named(input, &format!("{field}[{index}]"))?;
                }
                Ok(())
            }
        }
    }

    /// What the document itself has open: one item of payments and credit notes, several of entries by hand.
    fn all_open(&self) -> impl Iterator<Item = &OpenItem> {
        let own = self.own.iter().filter_map(|id| self.items.get(id));
        own.filter(|item| item.open_minor != 0)
    }

    fn open(&self) -> Option<OpenItem> {
        self.all_open().next().cloned()
    }

    /// The one that what is named may settle; the first where none may.
    fn open_against(&self, input: &SettleInput) -> Option<OpenItem> {
        let kinds = |own: &OpenItem| match (input.kind, own.side) {
            (Some(kind), _) => vec![kind],
            (None, ItemSide::Receivable) => vec![DocumentKind::SalesInvoice],
            (None, ItemSide::Payable) => vec![DocumentKind::PurchaseReceipt, DocumentKind::PurchaseBill],
        };
        let fits = |own: &&OpenItem| {
            let others = kinds(own)
                .into_iter()
                .filter_map(|kind| self.item_of(kind, &input.number, own));
            others.into_iter().any(|other| {
                let opposite = other.open_minor.signum() == -own.open_minor.signum();
                opposite && (&other.party, other.currency) == (&own.party, own.currency)
            })
        };
        self.all_open().find(fits).cloned().or_else(|| self.open())
    }

    fn oldest(&mut self) -> Result<(), ErpError> {
        self.own.clone().into_iter().try_for_each(|own| self.settle_oldest(own))
    }

    fn settle_oldest(&mut self, own: JournalLineId) -> Result<(), ErpError> {
        let Some(own) = self.items.get(&own).cloned() else {
            return Ok(());
        };
        let opposite = |item: &&OpenItem| {
            item.party == own.party
                && item.side == own.side
                && item.currency == own.currency
                && item.open_minor.signum() == -own.open_minor.signum()
        };
        let known = self.books.items.values();
        let seen = known.map(|item| self.items.get(&item.id).unwrap_or(item));
        let mut others: Vec<OpenItem> = seen.filter(opposite).cloned().collect();
        others.sort_by_key(|item| (item.due_at, item.id));
        let mut left = own.open_minor.saturating_abs();
        for other in others {
            let part = left.min(other.open_minor.saturating_abs());
            if part == 0 {
                break;
            }
            self.allocate(own.id, other.id, part)?;
            left -= part;
        }
        Ok(())
    }

    fn named(&mut self, input: &SettleInput, field: &str) -> Result<(), ErpError> {
        let refused = |name: &str, problem: String| Err(ErpError::invalid(format!("{field}{name}"), problem));
        let Some(own) = self.open_against(input) else {
            return refused("", "there is nothing left to settle it with".to_owned());
        };
        let (usual, other) = match own.side {
            ItemSide::Receivable => (DocumentKind::SalesInvoice, None),
            ItemSide::Payable => (DocumentKind::PurchaseReceipt, Some(DocumentKind::PurchaseBill)),
        };
        let of_party = |item: OpenItem| item.party == own.party;
        let other = other.filter(|kind| self.item_of(*kind, &input.number, &own).is_some_and(of_party));
        let kind = input.kind.or(other).unwrap_or(usual);
        let Some(other) = self.item_of(kind, &input.number, &own) else {
            let problem = format!("no {kind} '{}' is open with anybody: correct the number", input.number);
            return refused(".number", problem);
        };
        if other.party != own.party {
            let problem = format!("{kind} '{}' is of another party", input.number);
            return refused(".number", problem);
        }
        if other.currency != own.currency {
            return Err(ErpError::WrongCurrency {
                what: format!("{kind} '{}'", input.number),
                kept: other.currency,
                document: own.currency,
            });
        }
        if other.amount_minor.signum() == own.amount_minor.signum() {
            let problem = format!(
                "{kind} '{}' is on the same side: one does not settle the other",
                input.number
            );
            return refused(".number", problem);
        }
        let (open, left) = (other.open_minor.saturating_abs(), own.open_minor.saturating_abs());
        let amount = input.amount_minor.unwrap_or(open.min(left));
        let money = |minor| Money::new(minor, own.currency);
        if amount <= 0 {
            return refused(".amount", format!("must be above zero: {} is open of it", money(open)));
        }
        if amount > open {
            let problem = format!(
                "of {kind} '{}', {} is open, not {}",
                input.number,
                money(open),
                money(amount)
            );
            return refused(".amount", problem);
        }
        if amount > left {
            return refused(
                ".amount",
                format!("{} is left to settle it with, not {}", money(left), money(amount)),
            );
        }
        self.allocate(own.id, other.id, amount)
    }

    /// A note for an invoice settles it, as far as it is open; so does a return of goods with their receipt.
    fn credit(&mut self, kind: DocumentKind, number: &Arc<str>) -> Result<(), ErpError> {
        let Some(own) = self.open() else { return Ok(()) };
        let Some(other) = self.item_of(kind, number, &own) else {
            return Ok(());
        };
        let part = own.open_minor.saturating_abs().min(other.open_minor.saturating_abs());
        if part > 0 && other.open_minor.signum() != own.open_minor.signum() {
            self.allocate(own.id, other.id, part)?;
        }
        Ok(())
    }

    /// What `own` can settle of a document. One that a company brings along has items of many parties, and several of one: it is the
    /// first of the own party that is open, and of others only where the own party has none.
    fn item_of(&self, kind: DocumentKind, number: &str, own: &OpenItem) -> Option<OpenItem> {
        let of_document =
            |item: &&OpenItem| item.document.kind == kind && *item.number == *number && item.side == own.side;
        let found = self.books.items.values().filter(of_document);
        let seen = found.map(|item| self.items.get(&item.id).unwrap_or(item));
        let fits = |item: &&OpenItem| {
            let opposite = item.open_minor.signum() == -own.open_minor.signum();
            (item.party != own.party, item.currency != own.currency, !opposite)
        };
        // Of those that fit as well the first, which is the oldest.
        seen.min_by_key(fits).cloned()
    }
}
