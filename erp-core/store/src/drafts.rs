//! [`Drafts`] on SQL.

use async_trait::async_trait;
use cortex_erp::{Approvals, Draft, DraftAction, DraftKey, DraftState, Drafts, ErpError, IdempotencyKey, Page};
use cortex_security::AuditEntry;
use cortex_store::sql::{self, Row};
use cortex_store::{StoreError, WriteTransaction};
use cortex_types::{DraftId, RequestContext};
use sqlx::AssertSqlSafe;

use crate::SqlLedger;
use crate::ledger::failed;
use crate::rows::{Columns, unreadable};

const DRAFTS: &str = "SELECT id, collection, body, version, created_by, coalesce(written_by, created_by) AS written_by, state, \
                      submitted_by, approvals, created_at, changed_at FROM drafts";

impl SqlLedger {
    fn drafts_unread(&self, error: sqlx::Error) -> ErpError {
        failed("read drafts")(self.database().failed(error))
    }

    async fn begin_draft(&self, ctx: &RequestContext) -> Result<WriteTransaction, ErpError> {
        let begun = async {
            let mut transaction = self.database().begin().await?;
            transaction.work_for([&ctx.tenant]).await?;
            Ok(transaction)
        };
        begun.await.map_err(failed("begin a transaction"))
    }

    /// With an entry in the audit log.
    async fn end_draft(
        &self,
        ctx: &RequestContext,
        (action, draft): (&str, &Draft),
        mut transaction: WriteTransaction,
    ) -> Result<(), ErpError> {
        let entry = AuditEntry {
            action: format!("erp.{action}-draft"),
            resource: format!("{}/{}", draft.collection, draft.id),
            detail: serde_json::json!({ "version": draft.version }),
        };
        transaction
            .audit(ctx, &[entry])
            .await
            .map_err(failed("write the audit log"))?;
        transaction.commit().await.map(|_| ()).map_err(failed("commit"))
    }
}

#[async_trait]
impl Drafts for SqlLedger {
    async fn create(
        &self,
        ctx: &RequestContext,
        collection: &str,
        body: String,
        key: Option<IdempotencyKey>,
    ) -> Result<(Draft, bool), ErpError> {
        let key = key.map(|key| DraftKey::new(key, collection, &body));
        let mut transaction = self.begin_draft(ctx).await?;
        let draft = Draft::new(ctx, collection, body, self.database().clock().now());
        if let Some(key) = &key {
            let made = made_by(&mut transaction, ctx, key, draft.id).await;
            if let Some((digest, id)) = made.map_err(|error| self.drafts_unread(error))? {
                drop(transaction);
                let id = key.made(&digest, id)?;
                let there = self.get(ctx, collection, id).await?;
                return Ok((there.ok_or_else(|| Draft::gone(id))?, true));
            }
        }
        let insert = "INSERT INTO drafts (id, tenant_id, collection, body, version, created_by, created_at, changed_at) \
                      VALUES ($1, $2, $3, $4, $5, $6, $7, $7)";
        sql::query(insert)
            .bind(draft.id.to_string())
            .bind(ctx.tenant.as_str())
            .bind(collection)
            .bind(draft.body.as_str())
            .bind(draft.version)
            .bind(&*draft.created_by)
            .bind(draft.created_at)
            .execute(transaction.connection())
            .await
            .map_err(|error| self.drafts_unread(error))?;
        self.end_draft(ctx, ("create", &draft), transaction).await?;
        Ok((draft, false))
    }

    async fn get(&self, ctx: &RequestContext, collection: &str, id: DraftId) -> Result<Option<Draft>, ErpError> {
        let one = format!("{DRAFTS} WHERE tenant_id = $1 AND collection = $2 AND id = $3");
        let row = sql::query(AssertSqlSafe(one))
            .bind(ctx.tenant.as_str())
            .bind(collection)
            .bind(id.to_string())
            .fetch_optional(&self.readers_of(ctx))
            .await;
        row.and_then(|row| row.as_ref().map(draft).transpose())
            .map_err(|error| self.drafts_unread(error))
    }

    async fn list(
        &self,
        ctx: &RequestContext,
        collection: &str,
        state: Option<DraftState>,
        page: &Page,
    ) -> Result<Vec<Draft>, ErpError> {
        let page_of = format!(
            "{DRAFTS} WHERE tenant_id = $1 AND collection = $2 AND id > $3 AND ($4 = '' OR state = $4) ORDER BY id LIMIT $5"
        );
        let rows = sql::query(AssertSqlSafe(page_of))
            .bind(ctx.tenant.as_str())
            .bind(collection)
            .bind(page.after.as_deref().unwrap_or_default())
            .bind(state.map_or("", DraftState::as_str))
            .bind(i64::from(page.limit()))
            .fetch_all(&self.readers_of(ctx))
            .await;
        rows.and_then(|rows| rows.iter().map(draft).collect())
            .map_err(|error| self.drafts_unread(error))
    }

    async fn replace(
        &self,
        ctx: &RequestContext,
        draft: &Draft,
        version: i64,
        action: DraftAction,
    ) -> Result<Option<Draft>, ErpError> {
        let mut transaction = self.begin_draft(ctx).await?;
        let now = self.database().clock().now();
        if !self.is_at(ctx, draft.id, Some(version), &mut transaction).await? {
            return Ok(None);
        }
        let replaced = Draft {
            version: version + 1,
            changed_at: now,
            ..draft.clone()
        };
        let approvals = serde_json::to_string(&replaced.approvals).map_err(|error| {
            let detail = error.to_string();
            failed("keep what was said of a draft")(StoreError::Unreadable {
                what: "approvals",
                detail,
            })
        })?;
        let update = "UPDATE drafts SET body = $1, version = $2, changed_at = $3, written_by = $4, state = $5, \
                      submitted_by = $6, approvals = $7 WHERE id = $8";
        sql::query(update)
            .bind(replaced.body.as_str())
            .bind(replaced.version)
            .bind(replaced.changed_at)
            .bind(&*replaced.written_by)
            .bind(replaced.state.as_str())
            .bind(replaced.submitted_by.as_deref())
            .bind(approvals)
            .bind(draft.id.to_string())
            .execute(transaction.connection())
            .await
            .map_err(|error| self.drafts_unread(error))?;
        self.end_draft(ctx, (action.as_str(), &replaced), transaction).await?;
        Ok(Some(replaced))
    }

    async fn discard(&self, ctx: &RequestContext, draft: &Draft, version: Option<i64>) -> Result<bool, ErpError> {
        let mut transaction = self.begin_draft(ctx).await?;
        if !self.is_at(ctx, draft.id, version, &mut transaction).await? {
            return Ok(false);
        }
        sql::query("DELETE FROM drafts WHERE id = $1")
            .bind(draft.id.to_string())
            .execute(transaction.connection())
            .await
            .map_err(|error| self.drafts_unread(error))?;
        self.end_draft(ctx, ("discard", draft), transaction).await?;
        Ok(true)
    }
}

impl SqlLedger {
    /// Whether there is a draft, which must be at this version.
    async fn is_at(
        &self,
        ctx: &RequestContext,
        id: DraftId,
        version: Option<i64>,
        transaction: &mut WriteTransaction,
    ) -> Result<bool, ErpError> {
        let found: Option<i64> = sql::query_scalar("SELECT version FROM drafts WHERE tenant_id = $1 AND id = $2")
            .bind(ctx.tenant.as_str())
            .bind(id.to_string())
            .fetch_optional(transaction.connection())
            .await
            .map_err(|error| self.drafts_unread(error))?;
        match (found, version) {
            (Some(now), Some(known)) if now != known => Err(ErpError::DraftChanged { now }),
            (found, _) => Ok(found.is_some()),
        }
    }
}

/// Keeps the key with the draft that it makes; the draft that it made before, with the digest of that request, where it did.
async fn made_by(
    transaction: &mut WriteTransaction,
    ctx: &RequestContext,
    key: &DraftKey,
    id: DraftId,
) -> Result<Option<(Vec<u8>, DraftId)>, sqlx::Error> {
    let keep = "INSERT INTO draft_keys (tenant_id, idempotency_key, digest, draft_id) VALUES ($1, $2, $3, $4) \
                ON CONFLICT DO NOTHING";
    let kept = sql::query(keep)
        .bind(ctx.tenant.as_str())
        .bind(key.key.as_str())
        .bind(hex::encode(key.digest))
        .bind(id.to_string())
        .execute(transaction.connection())
        .await?;
    if kept.rows_affected() > 0 {
        return Ok(None);
    }
    let row = sql::query("SELECT digest, draft_id FROM draft_keys WHERE tenant_id = $1 AND idempotency_key = $2")
        .bind(ctx.tenant.as_str())
        .bind(key.key.as_str())
        .fetch_one(transaction.connection())
        .await?;
    let digest: &str = row.try_get("digest")?;
    let digest = hex::decode(digest).map_err(|_| unreadable("digest", digest))?;
    Ok(Some((digest, row.parsed("draft_id")?)))
}

/// Nothing was said of a draft from before there were rules.
fn approvals(row: &Row) -> Result<Approvals, sqlx::Error> {
    match row.optional_text("approvals")? {
        Some(text) => serde_json::from_str(&text).map_err(|_| unreadable("approvals", &text)),
        None => Ok(Approvals::default()),
    }
}

fn draft(row: &Row) -> Result<Draft, sqlx::Error> {
    Ok(Draft {
        id: row.parsed("id")?,
        collection: row.text("collection")?,
        body: row.try_get("body")?,
        version: row.integer("version")?,
        created_by: row.text("created_by")?,
        written_by: row.text("written_by")?,
        state: row.word("state", DraftState::ALL, DraftState::as_str)?,
        submitted_by: row.optional_text("submitted_by")?,
        approvals: approvals(row)?,
        created_at: row.time("created_at")?,
        changed_at: row.time("changed_at")?,
    })
}
