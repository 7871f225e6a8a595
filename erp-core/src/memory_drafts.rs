//! [`Drafts`] in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use cortex_types::{Clock, DraftId, RequestContext, SystemClock, TenantId};
use tokio::sync::Mutex;

use crate::{Draft, DraftAction, DraftKey, DraftState, Drafts, ErpError, IdempotencyKey, Page};

/// For tests and for trying things out: it forgets everything when it is dropped.
#[derive(Clone, Debug, Default)]
pub struct MemoryDrafts(Arc<Mutex<Kept>>);

#[derive(Clone, Debug, Default)]
struct Kept {
    drafts: BTreeMap<(TenantId, DraftId), Draft>,
    /// With the digest of the request that made each.
    keys: BTreeMap<(TenantId, Arc<str>), ([u8; 32], DraftId)>,
}

#[async_trait]
impl Drafts for MemoryDrafts {
    async fn create(
        &self,
        ctx: &RequestContext,
        collection: &str,
        body: String,
        key: Option<IdempotencyKey>,
    ) -> Result<(Draft, bool), ErpError> {
        let key = key.map(|key| DraftKey::new(key, collection, &body));
        let mut kept = self.0.lock().await;
        let of_key = |key: &DraftKey| (ctx.tenant.clone(), Arc::from(key.key.as_str()));
        if let Some((key, (digest, id))) = key.as_ref().and_then(|key| Some((key, kept.keys.get(&of_key(key))?))) {
            let id = key.made(digest, *id)?;
            let there = kept.drafts.get(&(ctx.tenant.clone(), id));
            let there = there.cloned().ok_or_else(|| Draft::gone(id))?;
            return Ok((there, true));
        }
        let draft = Draft::new(ctx, collection, body, SystemClock.now());
        kept.keys.extend(key.map(|key| (of_key(&key), (key.digest, draft.id))));
        kept.drafts.insert((ctx.tenant.clone(), draft.id), draft.clone());
        Ok((draft, false))
    }

    async fn get(&self, ctx: &RequestContext, collection: &str, id: DraftId) -> Result<Option<Draft>, ErpError> {
        let drafts = &self.0.lock().await.drafts;
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
        let drafts = &self.0.lock().await.drafts;
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
        let drafts = &mut self.0.lock().await.drafts;
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
        let drafts = &mut self.0.lock().await.drafts;
        let key = (ctx.tenant.clone(), draft.id);
        match (drafts.get(&key).map(|there| there.version), version) {
            (Some(now), Some(known)) if now != known => Err(ErpError::DraftChanged { now }),
            _ => Ok(drafts.remove(&key).is_some()),
        }
    }
}
