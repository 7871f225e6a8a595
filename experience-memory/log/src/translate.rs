//! Serving's words in the memory's, and the memory's errors in serving's.

use std::sync::Arc;

use cortex_experience::{ContextValue, Decision, ExperienceError};
use cortex_features::FeatureValue;
use cortex_serving::ServingError;
use cortex_types::{Coded, ErrorCode};

pub(crate) fn decision(served: &cortex_serving::Decision) -> Decision {
    Decision {
        id: served.id,
        model: Arc::clone(&served.model),
        version: served.version,
        arm: served.arm.as_str().into(),
        propensity: served.propensity,
        entity: Arc::clone(&served.entity),
        entity_key: Arc::clone(&served.entity_key),
        decided_at: served.decided_at,
        score: served.score,
        action: served.action.clone(),
        context: served
            .context
            .iter()
            .map(|(feature, value)| (Arc::clone(feature), context_value(value)))
            .collect(),
        frontier: served.frontier.clone(),
    }
}

fn context_value(value: &FeatureValue) -> ContextValue {
    match value {
        FeatureValue::Null => ContextValue::Null,
        FeatureValue::Int(value) => ContextValue::Int(*value),
        FeatureValue::Float(value) => ContextValue::Float(*value),
        FeatureValue::Text(value) => ContextValue::Text(Arc::clone(value)),
    }
}

pub(crate) fn error(error: &ExperienceError) -> ServingError {
    match error {
        ExperienceError::Overloaded { queue, capacity } => ServingError::Overloaded {
            queue,
            capacity: *capacity,
        },
        ExperienceError::Storage {
            code: ErrorCode::Overloaded,
            ..
        } => ServingError::Overloaded {
            queue: "the database's writer",
            capacity: 1,
        },
        other => ServingError::Memory {
            code: other.code(),
            detail: other.to_string(),
        },
    }
}
