//! What only the model knows: for judging policies against one that cannot be beaten by reading the books.

use super::basket::Showcase;
use super::customers::{CustomerNo, Lifecycle};
use super::engine::Simulator;

/// Mean of `1 + Poisson(0.6)` packs to a line.
const PACKS_PER_LINE: f64 = 1.6;
/// Share of its full rate at which a shop orders, its need still recovering.
const NEED_MEAN: f64 = 0.7;

pub struct Truth<'a>(pub &'a Simulator);

impl Truth<'_> {
    pub fn drifts(&self, customer: CustomerNo) -> bool {
        let shop = &self.0.shops[customer.place()];
        shop.since_day <= self.0.day() && shop.state.lifecycle == Lifecycle::Drifting
    }

    /// What the shop spends in a month while it is a regular, roughly.
    pub fn worth(&self, customer: CustomerNo) -> f64 {
        let traits = &self.0.shops[customer.place()].traits;
        traits.rate * traits.lines * traits.pack as f64
    }

    /// Pieces of each product that are to be expected in the days from today on, if nobody's mind changes.
    pub fn expected_pieces(&self, days: u32) -> Vec<f64> {
        let Simulator {
            products,
            momentum,
            calendar,
            shops,
            config,
            ..
        } = self.0;
        let today = self.0.day();
        let per_day: f64 = shops
            .iter()
            .filter(|shop| shop.since_day <= today)
            .map(|shop| {
                let lifecycle = if shop.state.lifecycle == Lifecycle::Regular {
                    1.0
                } else {
                    0.15
                };
                shop.traits.rate * lifecycle * NEED_MEAN * shop.traits.lines * shop.traits.pack as f64 * PACKS_PER_LINE
            })
            .sum::<f64>()
            + config.cash_sales_per_day * 4.0;
        let mut expected = vec![0.0; products.len()];
        for day in today..today + days {
            let shares = Showcase::of(day, *calendar, products, momentum).shares();
            let pieces = per_day * calendar.traffic(day);
            expected
                .iter_mut()
                .zip(shares)
                .for_each(|(sum, share)| *sum += pieces * share);
        }
        expected
    }
}
