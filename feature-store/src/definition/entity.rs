//! Whom features describe.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A kind of thing that features describe, and the columns that identify one of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entity {
    pub name: Arc<str>,
    /// Columns of every source table of the entity's views, in the order of the parts of an
    /// [`EntityKey`](crate::EntityKey).
    pub join_keys: Vec<Arc<str>>,
    #[serde(default)]
    pub description: String,
    /// The view whose facts say that an entity was active; any of its views where it is left out.
    #[serde(default)]
    pub activity: Option<Arc<str>>,
}
