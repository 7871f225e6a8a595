//! The registry's tables, and what is common to reading and writing them.

mod events;
mod models;
mod promotions;
mod runs;

use cortex_registry::RegistryError;
use cortex_store::sql;
use cortex_store::{Database, Migration, MigrationSet, StoreError, WriteTransaction};
use cortex_types::{Coded, ErrorCode, RunId, TenantId, Timestamp};

/// The registry's tables. None of them is captured: the registry is not the business.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    name: "registry",
    migrations: &[Migration {
        version: 1,
        name: "registry",
        sql: include_str!("../../migrations/0001_registry.sql"),
    }],
    captured: &[],
    posted: &[],
    tenants_apart: false,
};

/// [`RegistryStore`](cortex_registry::RegistryStore) on a [`Database`] that was migrated with [`MIGRATIONS`].
#[derive(Clone, Debug)]
pub struct SqlRegistry {
    database: Database,
}

impl SqlRegistry {
    #[must_use]
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    /// Whether there is a gate report of any tenant.
    pub async fn has_reports(&self) -> Result<bool, RegistryError> {
        let report: Option<i64> = sql::query_scalar("SELECT CAST(1 AS BIGINT) FROM registry_reports LIMIT 1")
            .fetch_optional(self.database.readers())
            .await
            .map_err(self.unread("gate reports"))?;
        Ok(report.is_some())
    }

    async fn begin(&self, what: &str) -> Result<WriteTransaction, RegistryError> {
        self.database.begin().await.map_err(|error| refused(what, error))
    }

    /// What an error of a reading statement means.
    fn unread(&self, what: &str) -> impl FnOnce(sqlx::Error) -> RegistryError {
        move |error| refused(what, self.database.failed(error))
    }
}

/// What the database's refusal means to the registry's callers.
fn refused(what: &str, error: StoreError) -> RegistryError {
    match error.code() {
        ErrorCode::Overloaded => RegistryError::Overloaded {
            what: error.to_string(),
        },
        _ => RegistryError::storage(format!("{what} ({error})"), error),
    }
}

/// What an error of a statement within a write means.
fn unwritten(what: &str) -> impl FnOnce(sqlx::Error) -> RegistryError {
    move |error| refused(what, error.into())
}

async fn commit(write: WriteTransaction, what: &str) -> Result<(), RegistryError> {
    write.commit().await.map(drop).map_err(|error| refused(what, error))
}

/// A stored text that is not what it should be is damage, not the caller's mistake.
fn parsed<T: std::str::FromStr>(what: &'static str, text: &str) -> Result<T, RegistryError>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error: T::Err| RegistryError::Unreadable {
        what,
        detail: error.to_string(),
    })
}

fn version_number(stored: i64) -> Result<u32, RegistryError> {
    u32::try_from(stored).map_err(|_| RegistryError::Unreadable {
        what: "version number",
        detail: format!("{stored} is none"),
    })
}

fn instant(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

fn at_most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// The run must be the tenant's own; answers its status.
async fn own_run(write: &mut WriteTransaction, tenant: &TenantId, id: RunId) -> Result<String, RegistryError> {
    sql::query_scalar("SELECT status FROM registry_runs WHERE tenant_id = $1 AND id = $2")
        .bind(tenant.as_str())
        .bind(id.to_string())
        .fetch_optional(write.connection())
        .await
        .map_err(unwritten("a run"))?
        .ok_or_else(|| RegistryError::not_found("run", id))
}
