use serde::{Deserialize, Serialize};

/// Limits of serving.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServingConfig {
    /// Model versions that are kept loaded; the one that was used the longest ago makes room.
    pub loaded_max: usize,
    /// Entities that one call may ask for.
    pub entities_max: usize,
    /// How long a promotion or a change of traffic made by another process can stay unseen; one made here is seen at
    /// once.
    pub traffic_cache_ms: u64,
}

impl Default for ServingConfig {
    fn default() -> Self {
        Self {
            loaded_max: 32,
            entities_max: 20_000,
            traffic_cache_ms: 1_000,
        }
    }
}
