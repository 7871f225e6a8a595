//! Documents that are not posted yet: kept as they were written, whole or not, until somebody posts them.

use std::sync::Arc;

use async_trait::async_trait;
use cortex_types::{DraftId, RequestContext, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{ErpError, Page};

/// Longest body of a draft, in bytes: a document of the most lines that there may be.
pub const DRAFT_BYTES_MAX: usize = 4 * 1024 * 1024;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    pub id: DraftId,
    /// Where it will be posted, such as `sales-invoices`.
    pub collection: Arc<str>,
    /// JSON, as it will be posted.
    pub body: String,
    /// From 1; one more with each change.
    pub version: i64,
    pub created_by: Arc<str>,
    pub created_at: Timestamp,
    pub changed_at: Timestamp,
}

/// Keeps drafts, of the caller's tenant alone. Durable when it returns.
#[async_trait]
pub trait Drafts: Send + Sync + std::fmt::Debug {
    async fn create(&self, ctx: &RequestContext, collection: &str, body: String) -> Result<Draft, ErpError>;
    async fn get(&self, ctx: &RequestContext, collection: &str, id: DraftId) -> Result<Option<Draft>, ErpError>;
    /// Oldest first.
    async fn list(&self, ctx: &RequestContext, collection: &str, page: &Page) -> Result<Vec<Draft>, ErpError>;
    /// [`ErpError::DraftChanged`] where it is not at `version` any more; `None` where there is none.
    async fn replace(
        &self,
        ctx: &RequestContext,
        draft: &Draft,
        version: i64,
        body: String,
    ) -> Result<Option<Draft>, ErpError>;
    /// The same, but for a version that does not matter. Whether there was one.
    async fn discard(&self, ctx: &RequestContext, draft: &Draft, version: Option<i64>) -> Result<bool, ErpError>;
}
