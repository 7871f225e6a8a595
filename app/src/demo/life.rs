//! One life of the simulated year, with what its office can read off its own documents.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::simulator::{
    Actions, Candidate, CustomerNo, DayEvents, ProductNo, SAFETY, Silent, Simulator, SimulatorConfig, offers_to_silent,
    offers_to_those_at_risk, reorder_min_max, reorder_to_forecast,
};

/// Offers that are sent in a week, at most.
const OFFERS_PER_WEEK: usize = 25;
/// What a shop spent in so many days is what there is to lose.
const VALUE_DAYS: u32 = 90;
/// Without a model, whoever bought within so many days is taken to come again.
const USUAL_RHYTHM_DAYS: f64 = 30.0;
/// Of shops that bought once or twice, the time between orders is drawn towards this by one order's weight.
const FIRST_RHYTHM_DAYS: f64 = 33.0;
/// Days that demand is averaged over.
const AVERAGE_DAYS: usize = 28;
/// What was on the shelf for less than this share of the trade says too little to be multiplied up any further.
const SHELF_SHARE_MIN: f64 = 0.25;
const WEEK_DAYS: u32 = 7;

/// What went on at the shelves on one day.
struct ShelfDay {
    /// Pieces that the whole business sold: how much trade there was to miss.
    pieces: f64,
    /// Share of the day on which each product was there, to the nearest half.
    present: BTreeMap<ProductNo, f64>,
}

pub struct Life {
    pub simulator: Simulator,
    /// Day and value of each invoice.
    bought: BTreeMap<CustomerNo, Vec<(u32, i64)>>,
    last_offer: BTreeMap<CustomerNo, u32>,
    /// Pieces since Monday.
    sold: BTreeMap<ProductNo, i64>,
    /// What was not there all the time since Monday.
    missing: BTreeSet<ProductNo>,
    /// Newest last.
    shelf_days: VecDeque<ShelfDay>,
    /// Profit so far at the end of each week.
    pub profits: Vec<f64>,
}

impl Life {
    pub fn new(config: SimulatorConfig) -> Self {
        Self {
            simulator: Simulator::new(config),
            bought: BTreeMap::new(),
            last_offer: BTreeMap::new(),
            sold: BTreeMap::new(),
            missing: BTreeSet::new(),
            shelf_days: VecDeque::new(),
            profits: Vec::new(),
        }
    }

    pub fn step(&mut self, actions: &Actions) -> DayEvents {
        if self.simulator.day().is_multiple_of(WEEK_DAYS) {
            self.sold.clear();
            self.missing.clear();
        }
        let opening = self.on_hand();
        let events = self.simulator.step(actions);
        let mut sold: BTreeMap<ProductNo, i64> = BTreeMap::new();
        let invoiced = events.invoices.iter().flat_map(|invoice| &invoice.lines);
        for line in invoiced.chain(events.cash_sales.iter().flat_map(|sale| &sale.lines)) {
            *sold.entry(line.product).or_default() += line.pieces;
        }
        self.watch_shelves(&opening, &sold);
        for (product, pieces) in sold {
            *self.sold.entry(product).or_default() += pieces;
        }
        for invoice in &events.invoices {
            self.bought
                .entry(invoice.customer)
                .or_default()
                .push((events.day, invoice.net_minor()));
        }
        events
    }

    fn on_hand(&self) -> BTreeMap<ProductNo, i64> {
        let stock = self.simulator.stock();
        stock
            .iter()
            .map(|position| (position.product, position.on_hand))
            .collect()
    }

    fn watch_shelves(&mut self, opening: &BTreeMap<ProductNo, i64>, sold: &BTreeMap<ProductNo, i64>) {
        let share = |product: &ProductNo, closing: i64| match (closing > 0, opening.get(product), sold.get(product)) {
            (true, _, _) => 1.0,
            (false, opening, sold) if opening.is_some_and(|pieces| *pieces > 0) || sold.is_some() => 0.5,
            (false, _, _) => 0.0,
        };
        let present: BTreeMap<ProductNo, f64> = self
            .on_hand()
            .iter()
            .map(|(product, closing)| (*product, share(product, *closing)))
            .collect();
        let absent = present.iter().filter(|(_, share)| **share < 1.0);
        self.missing.extend(absent.map(|(product, _)| *product));
        if self.shelf_days.len() == AVERAGE_DAYS {
            self.shelf_days.pop_front();
        }
        let pieces = sold.values().sum::<i64>() as f64;
        self.shelf_days.push_back(ShelfDay { pieces, present });
    }

    /// Share of the last four weeks' trade during which each product was on the shelf.
    fn shelf_share(&self, product: ProductNo) -> f64 {
        let (mut all, mut there) = (0.0, 0.0);
        for day in &self.shelf_days {
            all += day.pieces;
            there += day.pieces * day.present.get(&product).copied().unwrap_or(0.0);
        }
        if all > 0.0 { there / all } else { 1.0 }
    }

    /// What was sold since Monday of the products that were there all the time: their sales are what was wanted.
    pub fn sold_unhindered(&self) -> BTreeMap<ProductNo, i64> {
        let there = self
            .on_hand()
            .into_keys()
            .filter(|product| !self.missing.contains(product));
        there
            .map(|product| (product, self.sold.get(&product).copied().unwrap_or(0)))
            .collect()
    }

    /// What four weeks sold, by the week.
    pub fn average_sales(&self) -> BTreeMap<ProductNo, f64> {
        let stock = self.simulator.stock();
        stock
            .iter()
            .map(|position| (position.product, position.sold_28_days as f64 / 4.0))
            .collect()
    }

    /// What four weeks would have sold, had the shelf never been empty, by the week: what is not there is not sold, but
    /// is wanted all the same.
    pub fn average_demand(&self) -> BTreeMap<ProductNo, f64> {
        let sales = self.average_sales();
        let wanted = |(product, weekly): (ProductNo, f64)| {
            let share = self.shelf_share(product).max(SHELF_SHARE_MIN);
            (product, weekly / share)
        };
        sales.into_iter().map(wanted).collect()
    }

    /// Reorders to `demand` of a week.
    pub fn reorders(&self, demand: &BTreeMap<ProductNo, f64>) -> BTreeMap<ProductNo, i64> {
        let stock = self.simulator.stock();
        let mut reorders = reorder_min_max(&stock);
        reorders.retain(|product, _| !demand.contains_key(product));
        reorders.extend(reorder_to_forecast(&stock, demand, SAFETY));
        reorders
    }

    /// Offers to whoever has not come for long, the same long for all.
    pub fn offers_by_recency(&mut self) -> Vec<CustomerNo> {
        let day = self.simulator.day();
        let since = day.saturating_sub(VALUE_DAYS);
        let candidate = |(customer, bought): (&CustomerNo, &Vec<(u32, i64)>)| {
            let last = bought.last().map_or(0, |(day, _)| *day);
            let lately = bought.iter().filter(|(day, _)| *day >= since);
            Candidate {
                customer: *customer,
                score: (USUAL_RHYTHM_DAYS / f64::from(day - last).max(1.0)).min(1.0),
                value_minor: lately.map(|(_, minor)| minor).sum(),
                last_offer_day: self.last_offer.get(customer).copied(),
            }
        };
        let candidates: Vec<Candidate> = self.bought.iter().map(candidate).collect();
        let offers = offers_to_those_at_risk(&candidates, day, OFFERS_PER_WEEK);
        self.sent(offers)
    }

    /// Offers to whoever is silent for longer than it used to be; `scores` say how likely each is to come by itself.
    pub fn offers_by_rhythm(&mut self, scores: &BTreeMap<CustomerNo, f64>) -> Vec<CustomerNo> {
        let day = self.simulator.day();
        let silent: Vec<Silent> = scores
            .iter()
            .filter_map(|(customer, score)| self.silent(*customer, *score, day))
            .collect();
        let offers = offers_to_silent(&silent, day, OFFERS_PER_WEEK);
        self.sent(offers)
    }

    /// Offers by rhythm alone, to those that a model would be asked about.
    pub fn offers_by_rhythm_alone(&mut self) -> Vec<CustomerNo> {
        let since = self.simulator.day().saturating_sub(VALUE_DAYS);
        let lately = self
            .bought
            .iter()
            .filter(|(_, bought)| bought.last().is_some_and(|(day, _)| *day >= since));
        let unscored = lately.map(|(customer, _)| (*customer, 0.0)).collect();
        self.offers_by_rhythm(&unscored)
    }

    fn silent(&self, customer: CustomerNo, score: f64, day: u32) -> Option<Silent> {
        let bought = self.bought.get(&customer)?;
        let ((first, _), (last, _)) = (bought.first()?, bought.last()?);
        let active_days = f64::from(last - first) + FIRST_RHYTHM_DAYS;
        let spent: i64 = bought.iter().map(|(_, minor)| minor).sum();
        let last_offer_day = self.last_offer.get(&customer).copied();
        Some(Silent {
            customer,
            score,
            daily_minor: spent as f64 / active_days,
            rhythms: f64::from(day - last) * bought.len() as f64 / active_days,
            last_offer_day,
            unanswered: last_offer_day.is_some_and(|offered| offered >= *last),
        })
    }

    fn sent(&mut self, offers: Vec<CustomerNo>) -> Vec<CustomerNo> {
        let day = self.simulator.day();
        self.last_offer.extend(offers.iter().map(|customer| (*customer, day)));
        offers
    }

    pub fn close_week(&mut self) {
        self.profits.push(self.simulator.books().margin_minor() as f64 / 100.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many days of a small business that orders nothing.
    fn lived(days: u32) -> Life {
        let mut life = Life::new(SimulatorConfig {
            customers: 240,
            products: 60,
            ..SimulatorConfig::default()
        });
        (0..days).for_each(|_| {
            life.step(&Actions::default());
        });
        life
    }

    #[test]
    fn what_was_not_on_the_shelf_was_wanted_all_the_same() {
        let life = lived(60);
        let (sales, demand) = (life.average_sales(), life.average_demand());
        for (product, sold) in &sales {
            let wanted = demand[product];
            assert!(*sold <= wanted && wanted <= sold / SHELF_SHARE_MIN, "{sold} {wanted}");
        }
        let empty = life.on_hand().into_iter().filter(|(_, pieces)| *pieces == 0);
        let empty: Vec<ProductNo> = empty.map(|(product, _)| product).collect();
        assert!(
            empty
                .iter()
                .any(|product| sales[product] > 0.0 && demand[product] > sales[product])
        );
        let unhindered = life.sold_unhindered();
        assert!(!unhindered.is_empty() && empty.iter().all(|product| !unhindered.contains_key(product)));
    }

    #[test]
    fn nobody_is_bothered_twice_within_four_weeks() {
        let mut life = lived(60);
        let mut last: BTreeMap<CustomerNo, u32> = BTreeMap::new();
        for week in 0..8 {
            let offers = life.offers_by_rhythm_alone();
            assert!(!offers.is_empty() && offers.len() <= OFFERS_PER_WEEK);
            for customer in offers {
                assert!(last.insert(customer, week).is_none_or(|before| week >= before + 4));
            }
            (0..WEEK_DAYS).for_each(|_| {
                life.step(&Actions::default());
            });
        }
    }
}
