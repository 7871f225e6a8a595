//! A business that could be: a simulated year, lived four times from the same seed. The first is booked through the ERP
//! and does what the models advise; the second follows the same rules without models, the third simpler rules on plain
//! averages, and the fourth goes by rules of thumb: they show what the models were worth, and what the rules.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use cortex_erp::Erp;
use cortex_serving::Prediction;
use cortex_types::{RequestContext, Timestamp};

use super::booking::Booking;
use super::business::{Business, Override, Traded};
use super::life::Life;
use super::report::MoneyLine;
use super::simulator::{Actions, Books, CustomerNo, ProductNo, SimulatorConfig, offers_at_random, reorder_min_max};
use super::track::Track;

const DAY_MICROS: i64 = 86_400_000_000;
const WEEK_DAYS: u32 = 7;
const WITH_LOOP: &str = "with the loop";
const BY_RULES: &str = "rules, no models";
const BY_AVERAGES: &str = "rules on averages";
const BY_THUMB: &str = "by rules of thumb";

/// The same year with the loop and without it.
pub struct SimulatedYear {
    config: SimulatorConfig,
    with_loop: Life,
    by_rules: Life,
    by_averages: Life,
    by_thumb: Life,
    booking: Booking,
    /// Newest forecasts of the model, and the averages beside which they were put.
    forecasts: BTreeMap<ProductNo, f64>,
    averages: BTreeMap<ProductNo, f64>,
    track: Track,
    /// Offers of this Monday; `None` where no model was asked.
    offers: Option<Vec<CustomerNo>>,
    /// Whether a model has answered yet: until then, all lives go by rules of thumb.
    advised: bool,
}

impl SimulatedYear {
    #[must_use]
    pub fn new(config: SimulatorConfig) -> Self {
        let with_loop = Life::new(config.clone());
        Self {
            by_rules: Life::new(config.clone()),
            by_averages: Life::new(config.clone()),
            by_thumb: Life::new(config.clone()),
            booking: Booking::new(&with_loop.simulator, config.currency),
            with_loop,
            config,
            forecasts: BTreeMap::new(),
            averages: BTreeMap::new(),
            track: Track::default(),
            offers: None,
            advised: false,
        }
    }

    fn begins_at(&self) -> Timestamp {
        self.config.start.and_time(chrono::NaiveTime::MIN).and_utc().into()
    }

    /// A Monday morning in each of the four lives.
    fn monday(&mut self) -> [Actions; 4] {
        let [with_loop, by_rules, by_averages] = if self.advised {
            self.averages = self.with_loop.average_demand();
            let demand = self.track.demand(&self.forecasts, &self.averages);
            // As long as one of the models is not good enough to be asked, its place is taken by the rules.
            let offers = match self.offers.take() {
                Some(offers) => offers,
                None => self.with_loop.offers_by_rhythm_alone(),
            };
            let with_loop = Actions {
                reorders: self.with_loop.reorders(&demand),
                offers,
            };
            let by_rules = Actions {
                reorders: self.by_rules.reorders(&self.by_rules.average_demand()),
                offers: self.by_rules.offers_by_rhythm_alone(),
            };
            let by_averages = Actions {
                reorders: self.by_averages.reorders(&self.by_averages.average_sales()),
                offers: self.by_averages.offers_by_recency(),
            };
            [with_loop, by_rules, by_averages]
        } else {
            [&self.with_loop, &self.by_rules, &self.by_averages].map(|life| Actions {
                offers: Vec::new(),
                reorders: reorder_min_max(&life.simulator.stock()),
            })
        };
        let by_thumb = self.by_thumb_with(with_loop.offers.len());
        [with_loop, by_rules, by_averages, by_thumb]
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

    /// The model's advice goes by score alone; the office knows each shop's rhythm and which offers went unanswered.
    /// Where it does otherwise, the decision memory is told.
    fn choose_offers(&mut self, predictions: &[Prediction]) -> Vec<Override> {
        let known: Vec<(&Prediction, CustomerNo)> = predictions
            .iter()
            .filter_map(|prediction| Some((prediction, CustomerNo::from_code(&prediction.entity_key)?)))
            .collect();
        let scores = known
            .iter()
            .map(|(prediction, customer)| (*customer, prediction.score))
            .collect();
        let offers = self.with_loop.offers_by_rhythm(&scores);
        let chosen: BTreeSet<CustomerNo> = offers.iter().copied().collect();
        self.offers = Some(offers);
        let otherwise = known
            .into_iter()
            .filter(|(prediction, customer)| prediction.action.is_some() != chosen.contains(customer));
        otherwise
            .map(|(prediction, customer)| Override {
                decision: prediction.decision_id,
                action: if chosen.contains(&customer) { "offer" } else { "none" },
            })
            .collect()
    }

    fn lives(&self) -> [(&'static str, &Life); 4] {
        [
            (WITH_LOOP, &self.with_loop),
            (BY_RULES, &self.by_rules),
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
            let [with_loop, by_rules, by_averages, by_thumb] = match self.with_loop.simulator.day() {
                day if day.is_multiple_of(WEEK_DAYS) => self.monday(),
                _ => Default::default(),
            };
            let events = self.with_loop.step(&with_loop);
            self.by_rules.step(&by_rules);
            self.by_averages.step(&by_averages);
            self.by_thumb.step(&by_thumb);
            let booked = self.booking.book(erp, ctx, &self.with_loop.simulator, &events).await?;
            traded = traded.plus(booked);
        }
        let lives = [
            &mut self.with_loop,
            &mut self.by_rules,
            &mut self.by_averages,
            &mut self.by_thumb,
        ];
        for life in lives {
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
                let sold = self.with_loop.sold_unhindered();
                self.track.week_passed(&self.forecasts, &self.averages, &sold);
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
            "Customers, demand, suppliers and costs are simulated; the four ways of running the year share the same seed \
             and the same chances, so that their difference is what was done. Until the first model answers, all four go \
             by rules of thumb.",
            "With the loop: demand is the mean of four weeks, divided by the share of trade during which the product was on \
             the shelf, and raised by the model's forecast as far as its record is better; offers go to shops that are \
             overdue by their own rhythm, weighed by the model's score, by what they spend, and by whether they answered \
             the last one. A model that is not fit to be asked is left out.",
            "Rules, no models: all of that without forecasts and scores.",
            "Rules on averages: the same rule for reorders and the same safety stock, but demand is the plain mean of four \
             weeks, and whoever has not bought for more than sixty days is at risk.",
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
