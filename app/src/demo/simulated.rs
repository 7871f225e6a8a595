//! A business that could be: a simulated year, lived three times from the same seed. The first is booked through the ERP
//! and does what the models advise; the second follows the same rules on plain averages, and the third goes by rules of
//! thumb: they show what the models were worth, and what the rules.

use std::collections::BTreeMap;

use async_trait::async_trait;
use cortex_erp::Erp;
use cortex_serving::Prediction;
use cortex_types::{RequestContext, Timestamp};

use super::booking::Booking;
use super::business::{Business, Override, Traded};
use super::report::MoneyLine;
use super::simulator::{
    Actions, Books, Candidate, CustomerNo, DayEvents, ProductNo, SAFETY, Simulator, SimulatorConfig, StockPosition,
    offers_at_random, offers_to_those_at_risk, reorder_min_max, reorder_to_forecast,
};

/// Offers that are sent in a week, at most.
const OFFERS_PER_WEEK: usize = 25;
/// What a shop spent in so many days is what there is to lose.
const VALUE_DAYS: u32 = 90;
/// Without a model, whoever bought within so many days is taken to come again.
const USUAL_RHYTHM_DAYS: f64 = 30.0;
/// What a week's record counts a week later.
const TRACK_KEPT: f64 = 0.75;
const DAY_MICROS: i64 = 86_400_000_000;
const WEEK_DAYS: u32 = 7;
const WITH_LOOP: &str = "with the loop";
const BY_AVERAGES: &str = "rules on averages";
const BY_THUMB: &str = "by rules of thumb";

/// One life of the year, with what its office can read off its own documents.
struct Life {
    simulator: Simulator,
    /// Day and value of each invoice.
    bought: BTreeMap<CustomerNo, Vec<(u32, i64)>>,
    last_offer: BTreeMap<CustomerNo, u32>,
    /// Pieces since Monday.
    sold: BTreeMap<ProductNo, i64>,
    /// Profit so far at the end of each week.
    profits: Vec<f64>,
}

impl Life {
    fn new(config: SimulatorConfig) -> Self {
        Self {
            simulator: Simulator::new(config),
            bought: BTreeMap::new(),
            last_offer: BTreeMap::new(),
            sold: BTreeMap::new(),
            profits: Vec::new(),
        }
    }

    fn step(&mut self, actions: &Actions) -> DayEvents {
        if self.simulator.day().is_multiple_of(WEEK_DAYS) {
            self.sold.clear();
        }
        let events = self.simulator.step(actions);
        let invoiced = events.invoices.iter().flat_map(|invoice| &invoice.lines);
        for line in invoiced.chain(events.cash_sales.iter().flat_map(|sale| &sale.lines)) {
            *self.sold.entry(line.product).or_default() += line.pieces;
        }
        for invoice in &events.invoices {
            self.bought
                .entry(invoice.customer)
                .or_default()
                .push((events.day, invoice.net_minor()));
        }
        events
    }

    fn candidate(&self, customer: CustomerNo, score: f64) -> Candidate {
        let since = self.simulator.day().saturating_sub(VALUE_DAYS);
        let bought = self.bought.get(&customer).map_or(&[][..], Vec::as_slice);
        let lately = bought.iter().filter(|(day, _)| *day >= since);
        Candidate {
            customer,
            score,
            value_minor: lately.map(|(_, minor)| minor).sum(),
            last_offer_day: self.last_offer.get(&customer).copied(),
        }
    }

    /// Offers to those at risk by `scores`; `lost` says how much of what a customer spends is at stake, 0 to 1.
    fn offers(&mut self, scores: &BTreeMap<CustomerNo, f64>, lost: impl Fn(CustomerNo, f64) -> f64) -> Vec<CustomerNo> {
        let day = self.simulator.day();
        let at_stake = |(customer, score): (&CustomerNo, &f64)| {
            let candidate = self.candidate(*customer, *score);
            let value_minor = (candidate.value_minor as f64 * lost(*customer, *score)) as i64;
            Candidate {
                value_minor,
                ..candidate
            }
        };
        let candidates: Vec<Candidate> = scores.iter().map(at_stake).collect();
        let offers = offers_to_those_at_risk(&candidates, day, OFFERS_PER_WEEK);
        self.last_offer.extend(offers.iter().map(|customer| (*customer, day)));
        offers
    }

    /// Reorders to `forecasts`, and by minimum and maximum where there is none.
    fn reorders(&self, forecasts: &BTreeMap<ProductNo, f64>) -> BTreeMap<ProductNo, i64> {
        let stock = self.simulator.stock();
        let mut reorders = reorder_min_max(&stock);
        reorders.retain(|product, _| !forecasts.contains_key(product));
        reorders.extend(reorder_to_forecast(&stock, forecasts, SAFETY));
        reorders
    }

    /// What four weeks sold, by the week.
    fn average_demand(&self) -> BTreeMap<ProductNo, f64> {
        let stock = self.simulator.stock();
        let weekly = |position: &StockPosition| position.sold_28_days as f64 / 4.0;
        stock
            .iter()
            .map(|position| (position.product, weekly(position)))
            .collect()
    }

    /// What is wanted, from forecasts of what will be sold: their mean with the average of four weeks (two forecasts
    /// together err less than either, Bates and Granger 1969), and no less than the average where the shelf is nearly
    /// empty, because what is not there is not sold, and foretells no sales.
    fn demand(&self, forecasts: &BTreeMap<ProductNo, f64>) -> BTreeMap<ProductNo, f64> {
        let stock = self.simulator.stock();
        let wanted = |position: &StockPosition| {
            let average = position.sold_28_days as f64 / 4.0;
            let together = (forecasts.get(&position.product)? + average) / 2.0;
            let nearly_empty = (position.on_hand as f64) < average;
            let wanted = if nearly_empty { together.max(average) } else { together };
            Some((position.product, wanted))
        };
        stock.iter().filter_map(wanted).collect()
    }

    /// How likely each customer is to come again, by how long it has not.
    fn recency_scores(&self) -> BTreeMap<CustomerNo, f64> {
        let today = self.simulator.day();
        let score = |bought: &[(u32, i64)]| {
            let last = bought.last().map_or(0, |(day, _)| *day);
            (USUAL_RHYTHM_DAYS / f64::from(today - last).max(1.0)).min(1.0)
        };
        let scores = self.bought.iter().map(|(customer, bought)| (*customer, score(bought)));
        scores.collect()
    }

    fn close_week(&mut self) {
        self.profits.push(self.simulator.books().margin_minor() as f64 / 100.0);
    }
}

/// How forecasts fared: what they said in all, and what was sold of the same products. A forecast that is right in most
/// weeks says less than the mean, which is what an order has to cover.
#[derive(Default)]
struct Track {
    said: f64,
    sold: f64,
}

impl Track {
    fn week_passed(&mut self, forecasts: &BTreeMap<ProductNo, f64>, sold: &BTreeMap<ProductNo, i64>) {
        let of_them = forecasts.keys().filter_map(|product| sold.get(product));
        self.said = self.said * TRACK_KEPT + forecasts.values().sum::<f64>();
        self.sold = self.sold * TRACK_KEPT + of_them.sum::<i64>() as f64;
    }

    fn corrected(&self, forecasts: &BTreeMap<ProductNo, f64>) -> BTreeMap<ProductNo, f64> {
        let factor = if self.said > 0.0 { self.sold / self.said } else { 1.0 };
        forecasts
            .iter()
            .map(|(product, units)| (*product, units * factor))
            .collect()
    }
}

/// The same year with the loop and without it.
pub struct SimulatedYear {
    config: SimulatorConfig,
    with_loop: Life,
    by_averages: Life,
    by_thumb: Life,
    booking: Booking,
    /// Newest forecasts of the model.
    forecasts: BTreeMap<ProductNo, f64>,
    track: Track,
    /// The highest score that each customer ever had.
    at_best: BTreeMap<CustomerNo, f64>,
    /// Offers of this Monday.
    offers: Vec<CustomerNo>,
    /// Whether a model has answered yet: until then, all lives go by rules of thumb.
    advised: bool,
}

impl SimulatedYear {
    #[must_use]
    pub fn new(config: SimulatorConfig) -> Self {
        let with_loop = Life::new(config.clone());
        Self {
            by_averages: Life::new(config.clone()),
            by_thumb: Life::new(config.clone()),
            booking: Booking::new(&with_loop.simulator, config.currency),
            with_loop,
            config,
            forecasts: BTreeMap::new(),
            track: Track::default(),
            at_best: BTreeMap::new(),
            offers: Vec::new(),
            advised: false,
        }
    }

    fn begins_at(&self) -> Timestamp {
        self.config.start.and_time(chrono::NaiveTime::MIN).and_utc().into()
    }

    /// A Monday morning in each of the three lives.
    fn monday(&mut self) -> [Actions; 3] {
        let with_loop = Actions {
            offers: std::mem::take(&mut self.offers),
            reorders: self
                .with_loop
                .reorders(&self.with_loop.demand(&self.track.corrected(&self.forecasts))),
        };
        let mut by_averages = Actions {
            offers: Vec::new(),
            reorders: reorder_min_max(&self.by_averages.simulator.stock()),
        };
        if self.advised {
            by_averages.reorders = self.by_averages.reorders(&self.by_averages.average_demand());
            by_averages.offers = self.by_averages.offers(&self.by_averages.recency_scores(), |_, _| 1.0);
        }
        let by_thumb = self.by_thumb_with(with_loop.offers.len());
        [with_loop, by_averages, by_thumb]
    }

    /// Reorders by minimum and maximum, and so many offers to whoever the lot falls on.
    fn by_thumb_with(&self, offers: usize) -> Actions {
        let simulator = &self.by_thumb.simulator;
        let day = simulator.day();
        let open: Vec<CustomerNo> = simulator
            .shops()
            .iter()
            .filter(|shop| shop.since_day <= day)
            .map(|shop| shop.no)
            .collect();
        Actions {
            offers: offers_at_random(self.config.seed, day, &open, offers),
            reorders: reorder_min_max(&simulator.stock()),
        }
    }

    /// Of those whom the model would make an offer, the ones where most is at risk get it.
    fn choose_offers(&mut self, predictions: &[Prediction]) -> Vec<Override> {
        let advised: Vec<(&Prediction, CustomerNo)> = predictions
            .iter()
            .filter(|prediction| prediction.action.is_some())
            .filter_map(|prediction| Some((prediction, CustomerNo::from_code(&prediction.entity_key)?)))
            .collect();
        for prediction in predictions {
            if let Some(customer) = CustomerNo::from_code(&prediction.entity_key) {
                let best = self.at_best.entry(customer).or_default();
                *best = best.max(prediction.score);
            }
        }
        let scores = advised
            .iter()
            .map(|(prediction, customer)| (*customer, prediction.score));
        // Who seldom buys has a low score always; who is about to leave had a better one.
        let at_best = &self.at_best;
        let fallen = |customer: CustomerNo, score: f64| at_best.get(&customer).map_or(0.0, |best| best - score);
        self.offers = self.with_loop.offers(&scores.collect(), fallen);
        let left_out = advised.iter().filter(|(_, customer)| !self.offers.contains(customer));
        left_out
            .map(|(prediction, _)| Override {
                decision: prediction.decision_id,
                action: "none",
            })
            .collect()
    }

    fn lives(&self) -> [(&'static str, &Life); 3] {
        [
            (WITH_LOOP, &self.with_loop),
            (BY_AVERAGES, &self.by_averages),
            (BY_THUMB, &self.by_thumb),
        ]
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
        while self.with_loop.simulator.day() < last_day && !self.with_loop.simulator.is_over() {
            let [with_loop, by_averages, by_thumb] = match self.with_loop.simulator.day() {
                day if day.is_multiple_of(WEEK_DAYS) => self.monday(),
                _ => Default::default(),
            };
            let events = self.with_loop.step(&with_loop);
            self.by_averages.step(&by_averages);
            self.by_thumb.step(&by_thumb);
            let booked = self.booking.book(erp, ctx, &self.with_loop.simulator, &events).await?;
            traded = traded.plus(booked);
        }
        for life in [&mut self.with_loop, &mut self.by_averages, &mut self.by_thumb] {
            life.close_week();
        }
        Ok(traded)
    }

    fn advised(&mut self, model: &str, predictions: &[Prediction]) -> Vec<Override> {
        self.advised = true;
        match model {
            "units-7d" => {
                let forecast =
                    |prediction: &Prediction| Some((ProductNo::from_code(&prediction.entity_key)?, prediction.score));
                self.track.week_passed(&self.forecasts, &self.with_loop.sold);
                self.forecasts = predictions.iter().filter_map(forecast).collect();
                Vec::new()
            }
            "repurchase-30d" => self.choose_offers(predictions),
            _ => Vec::new(),
        }
    }

    fn money(&self) -> Vec<MoneyLine> {
        let lines = self
            .lives()
            .map(|(name, life)| money_line(name, life.simulator.books()));
        lines.to_vec()
    }

    fn money_weeks(&self) -> Vec<(String, Vec<f64>)> {
        let weeks = self.lives().map(|(name, life)| (name.to_owned(), life.profits.clone()));
        weeks.to_vec()
    }

    fn assumptions(&self) -> Vec<String> {
        [
            "Customers, demand, suppliers and costs are simulated; the three ways of running the year share the same seed \
             and the same chances, so that their difference is what was done. Until the first model answers, all three go \
             by rules of thumb.",
            "Rules on averages: the same rules for reorders, safety stock and offers as with the loop, but demand is the \
             mean of four weeks, and whoever has not bought for more than sixty days is at risk.",
            "Rules of thumb: reorder at a minimum up to a maximum from the mean of four weeks; as many offers in the same \
             weeks as with the loop, to whoever the lot falls on.",
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
