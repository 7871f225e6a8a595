//! Documents that are not posted yet: kept as they were written, whole or not, until somebody posts them.

use std::sync::Arc;

use async_trait::async_trait;
use cortex_types::{DraftId, Principal, RequestContext, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Approvals, DraftAction, DraftState, ErpError, IdempotencyKey, Page};

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
    /// Who wrote it last.
    pub written_by: Arc<str>,
    pub state: DraftState,
    pub submitted_by: Option<Arc<str>>,
    pub approvals: Approvals,
    pub created_at: Timestamp,
    pub changed_at: Timestamp,
}

impl Draft {
    /// As somebody wrote it first.
    #[must_use]
    pub fn new(ctx: &RequestContext, collection: &str, body: String, now: Timestamp) -> Self {
        let by = &ctx.principal.id;
        Self {
            id: DraftId::new(),
            collection: collection.into(),
            body,
            version: 1,
            created_by: Arc::clone(by),
            written_by: Arc::clone(by),
            state: DraftState::Draft,
            submitted_by: None,
            approvals: Approvals::default(),
            created_at: now,
            changed_at: now,
        }
    }

    /// The draft that a key made is not there any more.
    pub fn gone(id: DraftId) -> ErpError {
        ErpError::NotFound {
            kind: "draft",
            number: format!("{id} (posted or discarded since)"),
        }
    }

    /// Refused where it is the word of whoever wrote or submitted it.
    pub fn check_other(&self, principal: &Principal) -> Result<(), ErpError> {
        let own = *principal.id == *self.written_by || Some(&principal.id) == self.submitted_by.as_ref();
        if own { Err(ErpError::OwnApproval) } else { Ok(()) }
    }

    /// As it is when somebody took it on.
    #[must_use]
    pub fn moved(&self, state: DraftState, submitted_by: Option<Arc<str>>, approvals: Approvals) -> Self {
        Self {
            state,
            submitted_by,
            approvals,
            ..self.clone()
        }
    }

    /// As it is when it was written anew: whatever was said of it is void.
    #[must_use]
    pub fn written(&self, body: String, by: &Principal) -> Self {
        Self {
            body,
            written_by: Arc::clone(&by.id),
            ..self.moved(DraftState::Draft, None, Approvals::default())
        }
    }
}

/// A request to write a draft, that may be sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftKey {
    pub key: IdempotencyKey,
    /// SHA-256 of the collection and the body.
    pub digest: [u8; 32],
}

impl DraftKey {
    #[must_use]
    pub fn new(key: IdempotencyKey, collection: &str, body: &str) -> Self {
        let digest = Sha256::new_with_prefix(collection).chain_update([0]).chain_update(body);
        Self {
            key,
            digest: digest.finalize().into(),
        }
    }

    /// The draft that the key made, if this is the same request.
    pub fn made(&self, digest: &[u8], id: DraftId) -> Result<DraftId, ErpError> {
        if digest == self.digest {
            return Ok(id);
        }
        Err(ErpError::IdempotencyConflict(self.key.as_str().into()))
    }
}

/// Keeps drafts, of the caller's tenant alone. Durable when it returns.
#[async_trait]
pub trait Drafts: Send + Sync + std::fmt::Debug {
    /// A new draft; or the one that the key made before, as it is by now, and that it was.
    async fn create(
        &self,
        ctx: &RequestContext,
        collection: &str,
        body: String,
        key: Option<IdempotencyKey>,
    ) -> Result<(Draft, bool), ErpError>;
    async fn get(&self, ctx: &RequestContext, collection: &str, id: DraftId) -> Result<Option<Draft>, ErpError>;
    /// Oldest first; of one state alone where that is named.
    async fn list(
        &self,
        ctx: &RequestContext,
        collection: &str,
        state: Option<DraftState>,
        page: &Page,
    ) -> Result<Vec<Draft>, ErpError>;
    /// Keeps `draft` as it is now, under a new version, because of what `action` says. [`ErpError::DraftChanged`] where it is not
    /// at `version` any more; `None` where there is none.
    async fn replace(
        &self,
        ctx: &RequestContext,
        draft: &Draft,
        version: i64,
        action: DraftAction,
    ) -> Result<Option<Draft>, ErpError>;
    /// The same, but for a version that does not matter. Whether there was one.
    async fn discard(&self, ctx: &RequestContext, draft: &Draft, version: Option<i64>) -> Result<bool, ErpError>;
}
