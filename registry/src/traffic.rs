//! Who answers how much: the champion, and perhaps a canary beside it.

use std::sync::Arc;

use cortex_types::Timestamp;
use serde::{Deserialize, Serialize};

use crate::RegistryError;

/// A version that answers for a share of the entities.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Canary {
    pub version: u32,
    /// Share of the entities, above 0 and below 1.
    pub weight: f64,
}

/// How a model's traffic is split. The champion is wherever the alias `champion` is; only the canary is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Traffic {
    pub model: Arc<str>,
    /// Absent until a first version is promoted.
    pub champion: Option<u32>,
    pub canary: Option<Canary>,
    pub changed_at: Timestamp,
    pub changed_by: Arc<str>,
}

impl Canary {
    /// A weight outside `(0, most]` is refused: a canary with nearly all the traffic would be a champion that no gate saw.
    pub fn new(version: u32, weight: f64, most: f64) -> Result<Self, RegistryError> {
        if weight.is_finite() && weight > 0.0 && weight <= most {
            return Ok(Self { version, weight });
        }
        Err(RegistryError::Invalid(format!(
            "a canary's weight is above 0 and at most {most}, not {weight}: for more, promote it through the gate"
        )))
    }
}
