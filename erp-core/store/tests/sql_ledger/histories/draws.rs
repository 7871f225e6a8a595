//! What is drawn how often.

use std::sync::Arc;

use cortex_erp::{
    CloseFiscalYear, Command, DefineNumberSeries, DocumentKind, PeriodState, Reversal, ReversalMethod, SetPartyTerms,
    SetPeriodState,
};
use cortex_types::{Currency, Timestamp};

use super::business::{BUSINESSES, CUSTOMERS, boxes_of, day, rate, tax};
use super::history::History;

type Draw = fn(&mut History) -> Command;

pub const DRAWS: &[(u64, &str, Draw)] = &[
    (130, "purchase receipt", History::receipt),
    (150, "sales invoice", History::sale),
    (20, "cash sale", History::cash_sale),
    (50, "credit note", History::come_back),
    (25, "purchase return", History::go_back),
    (25, "landed cost", History::landed_cost),
    (55, "purchase bill", History::bill),
    (70, "order", History::order),
    (65, "delivery", History::delivery),
    (50, "invoice of an order", History::invoice_of_order),
    (45, "receipt of an order", History::receipt_of_order),
    (25, "order changed", History::order_change),
    (40, "stock transfer", History::transfer),
    (20, "stock count", History::count),
    (20, "stock adjustment", History::adjustment),
    (8, "standard cost", History::standard_cost),
    (3, "reorder rule", History::reorder_rule),
    (6, "opening balance", History::opening_balance),
    (70, "payment", History::payment),
    (25, "settlement", History::settlement),
    (25, "journal entry", History::journal_entry),
    (14, "reversal", History::reversal),
    (10, "exchange rate", History::exchange_rate),
    (6, "exchange revaluation", History::revaluation),
    (3, "tax code", tax_code),
    (4, "party terms", party_terms),
    (3, "product unit", |history| {
        boxes_of(*history.dice.of(&[6, 12, 12, 24]))
    }),
    (2, "account", History::account),
    (4, "number series", History::number_series),
    (6, "period", period),
    (2, "fiscal year closed", year_closed),
    (50, "cancellation", History::cancellation),
];

/// The first instant of a month, the first of the books being 0.
pub fn month(months: i64) -> Timestamp {
    let (year, month) = (2024 + months.div_euclid(12), 1 + months.rem_euclid(12));
    format!("{year}-{month:02}-01").parse().unwrap()
}

fn period_code(month: i64) -> String {
    format!("FY{}-{:02}", 2024 + month.div_euclid(12), 1 + month.rem_euclid(12))
}

/// Another rate from now on; what was posted stays.
fn tax_code(history: &mut History) -> Command {
    let rate = *history.dice.of(&["19", "20", "21.5"]);
    tax("FULL", &[(rate, false)])
}

/// Who may owe how much, and pay how late.
fn party_terms(history: &mut History) -> Command {
    let currency: Currency = history.business.currency();
    let limit = history.dice.between(1_000_000, 50_000_000);
    Command::SetPartyTerms(SetPartyTerms {
        party: (*history.dice.of(&CUSTOMERS)).into(),
        payment_days: Some(*history.dice.of(&[0, 14, 30])),
        credit_limit: history.dice.once_in(2).then_some((limit, currency)),
    })
}

/// The next month is closed, or the newest one that is opened again.
fn period(history: &mut History) -> Command {
    let over = |months: i64, days: i64| day(history.today - days) >= month(months + 1);
    let (period, state) = match history.dice.below(8) {
        0 if history.soft > history.hard => (history.soft - 1, PeriodState::Open),
        1..4 if history.hard < history.soft && over(history.hard, 150) => (history.hard, PeriodState::HardClosed),
        _ if over(history.soft, 75) => (history.soft, PeriodState::SoftClosed),
        // Not yet: the others are refused or change nothing that is of today.
        _ => return history.exchange_rate(),
    };
    Command::SetPeriodState(SetPeriodState {
        period: period_code(period).into(),
        state,
    })
}

fn year_closed(history: &mut History) -> Command {
    if day(history.today - 100) < month(12 * (history.closed_years + 1)) {
        return history.journal_entry();
    }
    Command::CloseFiscalYear(CloseFiscalYear {
        year: format!("FY{}", 2024 + history.closed_years).into(),
    })
}

impl History {
    pub fn learn_period(&mut self, code: &str, state: PeriodState) {
        let place = (0..12 * self.years).find(|month| period_code(*month) == code);
        let place = place.unwrap();
        match state {
            PeriodState::Open => self.soft = place,
            PeriodState::SoftClosed => self.soft = place + 1,
            PeriodState::HardClosed => self.hard = place + 1,
        }
    }

    /// A day's rate, of today mostly, sometimes of a day that was.
    pub fn exchange_rate(&mut self) -> Command {
        let others = &BUSINESSES[0].currencies[1..];
        let currency = *self.dice.of(others);
        let (at, thousandths) = (self.at(), self.dice.between(600, 1_100));
        rate(currency.parse().unwrap(), at, thousandths)
    }

    /// Another numbering, of the year or not, from now on.
    pub fn number_series(&mut self) -> Command {
        let kinds = [
            DocumentKind::SalesInvoice,
            DocumentKind::PurchaseReceipt,
            DocumentKind::JournalEntry,
        ];
        let (kind, place) = (*self.dice.of(&kinds), self.dice.below(3));
        // Who keeps no calendar could post nothing by fiscal year.
        let prefixes = ["N", "{year}-", "{fiscal-year}/"];
        let prefix = *self
            .dice
            .of(&prefixes[..if self.business.base.is_some() { 3 } else { 2 }]);
        Command::DefineNumberSeries(DefineNumberSeries {
            code: format!("{kind}-{place}").into(),
            kind,
            prefix: format!("{kind}-{prefix}{place}-").into(),
            digits: *self.dice.of(&[1, 4, 6]),
            is_default: self.dice.once_in(3),
            blocked: self.dice.once_in(8),
        })
    }

    /// One of those that there may be.
    pub fn series(&mut self, kind: DocumentKind) -> Option<Arc<str>> {
        let named = self.dice.once_in(6);
        named.then(|| format!("{kind}-{}", self.dice.below(3)).into())
    }

    /// Whatever there is that can be taken back; now and then what cannot.
    pub fn cancellation(&mut self) -> Command {
        const CANCELLED: [DocumentKind; 12] = [
            DocumentKind::SalesInvoice,
            DocumentKind::CreditNote,
            DocumentKind::StockAdjustment,
            DocumentKind::StockCount,
            DocumentKind::StockTransfer,
            DocumentKind::PurchaseReceipt,
            DocumentKind::PurchaseReturn,
            DocumentKind::LandedCost,
            DocumentKind::Payment,
            DocumentKind::OpeningBalance,
            DocumentKind::Delivery,
            DocumentKind::PurchaseBill,
        ];
        let kind = match self.dice.once_in(12) {
            true => *self.dice.of(&DocumentKind::ALL),
            false => *self.dice.of(&CANCELLED),
        };
        let number = self.earlier(kind).map_or_else(|| "INV-000001".into(), |of| of.number);
        let reversal = self.dice.once_in(3).then(|| Reversal {
            method: *self.dice.of(&[ReversalMethod::CounterEntry, ReversalMethod::Storno]),
            posted_at: Some(self.at()),
            adjusting: self.dice.once_in(5),
        });
        Command::Cancel(cortex_erp::Cancel {
            kind,
            number,
            memo: String::new(),
            reversal,
        })
    }
}
