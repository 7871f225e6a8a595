//! Randomness by index: what is drawn for (purpose, entity, day) depends on these and the seed alone, never on what
//! was drawn before.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What a draw decides. Each has streams of its own; the numbers are part of what a seed means.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub enum Purpose {
    Product = 1,
    Momentum = 2,
    Promotion = 3,
    Shop = 4,
    Lifecycle = 5,
    Persuasion = 6,
    Order = 7,
    Basket = 8,
    CashSale = 9,
    Return = 10,
    Payment = 11,
    LeadTime = 12,
    Cost = 13,
    Dirt = 14,
    RandomOffer = 15,
    OpeningStock = 16,
    TimeOfDay = 17,
}

#[derive(Clone, Copy, Debug)]
pub struct Draws {
    seed: u64,
}

impl Draws {
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The stream of draws for one entity on one day.
    pub fn of(self, purpose: Purpose, entity: u32, day: u32) -> Stream {
        let mut key = [0_u8; 32];
        key[..8].copy_from_slice(&self.seed.to_le_bytes());
        key[8..12].copy_from_slice(&(purpose as u32).to_le_bytes());
        key[12..16].copy_from_slice(&entity.to_le_bytes());
        key[16..20].copy_from_slice(&day.to_le_bytes());
        Stream(ChaCha8Rng::from_seed(key))
    }
}

#[derive(Clone, Debug)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// Uniform in [0, 1).
    pub fn uniform(&mut self) -> f64 {
        // The 53 bits that a double holds exactly.
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn chance(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }

    /// Uniform in [from, to).
    pub fn between(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from) * self.uniform()
    }

    /// Uniform in [from, to].
    pub fn whole(&mut self, from: u32, to: u32) -> u32 {
        let span = f64::from(to.saturating_sub(from)) + 1.0;
        from + (self.uniform() * span) as u32
    }

    /// Standard normal (Box and Muller).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Poisson, by inversion: for means up to some dozens.
    pub fn poisson(&mut self, mean: f64) -> u32 {
        let mut left = self.uniform();
        let mut mass = (-mean).exp();
        let mut count = 0;
        while left >= mass && count < 1000 {
            left -= mass;
            count += 1;
            mass *= mean / f64::from(count);
        }
        count
    }

    /// A place, with probability proportional to its weight. The weights have a positive sum.
    pub fn weighted(&mut self, weights: &[f64]) -> usize {
        let mut left = self.uniform() * weights.iter().sum::<f64>();
        for (place, weight) in weights.iter().enumerate() {
            left -= weight;
            if left < 0.0 {
                return place;
            }
        }
        // Rounding let the last sliver through: it belongs to the last place that has any weight.
        weights.iter().rposition(|weight| *weight > 0.0).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_depends_on_its_index_alone() {
        let draws = Draws::new(7);
        let mut early = draws.of(Purpose::Order, 3, 9);
        let _ = draws.of(Purpose::Order, 4, 9).uniform();
        let mut again = draws.of(Purpose::Order, 3, 9);
        assert_eq!((early.uniform(), early.normal()), (again.uniform(), again.normal()));
        assert_ne!(
            draws.of(Purpose::Order, 3, 9).uniform(),
            draws.of(Purpose::Basket, 3, 9).uniform()
        );
        assert_ne!(
            draws.of(Purpose::Order, 3, 9).uniform(),
            Draws::new(8).of(Purpose::Order, 3, 9).uniform()
        );
    }

    #[test]
    fn draws_have_the_means_they_are_asked_for() {
        let draws = Draws::new(7);
        let mean = |draw: fn(&mut Stream) -> f64| {
            (0..20_000)
                .map(|entity| draw(&mut draws.of(Purpose::Order, entity, 0)))
                .sum::<f64>()
                / 20_000.0
        };
        assert!((mean(Stream::uniform) - 0.5).abs() < 0.01);
        assert!(mean(Stream::normal).abs() < 0.03);
        assert!((mean(|stream| f64::from(stream.poisson(6.5))) - 6.5).abs() < 0.1);
        assert!((mean(|stream| f64::from(stream.whole(1, 6))) - 3.5).abs() < 0.05);
        assert!((mean(|stream| stream.weighted(&[1.0, 0.0, 3.0]) as f64) - 1.5).abs() < 0.05);
    }
}
