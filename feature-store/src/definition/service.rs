//! Which features belong together.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::value::FeatureRef;

/// The features that one model takes, in the order in which it takes them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureService {
    pub name: Arc<str>,
    pub entity: Arc<str>,
    #[serde(default)]
    pub description: String,
    pub features: Vec<FeatureRef>,
    #[serde(default)]
    pub owner: Option<String>,
    #[serde(default)]
    pub tags: Vec<String>,
}
