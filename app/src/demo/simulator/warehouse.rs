//! What is on the shelves, what is on its way, and what it is worth.

use std::collections::VecDeque;

use cortex_types::Timestamp;

use super::catalogue::{Product, ProductNo, Supplier};
use super::draws::{Draws, Purpose};
use super::events::{Receipt, ReceiptLine};

/// Suppliers raise their prices by this share over a year.
const COST_INFLATION: f64 = 0.04;
const SALES_WINDOW_DAYS: usize = 28;

/// What the ERP can tell of one product this morning.
#[derive(Clone, Debug, PartialEq)]
pub struct StockPosition {
    pub product: ProductNo,
    pub on_hand: i64,
    pub on_order: i64,
    /// As the supplier quotes it.
    pub lead_time_days: u32,
    pub carton_pieces: i64,
    /// Pieces sold in the last 28 days, less while the product is younger.
    pub sold_28_days: i64,
}

#[derive(Clone, Debug)]
struct Shelf {
    on_hand: i64,
    /// Value of what is on hand, at moving-average cost.
    value_minor: i64,
    /// (day of arrival, pieces), in the order in which they were ordered.
    on_order: Vec<(u32, i64)>,
    /// Pieces sold on each of the last days, newest last.
    sold: VecDeque<i64>,
}

#[derive(Clone, Debug)]
pub struct Warehouse {
    shelves: Vec<Shelf>,
    draws: Draws,
}

impl Warehouse {
    pub fn empty(products: usize, draws: Draws) -> Self {
        let shelf = Shelf {
            on_hand: 0,
            value_minor: 0,
            on_order: Vec::new(),
            sold: VecDeque::new(),
        };
        Self {
            shelves: vec![shelf; products],
            draws,
        }
    }

    pub fn value_minor(&self) -> i64 {
        self.shelves.iter().map(|shelf| shelf.value_minor).sum()
    }

    /// Orders at least `pieces`, in whole cartons; they arrive after the supplier's lead time, or some days later.
    pub fn order(&mut self, product: &Product, supplier: &Supplier, pieces: i64, day: u32) {
        let mut luck = self.draws.of(Purpose::LeadTime, product.no.0, day);
        let late_days = if luck.chance(0.2) { luck.whole(1, 6) } else { 0 };
        self.expect(product, pieces, day + supplier.lead_time_days + late_days);
    }

    /// At least `pieces`, in whole cartons, will arrive on the day `arrives`.
    pub fn expect(&mut self, product: &Product, pieces: i64, arrives: u32) {
        if let Some(shelf) = self.shelves.get_mut(product.no.place()).filter(|_| pieces > 0) {
            let cartons = pieces.saturating_add(product.carton_pieces - 1) / product.carton_pieces;
            shelf.on_order.push((arrives, cartons * product.carton_pieces));
        }
    }

    /// Puts what arrives today on the shelves: one receipt per supplier.
    pub fn receive(&mut self, day: u32, at: Timestamp, products: &[Product]) -> Vec<Receipt> {
        let mut receipts: Vec<Receipt> = Vec::new();
        for (product, shelf) in products.iter().zip(&mut self.shelves) {
            let pieces: i64 = shelf
                .on_order
                .iter()
                .filter(|(arrives, _)| *arrives == day)
                .map(|(_, pieces)| pieces)
                .sum();
            shelf.on_order.retain(|(arrives, _)| *arrives != day);
            if pieces == 0 {
                continue;
            }
            let value_minor = pieces * cost_minor(product, day, self.draws);
            shelf.on_hand += pieces;
            shelf.value_minor += value_minor;
            let line = ReceiptLine {
                product: product.no,
                pieces,
                value_minor,
            };
            match receipts.iter_mut().find(|receipt| receipt.supplier == product.supplier) {
                Some(receipt) => receipt.lines.push(line),
                None => receipts.push(Receipt {
                    number: format!("R{day:03}-{}", product.supplier.code()),
                    day,
                    at,
                    supplier: product.supplier,
                    lines: vec![line],
                }),
            }
        }
        receipts
    }

    /// Takes up to `wanted` pieces off the shelf; answers how many there were, and their cost.
    pub fn take(&mut self, product: ProductNo, wanted: i64) -> (i64, i64) {
        let Some(shelf) = self.shelves.get_mut(product.place()) else {
            return (0, 0);
        };
        let pieces = wanted.clamp(0, shelf.on_hand);
        if pieces == 0 {
            return (0, 0);
        }
        let cost_minor = shelf.value_minor * pieces / shelf.on_hand;
        shelf.on_hand -= pieces;
        shelf.value_minor -= cost_minor;
        if let Some(today) = shelf.sold.back_mut() {
            *today += pieces;
        }
        (pieces, cost_minor)
    }

    /// Puts returned pieces back, at what they cost when they went.
    pub fn put_back(&mut self, product: ProductNo, pieces: i64, cost_minor: i64) {
        if let Some(shelf) = self.shelves.get_mut(product.place()) {
            shelf.on_hand += pieces;
            shelf.value_minor += cost_minor;
        }
    }

    /// Begins a day of selling.
    pub fn open_day(&mut self) {
        for shelf in &mut self.shelves {
            if shelf.sold.len() == SALES_WINDOW_DAYS {
                shelf.sold.pop_front();
            }
            shelf.sold.push_back(0);
        }
    }

    /// The products that shops can see by now.
    pub fn positions(&self, products: &[Product], suppliers: &[Supplier], day: u32) -> Vec<StockPosition> {
        let position = |(product, shelf): (&Product, &Shelf)| {
            let supplier = suppliers.iter().find(|supplier| supplier.no == product.supplier)?;
            Some(StockPosition {
                product: product.no,
                on_hand: shelf.on_hand,
                on_order: shelf.on_order.iter().map(|(_, pieces)| pieces).sum(),
                lead_time_days: supplier.lead_time_days,
                carton_pieces: product.carton_pieces,
                sold_28_days: shelf.sold.iter().sum(),
            })
        };
        let launched = products
            .iter()
            .zip(&self.shelves)
            .filter(|(product, _)| product.launched_on <= day);
        launched.filter_map(position).collect()
    }
}

/// What the supplier asks per piece on this day.
fn cost_minor(product: &Product, day: u32, draws: Draws) -> i64 {
    let inflation = 1.0 + COST_INFLATION * f64::from(day) / 365.0;
    let haggling = 1.0 + 0.02 * draws.of(Purpose::Cost, product.no.0, day).normal();
    ((product.cost_minor as f64 * inflation * haggling).round() as i64).max(1)
}
