//! How sure a figure is: the percentile bootstrap, reproducible by its seed.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::CheckError;

/// How often to resample, how wide the interval, and from which seed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bootstrap {
    pub resamples: usize,
    /// Share of the resamples that the interval covers, such as 0.95.
    pub confidence: f64,
    pub seed: u64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self {
            resamples: 300,
            confidence: 0.95,
            seed: 20_101_201,
        }
    }
}

/// Rows that belong together, such as one customer's weeks: they are drawn together, because they are not independent.
#[derive(Clone, Debug)]
pub struct Clusters(Vec<Vec<usize>>);

impl Clusters {
    /// Every row by itself.
    #[must_use]
    pub fn rows(rows: usize) -> Self {
        Self((0..rows).map(|row| vec![row]).collect())
    }

    /// Rows with the same member belong together.
    #[must_use]
    pub fn of(members: &[u32]) -> Self {
        let mut clusters: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (row, member) in members.iter().enumerate() {
            clusters.entry(*member).or_default().push(row);
        }
        Self(clusters.into_values().collect())
    }
}

/// The middle `confidence` of what resampling gave.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    pub lower: f64,
    pub upper: f64,
    /// Resamples that counted: one in which the figure was not defined (one class only, a group gone) does not.
    pub resamples: usize,
}

impl Bootstrap {
    /// Most resamples that are ever drawn.
    pub const RESAMPLES_MAX: usize = 10_000;

    pub fn check(&self) -> Result<(), CheckError> {
        if !(10..=Self::RESAMPLES_MAX).contains(&self.resamples) {
            return Err(CheckError::Parameter(format!(
                "{} resamples: use 10 to {}",
                self.resamples,
                Self::RESAMPLES_MAX
            )));
        }
        if !(self.confidence > 0.0 && self.confidence < 1.0) {
            return Err(CheckError::Parameter(format!(
                "a confidence of {} is not within 0 and 1",
                self.confidence
            )));
        }
        Ok(())
    }

    /// The interval of `figure` over resamples of whole clusters, drawn with replacement (Field and Welsh 2007). `figure`
    /// gets the row numbers of one resample; where it fails, that resample does not count. Where most fail, so does this.
    pub fn interval(
        &self,
        Clusters(clusters): &Clusters,
        figure: impl Fn(&[usize]) -> Result<f64, CheckError>,
    ) -> Result<Interval, CheckError> {
        self.check()?;
        if clusters.is_empty() {
            return Err(CheckError::Empty {
                what: "the sample to resample",
            });
        }
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let mut drawn = Vec::new();
        let mut figures = Vec::with_capacity(self.resamples);
        for _ in 0..self.resamples {
            drawn.clear();
            for _ in clusters {
                drawn.extend_from_slice(&clusters[rng.random_range(0..clusters.len())]);
            }
            figures.extend(figure(&drawn).ok().filter(|value| value.is_finite()));
        }
        if figures.len() * 2 < self.resamples {
            return Err(CheckError::Undefined {
                metric: "the interval",
                why: "most resamples have no such figure",
            });
        }
        figures.sort_unstable_by(f64::total_cmp);
        let tail = (1.0 - self.confidence) / 2.0;
        Ok(Interval {
            lower: quantile(&figures, tail),
            upper: quantile(&figures, 1.0 - tail),
            resamples: figures.len(),
        })
    }
}

/// The values at `rows`, in that order.
#[must_use]
pub fn take<T: Clone>(values: &[T], rows: &[usize]) -> Vec<T> {
    rows.iter().map(|row| values[*row].clone()).collect()
}

/// Linear interpolation between the neighbours, NumPy's default. `sorted` is not empty.
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let place = q * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean_of(values: &[f64]) -> impl Fn(&[usize]) -> Result<f64, CheckError> {
        |rows| Ok(take(values, rows).iter().sum::<f64>() / rows.len() as f64)
    }

    #[test]
    fn the_same_seed_gives_the_same_interval_and_it_holds_the_mean() {
        let values: Vec<f64> = (0..200).map(|i| f64::from(i % 17)).collect();
        let mean = values.iter().sum::<f64>() / 200.0;
        let interval = Bootstrap::default()
            .interval(&Clusters::rows(200), mean_of(&values))
            .unwrap();
        assert_eq!(
            interval,
            Bootstrap::default()
                .interval(&Clusters::rows(200), mean_of(&values))
                .unwrap()
        );
        assert!(interval.lower < mean && mean < interval.upper);
        // The normal approximation, mean ± 1.96 s/√n, is near for 200 rows.
        let sd = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 200.0).sqrt();
        let expected = 2.0 * 1.96 * sd / 200_f64.sqrt();
        assert!(((interval.upper - interval.lower) / expected - 1.0).abs() < 0.2);
    }

    #[test]
    fn rows_that_repeat_each_other_make_nothing_surer() {
        let once: Vec<f64> = (0..50).map(|i| f64::from(i % 17)).collect();
        let four_times: Vec<f64> = (0..200).map(|row| once[row / 4]).collect();
        let members: Vec<u32> = (0..200).map(|row| row / 4).collect();
        let interval = |values: &[f64], clusters| Bootstrap::default().interval(&clusters, mean_of(values)).unwrap();
        let honest = interval(&four_times, Clusters::of(&members));
        assert_eq!(honest, interval(&once, Clusters::rows(50)));
        let naive = interval(&four_times, Clusters::rows(200));
        assert!(naive.upper - naive.lower < 0.6 * (honest.upper - honest.lower));
    }

    #[test]
    fn a_figure_that_mostly_cannot_be_computed_has_no_interval() {
        let never = |_: &[usize]| Err(CheckError::Empty { what: "it" });
        assert!(matches!(
            Bootstrap::default().interval(&Clusters::rows(5), never),
            Err(CheckError::Undefined { .. })
        ));
        assert!(
            Bootstrap {
                resamples: 1,
                ..Bootstrap::default()
            }
            .interval(&Clusters::rows(5), |_| Ok(0.0))
            .is_err()
        );
        assert!(
            Bootstrap {
                confidence: f64::NAN,
                ..Bootstrap::default()
            }
            .check()
            .is_err()
        );
        assert!(Bootstrap::default().interval(&Clusters::rows(0), |_| Ok(0.0)).is_err());
    }

    #[test]
    fn quantiles_interpolate_as_numpy_does() {
        assert!((quantile(&[1.0, 2.0, 4.0, 8.0], 0.25) - 1.75).abs() < 1e-12);
        assert_eq!(quantile(&[3.0], 0.975), 3.0);
    }
}
