//! What is paid, settled and posted by hand.

use std::sync::Arc;

use cortex_erp::{
    AccountKind, Command, DefineAccount, DocumentKind, JournalLineInput, OrderSide, PaymentDirection, PostJournalEntry,
    RecordPayment, RevalueCurrencies, ReversalMethod, ReverseEntry, Role, Settle, SettleInput, SettleItems, day_of,
};
use cortex_types::{Currency, Timestamp};

use super::business::{COST_CENTRE, CUSTOMERS, day};
use super::history::{History, Posted};

/// What somebody has to pay for.
const OWED: [DocumentKind; 4] = [
    DocumentKind::SalesInvoice,
    DocumentKind::PurchaseBill,
    DocumentKind::PurchaseReceipt,
    DocumentKind::LandedCost,
];

/// Whose document a command makes.
pub fn party_of(command: &Command, history: &History) -> Option<Arc<str>> {
    let of_order = |side: OrderSide, number: &Option<Arc<str>>| {
        let order = history.find(side.kind(), number.as_ref()?)?;
        Some(Arc::clone(&order.party))
    };
    match command {
        Command::PostInvoice(invoice) => {
            let named = invoice.customer.clone();
            named.or_else(|| of_order(OrderSide::Sales, &invoice.order))
        }
        Command::PostCreditNote(note) => note.customer.clone(),
        Command::ReceiveGoods(receipt) => Some(Arc::clone(&receipt.supplier)),
        Command::AddLandedCost(cost) => Some(Arc::clone(&cost.supplier)),
        Command::PostBill(bill) => Some(Arc::clone(&bill.supplier)),
        Command::RecordPayment(payment) => Some(Arc::clone(&payment.party)),
        Command::PlaceOrder(order) => Some(Arc::clone(&order.party)),
        _ => None,
    }
}

fn is_customer(party: &str) -> bool {
    CUSTOMERS.contains(&party)
}

impl History {
    /// For a document mostly: what it comes to, a part of it, or more.
    pub fn payment(&mut self) -> Command {
        let owed = self.earlier_of(&OWED).filter(|of| !of.party.is_empty());
        let (party, currency, amount) = match owed {
            Some(of) if !self.dice.once_in(8) => (of.party, of.currency, of.amount_minor),
            _ => (self.customer(), self.currency(), self.dice.between(1, 9_999)),
        };
        let amount_minor = (amount * self.dice.of(&[30, 50, 100, 100, 120]) / 100).max(1);
        // Now and then something is paid back.
        let direction = match is_customer(&party) != self.dice.once_in(12) {
            true => PaymentDirection::In,
            false => PaymentDirection::Out,
        };
        Command::RecordPayment(RecordPayment {
            settles: self.settles(&party, currency),
            number: None,
            series: None,
            party,
            direction,
            amount_minor,
            currency,
            paid_at: Some(self.at()),
        })
    }

    fn settles(&mut self, party: &str, currency: Currency) -> Option<Settle> {
        match self.dice.below(6) {
            0 => None,
            1 | 2 => Some(Settle::Oldest),
            _ => Some(Settle::Named(self.named(party, currency))),
        }
    }

    /// One to three documents of a party in a currency, with amounts or as far as it reaches.
    fn named(&mut self, party: &str, currency: Currency) -> Vec<SettleInput> {
        let fits = |of: &&Posted| OWED.contains(&of.kind) && *of.party == *party && of.currency == currency;
        let fitting: Vec<Posted> = self.posted.iter().rev().filter(fits).take(20).cloned().collect();
        if fitting.is_empty() {
            return Vec::new();
        }
        let mut named: Vec<SettleInput> = Vec::new();
        for _ in 0..self.dice.between(1, 3) {
            let of = self.dice.of(&fitting).clone();
            if named.iter().any(|other| other.number == of.number) {
                continue;
            }
            named.push(SettleInput {
                kind: (of.kind == DocumentKind::LandedCost || self.dice.once_in(2)).then_some(of.kind),
                number: of.number,
                amount_minor: self.dice.once_in(4).then(|| self.dice.between(1, 400)),
            });
        }
        named
    }

    /// What is left of a payment or a note settles others.
    pub fn settlement(&mut self) -> Command {
        let open = self.earlier_of(&[DocumentKind::Payment, DocumentKind::Payment, DocumentKind::CreditNote]);
        let Some(open) = open.filter(|of| !of.party.is_empty()) else {
            return self.payment();
        };
        let settles = match self.dice.once_in(2) {
            true => Settle::Oldest,
            false => Settle::Named(self.named(&open.party, open.currency)),
        };
        Command::SettleItems(SettleItems {
            kind: open.kind,
            number: open.number,
            currency: open.currency,
            settles,
            settled_at: Some(self.at()),
        })
    }

    /// Between two accounts, and two more in another currency; adjusting or not.
    pub fn journal_entry(&mut self) -> Command {
        let mut lines = Vec::new();
        for _ in 0..self.dice.between(1, 2) {
            let (minor, currency) = (self.dice.between(1, 9_000), self.currency());
            let (debit, credit) = (self.journal_line(currency), self.journal_line(currency));
            lines.push(JournalLineInput {
                debit_minor: minor,
                ..debit
            });
            lines.push(JournalLineInput {
                credit_minor: minor,
                ..credit
            });
        }
        Command::PostJournalEntry(PostJournalEntry {
            memo: "by hand".to_owned(),
            currency: self.business.currency(),
            posted_at: Some(self.at()),
            adjusting: self.dice.once_in(3),
            lines,
        })
    }

    fn journal_line(&mut self, currency: Currency) -> JournalLineInput {
        let accounts = [
            "bank",
            "equity",
            "bank-charges",
            "bad-debt",
            "receivables",
            "payables",
            "marketplace-fees",
        ];
        let account = *self.dice.of(&accounts);
        // Most of what is on them is somebody's.
        let party = match account {
            "receivables" => Some(self.customer()),
            "payables" => Some(self.supplier()),
            _ => None,
        };
        let in_result = ["bank-charges", "bad-debt", "marketplace-fees"].contains(&account);
        JournalLineInput {
            account: account.to_owned(),
            currency: Some(currency),
            party: party.filter(|_| !self.dice.once_in(4)),
            cost_centre: (in_result && self.dice.once_in(2)).then(|| COST_CENTRE.into()),
            ..JournalLineInput::default()
        }
    }

    pub fn reversal(&mut self) -> Command {
        let kinds = [DocumentKind::JournalEntry, DocumentKind::ExchangeRevaluation];
        let Some(entry) = self.earlier_of(&kinds) else {
            return self.journal_entry();
        };
        let methods = [
            ReversalMethod::CounterEntry,
            ReversalMethod::Storno,
            ReversalMethod::Storno,
        ];
        Command::ReverseEntry(ReverseEntry {
            entry: entry.number,
            method: *self.dice.of(&methods),
            memo: None,
            posted_at: Some(self.at()),
            adjusting: self.dice.once_in(4),
        })
    }

    pub fn revaluation(&mut self) -> Command {
        let before: Timestamp = day_of(self.at());
        Command::RevalueCurrencies(RevalueCurrencies {
            before: before.max(day(1)),
            adjusting: self.dice.once_in(3),
        })
    }

    /// A new account, which takes over what an old one was for.
    pub fn account(&mut self) -> Command {
        let (kind, role) = *self.dice.of(&[
            (AccountKind::Income, Role::Sales),
            (AccountKind::Expense, Role::CostOfSales),
            (AccountKind::Expense, Role::BankCharges),
            (AccountKind::Asset, Role::Bank),
        ]);
        let code = format!("X{}", self.dice.below(1_000_000));
        Command::DefineAccount(DefineAccount {
            title: code.clone(),
            code: code.into(),
            kind,
            role: Some(role),
            blocked: false,
        })
    }
}
