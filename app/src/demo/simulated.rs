//! A business that could be: a simulated year, lived twice from the same seed. One of the two is booked through the ERP
//! and does what the models advise; the other goes by rules of thumb, and shows what the advice was worth.

use std::collections::BTreeMap;

use async_trait::async_trait;
use cortex_erp::Erp;
use cortex_serving::Prediction;
use cortex_types::{RequestContext, Timestamp};

use super::booking::Booking;
use super::business::{Business, Traded};
use super::report::MoneyLine;
use super::simulator::{
    Actions, Books, Candidate, CustomerNo, DayEvents, ProductNo, SAFETY, Simulator, SimulatorConfig, offers_at_random,
    offers_to_those_at_risk, reorder_min_max, reorder_to_forecast,
};

/// Offers that are sent in a week, at most.
const OFFERS_PER_WEEK: usize = 25;
/// What a shop spent in so many days is what there is to lose.
const VALUE_DAYS: u32 = 90;
const DAY_MICROS: i64 = 86_400_000_000;
const WEEK_DAYS: u32 = 7;

/// The same year with the loop and without it.
pub struct SimulatedYear {
    config: SimulatorConfig,
    with_loop: Simulator,
    by_thumb: Simulator,
    booking: Booking,
    /// Newest forecasts and scores, from the models.
    forecasts: BTreeMap<ProductNo, f64>,
    scores: BTreeMap<CustomerNo, f64>,
    spending: BTreeMap<CustomerNo, Vec<(u32, i64)>>,
    last_offer: BTreeMap<CustomerNo, u32>,
    /// Profit so far at the end of each week: with the loop, by rules of thumb.
    profits: Vec<(f64, f64)>,
}

impl SimulatedYear {
    #[must_use]
    pub fn new(config: SimulatorConfig) -> Self {
        let with_loop = Simulator::new(config.clone());
        Self {
            by_thumb: Simulator::new(config.clone()),
            booking: Booking::new(&with_loop, config.currency),
            with_loop,
            config,
            forecasts: BTreeMap::new(),
            scores: BTreeMap::new(),
            spending: BTreeMap::new(),
            last_offer: BTreeMap::new(),
            profits: Vec::new(),
        }
    }

    fn begins_at(&self) -> Timestamp {
        self.config.start.and_time(chrono::NaiveTime::MIN).and_utc().into()
    }

    /// A Monday morning: what the models advise where they have said something, rules of thumb where not.
    fn advised_actions(&mut self) -> Actions {
        let day = self.with_loop.day();
        let stock = self.with_loop.stock();
        let mut reorders = reorder_min_max(&stock);
        reorders.retain(|product, _| !self.forecasts.contains_key(product));
        reorders.extend(reorder_to_forecast(&stock, &self.forecasts, SAFETY));
        let candidates: Vec<Candidate> = self
            .scores
            .iter()
            .map(|(customer, score)| self.candidate(*customer, *score))
            .collect();
        let offers = offers_to_those_at_risk(&candidates, day, OFFERS_PER_WEEK);
        self.last_offer.extend(offers.iter().map(|customer| (*customer, day)));
        Actions { offers, reorders }
    }

    fn candidate(&self, customer: CustomerNo, score: f64) -> Candidate {
        let since = self.with_loop.day().saturating_sub(VALUE_DAYS);
        let spent = self.spending.get(&customer).map_or(&[][..], Vec::as_slice);
        Candidate {
            customer,
            score,
            value_minor: spent
                .iter()
                .filter(|(day, _)| *day >= since)
                .map(|(_, minor)| minor)
                .sum(),
            last_offer_day: self.last_offer.get(&customer).copied(),
        }
    }

    /// The same number of offers, to whoever the lot falls on, and reorders by minimum and maximum.
    fn actions_by_thumb(&self, offers: usize) -> Actions {
        let day = self.by_thumb.day();
        let open: Vec<CustomerNo> = self
            .by_thumb
            .shops()
            .iter()
            .filter(|shop| shop.since_day <= day)
            .map(|shop| shop.no)
            .collect();
        Actions {
            offers: offers_at_random(self.config.seed, day, &open, offers),
            reorders: reorder_min_max(&self.by_thumb.stock()),
        }
    }

    fn remember(&mut self, events: &DayEvents) {
        for invoice in &events.invoices {
            self.spending
                .entry(invoice.customer)
                .or_default()
                .push((events.day, invoice.net_minor()));
        }
    }
}

#[async_trait]
impl Business for SimulatedYear {
    fn source(&self) -> String {
        format!(
            "A simulated year of a gift wholesaler (seed {}, {} shops, {} products, {} days)",
            self.config.seed, self.config.customers, self.config.products, self.config.days
        )
    }

    fn span(&self) -> (Timestamp, Timestamp) {
        let begin = self.begins_at();
        (
            begin,
            Timestamp::from_micros(begin.micros() + i64::from(self.config.days) * DAY_MICROS),
        )
    }

    async fn trade(
        &mut self,
        erp: &Erp,
        ctx: &RequestContext,
        _from: Timestamp,
        to: Timestamp,
    ) -> anyhow::Result<Traded> {
        let mut traded = Traded::default();
        let last_day = u32::try_from((to.micros() - self.begins_at().micros()) / DAY_MICROS)?;
        while self.with_loop.day() < last_day && !self.with_loop.is_over() {
            let (mut actions, mut thumb) = (Actions::default(), Actions::default());
            if self.with_loop.day().is_multiple_of(WEEK_DAYS) {
                actions = self.advised_actions();
                thumb = self.actions_by_thumb(actions.offers.len());
            }
            let events = self.with_loop.step(&actions);
            self.by_thumb.step(&thumb);
            self.remember(&events);
            traded = traded.plus(self.booking.book(erp, ctx, &self.with_loop, &events).await?);
        }
        let profit = |simulator: &Simulator| simulator.books().margin_minor() as f64 / 100.0;
        self.profits.push((profit(&self.with_loop), profit(&self.by_thumb)));
        Ok(traded)
    }

    fn advised(&mut self, model: &str, predictions: &[Prediction]) {
        match model {
            "units-7d" => {
                let forecast =
                    |prediction: &Prediction| Some((ProductNo::from_code(&prediction.entity_key)?, prediction.score));
                self.forecasts = predictions.iter().filter_map(forecast).collect();
            }
            "repurchase-30d" => {
                let score =
                    |prediction: &Prediction| Some((CustomerNo::from_code(&prediction.entity_key)?, prediction.score));
                self.scores = predictions.iter().filter_map(score).collect();
            }
            _ => {}
        }
    }

    fn money(&self) -> Vec<MoneyLine> {
        vec![
            money_line("with the loop", self.with_loop.books()),
            money_line("by rules of thumb", self.by_thumb.books()),
        ]
    }

    fn money_weeks(&self) -> Vec<(String, Vec<f64>)> {
        vec![
            (
                "with the loop".to_owned(),
                self.profits.iter().map(|(with_loop, _)| *with_loop).collect(),
            ),
            (
                "by rules of thumb".to_owned(),
                self.profits.iter().map(|(_, by_thumb)| *by_thumb).collect(),
            ),
        ]
    }

    fn assumptions(&self) -> Vec<String> {
        [
            "Customers, demand, suppliers and costs are simulated; both ways of running the year share the same seed and \
             the same chances, so that their difference is what was done.",
            "Without the loop: reorder at a minimum up to a maximum from the mean of four weeks; as many offers in the same \
             weeks, to whoever the lot falls on.",
            "Profit is revenue less cost of goods, offers and holding stock (40 % of its value a year); postage is passed on \
             at cost; fixed costs are left out, being the same.",
            "Documents are taken as known at the time they carry (known-at = event time).",
            "The simulated business was made by hand and so were the rules that act on scores and forecasts (a safety stock \
             among them): the gain is a property of this model, and no evidence about another business.",
        ]
        .map(str::to_owned)
        .to_vec()
    }
}

fn money_line(name: &str, books: &Books) -> MoneyLine {
    let pounds = |minor: i64| minor as f64 / 100.0;
    MoneyLine {
        name: name.to_owned(),
        revenue: pounds(books.revenue_minor),
        cost_of_goods: pounds(books.cogs_minor),
        offer_costs: pounds(books.offer_contacts_minor + books.offer_discounts_minor),
        holding_costs: pounds(books.holding_minor),
        lost_sales: pounds(books.lost_revenue_minor),
        fill_rate: books.fill_rate(),
        profit: pounds(books.margin_minor()),
    }
}
