//! The store port, method by method.

use std::time::Duration;

use async_trait::async_trait;
use cortex_experience::{
    DecisionGroup, DecisionPage, DecisionQuery, Event, ExperienceError, ExperienceStore, Judged, JudgedQuery, Matured,
    MaturedQuery, Recorded, Remembered,
};
use cortex_store::{Database, StoreError};
use cortex_types::{DecisionId, RequestContext, TenantId};

use crate::{decisions, events, pending, reading};

/// Ids per `IN` list: far below what a statement can bind, and enough to make the number of statements not matter.
pub(crate) const IDS_PER_STATEMENT: usize = 500;

/// The memory on a database that was migrated with [`EXPERIENCE`](crate::EXPERIENCE).
#[derive(Clone, Debug)]
pub struct SqlExperienceStore {
    database: Database,
}

impl SqlExperienceStore {
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self { database }
    }
}

#[async_trait]
impl ExperienceStore for SqlExperienceStore {
    async fn record_decisions(
        &self,
        groups: &[DecisionGroup],
        horizon: Duration,
    ) -> Result<Vec<Result<(), ExperienceError>>, ExperienceError> {
        decisions::record(&self.database, groups, horizon).await
    }

    async fn record_events(
        &self,
        ctx: &RequestContext,
        events: &[Event],
        horizon: Duration,
    ) -> Result<Vec<Recorded>, ExperienceError> {
        events::record(&self.database, ctx, events, horizon).await
    }

    async fn decision(&self, ctx: &RequestContext, id: DecisionId) -> Result<Option<Remembered>, ExperienceError> {
        reading::decision(&self.database, ctx, id).await
    }

    async fn decisions(&self, ctx: &RequestContext, query: &DecisionQuery) -> Result<DecisionPage, ExperienceError> {
        reading::decisions(&self.database, ctx, query).await
    }

    async fn matured(&self, ctx: &RequestContext, query: &MaturedQuery) -> Result<Vec<Matured>, ExperienceError> {
        reading::matured(&self.database, ctx, query).await
    }

    async fn judged(&self, ctx: &RequestContext, query: &JudgedQuery) -> Result<Vec<Judged>, ExperienceError> {
        reading::judged(&self.database, ctx, query).await
    }

    async fn pending(&self, ctx: &RequestContext) -> Result<u64, ExperienceError> {
        pending::count(self.database.readers(), &ctx.tenant).await
    }

    async fn newest_decision(&self) -> Result<Option<DecisionId>, ExperienceError> {
        reading::newest_decision(&self.database).await
    }

    async fn tenants(&self) -> Result<Vec<TenantId>, ExperienceError> {
        reading::tenants(&self.database).await
    }
}

/// The database could not do `what`.
pub(crate) fn failed(what: &'static str) -> impl Fn(StoreError) -> ExperienceError {
    move |error| ExperienceError::storage(what, error)
}

/// [`failed`] for what sqlx itself reports.
pub(crate) fn refused(what: &'static str) -> impl Fn(sqlx::Error) -> ExperienceError {
    move |error| ExperienceError::storage(what, StoreError::from(error))
}
