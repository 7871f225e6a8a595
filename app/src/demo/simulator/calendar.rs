//! What the date alone does to demand.

use chrono::{Datelike, NaiveDate, Weekday};

use super::catalogue::Category;
use super::draws::{Draws, Purpose};

/// Every third week one category is on promotion.
const PROMOTION_WEEKS: u32 = 3;
pub const PROMOTION_DISCOUNT: f64 = 0.15;
/// How much more of a promoted product is wanted.
pub const PROMOTION_PULL: f64 = 2.2;
/// How much likelier shops order at all while something is on promotion.
const PROMOTION_TRAFFIC: f64 = 1.06;

#[derive(Clone, Copy, Debug)]
pub struct Calendar {
    start: NaiveDate,
    growth: f64,
    draws: Draws,
}

impl Calendar {
    pub fn new(start: NaiveDate, growth: f64, draws: Draws) -> Self {
        Self { start, growth, draws }
    }

    pub fn date(self, day: u32) -> NaiveDate {
        self.start
            .checked_add_days(chrono::Days::new(u64::from(day)))
            .unwrap_or(self.start)
    }

    /// How likely shops order on this day, 1 on an ordinary one.
    pub fn traffic(self, day: u32) -> f64 {
        let date = self.date(day);
        let trend = (1.0 + self.growth).powf(f64::from(day) / 365.0);
        let promotion = if self.promoted(day).is_some() {
            PROMOTION_TRAFFIC
        } else {
            1.0
        };
        weekday(date.weekday()) * year(date.ordinal()) * trend * promotion
    }

    /// The category on promotion; it is the same whatever anybody does.
    pub fn promoted(self, day: u32) -> Option<Category> {
        let week = day / 7;
        if week % PROMOTION_WEEKS != 1 {
            return None;
        }
        let place = self
            .draws
            .of(Purpose::Promotion, 0, week)
            .whole(0, Category::ALL.len() as u32 - 1);
        Category::ALL.get(place as usize).copied()
    }

    /// How much of a category is wanted on this day, 1 on average over the year for what knows no season.
    pub fn season(self, category: Category, day: u32) -> f64 {
        let day_of_year = self.date(day).ordinal();
        match category {
            Category::Kitchen | Category::Bags | Category::Stationery | Category::Jewellery => 1.0,
            Category::Christmas => 0.06 + 5.0 * bump(day_of_year, 312, 27.0),
            Category::Garden => 0.35 + 1.9 * bump(day_of_year, 145, 38.0),
            Category::Occasions => 0.7 + 2.2 * bump(day_of_year, 36, 10.0) + 1.2 * bump(day_of_year, 98, 14.0),
            Category::Home => 0.8 + 0.6 * bump(day_of_year, 285, 32.0),
        }
    }
}

/// Wholesalers' week: shut on Saturdays, quiet on Sundays.
fn weekday(day: Weekday) -> f64 {
    match day {
        Weekday::Mon => 1.25,
        Weekday::Tue => 1.35,
        Weekday::Wed => 1.25,
        Weekday::Thu => 1.4,
        Weekday::Fri => 1.1,
        Weekday::Sat => 0.0,
        Weekday::Sun => 0.65,
    }
}

/// Shops stock up for Christmas through October and November, and rest in January and August.
fn year(day_of_year: u32) -> f64 {
    1.0 + 0.75 * bump(day_of_year, 318, 27.0) - 0.35 * bump(day_of_year, 4, 14.0) - 0.12 * bump(day_of_year, 225, 20.0)
}

/// A bell of height 1 around a day of the year, round the turn of the year.
fn bump(day_of_year: u32, centre: u32, width_days: f64) -> f64 {
    let apart = day_of_year.abs_diff(centre);
    let apart = f64::from(apart.min(366_u32.saturating_sub(apart)));
    (-0.5 * (apart / width_days).powi(2)).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar() -> Calendar {
        Calendar::new(NaiveDate::from_ymd_opt(2024, 1, 1).unwrap(), 0.1, Draws::new(7))
    }

    #[test]
    fn nobody_orders_on_a_saturday_and_most_in_november() {
        let traffic: Vec<f64> = (0..365).map(|day| calendar().traffic(day)).collect();
        assert!((5..365).step_by(7).all(|day| traffic[day] == 0.0));
        let month = |from: usize| traffic[from..from + 28].iter().sum::<f64>();
        assert!(month(308) > 1.5 * month(196) && month(196) > month(0));
    }

    #[test]
    fn christmas_goods_sell_before_christmas() {
        let season = |day| calendar().season(Category::Christmas, day);
        assert!(season(311) > 20.0 * season(180));
        assert!(season(364) < season(311) / 3.0);
    }

    #[test]
    fn one_week_in_three_has_a_promotion() {
        let promoted = (0..364).filter(|day| calendar().promoted(*day).is_some()).count();
        assert_eq!(promoted, 17 * 7);
    }
}
