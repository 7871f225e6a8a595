//! What features are, as written in YAML: entities, the views that describe them, and the services that models use.

mod catalog;
mod entity;
mod loading;
mod service;
mod validation;
mod view;
mod window;

pub use catalog::Definitions;
pub use entity::Entity;
pub use service::FeatureService;
pub use view::{Aggregate, FactSource, Feature, FeatureView, Ratio};
pub use window::{Span, Window};
