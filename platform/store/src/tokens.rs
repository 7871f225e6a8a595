//! API tokens in SQL: digests only, so that a stolen database opens no door; and what else is asked of a database
//! without opening the platform on it.

use async_trait::async_trait;
use cortex_security::{AuditEntry, Authenticator, BearerToken, Identity, SecurityError, TokenDigest};
use cortex_types::{Principal, RequestContext, Role, TenantId, Timestamp};
use serde::Serialize;

use crate::audit::refused;
use crate::sql::{self, Row};
use crate::{Database, StoreError};

/// Digits of the digest that name a token to people.
const ID_LEN: usize = 12;

/// A token to be made, for the tenant of the call.
#[derive(Clone, Debug)]
pub struct NewToken {
    pub principal: Principal,
    /// `None`: it never expires.
    pub expires_at: Option<Timestamp>,
}

/// What is known of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TokenRecord {
    /// The beginning of the token's digest.
    pub id: String,
    pub tenant: TenantId,
    pub principal: Principal,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

/// Knows callers by the tokens in a [`Database`].
#[derive(Clone, Debug)]
pub struct SqlAuthenticator {
    database: Database,
}

impl SqlAuthenticator {
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// Makes a token. The token in clear is in the answer and nowhere else.
    pub async fn create_token(
        &self,
        ctx: &RequestContext,
        new: NewToken,
    ) -> Result<(BearerToken, TokenRecord), StoreError> {
        let token = BearerToken::generate();
        let digest = token.digest();
        let record = TokenRecord {
            id: digest.as_hex().chars().take(ID_LEN).collect(),
            tenant: ctx.tenant.clone(),
            principal: new.principal,
            created_at: self.database.clock().now(),
            expires_at: new.expires_at,
            revoked_at: None,
        };
        let mut write = self.database.begin().await?;
        sql::query(
            "INSERT INTO api_tokens (digest, id, tenant_id, principal, roles, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(digest.as_hex())
        .bind(&record.id)
        .bind(record.tenant.as_str())
        .bind(&*record.principal.id)
        .bind(serde_json::json!(record.principal.roles).to_string())
        .bind(record.created_at.micros())
        .bind(record.expires_at.map(Timestamp::micros))
        .execute(write.connection())
        .await?;
        let detail = serde_json::json!({
            "principal": record.principal.id, "roles": record.principal.roles, "expires_at": record.expires_at,
        });
        write.audit(ctx, &[token_entry("create", &record.id, detail)]).await?;
        write.commit().await?;
        Ok((token, record))
    }

    /// The tokens of the caller's tenant, newest first.
    pub async fn list_tokens(&self, ctx: &RequestContext) -> Result<Vec<TokenRecord>, StoreError> {
        let rows = sql::query("SELECT * FROM api_tokens WHERE tenant_id = $1 ORDER BY created_at DESC, id")
            .bind(ctx.tenant.as_str())
            .fetch_all(self.database.readers())
            .await
            .map_err(|error| self.database.failed(error))?;
        rows.iter().map(record_of).collect()
    }

    /// Refuses the token from now on. [`StoreError::NotFound`] where the caller's tenant has no valid token of that id.
    pub async fn revoke_token(&self, ctx: &RequestContext, id: &str) -> Result<(), StoreError> {
        let mut write = self.database.begin().await?;
        let revoked =
            sql::query("UPDATE api_tokens SET revoked_at = $1 WHERE tenant_id = $2 AND id = $3 AND revoked_at IS NULL")
                .bind(self.database.clock().now().micros())
                .bind(ctx.tenant.as_str())
                .bind(id)
                .execute(write.connection())
                .await?;
        if revoked.rows_affected() == 0 {
            return Err(StoreError::NotFound {
                what: "valid token",
                id: id.to_owned(),
            });
        }
        write
            .audit(ctx, &[token_entry("revoke", id, serde_json::Value::Null)])
            .await?;
        write.commit().await?;
        Ok(())
    }

    /// Whether anything was ever recorded for the caller's tenant: every change leaves an audit record.
    pub async fn knows_tenant(&self, ctx: &RequestContext) -> Result<bool, StoreError> {
        let found: Option<i64> =
            sql::query_scalar("SELECT CAST(1 AS BIGINT) FROM audit_log WHERE tenant_id = $1 LIMIT 1")
                .bind(ctx.tenant.as_str())
                .fetch_optional(self.database.readers())
                .await
                .map_err(|error| self.database.failed(error))?;
        Ok(found.is_some())
    }

    async fn find(&self, digest: &TokenDigest) -> Result<Option<TokenRecord>, StoreError> {
        let row = sql::query("SELECT * FROM api_tokens WHERE digest = $1")
            .bind(digest.as_hex())
            .fetch_optional(self.database.readers())
            .await
            .map_err(|error| self.database.failed(error))?;
        row.as_ref().map(record_of).transpose()
    }
}

#[async_trait]
impl Authenticator for SqlAuthenticator {
    async fn authenticate(&self, token: &str) -> Result<Identity, SecurityError> {
        let found = self
            .find(&TokenDigest::of(token))
            .await
            .map_err(|error| refused("look the token up", error))?;
        match found {
            None
            | Some(TokenRecord {
                revoked_at: Some(_), ..
            }) => Err(SecurityError::UnknownToken),
            Some(TokenRecord {
                expires_at: Some(at), ..
            }) if at <= self.database.clock().now() => Err(SecurityError::TokenExpired(at)),
            Some(TokenRecord {
                tenant,
                principal,
                expires_at,
                ..
            }) => Ok(Identity {
                tenant,
                principal,
                expires_at,
            }),
        }
    }
}

fn token_entry(verb: &str, id: &str, detail: serde_json::Value) -> AuditEntry {
    AuditEntry {
        action: format!("platform.{verb}-token"),
        resource: format!("token/{id}"),
        detail,
    }
}

fn record_of(row: &Row) -> Result<TokenRecord, StoreError> {
    let unreadable = |detail: String| StoreError::Unreadable { what: "token", detail };
    let roles: Vec<Role> =
        serde_json::from_str(row.try_get("roles")?).map_err(|error| unreadable(error.to_string()))?;
    let tenant: String = row.try_get("tenant_id")?;
    Ok(TokenRecord {
        id: row.try_get("id")?,
        tenant: TenantId::new(tenant).map_err(|error| unreadable(error.to_string()))?,
        principal: Principal::new(row.try_get::<String>("principal")?, roles),
        created_at: Timestamp::from_micros(row.try_get("created_at")?),
        expires_at: row.try_get::<Option<i64>>("expires_at")?.map(Timestamp::from_micros),
        revoked_at: row.try_get::<Option<i64>>("revoked_at")?.map(Timestamp::from_micros),
    })
}
