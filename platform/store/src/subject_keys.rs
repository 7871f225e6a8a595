//! Subject keys in SQL: wrapped by the master key, which is never in the database.

use async_trait::async_trait;
use cortex_security::{AuditEntry, SecurityError, StoredKey, SubjectKeys, WrappedKey};
use cortex_types::{RequestContext, TenantId};

use crate::audit::refused;
use crate::sql;
use crate::{Database, StoreError};

/// The subject keys of a [`Database`].
#[derive(Clone, Debug)]
pub struct SqlSubjectKeys {
    database: Database,
}

/// A subject's key as it is stored, and whose it is.
#[derive(Clone, Debug)]
pub struct KeySample {
    pub tenant: TenantId,
    pub subject: String,
    pub key: WrappedKey,
}

impl SqlSubjectKeys {
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// Some of the keys that are not destroyed, the newest first; none in a database that was never migrated. Whoever
    /// brings a master key can try it on them.
    pub async fn samples(&self, limit: u32) -> Result<Vec<KeySample>, StoreError> {
        let failed = |error| self.database.failed(error);
        if !self.database.has_table("subject_keys").await? {
            return Ok(Vec::new());
        }
        let rows: Vec<(String, String, String)> = sql::query_as(
            "SELECT tenant_id, subject, wrapped FROM subject_keys WHERE wrapped IS NOT NULL ORDER BY created_at DESC LIMIT $1",
        )
        .bind(limit)
        .fetch_all(self.database.readers())
        .await
        .map_err(failed)?;
        let sample = |(tenant, subject, wrapped): (String, String, String)| {
            let tenant = TenantId::new(&tenant).map_err(|error| StoreError::Unreadable {
                what: "tenant",
                detail: error.to_string(),
            })?;
            let key = WrappedKey::from_stored(wrapped);
            Ok(KeySample { tenant, subject, key })
        };
        rows.into_iter().map(sample).collect()
    }

    async fn stored(&self, ctx: &RequestContext, subject: &str) -> Result<Option<StoredKey>, StoreError> {
        let row: Option<(Option<String>,)> =
            sql::query_as("SELECT wrapped FROM subject_keys WHERE tenant_id = $1 AND subject = $2")
                .bind(ctx.tenant.as_str())
                .bind(subject)
                .fetch_optional(self.database.readers())
                .await
                .map_err(|error| self.database.failed(error))?;
        Ok(row.map(|(wrapped,)| match wrapped {
            Some(text) => StoredKey::Wrapped(WrappedKey::from_stored(text)),
            None => StoredKey::Destroyed,
        }))
    }

    async fn store(&self, ctx: &RequestContext, subject: &str, key: &WrappedKey) -> Result<(), StoreError> {
        let mut write = self.database.begin().await?;
        sql::query(
            "INSERT INTO subject_keys (tenant_id, subject, wrapped, created_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (tenant_id, subject) DO NOTHING",
        )
        .bind(ctx.tenant.as_str())
        .bind(subject)
        .bind(key.as_str())
        .bind(self.database.clock().now().micros())
        .execute(write.connection())
        .await?;
        write.commit().await?;
        Ok(())
    }

    async fn erase(&self, ctx: &RequestContext, subject: &str) -> Result<bool, StoreError> {
        let mut write = self.database.begin().await?;
        let erased = sql::query(
            "UPDATE subject_keys SET wrapped = NULL, destroyed_at = $1 \
             WHERE tenant_id = $2 AND subject = $3 AND wrapped IS NOT NULL",
        )
        .bind(self.database.clock().now().micros())
        .bind(ctx.tenant.as_str())
        .bind(subject)
        .execute(write.connection())
        .await?;
        if erased.rows_affected() == 0 {
            write.roll_back().await?;
            // An earlier attempt may have come no further than this.
            self.database.forget_overwritten("subject_keys").await?;
            return Ok(false);
        }
        let entry = AuditEntry {
            action: "platform.destroy-subject-key".to_owned(),
            resource: format!("subject/{subject}"),
            detail: serde_json::Value::Null,
        };
        write.audit(ctx, &[entry]).await?;
        write.commit().await?;
        self.database.forget_overwritten("subject_keys").await?;
        Ok(true)
    }
}

#[async_trait]
impl SubjectKeys for SqlSubjectKeys {
    async fn find(&self, ctx: &RequestContext, subject: &str) -> Result<Option<StoredKey>, SecurityError> {
        self.stored(ctx, subject)
            .await
            .map_err(|error| refused("read a subject's key", error))
    }

    async fn insert(&self, ctx: &RequestContext, subject: &str, key: WrappedKey) -> Result<StoredKey, SecurityError> {
        let failed = |error| refused("store a subject's key", error);
        self.store(ctx, subject, &key).await.map_err(failed)?;
        // Somebody else may have been first; theirs is then the key.
        Ok(self
            .stored(ctx, subject)
            .await
            .map_err(failed)?
            .unwrap_or(StoredKey::Wrapped(key)))
    }

    async fn destroy(&self, ctx: &RequestContext, subject: &str) -> Result<bool, SecurityError> {
        self.erase(ctx, subject)
            .await
            .map_err(|error| refused("destroy a subject's key", error))
    }
}
