//! Versions and aliases in SQL.

use async_trait::async_trait;
use cortex_registry::{Alias, ModelStore, ModelVersion, NewEvent, RegistryError};
use cortex_store::sql;
use cortex_types::RequestContext;

use super::{SqlRegistry, commit, events, instant, own_run, unwritten, version_number};

const VERSION: &str = "a model version";

#[async_trait]
impl ModelStore for SqlRegistry {
    async fn create_version(
        &self,
        ctx: &RequestContext,
        mut version: ModelVersion,
        mut event: NewEvent,
    ) -> Result<ModelVersion, RegistryError> {
        let mut write = self.begin(VERSION).await?;
        own_run(&mut write, &ctx.tenant, version.run_id).await?;
        // Within the only write transaction there is, so no other version takes the same number.
        let newest: i64 = sql::query_scalar(
            "SELECT coalesce(max(version), 0) FROM registry_versions WHERE tenant_id = $1 AND model = $2",
        )
        .bind(ctx.tenant.as_str())
        .bind(&*version.name)
        .fetch_one(write.connection())
        .await
        .map_err(unwritten(VERSION))?;
        version.version = version_number(newest + 1)?;
        event.version = version.version;
        let body = serde_json::to_string(&version)
            .map_err(|error| RegistryError::Internal(format!("a version could not be written: {error}")))?;
        sql::query(
            "INSERT INTO registry_versions (id, tenant_id, model, version, run_id, body) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(version.id.to_string())
        .bind(ctx.tenant.as_str())
        .bind(&*version.name)
        .bind(i64::from(version.version))
        .bind(version.run_id.to_string())
        .bind(body)
        .execute(write.connection())
        .await
        .map_err(unwritten(VERSION))?;
        events::append(&mut write, ctx, event).await?;
        commit(write, VERSION).await?;
        Ok(version)
    }

    async fn version(&self, ctx: &RequestContext, name: &str, version: u32) -> Result<ModelVersion, RegistryError> {
        let body: Option<String> = sql::query_scalar(
            "SELECT body FROM registry_versions WHERE tenant_id = $1 AND model = $2 AND version = $3",
        )
        .bind(ctx.tenant.as_str())
        .bind(name)
        .bind(i64::from(version))
        .fetch_optional(self.database.readers())
        .await
        .map_err(self.unread(VERSION))?;
        version_of(&body.ok_or_else(|| RegistryError::not_found("model version", format!("{name}/{version}")))?)
    }

    async fn versions(&self, ctx: &RequestContext, name: &str) -> Result<Vec<ModelVersion>, RegistryError> {
        let bodies: Vec<String> = sql::query_scalar(
            "SELECT body FROM registry_versions WHERE tenant_id = $1 AND model = $2 ORDER BY version DESC",
        )
        .bind(ctx.tenant.as_str())
        .bind(name)
        .fetch_all(self.database.readers())
        .await
        .map_err(self.unread("model versions"))?;
        bodies.iter().map(|body| version_of(body)).collect()
    }

    async fn model_names(&self, ctx: &RequestContext) -> Result<Vec<String>, RegistryError> {
        sql::query_scalar("SELECT DISTINCT model FROM registry_versions WHERE tenant_id = $1 ORDER BY model")
            .bind(ctx.tenant.as_str())
            .fetch_all(self.database.readers())
            .await
            .map_err(self.unread("the models"))
    }

    async fn alias(&self, ctx: &RequestContext, name: &str, alias: &str) -> Result<Option<Alias>, RegistryError> {
        let found = self.aliases(ctx, name).await?;
        Ok(found.into_iter().find(|there| &*there.alias == alias))
    }

    async fn aliases(&self, ctx: &RequestContext, name: &str) -> Result<Vec<Alias>, RegistryError> {
        let rows: Vec<(String, i64, i64, String)> = sql::query_as(
            "SELECT alias, version, moved_at, moved_by FROM registry_aliases WHERE tenant_id = $1 AND model = $2 \
             ORDER BY alias",
        )
        .bind(ctx.tenant.as_str())
        .bind(name)
        .fetch_all(self.database.readers())
        .await
        .map_err(self.unread("aliases"))?;
        let alias = |(alias, version, moved_at, moved_by): (String, i64, i64, String)| {
            Ok(Alias {
                model: name.into(),
                alias: alias.into(),
                version: version_number(version)?,
                moved_at: instant(moved_at),
                moved_by: moved_by.into(),
            })
        };
        rows.into_iter().map(alias).collect()
    }
}

fn version_of(body: &str) -> Result<ModelVersion, RegistryError> {
    serde_json::from_str(body).map_err(|error| RegistryError::Unreadable {
        what: "model version",
        detail: error.to_string(),
    })
}
