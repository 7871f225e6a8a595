//! [`Drafts`] in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use cortex_types::{Clock, DraftId, RequestContext, SystemClock, TenantId};
use tokio::sync::Mutex;

use crate::{Approvals, Draft, DraftAction, DraftState, Drafts, ErpError, Page};

/// For tests and for trying things out: it forgets everything when it is dropped.
#[derive(Clone, Debug, Default)]
pub struct MemoryDrafts(Arc<Mutex<BTreeMap<(TenantId, DraftId), Draft>>>);

#[async_trait]
impl Drafts for MemoryDrafts {
    async fn create(&self, ctx: &RequestContext, collection: &str, body: String) -> Result<Draft, ErpError> {
        let now = SystemClock.now();
        let draft = Draft {
            id: DraftId::new(),
            collection: collection.into(),
            body,
            version: 1,
            created_by: ctx.principal.id.clone(),
            written_by: ctx.principal.id.clone(),
            state: DraftState::Draft,
            submitted_by: None,
            approvals: Approvals::default(),
            created_at: now,
            changed_at: now,
        };
        let key = (ctx.tenant.clone(), draft.id);
        self.0.lock().await.insert(key, draft.clone());
        Ok(draft)
    }

    async fn get(&self, ctx: &RequestContext, collection: &str, id: DraftId) -> Result<Option<Draft>, ErpError> {
        let drafts = self.0.lock().await;
        let found = drafts.get(&(ctx.tenant.clone(), id));
        Ok(found.filter(|draft| *draft.collection == *collection).cloned())
    }

    async fn list(
        &self,
        ctx: &RequestContext,
        collection: &str,
        state: Option<DraftState>,
        page: &Page,
    ) -> Result<Vec<Draft>, ErpError> {
        let drafts = self.0.lock().await;
        let of_page = drafts.iter().filter(|((tenant, id), draft)| {
            let behind = page.after.as_ref().is_none_or(|after| id.to_string() > *after);
            let of_state = state.is_none_or(|state| draft.state == state);
            *tenant == ctx.tenant && *draft.collection == *collection && behind && of_state
        });
        let of_page = of_page.map(|(_, draft)| draft.clone());
        Ok(of_page.take(page.limit() as usize).collect())
    }

    async fn replace(
        &self,
        ctx: &RequestContext,
        draft: &Draft,
        version: i64,
        _action: DraftAction,
    ) -> Result<Option<Draft>, ErpError> {
        let mut drafts = self.0.lock().await;
        let Some(there) = drafts.get_mut(&(ctx.tenant.clone(), draft.id)) else {
            return Ok(None);
        };
        if there.version != version {
            return Err(ErpError::DraftChanged { now: there.version });
        }
        *there = Draft {
            version: version + 1,
            changed_at: SystemClock.now(),
            ..draft.clone()
        };
        Ok(Some(there.clone()))
    }

    async fn discard(&self, ctx: &RequestContext, draft: &Draft, version: Option<i64>) -> Result<bool, ErpError> {
        let mut drafts = self.0.lock().await;
        let key = (ctx.tenant.clone(), draft.id);
        match (drafts.get(&key).map(|there| there.version), version) {
            (Some(now), Some(known)) if now != known => Err(ErpError::DraftChanged { now }),
            _ => Ok(drafts.remove(&key).is_some()),
        }
    }
}
