//! What an order is for, before anybody looks at the shelves.

use super::calendar::{Calendar, PROMOTION_DISCOUNT, PROMOTION_PULL};
use super::catalogue::{Category, Product, ProductNo};
use super::customers::Shop;
use super::draws::{Draws, Purpose, Stream};

/// How much likelier a shop picks from its favourite categories.
const FAVOURITE: f64 = 3.0;
/// From this many pieces on, a line is cheaper.
const BULK_PIECES: i64 = 12;
const BULK_DISCOUNT: f64 = 0.07;
const LINES_MAX: u32 = 40;

/// A wanted line, at the price it would have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub product: ProductNo,
    pub pieces: i64,
    pub unit_price_minor: i64,
}

/// What is attractive today, and at which price.
#[derive(Clone, Debug)]
pub struct Showcase<'a> {
    products: &'a [Product],
    /// Attraction of each product.
    weights: Vec<f64>,
    promoted: Option<Category>,
}

impl<'a> Showcase<'a> {
    pub fn of(day: u32, calendar: Calendar, products: &'a [Product], momentum: &[Vec<f64>]) -> Self {
        let promoted = calendar.promoted(day);
        let weight = |(product, weekly): (&Product, &Vec<f64>)| {
            if day < product.launched_on {
                return 0.0;
            }
            let wave = weekly.get(day as usize / 7).or(weekly.last()).copied().unwrap_or(1.0);
            let pull = if promoted == Some(product.category) {
                PROMOTION_PULL
            } else {
                1.0
            };
            product.popularity * calendar.season(product.category, day) * wave * pull
        };
        let weights = products.iter().zip(momentum).map(weight).collect();
        Self {
            products,
            weights,
            promoted,
        }
    }

    /// What the shop wants on the day it orders.
    pub fn order_of(&self, shop: &Shop, day: u32, draws: Draws) -> Vec<Wanted> {
        let mut stream = draws.of(Purpose::Basket, shop.no.0, day);
        let favoured = |category: Category| {
            let liked = shop
                .traits
                .favourites
                .iter()
                .any(|place| Category::ALL.get(*place) == Some(&category));
            if liked { FAVOURITE } else { 1.0 }
        };
        let weights: Vec<f64> = self
            .products
            .iter()
            .zip(&self.weights)
            .map(|(product, weight)| weight * favoured(product.category))
            .collect();
        let lines = 1 + stream.poisson(shop.traits.lines - 1.0).min(LINES_MAX);
        self.pick(weights, lines, &mut stream, |stream| {
            shop.traits.pack * i64::from(1 + stream.poisson(0.6))
        })
    }

    /// What somebody wants over the counter.
    pub fn counter_sale(&self, stream: &mut Stream) -> Vec<Wanted> {
        let lines = stream.whole(1, 3);
        self.pick(self.weights.clone(), lines, stream, |stream| {
            i64::from(stream.whole(1, 3))
        })
    }

    /// Picks distinct products.
    fn pick(
        &self,
        mut weights: Vec<f64>,
        lines: u32,
        stream: &mut Stream,
        pieces: impl Fn(&mut Stream) -> i64,
    ) -> Vec<Wanted> {
        let mut wanted = Vec::with_capacity(lines as usize);
        for _ in 0..lines {
            let place = stream.weighted(&weights);
            let pieces = pieces(stream);
            let Some(product) = self.products.get(place) else { break };
            if weights.get(place).is_none_or(|weight| *weight <= 0.0) {
                break;
            }
            weights[place] = 0.0;
            wanted.push(Wanted {
                product: product.no,
                pieces,
                unit_price_minor: self.price(product, pieces),
            });
        }
        wanted
    }

    fn price(&self, product: &Product, pieces: i64) -> i64 {
        let promotion = if self.promoted == Some(product.category) {
            1.0 - PROMOTION_DISCOUNT
        } else {
            1.0
        };
        let bulk = if pieces >= BULK_PIECES {
            1.0 - BULK_DISCOUNT
        } else {
            1.0
        };
        (product.list_price_minor as f64 * promotion * bulk).round() as i64
    }

    /// Share of all attraction that each product has.
    #[cfg(test)]
    pub fn shares(&self) -> Vec<f64> {
        let all: f64 = self.weights.iter().sum();
        self.weights.iter().map(|weight| weight / all).collect()
    }
}
