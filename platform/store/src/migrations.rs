//! Numbered, checksummed changes of the schema.

use std::collections::BTreeMap;

use cortex_types::Clock;
use sha2::{Digest, Sha256};
use sqlx::{Connection, SqliteConnection};

use crate::{StoreError, capture};

/// One step of the schema. Once released it is never edited; what follows it is a new step.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// 1, 2, 3, … within its set.
    pub version: u32,
    pub name: &'static str,
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
}

/// A step that was just applied.
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
};

const LEDGER: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    set_name TEXT NOT NULL, version BIGINT NOT NULL, name TEXT NOT NULL, checksum TEXT NOT NULL,
    applied_at BIGINT NOT NULL, PRIMARY KEY (set_name, version))";

pub(crate) async fn migrate(
    connection: &mut SqliteConnection,
    sets: &[MigrationSet],
    clock: &dyn Clock,
) -> Result<Vec<AppliedMigration>, StoreError> {
    sqlx::raw_sql(LEDGER).execute(&mut *connection).await?;
    let mut applied = Vec::new();
    for set in std::iter::once(&PLATFORM).chain(sets) {
        for migration in pending(connection, set).await? {
            apply(connection, set, migration, clock).await?;
            applied.push(AppliedMigration {
                set: set.name,
                version: migration.version,
                name: migration.name,
            });
        }
    }
    // Triggers follow the columns that the tables have now, so they are made anew each time.
    let mut transaction = connection.begin().await?;
    for table in sets.iter().flat_map(|set| set.captured) {
        capture::create_triggers(&mut transaction, table).await?;
    }
    transaction.commit().await?;
    Ok(applied)
}

/// The steps still to apply, after checking that those applied are the ones this program knows.
async fn pending<'a>(
    connection: &mut SqliteConnection,
    set: &'a MigrationSet,
) -> Result<Vec<&'a Migration>, StoreError> {
    if !(1_u32..)
        .zip(set.migrations)
        .all(|(expected, migration)| expected == migration.version)
    {
        return Err(StoreError::MigrationOrder(set.name));
    }
    let done: BTreeMap<u32, String> =
        sqlx::query_as("SELECT version, checksum FROM schema_migrations WHERE set_name = $1")
            .bind(set.name)
            .fetch_all(connection)
            .await?
            .into_iter()
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

async fn apply(
    connection: &mut SqliteConnection,
    set: &MigrationSet,
    migration: &Migration,
    clock: &dyn Clock,
) -> Result<(), StoreError> {
    let failed = |source| StoreError::Migration {
        set: set.name,
        version: migration.version,
        name: migration.name,
        source,
    };
    let mut transaction = connection.begin().await?;
    sqlx::raw_sql(migration.sql)
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
    sqlx::query(
        "INSERT INTO schema_migrations (set_name, version, name, checksum, applied_at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(set.name)
    .bind(migration.version)
    .bind(migration.name)
    .bind(checksum_of(migration))
    .bind(clock.now().micros())
    .execute(&mut *transaction)
    .await
    .map_err(failed)?;
    transaction.commit().await.map_err(failed)
}

fn checksum_of(migration: &Migration) -> String {
    hex::encode(Sha256::digest(migration.sql.as_bytes()))
}
