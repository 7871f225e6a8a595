//! Numbered, checksummed changes of the schema.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::sql::{self, Pool, Transaction};
use crate::{Database, StoreError, apart, capture, ddl, guards};

/// One step of the schema. Once released it is never edited; what follows it is a new step.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// 1, 2, 3, … within its set.
    pub version: u32,
    pub name: &'static str,
    /// In SQLite's words, a column to a line or a comma; PostgreSQL gets the same in its own.
    pub sql: &'static str,
}

/// The tables that one adapter brings.
#[derive(Clone, Copy, Debug)]
pub struct MigrationSet {
    pub name: &'static str,
    pub migrations: &'static [Migration],
    /// Tables whose changes leave through the change log. Each must have `id TEXT PRIMARY KEY`, `tenant_id TEXT` and
    /// `tx_no BIGINT` (the logical transaction that last wrote the row), and columns of the types of
    /// [`ColumnKind`](crate::ColumnKind) only.
    pub captured: &'static [&'static str],
    /// Tables whose rows are never changed and never removed.
    pub posted: &'static [&'static str],
    /// Whether PostgreSQL itself keeps tenants from each other's rows. Every table of the set must have `tenant_id` then.
    pub tenants_apart: bool,
}

/// A step that was just applied, or would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppliedMigration {
    pub set: &'static str,
    pub version: u32,
    pub name: &'static str,
}

const PLATFORM: MigrationSet = MigrationSet {
    name: "platform",
    migrations: &[Migration {
        version: 1,
        name: "platform",
        sql: include_str!("../migrations/0001_platform.sql"),
    }],
    captured: &[],
    posted: &["audit_log"],
    // Read before it is known whose they are: tokens by their digest, the change log by whoever follows it.
    tenants_apart: false,
};

const LEDGER: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    set_name TEXT NOT NULL, version BIGINT NOT NULL, name TEXT NOT NULL, checksum TEXT NOT NULL,
    applied_at BIGINT NOT NULL, PRIMARY KEY (set_name, version))";

pub(crate) async fn migrate(database: &Database, sets: &[MigrationSet]) -> Result<Vec<AppliedMigration>, StoreError> {
    database.script(LEDGER).await?;
    let mut applied = Vec::new();
    for set in std::iter::once(&PLATFORM).chain(sets) {
        for migration in pending(database.readers(), set).await? {
            apply(database, set, migration).await?;
            applied.push(step(set, migration));
        }
    }
    // Triggers follow the columns that the tables have now, so they are made anew each time.
    let mut transaction = database.begin_plain().await?;
    for table in sets.iter().flat_map(|set| set.captured) {
        capture::create_triggers(&mut transaction, table).await?;
    }
    for table in std::iter::once(&PLATFORM).chain(sets).flat_map(|set| set.posted) {
        guards::create_triggers(&mut transaction, table).await?;
    }
    apart::hold(&mut transaction, sets).await?;
    transaction.commit().await?;
    if sets.iter().any(|set| set.tenants_apart) && matches!(database.readers(), Pool::Postgres(_)) {
        apart::warn_where_unbound(database).await?;
    }
    Ok(applied)
}

/// What [`migrate`] would apply.
pub(crate) async fn outstanding(
    database: &Database,
    sets: &[MigrationSet],
) -> Result<Vec<AppliedMigration>, StoreError> {
    let begun = database.has_table("schema_migrations").await?;
    let mut steps = Vec::new();
    for set in std::iter::once(&PLATFORM).chain(sets) {
        let migrations = match begun {
            true => pending(database.readers(), set).await?,
            false => set.migrations.iter().collect(),
        };
        steps.extend(migrations.into_iter().map(|migration| step(set, migration)));
    }
    Ok(steps)
}

fn step(set: &MigrationSet, migration: &Migration) -> AppliedMigration {
    AppliedMigration {
        set: set.name,
        version: migration.version,
        name: migration.name,
    }
}

/// The steps still to apply, after checking that those applied are the ones this program knows.
async fn pending<'a>(pool: &Pool, set: &'a MigrationSet) -> Result<Vec<&'a Migration>, StoreError> {
    if !(1_u32..)
        .zip(set.migrations)
        .all(|(expected, migration)| expected == migration.version)
    {
        return Err(StoreError::MigrationOrder(set.name));
    }
    let done: Vec<(i64, String)> = sql::query_as("SELECT version, checksum FROM schema_migrations WHERE set_name = $1")
        .bind(set.name)
        .fetch_all(pool)
        .await?;
    let done: BTreeMap<u32, String> = done
        .into_iter()
        .map(|(version, checksum)| (u32::try_from(version).unwrap_or(u32::MAX), checksum))
        .collect();
    let newest_known = set.migrations.len() as u32;
    if let Some((&version, _)) = done.range(newest_known + 1..).next() {
        return Err(StoreError::MigrationUnknown {
            set: set.name.to_owned(),
            version,
        });
    }
    let mut pending = Vec::new();
    for migration in set.migrations {
        match done.get(&migration.version) {
            None => pending.push(migration),
            Some(checksum) if *checksum == checksum_of(migration) => {}
            Some(_) => {
                return Err(StoreError::MigrationChanged {
                    set: set.name.to_owned(),
                    version: migration.version,
                    name: migration.name.to_owned(),
                });
            }
        }
    }
    Ok(pending)
}

async fn apply(database: &Database, set: &MigrationSet, migration: &Migration) -> Result<(), StoreError> {
    let failed = |source| StoreError::Migration {
        set: set.name,
        version: migration.version,
        name: migration.name,
        source,
    };
    let mut transaction = database.begin_plain().await?;
    let ddl = match transaction {
        Transaction::Sqlite(_) => migration.sql.to_owned(),
        Transaction::Postgres(_) => ddl::for_postgres(migration.sql),
    };
    let let_go = apart::let_go(&mut transaction, set).await?;
    transaction.script(ddl).await.map_err(failed)?;
    sql::query(
        "INSERT INTO schema_migrations (set_name, version, name, checksum, applied_at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(set.name)
    .bind(migration.version)
    .bind(migration.name)
    .bind(checksum_of(migration))
    .bind(database.clock().now().micros())
    .execute(&mut transaction)
    .await
    .map_err(failed)?;
    apart::take_back(&mut transaction, &let_go).await?;
    transaction.commit().await.map_err(failed)
}

fn checksum_of(migration: &Migration) -> String {
    hex::encode(Sha256::digest(migration.sql.as_bytes()))
}
