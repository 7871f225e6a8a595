//! Planning: what a command comes to, given the books. Plain functions over data — no I/O, and nothing is changed; the
//! ids of what it makes are drawn from the command's (see `ids`).

mod added_cost;
mod approval;
mod billing;
mod cancellation;
mod company;
mod contacts;
mod credit_note;
mod delivery;
mod exchange_difference;
mod exchange_revaluation;
mod fiscal;
mod fulfilment;
mod invoice;
mod invoiced_order;
mod journal_entry;
mod landed_cost;
mod master_data;
mod number_series;
mod opening_balance;
mod orders;
mod origins;
mod payment;
mod purchase_bill;
mod purchase_receipt;
mod purchase_return;
mod reversal;
mod sales_lines;
mod settlement;
mod shelf;
mod sides;
mod standard_cost;
mod stock_adjustment;
mod stock_transfer;
mod taxes;
#[cfg(test)]
mod tests;
mod unbilled;
mod units;

pub use approval::plan_approval_rule;
pub use cancellation::plan_cancellation;
pub use company::{plan_account, plan_company, plan_cost_centre, plan_exchange_rate, plan_tax_code};
pub use contacts::plan_contact;
pub use credit_note::plan_credit_note;
pub use delivery::plan_delivery;
pub use exchange_revaluation::plan_exchange_revaluation;
pub use fiscal::{plan_fiscal_year, plan_period_state, plan_year_closing};
pub use invoice::plan_invoice;
pub use journal_entry::plan_journal_entry;
pub use landed_cost::plan_landed_cost;
pub use master_data::{plan_location, plan_new_party, plan_new_product, plan_party, plan_party_terms, plan_product};
pub use number_series::plan_number_series;
pub use opening_balance::plan_opening_balance;
pub use orders::{plan_order, plan_order_change, plan_reorder_rule};
pub use payment::plan_payment;
pub use purchase_bill::plan_purchase_bill;
pub use purchase_receipt::plan_purchase_receipt;
pub use purchase_return::plan_purchase_return;
pub use reversal::plan_reversal;
pub use settlement::plan_settlement;
pub use standard_cost::plan_standard_cost;
pub use stock_adjustment::{plan_stock_adjustment, plan_stock_count};
pub use stock_transfer::plan_stock_transfer;
pub use units::plan_product_unit;

use std::sync::Arc;

use cortex_types::{Currency, JournalEntryId, Timestamp};

use self::fulfilment::Fulfilment;
use self::shelf::Stocked;
use self::sides::Sides;
use crate::journal::{DocumentRef, JournalDraft, PostedEntry};
use crate::limits::{check_currency, check_time};
use crate::postings::{Document, Postings};
use crate::{
    Advised, Books, Command, DocumentKind, DocumentTax, Drawn, ErpError, ItemSide, Order, OrderProgress, StockDocument,
    ids,
};

/// Most lines that one document may have.
pub const LINES_MAX: usize = 5_000;

/// What `command` comes to at `now`. `advice` is what was advised when an invoice was entered; it is no part of the
/// command's body.
pub fn plan(command: &Command, books: &Books, now: Timestamp, advice: Option<Advised>) -> Result<Postings, ErpError> {
    let (field, given) = command.given_time();
    check_time(field, given)?;
    command.currency().map_or(Ok(()), check_currency)?;
    let command = &*units::in_own_units(command, books)?;
    let mut postings = match command {
        Command::CreateParty(party) => plan_new_party(party, books, now),
        Command::CreateProduct(product) => plan_new_product(product, books, now),
        Command::DefineParty(party) => plan_party(party, books, now),
        Command::DefineProduct(product) => plan_product(product, books, now),
        Command::PostInvoice(invoice) => plan_invoice(invoice, books, now, advice),
        Command::PostCreditNote(note) => plan_credit_note(note, books, now),
        Command::PostJournalEntry(entry) => plan_journal_entry(entry, books, now),
        Command::AdjustStock(adjustment) => plan_stock_adjustment(adjustment, books, now),
        Command::ReceiveGoods(receipt) => plan_purchase_receipt(receipt, books, now),
        Command::ReturnGoods(goods) => plan_purchase_return(goods, books, now),
        Command::AddLandedCost(cost) => plan_landed_cost(cost, books, now),
        Command::CountStock(count) => plan_stock_count(count, books, now),
        Command::TransferStock(transfer) => plan_stock_transfer(transfer, books, now),
        Command::DefineLocation(location) => plan_location(location, books, now),
        Command::SetStandardCost(cost) => plan_standard_cost(cost, books, now),
        Command::Cancel(cancel) => plan_cancellation(cancel, books, now),
        Command::RecordPayment(payment) => plan_payment(payment, books, now),
        Command::ReverseEntry(reversal) => plan_reversal(reversal, books, now),
        Command::OpenFiscalYear(year) => plan_fiscal_year(year, books, now),
        Command::SetPeriodState(period) => plan_period_state(period, books, now),
        Command::DefineCompany(company) => plan_company(company, books, now),
        Command::DefineAccount(account) => plan_account(account, books, now),
        Command::DefineCostCentre(centre) => plan_cost_centre(centre, books, now),
        Command::DefineTaxCode(code) => plan_tax_code(code, books, now),
        Command::PlaceOrder(order) => plan_order(order, books, now),
        Command::ChangeOrder(change) => plan_order_change(change, books, now),
        Command::DeliverGoods(delivery) => plan_delivery(delivery, books, now),
        Command::PostBill(bill) => plan_purchase_bill(bill, books, now),
        Command::SetReorderRule(rule) => plan_reorder_rule(rule, books, now),
        Command::DefineProductUnit(unit) => plan_product_unit(unit, books, now),
        Command::DefineApprovalRule(rule) => plan_approval_rule(rule, books, now),
        Command::DefineNumberSeries(series) => plan_number_series(series, books, now),
        Command::DefineContact(contact) => plan_contact(contact, books, now),
        Command::SetExchangeRate(rate) => plan_exchange_rate(rate, books, now),
        Command::RevalueCurrencies(revaluation) => plan_exchange_revaluation(revaluation, books, now),
        Command::SetPartyTerms(terms) => plan_party_terms(terms, books, now),
        Command::SettleItems(settlement) => plan_settlement(settlement, books, now),
        Command::OpenBalances(opening) => plan_opening_balance(opening, books, now),
        // Its entry is what closes the year, so it goes into a period that is closed.
        Command::CloseFiscalYear(closing) => return plan_year_closing(closing, books, now),
    }?;
    if postings.kind.is_posted() {
        books.locks.check(postings.at, command.is_adjusting())?;
    }
    if !matches!(command, Command::SettleItems(_)) {
        settlement::settle(&mut postings, command, books)?;
    }
    Ok(postings)
}

fn check_line_count(count: usize) -> Result<(), ErpError> {
    match count {
        0 => Err(ErpError::invalid("lines", "a document needs at least one line")),
        count if count > LINES_MAX => Err(ErpError::invalid(
            "lines",
            format!("{count} lines are more than the {LINES_MAX} a document may have"),
        )),
        _ => Ok(()),
    }
}

fn line_number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX).saturating_add(1)
}

/// The entries of one document, each under the next number of the journal.
struct Posting<'a> {
    books: &'a Books,
    document: DocumentRef,
    drawn: Vec<Drawn>,
    entries: Vec<PostedEntry>,
    /// Whose receivables or payables it posts to, and when they are due.
    party: Option<(Arc<str>, Option<Timestamp>)>,
    taxes: Vec<DocumentTax>,
    orders: (Vec<Order>, Vec<OrderProgress>),
}

impl<'a> Posting<'a> {
    /// For a document that drew a number of its own, if it did.
    fn new(books: &'a Books, document: DocumentRef, drawn: Option<Drawn>) -> Self {
        Self {
            books,
            document,
            drawn: drawn.into_iter().collect(),
            entries: Vec::new(),
            party: None,
            taxes: Vec::new(),
            orders: (Vec::new(), Vec::new()),
        }
    }

    /// The orders that the document carried on.
    fn carry_on(&mut self, fulfilment: Fulfilment<'_>) {
        self.orders = fulfilment.finish();
    }

    /// What it posts to receivables and payables is of this party.
    fn with(mut self, party: &Arc<str>, due_at: Option<Timestamp>) -> Self {
        self.party = Some((Arc::clone(party), due_at));
        self
    }

    fn post(&mut self, sides: Sides, memo: &str, at: Timestamp) -> Result<(), ErpError> {
        self.post_draft(sides.into_draft(&self.books.chart, memo)?, self.document, at)
    }

    /// A draft without amounts posts nothing.
    fn post_draft(&mut self, draft: JournalDraft, document: DocumentRef, at: Timestamp) -> Result<(), ErpError> {
        if draft.is_empty() {
            return Ok(());
        }
        let mut draft = self.books.in_base(draft, at)?;
        if let Some((party, _)) = &self.party {
            let controls = ItemSide::ALL.map(|side| self.books.chart.of(side.role()));
            for line in draft.lines.iter_mut().filter(|line| controls.contains(&&line.account)) {
                line.party.get_or_insert_with(|| Arc::clone(party));
            }
        }
        let (number, drawn) = self.books.number_after(DocumentKind::JournalEntry, at, &self.drawn)?;
        self.entries
            .push(draft.post(JournalEntryId(ids::next()), number, document, at)?);
        self.drawn.push(drawn);
        Ok(())
    }

    /// What the document comes to with its goods, at its time and at the others that its moves have.
    fn post_with(
        &mut self,
        mut sides: Sides,
        stocked: &mut Stocked,
        memo: &str,
        at: Timestamp,
    ) -> Result<(), ErpError> {
        if let Some(effects) = stocked.take_effects(at) {
            sides.take_in(effects)?;
        }
        self.post(sides, memo, at)?;
        for (other, sides) in std::mem::take(&mut stocked.effects) {
            self.post(sides, memo, other)?;
        }
        self.post_consequences(stocked, memo)
    }

    /// What the document made of the value of other moves: one entry for each period.
    fn post_consequences(&mut self, stocked: &Stocked, memo: &str) -> Result<(), ErpError> {
        let document = DocumentRef {
            kind: DocumentKind::StockRevaluation,
            ..self.document
        };
        for (at, sides) in stocked.consequences.values() {
            let draft = sides
                .clone()
                .into_draft(&self.books.chart, format!("stock revalued by {memo}"))?;
            self.post_draft(draft, document, *at)?;
        }
        Ok(())
    }

    /// Everything that the document comes to.
    fn into_postings(self, head: Head, document: Document, stocked: Option<Stocked>) -> Postings {
        let bare = Postings::bare(self.document.kind, self.document.id, head.number, head.at, document);
        let posted = Postings {
            currency: head.currency,
            amount_minor: head.amount_minor,
            entries: self.entries,
            drawn: self.drawn,
            taxes: self.taxes,
            orders: self.orders.0,
            progress: self.orders.1,
            due_at: self.party.and_then(|(_, due_at)| due_at),
            ..bare
        };
        match stocked {
            None => posted,
            Some(stocked) => Postings {
                moves: stocked.moves,
                revaluations: stocked.revaluations,
                revalued: stocked.revalued,
                stock: stocked.stock,
                ..posted
            },
        }
    }

    /// Everything that a document comes to which moves stock and nothing else.
    fn into_stock_postings(self, document: StockDocument, stocked: Stocked) -> Postings {
        let head = Head {
            number: Arc::clone(&document.number),
            currency: document.currency,
            amount_minor: document.value_minor,
            at: document.moved_at,
        };
        self.into_postings(head, Document::Stock(document), Some(stocked))
    }
}

/// What a receipt says of a document.
struct Head {
    number: Arc<str>,
    currency: Currency,
    amount_minor: i64,
    at: Timestamp,
}
