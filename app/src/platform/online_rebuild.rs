//! Making the online store again from the lake, where the change stream alone cannot bring it up to date.

use std::sync::Arc;
use std::time::Instant;

use cortex_features::{FeatureError, OnlineStore};
use cortex_features_online::{EmbeddedOnlineStore, Rebuilt};
use cortex_ingest::{ChangeSink, ChangeSource, IngestError, LakeSink};
use cortex_lake::Lake;
use cortex_types::{Coded, ErrorCode, Position, TenantId};

use crate::failure::AppError;
use crate::layout::DataLayout;

/// Why a rebuild failed; the store refuses to answer until one succeeds.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    #[error("the online store could not be rebuilt from the lake: {0}")]
    Features(#[from] FeatureError),
    #[error("the online store could not be rebuilt, because nobody knows up to where the lake is complete: {0}")]
    Lake(#[from] IngestError),
    #[error(transparent)]
    Folder(#[from] AppError),
}

impl Coded for RebuildError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Features(error) => error.code(),
            Self::Lake(error) => error.code(),
            Self::Folder(error) => error.code(),
        }
    }
}

/// Rebuilds the online store up to where the lake is complete; the change stream goes on from there.
#[derive(Clone, Debug)]
pub struct OnlineRebuild {
    pub(super) store: Arc<EmbeddedOnlineStore>,
    pub(super) lake: Arc<dyn Lake>,
    /// Knows up to where the lake is complete.
    pub(super) lake_sink: Arc<LakeSink>,
    /// What the store has has to be there too.
    pub(super) changes: Arc<dyn ChangeSource>,
    pub(super) layout: DataLayout,
}

impl OnlineRebuild {
    /// Rebuilds where the store was folded under other definitions, or stands before `kept_after`, from which on the
    /// change log still has changes: an emptied store, or one from a backup; or stands after the newest change, because
    /// the database is from a backup. `None` where the stream is enough.
    pub async fn if_needed(&self, kept_after: &Position) -> Result<Option<Rebuilt>, RebuildError> {
        let Some(why) = self.reason(kept_after).await? else {
            return Ok(None);
        };
        // Until then it would answer as if what it lacks had never happened.
        self.store.require_rebuild(&why);
        self.now(&why).await.map(Some)
    }

    /// Rebuilds whatever the store holds.
    pub async fn now(&self, why: &str) -> Result<Rebuilt, RebuildError> {
        let (upto, tenants) = (self.lake_sink.frontier().await?, tenants_of(&self.layout)?);
        tracing::info!(why, %upto, tenants = tenants.len(), "rebuilding the online store from the lake");
        let started = Instant::now();
        let rebuilt = self.store.rebuild(&*self.lake, &tenants, &upto).await?;
        tracing::info!(
            changes = rebuilt.changes,
            frontier = %rebuilt.frontier,
            duration_ms = started.elapsed().as_millis() as u64,
            "the online store is rebuilt"
        );
        Ok(rebuilt)
    }

    async fn reason(&self, kept_after: &Position) -> Result<Option<String>, RebuildError> {
        if let Some(why) = self.store.needs_rebuild() {
            return Ok(Some(why));
        }
        let frontier = self.store.frontier().await?;
        let origin = || Position::origin(Arc::clone(&kept_after.source));
        let position = frontier.get(&kept_after.source).cloned().unwrap_or_else(origin);
        if position < *kept_after {
            let why = format!("it stands at {position}, and the change log holds only what came after {kept_after}");
            return Ok(Some(why));
        }
        let head = self.changes.head().await?;
        Ok((position > head).then(|| format!("it stands at {position}, and the newest change is {head}")))
    }
}

/// Whoever has tables in the lake.
pub(super) fn tenants_of(layout: &DataLayout) -> Result<Vec<TenantId>, AppError> {
    let folder = layout.lake();
    let unreadable = |error: std::io::Error| AppError::File {
        what: "the lake",
        path: folder.clone(),
        problem: error.to_string(),
    };
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut tenants = Vec::new();
    for entry in entries {
        let name = entry.map_err(unreadable)?.file_name();
        tenants.extend(name.to_str().and_then(|name| TenantId::new(name).ok()));
    }
    Ok(tenants)
}
