//! What a feature is called, whom it describes, and what it says.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use cortex_types::Timestamp;
use serde::{Deserialize, Serialize};

use crate::FeatureError;

/// One feature of one view, written `view:feature`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FeatureRef {
    pub view: Arc<str>,
    pub feature: Arc<str>,
}

impl FeatureRef {
    #[must_use]
    pub fn new(view: impl Into<Arc<str>>, feature: impl Into<Arc<str>>) -> Self {
        Self {
            view: view.into(),
            feature: feature.into(),
        }
    }
}

impl fmt::Display for FeatureRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.view, self.feature)
    }
}

impl FromStr for FeatureRef {
    type Err = FeatureError;
    fn from_str(text: &str) -> Result<Self, FeatureError> {
        match text.split_once(':') {
            Some((view, feature)) if !view.is_empty() && !feature.is_empty() => Ok(Self::new(view, feature)),
            _ => Err(FeatureError::FeatureName(text.to_owned())),
        }
    }
}

impl TryFrom<String> for FeatureRef {
    type Error = FeatureError;
    fn try_from(text: String) -> Result<Self, FeatureError> {
        text.parse()
    }
}

impl From<FeatureRef> for String {
    fn from(feature: FeatureRef) -> String {
        feature.to_string()
    }
}

/// The join-key values of one entity, as text, in the order in which the entity declares its keys. Numbers and their
/// decimal text are the same key: clients send either.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntityKey(Arc<str>);

/// ASCII unit separator: no business key contains it.
const SEPARATOR: char = '\u{1f}';

impl EntityKey {
    #[must_use]
    pub fn single(value: impl Into<Arc<str>>) -> Self {
        Self(value.into())
    }

    #[must_use]
    pub fn composite<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let values: Vec<&str> = values.into_iter().collect();
        Self(values.join("\u{1f}").into())
    }

    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.split(SEPARATOR)
    }

    /// The whole key as one text, for use as a storage key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EntityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.replace(SEPARATOR, "/"))
    }
}

/// The value of one feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FeatureValue {
    Null,
    Int(i64),
    Float(f64),
    Text(Arc<str>),
}

impl FeatureValue {
    /// As a model's input; missing is NaN, text is `None`.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Null => Some(f64::NAN),
            Self::Int(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            Self::Text(_) => None,
        }
    }
}

/// How a value is to be taken (Feast's words).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FeatureStatus {
    Present,
    /// The entity has no facts in this view.
    NotFound,
    /// The newest fact is older than the view's TTL.
    OutsideMaxAge,
    NullValue,
}

/// When a value was true: the event time of the newest fact in it.
pub type EventTime = Option<Timestamp>;
