//! One day after the other.

use std::collections::BTreeSet;

use super::aftermath::Aftermath;
use super::basket::Showcase;
use super::books::Books;
use super::calendar::Calendar;
use super::catalogue::{self, Product, Supplier};
use super::config::SimulatorConfig;
use super::customers::{self, CustomerNo, Shop};
use super::dirt;
use super::draws::{Draws, Purpose};
use super::events::{Actions, CashSale, DayEvents, Direction, Invoice, LostSale};
use super::selling::{Till, instant};
use super::warehouse::{StockPosition, Warehouse};

/// Minutes of the day: goods arrive before the doors open, the office works after they close.
const RECEIPTS_AT: u32 = 7 * 60;
const CREDIT_NOTES_AT: u32 = 18 * 60 + 15;
const PAYMENTS_AT: u32 = 18 * 60 + 30;
/// Weeks of ordinary demand on the shelves on the first morning.
const OPENING_WEEKS: f64 = 5.0;

/// The business, between two days.
#[derive(Clone, Debug)]
pub struct Simulator {
    pub(super) config: SimulatorConfig,
    pub(super) draws: Draws,
    pub(super) calendar: Calendar,
    pub(super) products: Vec<Product>,
    pub(super) momentum: Vec<Vec<f64>>,
    pub(super) shops: Vec<Shop>,
    suppliers: Vec<Supplier>,
    warehouse: Warehouse,
    aftermath: Aftermath,
    books: Books,
    day: u32,
}

impl Simulator {
    #[must_use]
    pub fn new(config: SimulatorConfig) -> Self {
        let draws = Draws::new(config.seed);
        let products = catalogue::products(draws, config.products);
        Self {
            calendar: Calendar::new(config.start, config.growth, draws),
            momentum: catalogue::momentum(draws, config.products, config.days / 7 + 1),
            shops: customers::shops(draws, config.customers, config.days),
            suppliers: catalogue::suppliers(draws),
            warehouse: Warehouse::empty(products.len(), draws),
            aftermath: Aftermath::new(draws),
            books: Books::default(),
            day: 0,
            products,
            draws,
            config,
        }
    }

    /// The day that the next step plays, counted from 0.
    #[must_use]
    pub fn day(&self) -> u32 {
        self.day
    }

    #[must_use]
    pub fn is_over(&self) -> bool {
        self.day >= self.config.days
    }

    #[must_use]
    pub fn products(&self) -> &[Product] {
        &self.products
    }

    #[must_use]
    pub fn suppliers(&self) -> &[Supplier] {
        &self.suppliers
    }

    /// All shops of the year, those still to come among them.
    #[must_use]
    pub fn shops(&self) -> &[Shop] {
        &self.shops
    }

    /// What the ERP can tell of the stock this morning.
    #[must_use]
    pub fn stock(&self) -> Vec<StockPosition> {
        self.warehouse.positions(&self.products, &self.suppliers, self.day)
    }

    /// Everything up to this morning.
    #[must_use]
    pub fn books(&self) -> &Books {
        &self.books
    }

    /// Plays one day: what is done in the morning, then what comes of it until night.
    pub fn step(&mut self, actions: &Actions) -> DayEvents {
        let day = self.day;
        let date = self.calendar.date(day);
        let mut books = Books::default();
        self.act(actions, day, &mut books);
        let receipts = self.warehouse.receive(day, instant(date, RECEIPTS_AT), &self.products);
        for receipt in &receipts {
            self.aftermath.follow_receipt(receipt);
        }
        self.warehouse.open_day();
        for shop in self.shops.iter_mut().filter(|shop| shop.since_day <= day) {
            shop.wake(day, self.draws);
        }
        let (invoices, cash_sales, lost_sales) = self.sell(day, &mut books);
        let credited = self
            .aftermath
            .credit(day, instant(date, CREDIT_NOTES_AT), &mut self.warehouse);
        books.revenue_minor -= credited.revenue_minor;
        books.cogs_minor -= credited.cost_minor;
        let payments = self.aftermath.pay(day, instant(date, PAYMENTS_AT));
        let paid = payments
            .iter()
            .map(|payment| signed(payment.direction, payment.amount_minor));
        books.cash_minor += paid.sum::<i64>();
        books.holding_minor = (self.warehouse.value_minor() as f64 * self.config.holding_rate / 365.0).round() as i64;
        books.cash_minor -= books.holding_minor + books.offer_contacts_minor;
        self.books += books;
        self.day += 1;
        DayEvents {
            day,
            date,
            receipts,
            invoices,
            cash_sales,
            credit_notes: credited.notes,
            payments,
            lost_sales,
            dirty_rows: dirt::rows(day, date, self.config.dirty_rows_per_day, self.draws),
        }
    }

    fn act(&mut self, actions: &Actions, day: u32, books: &mut Books) {
        if day == 0 {
            self.stock_up();
        }
        for customer in actions.offers.iter().collect::<BTreeSet<&CustomerNo>>() {
            if let Some(shop) = self
                .shops
                .get_mut(customer.place())
                .filter(|shop| shop.since_day <= day)
            {
                shop.receive_offer(day, self.draws);
                books.offers += 1;
                books.offer_contacts_minor += self.config.offer_contact_minor;
            }
        }
        for (no, pieces) in &actions.reorders {
            let Some(product) = self.products.get(no.place()) else {
                continue;
            };
            if let Some(supplier) = self.suppliers.iter().find(|supplier| supplier.no == product.supplier) {
                self.warehouse.order(product, supplier, *pieces, day);
            }
        }
    }

    /// The shelves of the first morning, and of each launch: some weeks of what an ordinary week would bring.
    fn stock_up(&mut self) {
        let rate: f64 = self
            .shops
            .iter()
            .map(|shop| shop.traits.rate * shop.traits.lines * shop.traits.pack as f64)
            .sum();
        let popularity: f64 = self.products.iter().map(|product| product.popularity).sum();
        for product in &self.products {
            let season = self
                .calendar
                .season(product.category, product.launched_on + 14)
                .max(0.3);
            let weekly = 7.0 * 0.8 * rate * product.popularity / popularity * season;
            let luck = self.draws.of(Purpose::OpeningStock, product.no.0, 0).between(0.7, 1.3);
            self.warehouse.expect(
                product,
                (weekly * OPENING_WEEKS * luck).ceil() as i64,
                product.launched_on,
            );
        }
    }

    fn sell(&mut self, day: u32, books: &mut Books) -> (Vec<Invoice>, Vec<CashSale>, Vec<LostSale>) {
        let showcase = Showcase::of(day, self.calendar, &self.products, &self.momentum);
        let mut till = Till {
            day,
            date: self.calendar.date(day),
            traffic: self.calendar.traffic(day),
            draws: self.draws,
            config: &self.config,
            products: &self.products,
            showcase: &showcase,
            warehouse: &mut self.warehouse,
            aftermath: &mut self.aftermath,
            books,
            lost_sales: Vec::new(),
        };
        let invoices = till.serve_shops(&mut self.shops);
        let cash_sales = till.serve_counter();
        (invoices, cash_sales, till.lost_sales)
    }
}

fn signed(direction: Direction, amount_minor: i64) -> i64 {
    match direction {
        Direction::In => amount_minor,
        Direction::Out => -amount_minor,
    }
}
