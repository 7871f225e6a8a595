//! What a company does next, and what became of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use cortex_erp::{
    Command, DocumentKind, ErpError, InvoiceLineInput, LinePrice, OpenFiscalYear, OrderSide, QuantityInput, Receipt,
};
use cortex_types::{Currency, Timestamp, Unit};

use super::business::{Business, CUSTOMERS, GOODS, SERVICE, SUPPLIERS, TAXES, day};
use super::dice::Dice;
use super::{draws, money};
use crate::company::PIECE;

/// How far back documents are picked up again, of each kind.
const RECENT: usize = 40;

/// A document that there is.
#[derive(Clone)]
pub struct Posted {
    pub kind: DocumentKind,
    pub number: Arc<str>,
    pub currency: Currency,
    pub amount_minor: i64,
    /// Whose it is; empty where it is nobody's.
    pub party: Arc<str>,
    pub products: Vec<Arc<str>>,
}

pub struct History {
    pub business: &'static Business,
    pub dice: Dice,
    pub today: i64,
    pub posted: Vec<Posted>,
    /// How many years there are in the calendar, and how many of their months are closed softly and for good.
    pub years: i64,
    pub soft: i64,
    pub hard: i64,
    pub closed_years: i64,
    /// Carried out and refused, by what was drawn.
    pub drawn: BTreeMap<&'static str, (usize, usize)>,
}

impl History {
    pub fn new(business: &'static Business, seed: u64) -> Self {
        Self {
            business,
            dice: Dice(seed),
            today: 0,
            posted: Vec::new(),
            years: i64::from(business.base.is_some()),
            soft: 0,
            hard: 0,
            closed_years: 0,
            drawn: BTreeMap::new(),
        }
    }

    /// The next command, and what it is counted as.
    pub fn next(&mut self) -> (&'static str, Command) {
        if self.dice.once_in(14) {
            self.today += 1;
        }
        // The calendar goes on in time, as somebody would see to.
        if self.business.base.is_some() && day(self.today + 40) > draws::month(12 * self.years) {
            let from = draws::month(12 * self.years);
            let year = OpenFiscalYear {
                code: None,
                from,
                months: 12,
            };
            return ("fiscal year opened", Command::OpenFiscalYear(year));
        }
        let weights: u64 = draws::DRAWS.iter().map(|(weight, ..)| weight).sum();
        let mut place = self.dice.below(weights);
        for (weight, name, draw) in draws::DRAWS {
            if place < *weight {
                return (name, draw(self));
            }
            place -= weight;
        }
        unreachable!("a place beyond all weights")
    }

    /// Remembers what became of it.
    pub fn learn(&mut self, name: &'static str, command: &Command, answer: &Result<Receipt, ErpError>) {
        let counts = self.drawn.entry(name).or_default();
        let Ok(receipt) = answer else {
            counts.1 += 1;
            return;
        };
        counts.0 += 1;
        match command {
            Command::OpenFiscalYear(_) => self.years += 1,
            Command::SetPeriodState(period) => self.learn_period(&period.period, period.state),
            Command::CloseFiscalYear(_) => {
                self.closed_years += 1;
                self.hard = self.hard.max(12 * self.closed_years);
                self.soft = self.soft.max(self.hard);
            }
            _ => {}
        }
        let party = money::party_of(command, self).unwrap_or_else(|| "".into());
        self.posted.push(Posted {
            kind: receipt.kind,
            number: Arc::clone(&receipt.number),
            currency: receipt.currency,
            amount_minor: receipt.amount_minor,
            party,
            products: products_of(command),
        });
    }

    pub fn find(&self, kind: DocumentKind, number: &str) -> Option<&Posted> {
        self.posted
            .iter()
            .rev()
            .find(|of| of.kind == kind && *of.number == *number)
    }

    /// Mostly today, sometimes up to two months before, and now and then long ago.
    pub fn at(&mut self) -> Timestamp {
        let late = match self.dice.below(40) {
            0 => self.dice.between(61, 250),
            1..10 => self.dice.between(1, 60),
            _ => 0,
        };
        day((self.today - late).max(0))
    }

    pub fn good(&mut self) -> Arc<str> {
        self.dice.of(&GOODS).0.into()
    }

    pub fn location(&mut self) -> Option<Arc<str>> {
        Some((*self.dice.of(&["main", "main", "main", "shop", "shop", "depot"])).into())
    }

    pub fn customer(&mut self) -> Arc<str> {
        (*self.dice.of(&CUSTOMERS)).into()
    }

    pub fn supplier(&mut self) -> Arc<str> {
        (*self.dice.of(&SUPPLIERS)).into()
    }

    pub fn currency(&mut self) -> Currency {
        let named = match self.dice.once_in(3) {
            true => *self.dice.of(self.business.currencies),
            false => self.business.currencies[0],
        };
        named.parse().unwrap()
    }

    pub fn tax(&mut self) -> Option<Arc<str>> {
        (!self.dice.once_in(3)).then(|| (*self.dice.of(&TAXES)).into())
    }

    pub fn earlier(&mut self, kind: DocumentKind) -> Option<Posted> {
        self.earlier_of(&[kind])
    }

    /// One of the newest of these kinds.
    pub fn earlier_of(&mut self, kinds: &[DocumentKind]) -> Option<Posted> {
        let of_kinds = self.posted.iter().rev().filter(|of| kinds.contains(&of.kind));
        let recent: Vec<&Posted> = of_kinds.take(RECENT).collect();
        (!recent.is_empty()).then(|| (*self.dice.of(&recent)).clone())
    }

    /// So much of a product, in one of its units.
    pub fn quantity_of(&mut self, product: &str, pieces_max: i64) -> (i64, Option<Unit>) {
        let unit = |code: &str| Some(code.parse().unwrap());
        match product {
            "AVG" if self.dice.once_in(6) => (self.dice.between(1, 2) * PIECE, unit("BX")),
            "FLOUR" if self.dice.once_in(3) => (self.dice.between(100, 9_000) * PIECE, unit("GRM")),
            "FLOUR" => (self.dice.between(1, pieces_max * 4) * PIECE / 4, None),
            _ => (self.dice.between(1, pieces_max) * PIECE, None),
        }
    }

    /// Of products that a document has, or of any.
    pub fn quantities(&mut self, of: &[Arc<str>], pieces_max: i64) -> Vec<QuantityInput> {
        let count = self.dice.between(1, 2);
        let line = |_| {
            let product = self.one_of(of);
            let (quantity_micro, unit) = self.quantity_of(&product, pieces_max);
            QuantityInput {
                product,
                quantity_micro,
                unit,
            }
        };
        (0..count).map(line).collect()
    }

    pub fn one_of(&mut self, products: &[Arc<str>]) -> Arc<str> {
        match products.is_empty() || self.dice.once_in(20) {
            true => self.good(),
            false => Arc::clone(self.dice.of(products)),
        }
    }

    pub fn price(&mut self) -> LinePrice {
        match self.dice.below(8) {
            0 => LinePrice::List,
            1 => {
                let price = format!("{}.{:03}", self.dice.between(0, 40), self.dice.between(0, 999));
                LinePrice::Unit(price.parse().unwrap())
            }
            _ => LinePrice::Net(self.dice.between(0, 50_000)),
        }
    }

    /// A line of a document with prices, of goods mostly.
    pub fn line(&mut self, with_services: bool) -> InvoiceLineInput {
        let product = match with_services && self.dice.once_in(8) {
            true => SERVICE.into(),
            false => self.good(),
        };
        let (quantity_micro, unit) = self.quantity_of(&product, 15);
        InvoiceLineInput {
            product,
            quantity_micro,
            unit,
            price: self.price(),
            tax: self.tax(),
        }
    }

    pub fn lines(&mut self, with_services: bool) -> Vec<InvoiceLineInput> {
        (0..self.dice.between(1, 3)).map(|_| self.line(with_services)).collect()
    }

    pub fn side(&mut self) -> OrderSide {
        *self.dice.of(&[OrderSide::Sales, OrderSide::Sales, OrderSide::Purchase])
    }
}

/// What its lines are of.
fn products_of(command: &Command) -> Vec<Arc<str>> {
    let products = |lines: &[InvoiceLineInput]| lines.iter().map(|line| Arc::clone(&line.product)).collect();
    match command {
        Command::PostInvoice(invoice) => products(&invoice.lines),
        Command::PlaceOrder(order) => products(&order.lines),
        Command::ReceiveGoods(receipt) => receipt.lines.iter().map(|line| Arc::clone(&line.product)).collect(),
        _ => Vec::new(),
    }
}
