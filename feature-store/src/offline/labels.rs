//! Labels: what came after.

use std::sync::Arc;
use std::time::Duration;

use crate::definition::{Aggregate, Entity, FactSource, Feature, FeatureView, Span, Window};
use crate::engine::FactExtractor;

/// What of the events in `(t, t + horizon]` is the label of a row at `t`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelSpec {
    pub table: String,
    /// The column that holds the entity's key; several for a composite key, in the entity's order.
    pub keys: Vec<String>,
    pub event_time: String,
    /// A Boolean SQL expression over the table's columns.
    pub filter: Option<String>,
    pub aggregate: LabelAggregate,
    pub horizon: Duration,
}

/// How the events of a horizon become a label. SQL expressions yield whole numbers (or text, to count what differs).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LabelAggregate {
    /// Of rows.
    Count,
    CountDistinct(String),
    Sum(String),
}

impl LabelSpec {
    /// The label as a view of one feature, whose window is the horizon.
    pub(super) fn extractor(&self) -> FactExtractor {
        let (aggregate, value) = match &self.aggregate {
            LabelAggregate::Count => (Aggregate::Count, None),
            LabelAggregate::CountDistinct(sql) => (Aggregate::CountDistinct, Some(sql.clone())),
            LabelAggregate::Sum(sql) => (Aggregate::Sum, Some(sql.clone())),
        };
        let entity = Entity {
            name: "label".into(),
            join_keys: self.keys.iter().map(|key| key.as_str().into()).collect(),
            description: String::new(),
            activity: None,
        };
        let feature = Feature {
            name: "label".into(),
            aggregate: Some(aggregate),
            value,
            window: Some(Window::Last(Span::from(self.horizon))),
            ratio: None,
            description: String::new(),
            unit: None,
        };
        let view = FeatureView {
            name: "label".into(),
            entity: Arc::clone(&entity.name),
            description: String::new(),
            source: FactSource {
                table: self.table.as_str().into(),
                event_time: self.event_time.as_str().into(),
                filter: self.filter.clone(),
            },
            ttl: None,
            features: vec![feature],
            owner: None,
            tags: Vec::new(),
        };
        FactExtractor::new(&Arc::new(view), &Arc::new(entity))
    }
}
