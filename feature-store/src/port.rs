//! The online side's port.

use async_trait::async_trait;
use cortex_lake::ChangeBatch;
use cortex_types::{Frontier, TenantId, Timestamp};

use crate::FeatureError;
use crate::value::{EntityKey, EventTime, FeatureRef, FeatureStatus, FeatureValue};

/// The features of one entity, in the order in which they were asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct OnlineRow {
    pub values: Vec<FeatureValue>,
    pub statuses: Vec<FeatureStatus>,
    pub event_times: Vec<EventTime>,
}

/// The answer to one read: one row per key, in order, all computed at one frontier.
#[derive(Clone, Debug, PartialEq)]
pub struct OnlineVectors {
    pub rows: Vec<OnlineRow>,
    pub frontier: Frontier,
}

/// Features kept ready to read, folded from the change stream. A cache with a frontier: it can be thrown away and
/// rebuilt from the lake.
#[async_trait]
pub trait OnlineStore: Send + Sync + std::fmt::Debug {
    /// The named features of `keys` (all of one entity) as of `at`, from one consistent state.
    ///
    /// A key without facts is a row of `NotFound`s, not an error; an unknown feature is
    /// [`FeatureError::UnknownFeature`]; more values than the store gives in one answer are [`FeatureError::TooLarge`].
    async fn read(
        &self,
        tenant: &TenantId,
        features: &[FeatureRef],
        keys: &[EntityKey],
        at: Timestamp,
    ) -> Result<OnlineVectors, FeatureError>;

    /// Takes changes up to `upto`. What lies at or before the store's frontier is passed over, so the same batches may
    /// come twice. Reads see them when it returns; they are durable, values and frontier together, once the store has
    /// [settled](Self::settle).
    async fn fold(&self, batches: &[ChangeBatch], upto: &Frontier) -> Result<(), FeatureError>;

    /// Makes durable what was folded. A store that dies before forgets it, and its frontier with it.
    async fn settle(&self) -> Result<(), FeatureError>;

    /// Up to where changes are folded.
    async fn frontier(&self) -> Result<Frontier, FeatureError>;
}

/// Says what the lake has, for whoever has to know that nothing is missing yet.
#[async_trait]
pub trait Coverage: Send + Sync + std::fmt::Debug {
    /// The instant up to which everything that was known of `table` is in the lake, by what the writer of the lake and
    /// its source know; `None` where they cannot tell.
    async fn covered_to(&self, tenant: &TenantId, table: &str) -> Option<Timestamp>;
}
