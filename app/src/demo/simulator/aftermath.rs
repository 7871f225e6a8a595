//! What follows from a document on later days: goods come back, prices are put right, people pay.

use std::collections::BTreeMap;

use super::customers::Shop;
use super::draws::{Draws, Purpose};
use super::events::{CreditNote, CreditReason, Direction, Invoice, Payment, PaymentParty, Receipt, SaleLine};
use super::warehouse::Warehouse;
use cortex_types::Timestamp;

const DUE_DAYS: u32 = 30;
const RETURNED_LINES: f64 = 0.02;
const DISCOUNTED_LINES: f64 = 0.004;
/// What a discount after the fact takes off a line.
const DISCOUNT: f64 = 0.2;

/// A line that comes back, or is discounted, on a later day.
#[derive(Clone, Debug)]
struct Regret {
    note: CreditNote,
    /// What the returned pieces had cost.
    cost_minor: i64,
}

/// What credit notes did to the books.
#[derive(Clone, Debug, Default)]
pub struct Credited {
    pub notes: Vec<CreditNote>,
    pub revenue_minor: i64,
    pub cost_minor: i64,
}

/// Promises about later days, by day.
#[derive(Clone, Debug)]
pub struct Aftermath {
    draws: Draws,
    regrets: BTreeMap<u32, Vec<Regret>>,
    payments: BTreeMap<u32, Vec<Payment>>,
    /// Credited on invoices that are not paid yet, by invoice number.
    credit_minor: BTreeMap<String, i64>,
}

impl Aftermath {
    pub fn new(draws: Draws) -> Self {
        Self {
            draws,
            regrets: BTreeMap::new(),
            payments: BTreeMap::new(),
            credit_minor: BTreeMap::new(),
        }
    }

    /// What will follow from an invoice whose lines cost `costs_minor`.
    pub fn follow_invoice(&mut self, invoice: &Invoice, costs_minor: &[i64], shop: &Shop, day: u32) {
        let mut luck = self.draws.of(Purpose::Return, shop.no.0, day);
        for (line, cost_minor) in invoice.lines.iter().zip(costs_minor) {
            // Drawn for each line, so that one line's fate does not move the next one's.
            let (fate, after_days, share) = (luck.uniform(), luck.whole(3, 18), luck.uniform());
            let regret = if fate < RETURNED_LINES {
                let pieces = ((line.pieces as f64 * share).ceil() as i64).clamp(1, line.pieces);
                Some((
                    CreditReason::Return,
                    pieces,
                    pieces * line.unit_price_minor,
                    cost_minor * pieces / line.pieces,
                ))
            } else if fate < RETURNED_LINES + DISCOUNTED_LINES {
                Some((
                    CreditReason::Discount,
                    line.pieces,
                    (line.net_minor() as f64 * DISCOUNT) as i64,
                    0,
                ))
            } else {
                None
            };
            if let Some((reason, pieces, net_minor, cost_minor)) = regret.filter(|regret| regret.2 > 0) {
                let note = credit_note(invoice, line, reason, pieces, net_minor);
                self.regrets
                    .entry(day + after_days)
                    .or_default()
                    .push(Regret { note, cost_minor });
            }
        }
        self.expect_payment(invoice, shop, day);
    }

    fn expect_payment(&mut self, invoice: &Invoice, shop: &Shop, day: u32) {
        let mut luck = self.draws.of(Purpose::Payment, shop.no.0, day);
        let days_late = luck.whole(shop.traits.pays_late_days.0, shop.traits.pays_late_days.1);
        let payment = Payment {
            number: format!("PAY-{}", invoice.number),
            party: PaymentParty::Customer(shop.no),
            direction: Direction::In,
            amount_minor: invoice.net_minor(),
            at: Timestamp::default(),
            days_late,
        };
        self.payments
            .entry(day + DUE_DAYS + days_late)
            .or_default()
            .push(payment);
    }

    /// Suppliers are paid when they are due.
    pub fn follow_receipt(&mut self, receipt: &Receipt) {
        let payment = Payment {
            number: format!("PAY-{}", receipt.number),
            party: PaymentParty::Supplier(receipt.supplier),
            direction: Direction::Out,
            amount_minor: receipt.lines.iter().map(|line| line.value_minor).sum(),
            at: Timestamp::default(),
            days_late: 0,
        };
        self.payments.entry(receipt.day + DUE_DAYS).or_default().push(payment);
    }

    /// The credit notes of the day; what came back is on the shelf again.
    pub fn credit(&mut self, day: u32, at: Timestamp, warehouse: &mut Warehouse) -> Credited {
        let mut credited = Credited::default();
        for Regret { mut note, cost_minor } in self.regrets.remove(&day).unwrap_or_default() {
            note.at = at;
            if note.reason == CreditReason::Return {
                warehouse.put_back(note.product, note.pieces, cost_minor);
                credited.cost_minor += cost_minor;
            }
            credited.revenue_minor += note.net_minor;
            *self.credit_minor.entry(note.invoice.clone()).or_default() += note.net_minor;
            credited.notes.push(note);
        }
        credited
    }

    /// The payments of the day: shops pay what is left of their invoices.
    pub fn pay(&mut self, day: u32, at: Timestamp) -> Vec<Payment> {
        let mut due = self.payments.remove(&day).unwrap_or_default();
        for payment in &mut due {
            payment.at = at;
            let invoice = payment.number.strip_prefix("PAY-").unwrap_or_default();
            payment.amount_minor -= self.credit_minor.remove(invoice).unwrap_or(0);
        }
        due.retain(|payment| payment.amount_minor > 0);
        due
    }
}

fn credit_note(invoice: &Invoice, line: &SaleLine, reason: CreditReason, pieces: i64, net_minor: i64) -> CreditNote {
    CreditNote {
        number: format!("CN-{}-{}", invoice.number, line.product.code()),
        invoice: invoice.number.clone(),
        customer: invoice.customer,
        country: invoice.country,
        at: Timestamp::default(),
        reason,
        product: line.product,
        pieces,
        net_minor,
    }
}
