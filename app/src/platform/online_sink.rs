//! Changes into the online store: the pipeline's sink on the feature store's port.

use std::sync::Arc;

use async_trait::async_trait;
use cortex_features::OnlineStore;
use cortex_ingest::{ChangeSink, ChangeSlice, IngestError};
use cortex_types::{Frontier, Position};

use super::online_rebuild::OnlineRebuild;

const NAME: &str = "online";

/// Folds what the pipeline hands out; after a failure the store is rebuilt where it has to be.
#[derive(Debug)]
pub struct OnlineSink {
    pub(super) store: Arc<dyn OnlineStore>,
    pub(super) rebuild: OnlineRebuild,
}

#[async_trait]
impl ChangeSink for OnlineSink {
    fn name(&self) -> &str {
        NAME
    }

    async fn frontier(&self) -> Result<Frontier, IngestError> {
        self.store
            .frontier()
            .await
            .map_err(|error| IngestError::refused(NAME, error))
    }

    async fn apply(&self, slice: &ChangeSlice) -> Result<(), IngestError> {
        let folded = self.store.fold(&slice.batches, &Frontier::of(slice.to.clone())).await;
        folded.map_err(|error| IngestError::refused(NAME, error))
    }

    /// A flush for every order would keep the disk as busy as the ledger does.
    async fn settle(&self) -> Result<(), IngestError> {
        let settled = self.store.settle().await;
        settled.map_err(|error| IngestError::refused(NAME, error))
    }

    async fn recover(&self, kept_after: &Position) -> Result<(), IngestError> {
        let rebuilt = self.rebuild.if_needed(kept_after).await;
        rebuilt.map(drop).map_err(|error| IngestError::refused(NAME, error))
    }
}
