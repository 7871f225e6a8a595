//! Up to when the lake has everything: what its writer has, held against what the change log still holds for it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cortex_features::Coverage;
use cortex_ingest::{ChangeSink, ChangeSource, IngestError, LakeSink};
use cortex_types::{Clock, Position, TenantId, Timestamp};

/// A table of which nothing waits in the change log is covered up to now, however long ago its last change was.
#[derive(Debug)]
pub(super) struct IngestCoverage {
    pub(super) lake_sink: Arc<LakeSink>,
    pub(super) changes: Arc<dyn ChangeSource>,
    pub(super) clock: Arc<dyn Clock>,
}

impl IngestCoverage {
    async fn pending_since(&self, tenant: &TenantId, table: &str) -> Result<Option<Timestamp>, IngestError> {
        let source = self.changes.id();
        let frontier = self.lake_sink.frontier().await?;
        let origin = || Position::origin(Arc::clone(&source));
        let lake_at = frontier.get(&source).cloned().unwrap_or_else(origin);
        self.changes.pending_since(&lake_at, tenant, table).await
    }
}

#[async_trait]
impl Coverage for IngestCoverage {
    async fn covered_to(&self, tenant: &TenantId, table: &str) -> Option<Timestamp> {
        // Before the log is asked: what is committed from here on is known later.
        let now = self.clock.now();
        match self.pending_since(tenant, table).await {
            Ok(None) => Some(now),
            Ok(Some(first)) => Some(first.saturating_sub(Duration::from_micros(1))),
            Err(error) => {
                tracing::warn!(table, error = %error, "nobody knows up to when the lake is complete");
                None
            }
        }
    }
}
