//! Changes into the online store: the pipeline's sink on the feature store's port.

use std::sync::Arc;

use async_trait::async_trait;
use cortex_features::{FeatureError, OnlineStore};
use cortex_ingest::{ChangeSink, ChangeSlice, IngestError};
use cortex_types::Frontier;

const NAME: &str = "online";

/// Folds what the pipeline hands out.
#[derive(Debug)]
pub struct OnlineSink(pub Arc<dyn OnlineStore>);

#[async_trait]
impl ChangeSink for OnlineSink {
    fn name(&self) -> &str {
        NAME
    }

    async fn frontier(&self) -> Result<Frontier, IngestError> {
        self.0
            .frontier()
            .await
            .map_err(|error| refused("its frontier could not be read", error))
    }

    async fn apply(&self, slice: &ChangeSlice) -> Result<(), IngestError> {
        let folded = self.0.fold(&slice.batches, &Frontier::of(slice.to.clone())).await;
        folded.map_err(|error| refused("the changes could not be folded", error))
    }
}

fn refused(detail: &str, error: FeatureError) -> IngestError {
    IngestError::Sink {
        sink: NAME.to_owned(),
        detail: detail.to_owned(),
        source: Some(Box::new(error)),
    }
}
