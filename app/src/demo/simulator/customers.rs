//! The shops: how often they order, and how they are lost and won back.

use super::draws::{Draws, Purpose, Stream};

/// A shop, by its place among all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CustomerNo(pub u32);

impl CustomerNo {
    /// The code that the ERP knows it by, such as `C00042`.
    pub fn code(self) -> String {
        format!("C{:05}", self.0)
    }

    pub fn from_code(code: &str) -> Option<Self> {
        code.strip_prefix('C')?.parse().ok().map(Self)
    }

    pub(super) fn place(self) -> usize {
        self.0 as usize
    }
}

/// What anybody may know of a shop, and what nobody does.
#[derive(Clone, Debug)]
pub struct Shop {
    pub no: CustomerNo,
    pub country: &'static str,
    /// Day on which it opened its account; it may order from then on.
    pub since_day: u32,
    pub(super) traits: Traits,
    pub(super) state: State,
}

/// What a shop is like; never changes.
#[derive(Clone, Debug)]
pub struct Traits {
    /// Orders a day, where need is full and the season neutral.
    pub rate: f64,
    /// Lines of an ordinary order.
    pub lines: f64,
    /// Pieces of a line, in the shop's usual pack.
    pub pack: i64,
    pub favourites: [usize; 3],
    /// Probability a day that it begins to drift, content as it is.
    pub drift: f64,
    /// Probability that an offer brings it back from drifting.
    pub persuadable: f64,
    /// Days after the due date on which it pays.
    pub pays_late_days: (u32, u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifecycle {
    Regular,
    Drifting,
    Lost,
}

/// How it stands today.
#[derive(Clone, Debug)]
pub struct State {
    pub lifecycle: Lifecycle,
    pub last_order_day: Option<u32>,
    /// Share of what it wanted lately and did not get, fading over its orders.
    pub annoyance: f64,
    /// The newest offer that reached it, until it is used.
    pub open_offer_day: Option<u32>,
    pub last_offer_day: Option<u32>,
}

const DRIFTING_RATE: f64 = 0.22;
const LOST_RATE: f64 = 0.01;
const DRIFT_ENDS_LOST: f64 = 1.0 / 70.0;
const DRIFT_ENDS_WELL: f64 = 1.0 / 150.0;
/// How much likelier a shop that got nothing of its last orders drifts.
const ANNOYANCE_DRIFT: f64 = 6.0;
pub const OFFER_DAYS: u32 = 14;
/// How much likelier a shop with an open offer orders: mostly orders that would have come a little later.
const OFFER_PULL: f64 = 1.3;
const OFFER_WINS_LOST: f64 = 0.02;
const OFFER_FATIGUE_DAYS: u32 = 28;
const OFFER_FATIGUE: f64 = 0.25;
/// Need comes back within about this share of the usual interval between orders.
const NEED_RECOVERY: f64 = 0.4;
const COUNTRIES: [(&str, f64); 7] = [
    ("United Kingdom", 0.8),
    ("Germany", 0.05),
    ("France", 0.05),
    ("EIRE", 0.04),
    ("Netherlands", 0.03),
    ("Spain", 0.02),
    ("Sweden", 0.01),
];

pub fn shops(draws: Draws, count: u32, days: u32) -> Vec<Shop> {
    (0..count)
        .map(|no| shop(CustomerNo(no), days, &mut draws.of(Purpose::Shop, no, 0)))
        .collect()
}

fn shop(no: CustomerNo, days: u32, stream: &mut Stream) -> Shop {
    let country = COUNTRIES[stream.weighted(&COUNTRIES.map(|(_, share)| share))].0;
    let newcomer = stream.chance(0.2);
    let opens = stream.whole(1, days.max(2) - 1);
    let rate = (0.03 * (0.75 * stream.normal()).exp()).clamp(0.004, 0.3);
    let lines = (7.0 * (0.5 * stream.normal()).exp()).clamp(1.5, 30.0);
    let pack = [1, 2, 3, 4, 6, 12][stream.weighted(&[0.1, 0.25, 0.2, 0.2, 0.15, 0.1])];
    let favourites = [0; 3].map(|_: usize| stream.whole(0, 7) as usize);
    // Times a year that it would begin to drift: the loyal half, the middle, the fickle.
    let drift = [0.2, 0.6, 1.8][stream.weighted(&[0.5, 0.35, 0.15])] / 365.0;
    let persuadable = stream.between(0.15, 0.6);
    let pays_late_days = [(0, 6), (10, 35), (40, 90)][stream.weighted(&[0.68, 0.26, 0.06])];
    let last_order_day = None;
    Shop {
        no,
        country,
        since_day: if newcomer { opens } else { 0 },
        traits: Traits {
            rate,
            lines,
            pack,
            favourites,
            drift,
            persuadable,
            pays_late_days,
        },
        state: State {
            lifecycle: Lifecycle::Regular,
            last_order_day,
            annoyance: 0.0,
            open_offer_day: None,
            last_offer_day: None,
        },
    }
}

impl Shop {
    /// Drifting, getting lost, coming back by itself: one night's sleep.
    pub fn wake(&mut self, day: u32, draws: Draws) {
        let luck = draws.of(Purpose::Lifecycle, self.no.0, day).uniform();
        let State {
            lifecycle, annoyance, ..
        } = &mut self.state;
        *lifecycle = match *lifecycle {
            Lifecycle::Regular if luck < self.traits.drift * (1.0 + ANNOYANCE_DRIFT * *annoyance) => {
                Lifecycle::Drifting
            }
            Lifecycle::Drifting if luck < DRIFT_ENDS_LOST => Lifecycle::Lost,
            Lifecycle::Drifting if luck > 1.0 - DRIFT_ENDS_WELL => Lifecycle::Regular,
            unchanged => unchanged,
        };
        if self
            .state
            .open_offer_day
            .is_some_and(|offered| day >= offered + OFFER_DAYS)
        {
            self.state.open_offer_day = None;
        }
    }

    /// An offer arrives.
    pub fn receive_offer(&mut self, day: u32, draws: Draws) {
        let weary = self
            .state
            .last_offer_day
            .is_some_and(|last| day < last + OFFER_FATIGUE_DAYS);
        let effect = if weary { OFFER_FATIGUE } else { 1.0 };
        let wins = match self.state.lifecycle {
            Lifecycle::Regular => 0.0,
            Lifecycle::Drifting => self.traits.persuadable * effect,
            Lifecycle::Lost => OFFER_WINS_LOST * effect,
        };
        if draws.of(Purpose::Persuasion, self.no.0, day).chance(wins) {
            self.state.lifecycle = Lifecycle::Regular;
        }
        self.state.last_offer_day = Some(day);
        self.state.open_offer_day = Some(day);
    }

    /// Orders a day that are to be expected of it, the season aside.
    pub fn rate_today(&self, day: u32) -> f64 {
        if day < self.since_day {
            return 0.0;
        }
        let lifecycle = match self.state.lifecycle {
            Lifecycle::Regular => 1.0,
            Lifecycle::Drifting => DRIFTING_RATE,
            Lifecycle::Lost => LOST_RATE,
        };
        let offer = if self.state.open_offer_day.is_some() {
            OFFER_PULL
        } else {
            1.0
        };
        self.traits.rate * lifecycle * offer * self.need(day)
    }

    /// How much of its need has come back since its last order, in [0, 1].
    fn need(&self, day: u32) -> f64 {
        let since = self
            .state
            .last_order_day
            .map_or(f64::INFINITY, |last| f64::from(day.saturating_sub(last)));
        1.0 - (-since * self.traits.rate / NEED_RECOVERY).exp()
    }

    /// Whether it orders today, at the given traffic.
    pub fn orders(&self, day: u32, traffic: f64, draws: Draws) -> bool {
        let probability = 1.0 - (-self.rate_today(day) * traffic).exp();
        draws.of(Purpose::Order, self.no.0, day).chance(probability)
    }

    /// It ordered, and got `served` of what it wanted by value.
    pub fn remember_order(&mut self, day: u32, served: f64) {
        self.state.last_order_day = Some(day);
        self.state.annoyance = 0.7 * self.state.annoyance + 0.3 * (1.0 - served);
        self.state.open_offer_day = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drifting(draws: Draws) -> Vec<Shop> {
        let mut shops = shops(draws, 2000, 365);
        shops
            .iter_mut()
            .for_each(|shop| shop.state.lifecycle = Lifecycle::Drifting);
        shops
    }

    fn won_back(shops: &mut [Shop], days: &[u32], draws: Draws) -> usize {
        for shop in shops.iter_mut() {
            days.iter().for_each(|day| shop.receive_offer(*day, draws));
        }
        shops
            .iter()
            .filter(|shop| shop.state.lifecycle == Lifecycle::Regular)
            .count()
    }

    #[test]
    fn an_offer_wins_back_about_a_third_of_those_who_drift_and_hardly_any_that_are_lost() {
        let draws = Draws::new(7);
        let won = won_back(&mut drifting(draws), &[50], draws);
        assert!((600..900).contains(&won), "{won} of 2000");
        let mut lost = drifting(draws);
        lost.iter_mut().for_each(|shop| shop.state.lifecycle = Lifecycle::Lost);
        assert!(won_back(&mut lost, &[50], draws) < 100);
    }

    #[test]
    fn the_second_offer_within_a_month_adds_little() {
        let draws = Draws::new(7);
        let once = won_back(&mut drifting(draws), &[50], draws);
        let hurried = won_back(&mut drifting(draws), &[50, 57], draws);
        let patient = won_back(&mut drifting(draws), &[50, 90], draws);
        assert!(hurried - once < (patient - once) / 2, "{once} {hurried} {patient}");
    }

    #[test]
    fn a_shop_that_has_just_ordered_needs_nothing() {
        let mut shop = shops(Draws::new(7), 1, 365).remove(0);
        shop.since_day = 0;
        shop.remember_order(100, 1.0);
        assert!(shop.rate_today(101) < 0.1 * shop.traits.rate);
        assert!(shop.rate_today(300) > 0.9 * shop.traits.rate);
    }
}
