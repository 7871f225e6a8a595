//! A database that adapters share: a single writer, many readers.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use cortex_types::{Clock, TenantId};
use tokio::sync::watch;

use crate::engine::{self, Engine};
use crate::migrations::{self, AppliedMigration, MigrationSet};
use crate::sql::{self, Pool, Transaction};
use crate::{StoreError, WriteTransaction};

const WRITER_WAIT_SECONDS: &str = "cortex_store_writer_wait_seconds";

#[derive(Clone, Debug)]
pub struct DatabaseConfig {
    pub place: Place,
    pub readers_max: u32,
    /// How long a lock that another process holds is waited for.
    pub busy_timeout_ms: u64,
}

/// Where a database is.
#[derive(Clone)]
pub enum Place {
    /// A SQLite file, which is created where it is missing.
    File(PathBuf),
    /// The URL of a PostgreSQL database: `postgres://user:password@host:port/database`.
    Server(String),
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            // It may hold a password.
            Self::Server(_) => f.write_str("Server"),
        }
    }
}

impl DatabaseConfig {
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self::of(Place::File(path.into()))
    }

    #[must_use]
    pub fn of(place: Place) -> Self {
        Self {
            place,
            readers_max: 4,
            busy_timeout_ms: 5_000,
        }
    }
}

/// A database that adapters share. Cloning it is cheap.
#[derive(Clone)]
pub struct Database {
    /// For people: its path, or its address without the password.
    at: Arc<str>,
    engine: Engine,
    readers: Pool,
    newest_commit: Arc<watch::Sender<u64>>,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("at", &self.at).finish_non_exhaustive()
    }
}

impl Database {
    /// Opens the file, and creates it where it is missing; or connects to the server. [`StoreError::Folder`],
    /// [`StoreError::Storage`] or [`StoreError::Unreachable`], saying where.
    pub async fn open(config: &DatabaseConfig, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let (at, (engine, readers)) = match &config.place {
            Place::File(path) => (path.display().to_string(), engine::open_sqlite(path, config).await?),
            Place::Server(url) => (engine::server_name(url)?, engine::open_postgres(url, config).await?),
        };
        let newest = newest_commit(&readers)
            .await
            .map_err(|error| StoreError::of(&at, error))?;
        let newest_commit = Arc::new(watch::Sender::new(newest));
        engine.look_after(newest_commit.subscribe());
        Ok(Self {
            at: at.into(),
            engine,
            readers,
            newest_commit,
            clock,
        })
    }

    /// Keeps every other process from serving this database for as long as it is open; [`StoreError::Served`] where one
    /// does already.
    pub async fn hold(&self) -> Result<(), StoreError> {
        self.engine.hold(&self.at).await
    }

    /// Brings the schema up to date: the platform's own tables, then each set in the given order, then the triggers
    /// that capture changes and keep posted rows, and what holds tenants apart. Running it again does nothing. Answers what it applied.
    pub async fn migrate(&self, sets: &[MigrationSet]) -> Result<Vec<AppliedMigration>, StoreError> {
        migrations::migrate(self, sets).await
    }

    /// What [`migrate`](Self::migrate) would apply; writes nothing.
    pub async fn outstanding_migrations(&self, sets: &[MigrationSet]) -> Result<Vec<AppliedMigration>, StoreError> {
        migrations::outstanding(self, sets).await
    }

    /// For reading only; a write through it is refused. A reader sees what was committed when its statement began, and, on
    /// PostgreSQL, nobody's rows of the tables in which tenants are held apart.
    #[must_use]
    pub fn readers(&self) -> &Pool {
        &self.readers
    }

    /// As [`readers`](Self::readers); rows of the tables in which tenants are held apart are seen where they are `tenant`'s.
    #[must_use]
    pub fn readers_of(&self, tenant: &TenantId) -> Pool {
        self.readers.of(tenant)
    }

    /// Waits for the writer and begins a physical commit.
    pub async fn begin(&self) -> Result<WriteTransaction, StoreError> {
        let asked = Instant::now();
        let transaction = self.begin_plain().await?;
        metrics::histogram!(WRITER_WAIT_SECONDS).record(asked.elapsed().as_secs_f64());
        WriteTransaction::begin(self.clone(), transaction).await
    }

    /// Waits for the writer and begins a transaction without a number.
    pub(crate) async fn begin_plain(&self) -> Result<Transaction, StoreError> {
        self.engine.begin().await.map_err(|error| self.failed(error))
    }

    pub(crate) async fn script(&self, sql: &str) -> Result<(), StoreError> {
        let mut transaction = self.begin_plain().await?;
        transaction
            .script(sql.to_owned())
            .await
            .map_err(|error| self.failed(error))?;
        transaction.commit().await.map_err(|error| self.failed(error))
    }

    /// The number of the newest commit; changes after each.
    #[must_use]
    pub fn commits(&self) -> watch::Receiver<u64> {
        self.newest_commit.subscribe()
    }

    /// For people: the file's path, or the server's address without the password.
    #[must_use]
    pub fn at(&self) -> &str {
        &self.at
    }

    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// What an error of a statement on this database means, and where it is.
    #[must_use]
    pub fn failed(&self, error: sqlx::Error) -> StoreError {
        StoreError::of(&self.at, error)
    }

    /// Waits for the writer, then closes every connection: what was committed to a file is checkpointed into it.
    pub async fn close(&self) {
        self.engine.close().await;
        self.readers.close().await;
    }

    /// What SQLite finds wrong with the file, in its own words; empty where it is sound. Reads every page once, but does
    /// not hold indexes against their tables. A server looks after its own files.
    pub async fn quick_check(&self) -> Result<Vec<String>, StoreError> {
        if matches!(self.readers, Pool::Postgres(_)) {
            return Ok(Vec::new());
        }
        let found: Vec<String> = sql::query_scalar("PRAGMA quick_check(10)")
            .fetch_all(&self.readers)
            .await
            .map_err(|error| self.failed(error))?;
        Ok(found.into_iter().filter(|line| line != "ok").collect())
    }

    /// Makes sure that nothing that was overwritten in `table` is left in the files. [`StoreError::Overloaded`] where readers
    /// did not let go of them in time: then it is still to be done.
    pub(crate) async fn forget_overwritten(&self, table: &'static str) -> Result<(), StoreError> {
        self.engine
            .forget_overwritten(table)
            .await
            .map_err(|error| self.failed(error))
    }

    pub(crate) fn announce(&self, commit_no: u64) {
        self.newest_commit.send_replace(commit_no);
    }

    /// Whether the schema has `table`.
    pub(crate) async fn has_table(&self, table: &str) -> Result<bool, StoreError> {
        has_table(&self.readers, table)
            .await
            .map_err(|error| self.failed(error))
    }
}

async fn has_table(pool: &Pool, table: &str) -> Result<bool, sqlx::Error> {
    let sql = match pool {
        Pool::Sqlite(_) => "SELECT count(*) > 0 FROM sqlite_master WHERE type = 'table' AND name = $1",
        Pool::Postgres(_) => "SELECT to_regclass($1) IS NOT NULL",
    };
    sql::query_scalar(sql).bind(table).fetch_one(pool).await
}

/// Zero in a database that was never migrated.
async fn newest_commit(readers: &Pool) -> Result<u64, sqlx::Error> {
    if !has_table(readers, "commit_sequence").await? {
        return Ok(0);
    }
    let newest: i64 = sql::query_scalar("SELECT newest FROM commit_sequence")
        .fetch_one(readers)
        .await?;
    Ok(newest.unsigned_abs())
}
