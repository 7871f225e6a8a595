//! Experiments and the runs in them: what was tried, with which parameters, and how it went.

use std::collections::BTreeMap;

use cortex_types::{ExperimentId, RunId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::RegistryError;

/// A group of runs that pursue the same thing, such as one pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Experiment {
    pub id: ExperimentId,
    /// Unique within the tenant.
    pub name: String,
    pub created_at: Timestamp,
}

/// Where a run stands. A run that ended does not start again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    Running,
    Finished,
    Failed,
}

impl RunStatus {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Failed => "failed",
        }
    }
}

impl std::str::FromStr for RunStatus {
    type Err = RegistryError;
    fn from_str(text: &str) -> Result<Self, RegistryError> {
        [Self::Running, Self::Finished, Self::Failed]
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| {
                RegistryError::Invalid(format!(
                    "'{text}' is not a run's status: use running, finished or failed"
                ))
            })
    }
}

/// One attempt: its parameters are written once, its metrics are points over steps, its tags may change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    pub id: RunId,
    pub experiment: ExperimentId,
    pub name: String,
    pub status: RunStatus,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub params: BTreeMap<String, String>,
    pub tags: BTreeMap<String, String>,
}

/// One measurement of one metric. NaN and infinities are legal: a diverging loss is worth recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricPoint {
    pub key: String,
    pub value: f64,
    pub step: i64,
    pub at: Timestamp,
}

/// Most points, parameters or tags in one call.
pub const LOG_BATCH_MAX: usize = 1000;
/// Longest value of a parameter or tag, in characters.
pub const PARAM_CHARS_MAX: usize = 6000;

/// Refuses what would not fit: too many entries at once, an empty key, a value that is too long.
pub(crate) fn check_pairs(what: &str, pairs: &BTreeMap<String, String>) -> Result<(), RegistryError> {
    if pairs.len() > LOG_BATCH_MAX {
        return Err(RegistryError::Invalid(format!(
            "{} {what} at once: send at most {LOG_BATCH_MAX}",
            pairs.len()
        )));
    }
    for (key, value) in pairs {
        check_key(what, key)?;
        let chars = value.chars().count();
        if chars > PARAM_CHARS_MAX {
            return Err(RegistryError::Invalid(format!(
                "the value of '{key}' among the {what} has {chars} characters: {PARAM_CHARS_MAX} fit"
            )));
        }
    }
    Ok(())
}

/// Refuses more than [`LOG_BATCH_MAX`] points, and points without a proper key.
pub(crate) fn check_points(points: &[MetricPoint]) -> Result<(), RegistryError> {
    if points.len() > LOG_BATCH_MAX {
        return Err(RegistryError::Invalid(format!(
            "{} metrics at once: send at most {LOG_BATCH_MAX}",
            points.len()
        )));
    }
    points.iter().try_for_each(|point| check_key("metrics", &point.key))
}

fn check_key(what: &str, key: &str) -> Result<(), RegistryError> {
    if (1..=250).contains(&key.len()) {
        return Ok(());
    }
    Err(RegistryError::Invalid(format!(
        "'{key}' is no key for {what}: give 1 to 250 bytes"
    )))
}

/// Adds `new` to the write-once `params` of `run`. The same value again is fine; another one is refused, and nothing is
/// added.
pub fn merge_params(
    run: &RunId,
    params: &mut BTreeMap<String, String>,
    new: &BTreeMap<String, String>,
) -> Result<(), RegistryError> {
    for (key, value) in new {
        if let Some(old) = params.get(key).filter(|old| *old != value) {
            return Err(RegistryError::Immutable(format!(
                "parameter '{key}' of run {run} is '{old}' and stays so: parameters are written once"
            )));
        }
    }
    params.extend(new.iter().map(|(key, value)| (key.clone(), value.clone())));
    Ok(())
}
