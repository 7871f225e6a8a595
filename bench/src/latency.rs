//! Latencies of one load, and the line that reports them.

use std::fmt;
use std::time::Duration;

/// Latencies in order, and what else is needed to read them.
#[derive(Clone, Debug)]
pub struct Latencies {
    sorted: Vec<Duration>,
    pub failures: usize,
    pub rate_offered: u32,
    pub rate_served: f64,
}

impl Latencies {
    #[must_use]
    pub fn new(mut all: Vec<Duration>, failures: usize, rate_offered: u32, wall: Duration) -> Self {
        all.sort_unstable();
        let rate_served = all.len() as f64 / wall.as_secs_f64();
        Self {
            sorted: all,
            failures,
            rate_offered,
            rate_served,
        }
    }

    /// The latency that `share` of the requests did not exceed (nearest rank).
    #[must_use]
    pub fn quantile(&self, share: f64) -> Duration {
        if self.sorted.is_empty() {
            return Duration::ZERO;
        }
        let rank = (share * self.sorted.len() as f64).ceil() as usize;
        self.sorted[rank.clamp(1, self.sorted.len()) - 1]
    }
}

impl fmt::Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |share| self.quantile(share).as_secs_f64() * 1e3;
        write!(
            f,
            "offered {}/s  served {:.0}/s  p50 {:.2} ms  p99 {:.2} ms  p99.9 {:.2} ms  max {:.2} ms  failures {}",
            self.rate_offered,
            self.rate_served,
            ms(0.5),
            ms(0.99),
            ms(0.999),
            ms(1.0),
            self.failures
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_the_nearest_rank() {
        let all = (1..=100).map(Duration::from_millis).collect();
        let latencies = Latencies::new(all, 0, 100, Duration::from_secs(1));
        assert_eq!(latencies.quantile(0.99), Duration::from_millis(99));
        assert_eq!(latencies.quantile(0.5), Duration::from_millis(50));
        assert_eq!(latencies.quantile(1.0), Duration::from_millis(100));
    }
}
