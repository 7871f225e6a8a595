//! What to do on a Monday morning: with nothing but the ERP's own figures, or with forecasts and scores as well.
//!
//! Pure functions from what is known to what is done; none of them sees what the model of the business hides. Both
//! ways of reordering keep a carton of everything: what is never there never sells, and would never be ordered again.

use std::collections::BTreeMap;

use super::catalogue::ProductNo;
use super::customers::CustomerNo;
use super::draws::{Draws, Purpose};
use super::warehouse::StockPosition;

/// Stock is reviewed once a week: what is ordered today has to last until the next review's order arrives.
const REVIEW_DAYS: f64 = 7.0;
/// Weeks of mean sales that the minimum holds on top, against surprises.
const MIN_SPARE_WEEKS: f64 = 1.0;
/// Weeks of mean sales between the minimum and the maximum.
const MIN_MAX_WEEKS: f64 = 4.0;
/// Demand comes in lines of several pieces, so that its variance is so many times its mean.
const VARIANCE_TO_MEAN: f64 = 9.0;
/// A week's forecast says less of the weeks after it: standard deviation of that, as a share of the mean.
const FORECAST_ERROR: f64 = 0.4;
/// A shop that an offer reached is left alone for so many days.
const OFFER_REST_DAYS: u32 = 28;
/// Whoever is likelier than this to buy needs no offer.
const OFFER_SCORE_MAX: f64 = 0.5;

/// Usual intervals after which a shop is overdue.
const OVERDUE_FROM: f64 = 1.0;
/// Further intervals after which being silent for longer makes no difference.
const OVERDUE_MAX: f64 = 3.0;
/// Whoever did not answer the last offer is so much less likely to answer the next.
const UNANSWERED: f64 = 0.3;

/// Standard deviations of demand to hold as safety. A piece that is missing loses about nine tenths of its cost in
/// margin, one that lies for a week costs forty per cent a year of it: the newsvendor's ratio 0.9 / (0.9 + 0.4 / 52) is
/// the 99th percentile of a normal, 2.4 deviations.
pub const SAFETY: f64 = 2.4;

/// The usual way: when stock and orders fall below what the mean of the last four weeks needs until the next delivery,
/// order up to four weeks more than that.
#[must_use]
pub fn reorder_min_max(stock: &[StockPosition]) -> BTreeMap<ProductNo, i64> {
    let reorder = |position: &StockPosition| {
        let weekly = position.sold_28_days as f64 / 4.0;
        let min = weekly * ((f64::from(position.lead_time_days) + REVIEW_DAYS) / 7.0 + MIN_SPARE_WEEKS);
        let min = min.max(position.carton_pieces as f64);
        let available = (position.on_hand + position.on_order) as f64;
        let wanted = if available < min {
            min + MIN_MAX_WEEKS * weekly - available
        } else {
            0.0
        };
        whole_pieces(position.product, wanted)
    };
    stock.iter().filter_map(reorder).collect()
}

/// With a forecast of the next seven days per product: order up to what it needs until the delivery after next, and
/// `safety` standard deviations of that on top ([`SAFETY`] is a sensible number). A product without a forecast is left
/// alone.
#[must_use]
pub fn reorder_to_forecast(
    stock: &[StockPosition],
    next_7_days: &BTreeMap<ProductNo, f64>,
    safety: f64,
) -> BTreeMap<ProductNo, i64> {
    let reorder = |position: &StockPosition| {
        let daily = next_7_days.get(&position.product)?.max(0.0) / 7.0;
        let mean = daily * (f64::from(position.lead_time_days) + REVIEW_DAYS);
        let deviation = (mean * VARIANCE_TO_MEAN + (FORECAST_ERROR * mean).powi(2)).sqrt();
        let target = (mean + safety * deviation).max(position.carton_pieces as f64);
        whole_pieces(position.product, target - (position.on_hand + position.on_order) as f64)
    };
    stock.iter().filter_map(reorder).collect()
}

fn whole_pieces(product: ProductNo, wanted: f64) -> Option<(ProductNo, i64)> {
    let pieces = wanted.ceil() as i64;
    (pieces > 0).then_some((product, pieces))
}

/// `budget` shops by lot.
#[must_use]
pub fn offers_at_random(seed: u64, day: u32, shops: &[CustomerNo], budget: usize) -> Vec<CustomerNo> {
    let draws = Draws::new(seed);
    let mut lots: Vec<(f64, CustomerNo)> = shops
        .iter()
        .map(|shop| (draws.of(Purpose::RandomOffer, shop.0, day).uniform(), *shop))
        .collect();
    lots.sort_by(|left, right| left.0.total_cmp(&right.0));
    lots.into_iter().take(budget).map(|(_, shop)| shop).collect()
}

/// A shop that might get an offer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    pub customer: CustomerNo,
    /// Probability that it buys in the next 30 days.
    pub score: f64,
    /// What it spent in the last months: what there is to lose.
    pub value_minor: i64,
    pub last_offer_day: Option<u32>,
}

/// The `budget` shops where most is at risk: unlikely to buy by themselves, and worth it. Whoever had an offer within
/// four weeks is left alone.
#[must_use]
pub fn offers_to_those_at_risk(candidates: &[Candidate], day: u32, budget: usize) -> Vec<CustomerNo> {
    let rested = |candidate: &&Candidate| {
        candidate
            .last_offer_day
            .is_none_or(|last| day >= last + OFFER_REST_DAYS)
    };
    let mut at_risk: Vec<(f64, CustomerNo)> = candidates
        .iter()
        .filter(rested)
        .filter(|candidate| candidate.score < OFFER_SCORE_MAX && candidate.value_minor > 0)
        .map(|candidate| {
            (
                (1.0 - candidate.score) * candidate.value_minor as f64,
                candidate.customer,
            )
        })
        .collect();
    at_risk.sort_by(|left, right| right.0.total_cmp(&left.0).then(left.1.cmp(&right.1)));
    at_risk.into_iter().take(budget).map(|(_, customer)| customer).collect()
}

/// A shop that has not come for a while.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Silent {
    pub customer: CustomerNo,
    /// Probability that it buys in the next 30 days; 0 where nobody says.
    pub score: f64,
    /// What it spent a day while it came.
    pub daily_minor: f64,
    /// Its silence, in its own usual intervals between two orders.
    pub rhythms: f64,
    pub last_offer_day: Option<u32>,
    /// It has not bought since the last offer.
    pub unanswered: bool,
}

/// The `budget` shops where most is at risk: overdue by their own rhythm, unlikely to come by themselves, and worth it.
/// Whoever had an offer within four weeks is left alone, and whoever did not answer one comes after those who might.
#[must_use]
pub fn offers_to_silent(silent: &[Silent], day: u32, budget: usize) -> Vec<CustomerNo> {
    let rested = |shop: &&Silent| shop.last_offer_day.is_none_or(|last| day >= last + OFFER_REST_DAYS);
    let stake = |shop: &Silent| {
        let overdue = (shop.rhythms - OVERDUE_FROM).clamp(0.0, OVERDUE_MAX);
        // The root: a score of a shop that comes often stays high for long after it has begun to leave.
        let by_itself = (1.0 - shop.score).max(0.0).sqrt();
        let answers = if shop.unanswered { UNANSWERED } else { 1.0 };
        shop.daily_minor * overdue * by_itself * answers
    };
    let mut at_risk: Vec<(f64, CustomerNo)> = silent
        .iter()
        .filter(rested)
        .map(|shop| (stake(shop), shop.customer))
        .filter(|(stake, _)| *stake > 0.0)
        .collect();
    at_risk.sort_by(|left, right| right.0.total_cmp(&left.0).then(left.1.cmp(&right.1)));
    at_risk.into_iter().take(budget).map(|(_, customer)| customer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(on_hand: i64, on_order: i64, sold_28_days: i64) -> StockPosition {
        StockPosition {
            product: ProductNo(1),
            on_hand,
            on_order,
            lead_time_days: 7,
            carton_pieces: 12,
            sold_28_days,
        }
    }

    #[test]
    fn what_is_on_its_way_is_not_ordered_again() {
        // 10 a week: minimum 30, maximum 70.
        assert_eq!(reorder_min_max(&[position(5, 0, 40)]), [(ProductNo(1), 65)].into());
        assert!(reorder_min_max(&[position(5, 25, 40)]).is_empty());
        assert_eq!(reorder_min_max(&[position(0, 0, 0)]), [(ProductNo(1), 12)].into());
    }

    #[test]
    fn a_forecast_is_ordered_for_lead_time_and_review_with_safety_on_top() {
        let forecast = BTreeMap::from([(ProductNo(1), 35.0)]);
        assert_eq!(
            reorder_to_forecast(&[position(10, 20, 0)], &forecast, 0.0),
            [(ProductNo(1), 40)].into()
        );
        assert!(reorder_to_forecast(&[position(10, 20, 0)], &forecast, 1.0)[&ProductNo(1)] > 60);
        assert!(reorder_to_forecast(&[position(10, 20, 0)], &BTreeMap::new(), 1.0).is_empty());
    }

    #[test]
    fn an_offer_goes_where_much_is_at_risk_and_to_nobody_who_buys_anyway_or_just_had_one() {
        let candidate = |no, score, value_minor, last_offer_day| Candidate {
            customer: CustomerNo(no),
            score,
            value_minor,
            last_offer_day,
        };
        let candidates = [
            candidate(1, 0.95, 90_000, None),
            candidate(2, 0.1, 50_000, None),
            candidate(3, 0.1, 60_000, Some(90)),
            candidate(4, 0.4, 60_000, Some(10)),
            candidate(5, 0.0, 0, None),
            candidate(6, 0.2, 1_000, None),
        ];
        assert_eq!(
            offers_to_those_at_risk(&candidates, 100, 2),
            [CustomerNo(2), CustomerNo(4)]
        );
    }

    #[test]
    fn an_overdue_shop_comes_before_one_in_its_rhythm_and_before_one_that_did_not_answer() {
        let shop = |no, score, rhythms, unanswered, last_offer_day| Silent {
            customer: CustomerNo(no),
            score,
            daily_minor: 1000.0,
            rhythms,
            last_offer_day,
            unanswered,
        };
        let silent = [
            shop(1, 0.2, 0.9, false, None),
            shop(2, 0.2, 3.0, true, Some(10)),
            shop(3, 0.2, 3.0, false, None),
            shop(4, 0.8, 3.0, false, None),
            shop(5, 0.2, 3.0, false, Some(90)),
            shop(6, 1.0, 3.0, false, None),
        ];
        assert_eq!(
            offers_to_silent(&silent, 100, 9),
            [CustomerNo(3), CustomerNo(4), CustomerNo(2)]
        );
        assert_eq!(offers_to_silent(&silent, 100, 1), [CustomerNo(3)]);
    }
}
