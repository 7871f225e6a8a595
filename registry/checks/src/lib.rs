//! The numerics that gates, monitors and reports rest on: drift, fairness, performance.
//!
//! Everything here is a pure function over slices of `f64`: [`drift`] compares a feature's distribution with the one it
//! was trained on, [`parity`] compares groups of people, [`Metric`] names every measure of performance and computes it,
//! and [`bootstrap`] says how sure the figure is. Definitions agree, number for number, with Evidently (drift),
//! Fairlearn (fairness) and scikit-learn (performance).
//!
//! This crate does no I/O, holds no state, and never answers NaN: a figure that cannot be computed is a [`CheckError`],
//! so that it cannot slip through a comparison.

mod error;
mod input;

pub mod bootstrap;
mod calibration;
mod classification;
mod drift;
mod fairness;
mod histogram;
mod metric;
mod regression;

pub use bootstrap::{Bootstrap, Clusters, Interval};
pub use calibration::expected_calibration_error;
pub use classification::{Confusion, average_precision, brier_score, log_loss, roc_auc};
pub use drift::{FeatureDrift, PSI_DRIFTED, drift, population_stability_index};
pub use error::CheckError;
pub use fairness::{GroupRate, Parity, parity};
pub use metric::{Direction, Metric};
pub use regression::{mean_absolute_error, mean_absolute_percentage_error, r_squared, root_mean_squared_error, wape};
