//! A day of selling: orders meet shelves.

use chrono::{NaiveDate, NaiveTime};
use cortex_types::Timestamp;

use super::aftermath::Aftermath;
use super::basket::{Showcase, Wanted};
use super::books::Books;
use super::catalogue::Product;
use super::config::SimulatorConfig;
use super::customers::{CustomerNo, Shop};
use super::draws::{Draws, Purpose};
use super::events::{CashSale, Invoice, LostSale, SaleLine};
use super::warehouse::Warehouse;

/// Minutes of the day between which orders come in.
const DOORS: (u32, u32) = (8 * 60, 18 * 60 - 1);
const HOME_COUNTRY: &str = "United Kingdom";
const POSTAGE_ABROAD_MINOR: i64 = 1500;

pub struct Till<'a> {
    pub day: u32,
    pub date: NaiveDate,
    pub traffic: f64,
    pub draws: Draws,
    pub config: &'a SimulatorConfig,
    pub products: &'a [Product],
    pub showcase: &'a Showcase<'a>,
    pub warehouse: &'a mut Warehouse,
    pub aftermath: &'a mut Aftermath,
    pub books: &'a mut Books,
    pub lost_sales: Vec<LostSale>,
}

/// What of an order could be delivered.
struct Served {
    lines: Vec<SaleLine>,
    /// Cost of each line.
    costs_minor: Vec<i64>,
    /// Share of the wanted value that was there.
    share: f64,
}

impl Till<'_> {
    /// Orders of shops, in the order of their time of day.
    pub fn serve_shops(&mut self, shops: &mut [Shop]) -> Vec<Invoice> {
        let mut buyers: Vec<(u32, &mut Shop)> = shops
            .iter_mut()
            .filter(|shop| shop.orders(self.day, self.traffic, self.draws))
            .map(|shop| {
                (
                    self.draws
                        .of(Purpose::TimeOfDay, shop.no.0, self.day)
                        .whole(DOORS.0, DOORS.1),
                    shop,
                )
            })
            .collect();
        buyers.sort_by_key(|(minute, shop)| (*minute, shop.no));
        buyers
            .into_iter()
            .filter_map(|(minute, shop)| self.invoice(shop, minute))
            .collect()
    }

    /// `None` where nothing of the order was there.
    fn invoice(&mut self, shop: &mut Shop, minute: u32) -> Option<Invoice> {
        let with_offer = shop.state.open_offer_day.is_some();
        let mut wanted = self.showcase.order_of(shop, self.day, self.draws);
        if with_offer {
            self.discount(&mut wanted);
        }
        let served = self.deliver(&wanted, Some(shop.no));
        shop.remember_order(self.day, served.share);
        if served.lines.is_empty() {
            return None;
        }
        let invoice = Invoice {
            number: format!("I{:03}-{}", self.day, shop.no.code()),
            customer: shop.no,
            country: shop.country,
            at: instant(self.date, minute),
            lines: served.lines,
            postage_minor: if shop.country == HOME_COUNTRY {
                0
            } else {
                POSTAGE_ABROAD_MINOR
            },
            with_offer,
        };
        self.books.orders += 1;
        if with_offer {
            // The lines' prices are after the discount: before it they were so much more.
            let net: i64 = invoice.lines.iter().map(SaleLine::net_minor).sum();
            let share = self.config.offer_discount / (1.0 - self.config.offer_discount);
            self.books.offer_discounts_minor += (net as f64 * share).round() as i64;
        }
        self.aftermath
            .follow_invoice(&invoice, &served.costs_minor, shop, self.day);
        Some(invoice)
    }

    fn discount(&self, wanted: &mut [Wanted]) {
        for line in wanted {
            line.unit_price_minor = (line.unit_price_minor as f64 * (1.0 - self.config.offer_discount)).round() as i64;
        }
    }

    /// Sales over the counter come after the day's orders were picked.
    pub fn serve_counter(&mut self) -> Vec<CashSale> {
        let count = self
            .draws
            .of(Purpose::CashSale, 0, self.day)
            .poisson(self.config.cash_sales_per_day * self.traffic);
        let sales = (1..=count).filter_map(|no| {
            let mut stream = self.draws.of(Purpose::CashSale, no, self.day);
            let minute = stream.whole(DOORS.0, DOORS.1);
            let served = self.deliver(&self.showcase.counter_sale(&mut stream), None);
            let sale = CashSale {
                number: format!("T{:03}-{no:03}", self.day),
                at: instant(self.date, minute),
                lines: served.lines,
            };
            (!sale.lines.is_empty()).then_some(sale)
        });
        let mut sales: Vec<CashSale> = sales.collect();
        sales.sort_by(|left, right| (left.at, &left.number).cmp(&(right.at, &right.number)));
        self.books.cash_minor += sales
            .iter()
            .flat_map(|sale| &sale.lines)
            .map(SaleLine::net_minor)
            .sum::<i64>();
        sales
    }

    /// Takes what there is off the shelves and writes down what was missing.
    fn deliver(&mut self, wanted: &[Wanted], customer: Option<CustomerNo>) -> Served {
        let mut served = Served {
            lines: Vec::new(),
            costs_minor: Vec::new(),
            share: 1.0,
        };
        let (mut wanted_minor, mut served_minor) = (0, 0);
        for line in wanted {
            let (pieces, cost_minor) = self.warehouse.take(line.product, line.pieces);
            wanted_minor += line.pieces * line.unit_price_minor;
            served_minor += pieces * line.unit_price_minor;
            self.books.lines += 1;
            self.books.revenue_minor += pieces * line.unit_price_minor;
            self.books.cogs_minor += cost_minor;
            if pieces < line.pieces {
                self.lose(line, line.pieces - pieces, customer);
            }
            if pieces > 0 {
                let unit_price_minor = line.unit_price_minor;
                served.lines.push(SaleLine {
                    product: line.product,
                    pieces,
                    unit_price_minor,
                });
                served.costs_minor.push(cost_minor);
            }
        }
        if wanted_minor > 0 {
            served.share = served_minor as f64 / wanted_minor as f64;
        }
        served
    }

    fn lose(&mut self, line: &Wanted, pieces: i64, customer: Option<CustomerNo>) {
        let cost_minor = self
            .products
            .get(line.product.place())
            .map_or(0, |product| product.cost_minor);
        let revenue_minor = pieces * line.unit_price_minor;
        let margin_minor = revenue_minor - pieces * cost_minor;
        self.books.short_lines += 1;
        self.books.lost_revenue_minor += revenue_minor;
        self.books.lost_margin_minor += margin_minor;
        self.lost_sales.push(LostSale {
            customer,
            product: line.product,
            pieces,
            revenue_minor,
            margin_minor,
        });
    }
}

/// A minute of a day.
pub fn instant(date: NaiveDate, minute: u32) -> Timestamp {
    let time = NaiveTime::from_num_seconds_from_midnight_opt(minute * 60, 0).unwrap_or_default();
    date.and_time(time).and_utc().into()
}
