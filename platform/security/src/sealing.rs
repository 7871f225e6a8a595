//! Personal fields, readable only for as long as their subject's key exists.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use cortex_types::{RequestContext, TenantId};
use parking_lot::Mutex;

use crate::SecurityError;
use crate::keys::{MasterKey, SubjectKey, WrappedKey};

/// What is stored for a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredKey {
    Wrapped(WrappedKey),
    /// It was destroyed. The mark stays, so that nothing is ever sealed for this subject again unnoticed.
    Destroyed,
}

/// Keeps the wrapped key of each subject. Subjects of different tenants never meet.
#[async_trait]
pub trait SubjectKeys: Send + Sync + std::fmt::Debug {
    /// `None` where the subject never had a key.
    async fn find(&self, ctx: &RequestContext, subject: &str) -> Result<Option<StoredKey>, SecurityError>;

    /// Stores `key`, unless something is stored for the subject already; returns what is stored now. Durable when it
    /// returns. An SQL adapter writes: never call it within an open write transaction of the same database.
    async fn insert(&self, ctx: &RequestContext, subject: &str, key: WrappedKey) -> Result<StoredKey, SecurityError>;

    /// Overwrites the key by the mark [`StoredKey::Destroyed`]; `false` where there was none. Durable when it returns.
    async fn destroy(&self, ctx: &RequestContext, subject: &str) -> Result<bool, SecurityError>;
}

/// Seals and opens personal fields.
///
/// No key is cached: one that outlived its destruction in some process's memory would undo the erasure.
#[derive(Clone, Debug)]
pub struct Sealer {
    master: Arc<MasterKey>,
    keys: Arc<dyn SubjectKeys>,
}

impl Sealer {
    #[must_use]
    pub fn new(master: Arc<MasterKey>, keys: Arc<dyn SubjectKeys>) -> Self {
        Self { master, keys }
    }

    /// Seals `text` as `field` of `subject`, whose key is made on first use. The result is what may be stored, logged
    /// as a change and copied to the lake.
    ///
    /// [`SecurityError::Erased`] where the subject's key was destroyed.
    pub async fn seal(
        &self,
        ctx: &RequestContext,
        subject: &str,
        field: &str,
        text: &str,
    ) -> Result<String, SecurityError> {
        let stored = self.key_of(ctx, subject).await?;
        self.unwrap(ctx, subject, &stored)?
            .seal(&ctx.tenant, subject, field, text)
    }

    /// A text that is the same whenever `text` is the same for this field of this subject, and that tells nothing of it
    /// once the subject's key, which is made on first use, is destroyed.
    ///
    /// [`SecurityError::Erased`] where the subject's key was destroyed.
    pub async fn fingerprint(
        &self,
        ctx: &RequestContext,
        subject: &str,
        field: &str,
        text: &str,
    ) -> Result<String, SecurityError> {
        let stored = self.key_of(ctx, subject).await?;
        Ok(self
            .unwrap(ctx, subject, &stored)?
            .fingerprint(&ctx.tenant, subject, field, text))
    }

    /// [`SecurityError::Erased`] where the subject's key was destroyed; [`SecurityError::Unsealable`] where `sealed`
    /// was not sealed as this field of this subject.
    pub async fn open(
        &self,
        ctx: &RequestContext,
        subject: &str,
        field: &str,
        sealed: &str,
    ) -> Result<String, SecurityError> {
        let stored = self.keys.find(ctx, subject).await?.ok_or(SecurityError::Unsealable)?;
        self.unwrap(ctx, subject, &stored)?
            .open(&ctx.tenant, subject, field, sealed)
    }

    /// Whether the subject's key was destroyed, so that nothing more can be sealed for it.
    pub async fn is_erased(&self, ctx: &RequestContext, subject: &str) -> Result<bool, SecurityError> {
        Ok(matches!(
            self.keys.find(ctx, subject).await?,
            Some(StoredKey::Destroyed)
        ))
    }

    /// Makes every sealed field of the subject unreadable, in every copy there is; `false` where there was nothing.
    pub async fn erase(&self, ctx: &RequestContext, subject: &str) -> Result<bool, SecurityError> {
        self.keys.destroy(ctx, subject).await
    }

    /// Made where the subject never had one.
    async fn key_of(&self, ctx: &RequestContext, subject: &str) -> Result<StoredKey, SecurityError> {
        match self.keys.find(ctx, subject).await? {
            Some(stored) => Ok(stored),
            None => {
                let wrapped = self.master.wrap(&SubjectKey::generate(), &ctx.tenant, subject)?;
                self.keys.insert(ctx, subject, wrapped).await
            }
        }
    }

    fn unwrap(&self, ctx: &RequestContext, subject: &str, stored: &StoredKey) -> Result<SubjectKey, SecurityError> {
        match stored {
            StoredKey::Wrapped(wrapped) => self.master.unwrap(wrapped, &ctx.tenant, subject),
            StoredKey::Destroyed => Err(SecurityError::Erased {
                subject: subject.to_owned(),
            }),
        }
    }
}

/// Keys that are gone with the process, for tests.
#[derive(Debug, Default)]
pub struct MemorySubjectKeys(Mutex<BTreeMap<(TenantId, String), StoredKey>>);

#[async_trait]
impl SubjectKeys for MemorySubjectKeys {
    async fn find(&self, ctx: &RequestContext, subject: &str) -> Result<Option<StoredKey>, SecurityError> {
        Ok(self.0.lock().get(&(ctx.tenant.clone(), subject.to_owned())).cloned())
    }

    async fn insert(&self, ctx: &RequestContext, subject: &str, key: WrappedKey) -> Result<StoredKey, SecurityError> {
        let mut keys = self.0.lock();
        let stored = keys
            .entry((ctx.tenant.clone(), subject.to_owned()))
            .or_insert(StoredKey::Wrapped(key));
        Ok(stored.clone())
    }

    async fn destroy(&self, ctx: &RequestContext, subject: &str) -> Result<bool, SecurityError> {
        let mut keys = self.0.lock();
        let key = keys.get_mut(&(ctx.tenant.clone(), subject.to_owned()));
        Ok(key.is_some_and(|key| std::mem::replace(key, StoredKey::Destroyed) != StoredKey::Destroyed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;

    fn sealer() -> Sealer {
        let secret = base64::engine::general_purpose::STANDARD.encode([3; 32]);
        let master = MasterKey::from_secret(&cortex_runtime::Secret::new(secret)).unwrap();
        Sealer::new(Arc::new(master), Arc::new(MemorySubjectKeys::default()))
    }

    fn tenant(slug: &str) -> RequestContext {
        RequestContext::system(TenantId::new(slug).unwrap())
    }

    #[tokio::test]
    async fn a_sealed_name_opens_for_its_own_subject_field_and_tenant_only() {
        let (sealer, main) = (sealer(), tenant("main"));
        let sealed = sealer.seal(&main, "c-1", "name", "Ada Lovelace").await.unwrap();
        assert!(sealed.starts_with("v1.") && !sealed.contains("Ada"));
        assert_eq!(
            sealer.open(&main, "c-1", "name", &sealed).await.unwrap(),
            "Ada Lovelace"
        );
        sealer.seal(&main, "c-2", "name", "Bob").await.unwrap();
        sealer.seal(&tenant("other"), "c-1", "name", "Cy").await.unwrap();
        let elsewhere = [
            (&main, "c-2", "name"),
            (&main, "c-1", "email"),
            (&tenant("other"), "c-1", "name"),
        ];
        for (ctx, subject, field) in elsewhere {
            assert!(matches!(
                sealer.open(ctx, subject, field, &sealed).await,
                Err(SecurityError::Unsealable)
            ));
        }
    }

    #[tokio::test]
    async fn a_fingerprint_tells_names_apart_within_one_field_of_one_subject_only() {
        let (sealer, main) = (sealer(), tenant("main"));
        let ada = sealer.fingerprint(&main, "c-1", "name", "Ada").await.unwrap();
        assert_eq!(sealer.fingerprint(&main, "c-1", "name", "Ada").await.unwrap(), ada);
        for (subject, field, text) in [("c-1", "name", "Bob"), ("c-2", "name", "Ada"), ("c-1", "email", "Ada")] {
            assert_ne!(sealer.fingerprint(&main, subject, field, text).await.unwrap(), ada);
        }
    }

    #[tokio::test]
    async fn once_the_key_is_destroyed_nothing_opens_and_nothing_is_sealed_again() {
        let (sealer, main) = (sealer(), tenant("main"));
        let sealed = sealer.seal(&main, "c-1", "name", "Ada Lovelace").await.unwrap();
        assert!(sealer.erase(&main, "c-1").await.unwrap());
        assert!(!sealer.erase(&main, "c-1").await.unwrap());
        assert!(matches!(
            sealer.open(&main, "c-1", "name", &sealed).await,
            Err(SecurityError::Erased { .. })
        ));
        assert!(matches!(
            sealer.seal(&main, "c-1", "name", "Ada").await,
            Err(SecurityError::Erased { .. })
        ));
    }
}
