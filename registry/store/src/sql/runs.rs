//! Experiments and runs in SQL.

use std::collections::BTreeMap;

use async_trait::async_trait;
use cortex_registry::runs::merge_params;
use cortex_registry::{Experiment, MetricPoint, RegistryError, Run, RunStatus, RunStore};
use cortex_security::AuditEntry;
use cortex_store::WriteTransaction;
use cortex_store::sql;
use cortex_types::{ExperimentId, RequestContext, RunId, Timestamp};
use serde_json::json;

use super::{SqlRegistry, at_most, commit, instant, own_run, parsed, refused, unwritten};

const EXPERIMENT: &str = "an experiment";
const RUN: &str = "a run";

type RunRow = (String, String, String, String, i64, Option<i64>);

impl SqlRegistry {
    async fn run_of(&self, row: RunRow) -> Result<Run, RegistryError> {
        let (id, experiment, name, status, started_at, ended_at) = row;
        let pairs = async |sql: &'static str| -> Result<BTreeMap<String, String>, RegistryError> {
            let rows: Vec<(String, String)> = sql::query_as(sql)
                .bind(&id)
                .fetch_all(self.database.readers())
                .await
                .map_err(self.unread(RUN))?;
            Ok(rows.into_iter().collect())
        };
        Ok(Run {
            params: pairs("SELECT key, value FROM registry_run_params WHERE run_id = $1").await?,
            tags: pairs("SELECT key, value FROM registry_run_tags WHERE run_id = $1").await?,
            id: parsed("run id", &id)?,
            experiment: parsed("experiment id", &experiment)?,
            name,
            status: parsed("run status", &status)?,
            started_at: instant(started_at),
            ended_at: ended_at.map(instant),
        })
    }
}

/// Records a change of a run for the audit log, within the transaction that makes it.
async fn audit(
    write: &mut WriteTransaction,
    ctx: &RequestContext,
    (action, resource): (&str, String),
    detail: serde_json::Value,
) -> Result<(), RegistryError> {
    let entry = AuditEntry {
        action: format!("models.{action}"),
        resource,
        detail,
    };
    write.audit(ctx, &[entry]).await.map_err(|error| refused(RUN, error))
}

fn keys(pairs: &BTreeMap<String, String>) -> serde_json::Value {
    json!({ "keys": pairs.keys().collect::<Vec<_>>() })
}

#[async_trait]
impl RunStore for SqlRegistry {
    async fn ensure_experiment(
        &self,
        ctx: &RequestContext,
        experiment: Experiment,
    ) -> Result<Experiment, RegistryError> {
        let mut write = self.begin(EXPERIMENT).await?;
        let there: Option<(String, i64)> =
            sql::query_as("SELECT id, created_at FROM registry_experiments WHERE tenant_id = $1 AND name = $2")
                .bind(ctx.tenant.as_str())
                .bind(&experiment.name)
                .fetch_optional(write.connection())
                .await
                .map_err(unwritten(EXPERIMENT))?;
        if let Some((id, created_at)) = there {
            return Ok(Experiment {
                id: parsed("experiment id", &id)?,
                created_at: instant(created_at),
                name: experiment.name,
            });
        }
        sql::query("INSERT INTO registry_experiments (id, tenant_id, name, created_at) VALUES ($1, $2, $3, $4)")
            .bind(experiment.id.to_string())
            .bind(ctx.tenant.as_str())
            .bind(&experiment.name)
            .bind(experiment.created_at.micros())
            .execute(write.connection())
            .await
            .map_err(unwritten(EXPERIMENT))?;
        let resource = format!("experiment/{}", experiment.name);
        audit(
            &mut write,
            ctx,
            ("create-experiment", resource),
            json!({ "id": experiment.id }),
        )
        .await?;
        commit(write, EXPERIMENT).await?;
        Ok(experiment)
    }

    async fn experiments(&self, ctx: &RequestContext) -> Result<Vec<Experiment>, RegistryError> {
        let rows: Vec<(String, String, i64)> =
            sql::query_as("SELECT id, name, created_at FROM registry_experiments WHERE tenant_id = $1 ORDER BY name")
                .bind(ctx.tenant.as_str())
                .fetch_all(self.database.readers())
                .await
                .map_err(self.unread("experiments"))?;
        let experiment = |(id, name, created_at): (String, _, i64)| {
            Ok(Experiment {
                id: parsed("experiment id", &id)?,
                name,
                created_at: instant(created_at),
            })
        };
        rows.into_iter().map(experiment).collect()
    }

    async fn create_run(&self, ctx: &RequestContext, run: Run) -> Result<(), RegistryError> {
        let mut write = self.begin(RUN).await?;
        let inserted = sql::query(
            "INSERT INTO registry_runs (id, tenant_id, experiment_id, name, status, started_at, ended_at) \
             SELECT $1, tenant_id, id, $4, $5, $6, $7 FROM registry_experiments WHERE tenant_id = $2 AND id = $3",
        )
        .bind(run.id.to_string())
        .bind(ctx.tenant.as_str())
        .bind(run.experiment.to_string())
        .bind(&run.name)
        .bind(run.status.as_str())
        .bind(run.started_at.micros())
        .bind(run.ended_at.map(Timestamp::micros))
        .execute(write.connection())
        .await
        .map_err(unwritten(RUN))?;
        if inserted.rows_affected() == 0 {
            return Err(RegistryError::not_found("experiment", run.experiment));
        }
        insert_params(&mut write, run.id, &run.params).await?;
        upsert_tags(&mut write, run.id, &run.tags).await?;
        audit(
            &mut write,
            ctx,
            ("create-run", format!("run/{}", run.id)),
            json!({ "name": run.name }),
        )
        .await?;
        commit(write, RUN).await
    }

    async fn run(&self, ctx: &RequestContext, id: RunId) -> Result<Run, RegistryError> {
        let row: Option<RunRow> = sql::query_as(
            "SELECT id, experiment_id, name, status, started_at, ended_at FROM registry_runs \
             WHERE tenant_id = $1 AND id = $2",
        )
        .bind(ctx.tenant.as_str())
        .bind(id.to_string())
        .fetch_optional(self.database.readers())
        .await
        .map_err(self.unread(RUN))?;
        self.run_of(row.ok_or_else(|| RegistryError::not_found("run", id))?)
            .await
    }

    async fn runs(
        &self,
        ctx: &RequestContext,
        experiment: ExperimentId,
        limit: usize,
    ) -> Result<Vec<Run>, RegistryError> {
        let rows: Vec<RunRow> = sql::query_as(
            "SELECT id, experiment_id, name, status, started_at, ended_at FROM registry_runs \
             WHERE tenant_id = $1 AND experiment_id = $2 ORDER BY id DESC LIMIT $3",
        )
        .bind(ctx.tenant.as_str())
        .bind(experiment.to_string())
        .bind(at_most(limit))
        .fetch_all(self.database.readers())
        .await
        .map_err(self.unread("runs"))?;
        let mut runs = Vec::with_capacity(rows.len());
        for row in rows {
            runs.push(self.run_of(row).await?);
        }
        Ok(runs)
    }

    async fn end_run(
        &self,
        ctx: &RequestContext,
        id: RunId,
        status: RunStatus,
        at: Timestamp,
    ) -> Result<(), RegistryError> {
        let mut write = self.begin(RUN).await?;
        if own_run(&mut write, &ctx.tenant, id).await? != RunStatus::Running.as_str() {
            return Err(RegistryError::Immutable(format!("run {id} has ended already")));
        }
        sql::query("UPDATE registry_runs SET status = $1, ended_at = $2 WHERE id = $3")
            .bind(status.as_str())
            .bind(at.micros())
            .bind(id.to_string())
            .execute(write.connection())
            .await
            .map_err(unwritten(RUN))?;
        audit(
            &mut write,
            ctx,
            ("end-run", format!("run/{id}")),
            json!({ "status": status }),
        )
        .await?;
        commit(write, RUN).await
    }

    async fn log_params(
        &self,
        ctx: &RequestContext,
        id: RunId,
        params: &BTreeMap<String, String>,
    ) -> Result<(), RegistryError> {
        let mut write = self.begin(RUN).await?;
        own_run(&mut write, &ctx.tenant, id).await?;
        let stored: Vec<(String, String)> =
            sql::query_as("SELECT key, value FROM registry_run_params WHERE run_id = $1")
                .bind(id.to_string())
                .fetch_all(write.connection())
                .await
                .map_err(unwritten(RUN))?;
        let mut merged: BTreeMap<String, String> = stored.into_iter().collect();
        let new: BTreeMap<String, String> = params
            .iter()
            .filter(|(key, _)| !merged.contains_key(*key))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        merge_params(&id, &mut merged, params)?;
        insert_params(&mut write, id, &new).await?;
        audit(&mut write, ctx, ("log-params", format!("run/{id}")), keys(&new)).await?;
        commit(write, RUN).await
    }

    async fn set_tags(
        &self,
        ctx: &RequestContext,
        id: RunId,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), RegistryError> {
        let mut write = self.begin(RUN).await?;
        own_run(&mut write, &ctx.tenant, id).await?;
        upsert_tags(&mut write, id, tags).await?;
        audit(&mut write, ctx, ("set-tags", format!("run/{id}")), keys(tags)).await?;
        commit(write, RUN).await
    }

    async fn log_metrics(&self, ctx: &RequestContext, id: RunId, points: &[MetricPoint]) -> Result<(), RegistryError> {
        let mut write = self.begin(RUN).await?;
        own_run(&mut write, &ctx.tenant, id).await?;
        let logged: i64 =
            sql::query_scalar("SELECT coalesce(max(ordinal), 0) FROM registry_run_metrics WHERE run_id = $1")
                .bind(id.to_string())
                .fetch_one(write.connection())
                .await
                .map_err(unwritten(RUN))?;
        let numbered: Vec<(i64, &MetricPoint)> = (logged + 1..).zip(points).collect();
        let columns = ["run_id", "ordinal", "key", "step", "value", "at"];
        write
            .insert_rows("registry_run_metrics", &columns, &numbered, |row, (ordinal, point)| {
                row.bind(id.to_string())
                    .bind(*ordinal)
                    .bind(point.key.clone())
                    .bind(point.step);
                row.bind(Some(point.value).filter(|value| !value.is_nan()))
                    .bind(point.at.micros());
            })
            .await
            .map_err(|error| refused(RUN, error))?;
        audit(
            &mut write,
            ctx,
            ("log-metrics", format!("run/{id}")),
            json!({ "points": points.len() }),
        )
        .await?;
        commit(write, RUN).await
    }

    async fn metrics(
        &self,
        ctx: &RequestContext,
        id: RunId,
        key: Option<&str>,
    ) -> Result<Vec<MetricPoint>, RegistryError> {
        let own: Option<i64> =
            sql::query_scalar("SELECT CAST(1 AS BIGINT) FROM registry_runs WHERE tenant_id = $1 AND id = $2")
                .bind(ctx.tenant.as_str())
                .bind(id.to_string())
                .fetch_optional(self.database.readers())
                .await
                .map_err(self.unread(RUN))?;
        own.ok_or_else(|| RegistryError::not_found("run", id))?;
        let rows: Vec<(String, i64, Option<f64>, i64)> = sql::query_as(
            "SELECT key, step, value, at FROM registry_run_metrics \
             WHERE run_id = $1 AND ($2 IS NULL OR key = $2) ORDER BY key, step, ordinal",
        )
        .bind(id.to_string())
        .bind(key)
        .fetch_all(self.database.readers())
        .await
        .map_err(self.unread("metrics"))?;
        let point = |(key, step, value, at): (String, i64, Option<f64>, i64)| MetricPoint {
            key,
            step,
            value: value.unwrap_or(f64::NAN),
            at: instant(at),
        };
        Ok(rows.into_iter().map(point).collect())
    }
}

async fn insert_params(
    write: &mut WriteTransaction,
    id: RunId,
    params: &BTreeMap<String, String>,
) -> Result<(), RegistryError> {
    let rows: Vec<(&String, &String)> = params.iter().collect();
    write
        .insert_rows(
            "registry_run_params",
            &["run_id", "key", "value"],
            &rows,
            |row, (key, value)| {
                row.bind(id.to_string()).bind((*key).clone()).bind((*value).clone());
            },
        )
        .await
        .map_err(|error| refused(RUN, error))
}

async fn upsert_tags(
    write: &mut WriteTransaction,
    id: RunId,
    tags: &BTreeMap<String, String>,
) -> Result<(), RegistryError> {
    for (key, value) in tags {
        sql::query(
            "INSERT INTO registry_run_tags (run_id, key, value) VALUES ($1, $2, $3) \
             ON CONFLICT (run_id, key) DO UPDATE SET value = excluded.value",
        )
        .bind(id.to_string())
        .bind(key)
        .bind(value)
        .execute(write.connection())
        .await
        .map_err(unwritten(RUN))?;
    }
    Ok(())
}
