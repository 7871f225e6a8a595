//! Gate reports, alias moves and traffic in SQL, each together with its event.

use async_trait::async_trait;
use cortex_registry::{
    Alias, CHAMPION, Canary, NewEvent, PromotionStore, RegistryError, RegistryEvent, SignedReport, Traffic,
};
use cortex_store::WriteTransaction;
use cortex_store::sql;
use cortex_types::RequestContext;

use super::{SqlRegistry, commit, events, instant, parsed, unwritten, version_number};

const REPORT: &str = "a gate report";
const ALIAS: &str = "an alias";
const TRAFFIC: &str = "the traffic split";

#[async_trait]
impl PromotionStore for SqlRegistry {
    async fn add_report(
        &self,
        ctx: &RequestContext,
        report: SignedReport,
        event: NewEvent,
    ) -> Result<(), RegistryError> {
        let mut write = self.begin(REPORT).await?;
        let event_seq = events::append(&mut write, ctx, event).await?;
        sql::query(
            "INSERT INTO registry_reports (id, tenant_id, model, version, alias, computed_at, payload, signature, \
             event_seq) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(report.id.to_string())
        .bind(ctx.tenant.as_str())
        .bind(report.model)
        .bind(i64::from(report.version))
        .bind(report.alias)
        .bind(report.computed_at.micros())
        .bind(report.payload)
        .bind(report.signature)
        .bind(event_seq)
        .execute(write.connection())
        .await
        .map_err(unwritten(REPORT))?;
        commit(write, REPORT).await
    }

    async fn reports(
        &self,
        ctx: &RequestContext,
        model: &str,
        version: Option<u32>,
    ) -> Result<Vec<SignedReport>, RegistryError> {
        let rows: Vec<(String, i64, String, i64, String, String)> = sql::query_as(
            "SELECT id, version, alias, computed_at, payload, signature FROM registry_reports \
             WHERE tenant_id = $1 AND model = $2 AND ($3 IS NULL OR version = $3) ORDER BY event_seq DESC",
        )
        .bind(ctx.tenant.as_str())
        .bind(model)
        .bind(version.map(i64::from))
        .fetch_all(self.database.readers())
        .await
        .map_err(self.unread("gate reports"))?;
        let report = |(id, version, alias, computed_at, payload, signature): (String, i64, _, i64, _, _)| {
            Ok(SignedReport {
                id: parsed("report id", &id)?,
                model: model.to_owned(),
                version: version_number(version)?,
                alias,
                computed_at: instant(computed_at),
                payload,
                signature,
            })
        };
        rows.into_iter().map(report).collect()
    }

    async fn move_alias(
        &self,
        ctx: &RequestContext,
        alias: Alias,
        expected: Option<u32>,
        event: NewEvent,
    ) -> Result<(), RegistryError> {
        let mut write = self.begin(ALIAS).await?;
        let there: Option<i64> = sql::query_scalar(
            "SELECT version FROM registry_aliases WHERE tenant_id = $1 AND model = $2 AND alias = $3",
        )
        .bind(ctx.tenant.as_str())
        .bind(&*alias.model)
        .bind(&*alias.alias)
        .fetch_optional(write.connection())
        .await
        .map_err(unwritten(ALIAS))?;
        if there != expected.map(i64::from) {
            return Err(RegistryError::Moved {
                model: alias.model.to_string(),
                alias: alias.alias.to_string(),
            });
        }
        point(&mut write, ctx, &alias).await?;
        if &*alias.alias == CHAMPION {
            end_canary(&mut write, ctx, &alias).await?;
        }
        events::append(&mut write, ctx, event).await?;
        commit(write, ALIAS).await
    }

    async fn traffic(&self, ctx: &RequestContext, model: &str) -> Result<Option<Traffic>, RegistryError> {
        let row: Option<(Option<i64>, Option<f64>, i64, String)> = sql::query_as(
            "SELECT canary_version, canary_weight, changed_at, changed_by FROM registry_traffic \
             WHERE tenant_id = $1 AND model = $2",
        )
        .bind(ctx.tenant.as_str())
        .bind(model)
        .fetch_optional(self.database.readers())
        .await
        .map_err(self.unread(TRAFFIC))?;
        let Some((version, weight, changed_at, changed_by)) = row else {
            return Ok(None);
        };
        let canary = match (version, weight) {
            (Some(version), Some(weight)) => Some(Canary {
                version: version_number(version)?,
                weight,
            }),
            _ => None,
        };
        let changed_at = instant(changed_at);
        Ok(Some(Traffic {
            model: model.into(),
            champion: None,
            canary,
            changed_at,
            changed_by: changed_by.into(),
        }))
    }

    async fn set_traffic(&self, ctx: &RequestContext, traffic: Traffic, event: NewEvent) -> Result<(), RegistryError> {
        let mut write = self.begin(TRAFFIC).await?;
        sql::query(
            "INSERT INTO registry_traffic (tenant_id, model, canary_version, canary_weight, changed_at, changed_by) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant_id, model) DO UPDATE SET \
             canary_version = excluded.canary_version, canary_weight = excluded.canary_weight, \
             changed_at = excluded.changed_at, changed_by = excluded.changed_by",
        )
        .bind(ctx.tenant.as_str())
        .bind(&*traffic.model)
        .bind(traffic.canary.map(|canary| i64::from(canary.version)))
        .bind(traffic.canary.map(|canary| canary.weight))
        .bind(traffic.changed_at.micros())
        .bind(&*traffic.changed_by)
        .execute(write.connection())
        .await
        .map_err(unwritten(TRAFFIC))?;
        events::append(&mut write, ctx, event).await?;
        commit(write, TRAFFIC).await
    }

    async fn events(
        &self,
        ctx: &RequestContext,
        after: u64,
        limit: usize,
    ) -> Result<Vec<RegistryEvent>, RegistryError> {
        self.events_after(ctx, after, limit).await
    }
}

async fn point(write: &mut WriteTransaction, ctx: &RequestContext, alias: &Alias) -> Result<(), RegistryError> {
    sql::query(
        "INSERT INTO registry_aliases (tenant_id, model, alias, version, moved_at, moved_by) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant_id, model, alias) DO UPDATE SET \
         version = excluded.version, moved_at = excluded.moved_at, moved_by = excluded.moved_by",
    )
    .bind(ctx.tenant.as_str())
    .bind(&*alias.model)
    .bind(&*alias.alias)
    .bind(i64::from(alias.version))
    .bind(alias.moved_at.micros())
    .bind(&*alias.moved_by)
    .execute(write.connection())
    .await
    .map(drop)
    .map_err(unwritten(ALIAS))
}

async fn end_canary(write: &mut WriteTransaction, ctx: &RequestContext, alias: &Alias) -> Result<(), RegistryError> {
    sql::query(
        "UPDATE registry_traffic SET canary_version = NULL, canary_weight = NULL \
         WHERE tenant_id = $1 AND model = $2 AND canary_version = $3",
    )
    .bind(ctx.tenant.as_str())
    .bind(&*alias.model)
    .bind(i64::from(alias.version))
    .execute(write.connection())
    .await
    .map(drop)
    .map_err(unwritten(TRAFFIC))
}
