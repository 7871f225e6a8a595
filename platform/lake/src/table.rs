//! What a table of the lake is called.

use std::fmt;
use std::sync::Arc;

use cortex_types::TenantId;
use serde::{Deserialize, Serialize};

use crate::error::LakeError;

/// The folder of the lake that a table stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    /// Change logs: one table per source table, every change of it.
    Bronze,
    /// Training sets, with the recipe that rebuilds them.
    Training,
    /// Predictions for whole tables.
    Scores,
}

impl Layer {
    pub const ALL: [Self; 3] = [Self::Bronze, Self::Training, Self::Scores];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bronze => "bronze",
            Self::Training => "training",
            Self::Scores => "scores",
        }
    }
}

/// One table of one tenant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableRef {
    pub tenant: TenantId,
    pub layer: Layer,
    name: Arc<str>,
}

impl TableRef {
    /// Refuses a name that could leave its folder: 1 to 120 of `a-z`, `0-9`, `_` and `-`, beginning with a letter.
    pub fn new(tenant: TenantId, layer: Layer, name: impl AsRef<str>) -> Result<Self, LakeError> {
        let name = name.as_ref();
        let valid = name.len() <= 120
            && name.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-');
        if valid {
            Ok(Self {
                tenant,
                layer,
                name: name.into(),
            })
        } else {
            Err(LakeError::TableName(name.to_owned()))
        }
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for TableRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.tenant, self.layer.as_str(), self.name)
    }
}
