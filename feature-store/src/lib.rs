//! Features: one definition, the same values offline and online.
//!
//! [`Definitions`] (entities, views, services, read from YAML) say what a feature is; the [`engine`] turns changes of
//! source rows into facts and folds facts into values, and it is the same engine for a training set ([`TrainingSets`],
//! point-in-time over the lake) and for the [`OnlineStore`] (kept up to date from the change stream). An event counts
//! for a value at `t` if it happened in `(t - window, t]` and was known by `t`.
//!
//! This crate never writes to the lake and never knows a database driver or a web framework.

mod definition;
pub mod engine;
mod error;
mod offline;
mod port;
mod value;

pub use definition::{
    Aggregate, Definitions, Entity, FactSource, Feature, FeatureService, FeatureView, Ratio, Span, Window,
};
pub use error::FeatureError;
pub use offline::{Bronze, BronzeBounds, EntityRows, FeatureFrame, LabelAggregate, LabelSpec, TrainingSets};
pub use port::{Coverage, OnlineRow, OnlineStore, OnlineVectors};
pub use value::{EntityKey, EventTime, FeatureRef, FeatureStatus, FeatureValue};
