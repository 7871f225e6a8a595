//! One SQLite file: a single writer, many readers.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cortex_types::Clock;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use tokio::sync::watch;

use crate::checkpoints;
use crate::migrations::{self, AppliedMigration, MigrationSet};
use crate::{StoreError, WriteTransaction};

const WRITER_WAIT_SECONDS: &str = "cortex_store_writer_wait_seconds";

/// Distinct statements kept prepared per connection: the bulk inserts have eight shapes per table.
const STATEMENTS_CACHED: usize = 512;
/// How long a caller waits for a connection before it is told that the database is overloaded.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// A reader in the middle of a page keeps the write-ahead log from being emptied: how often to ask again.
const CHECKPOINT_ATTEMPTS: u32 = 50;
const CHECKPOINT_PAUSE: Duration = Duration::from_millis(100);

#[derive(Clone, Debug)]
pub struct DatabaseConfig {
    pub path: PathBuf,
    pub readers_max: u32,
    /// How long SQLite waits for a lock that another process holds.
    pub busy_timeout_ms: u64,
}

impl DatabaseConfig {
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            readers_max: 4,
            busy_timeout_ms: 5_000,
        }
    }
}

/// A database that adapters share. Cloning it is cheap.
#[derive(Clone)]
pub struct Database {
    path: Arc<Path>,
    /// One connection: whoever holds it is the writer, the others wait in the order they came.
    writer: SqlitePool,
    readers: SqlitePool,
    /// One connection, on which the write-ahead log is copied into the file while others write.
    checkpoints: SqlitePool,
    newest_commit: Arc<watch::Sender<u64>>,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Database {
    /// Opens the file, and creates it where it is missing. [`StoreError::Folder`] or [`StoreError::Storage`], with the
    /// path, where it cannot be written.
    pub async fn open(config: &DatabaseConfig, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let at = config.path.display();
        if let Some(folder) = config.path.parent() {
            std::fs::create_dir_all(folder).map_err(|source| StoreError::Folder {
                at: folder.display().to_string(),
                source,
            })?;
        }
        let options = connect_options(config);
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .acquire_slow_threshold(ACQUIRE_TIMEOUT)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_with(options.clone())
            .await
            .map_err(|error| StoreError::of(&at, error))?;
        let readers = SqlitePoolOptions::new()
            .max_connections(config.readers_max.max(1))
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_with(options.clone().pragma("query_only", "ON"))
            .await
            .map_err(|error| StoreError::of(&at, error))?;
        let newest = newest_commit(&readers)
            .await
            .map_err(|error| StoreError::of(&at, error))?;
        let newest_commit = Arc::new(watch::Sender::new(newest));
        let checkpoints = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(options);
        tokio::spawn(checkpoints::keep_short(
            checkpoints.clone(),
            writer.clone(),
            newest_commit.subscribe(),
        ));
        Ok(Self {
            path: config.path.as_path().into(),
            writer,
            readers,
            checkpoints,
            newest_commit,
            clock,
        })
    }

    /// Brings the schema up to date: the platform's own tables, then each set in the given order, then the triggers
    /// that capture changes. Running it again does nothing. Answers what it applied.
    pub async fn migrate(&self, sets: &[MigrationSet]) -> Result<Vec<AppliedMigration>, StoreError> {
        let mut writer = self.writer.acquire().await.map_err(|error| self.failed(error))?;
        migrations::migrate(&mut writer, sets, &*self.clock).await
    }

    /// For reading only; a write through it is refused. A reader sees what was committed when its statement began.
    #[must_use]
    pub fn readers(&self) -> &SqlitePool {
        &self.readers
    }

    /// Waits for the writer and begins a physical commit.
    pub async fn begin(&self) -> Result<WriteTransaction, StoreError> {
        let asked = Instant::now();
        let transaction = self
            .writer
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(|error| self.failed(error))?;
        metrics::histogram!(WRITER_WAIT_SECONDS).record(asked.elapsed().as_secs_f64());
        WriteTransaction::begin(self.clone(), transaction).await
    }

    /// The number of the newest commit; changes after each.
    #[must_use]
    pub fn commits(&self) -> watch::Receiver<u64> {
        self.newest_commit.subscribe()
    }

    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What an error of a statement on this database means, with its path.
    #[must_use]
    pub fn failed(&self, error: sqlx::Error) -> StoreError {
        StoreError::of(self.path.display(), error)
    }

    /// Waits for the writer, then closes every connection: what was committed is checkpointed into the file.
    pub async fn close(&self) {
        self.checkpoints.close().await;
        self.writer.close().await;
        self.readers.close().await;
    }

    /// What SQLite finds wrong with the file, in its own words; empty where it is sound. Reads every page once, but does
    /// not hold indexes against their tables.
    pub async fn quick_check(&self) -> Result<Vec<String>, StoreError> {
        let found: Vec<String> = sqlx::query_scalar("PRAGMA quick_check(10)")
            .fetch_all(&self.readers)
            .await
            .map_err(|error| self.failed(error))?;
        Ok(found.into_iter().filter(|line| line != "ok").collect())
    }

    /// Empties the write-ahead log into the file, so that nothing that was overwritten is left in it.
    /// [`StoreError::Overloaded`] where readers did not let go of it in time: then it is still to be done.
    pub(crate) async fn checkpoint(&self) -> Result<(), StoreError> {
        for _ in 0..CHECKPOINT_ATTEMPTS {
            let mut writer = self.writer.acquire().await.map_err(|error| self.failed(error))?;
            let (busy, _, _): (i64, i64, i64) = sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)")
                .fetch_one(&mut *writer)
                .await
                .map_err(|error| self.failed(error))?;
            if busy == 0 {
                return Ok(());
            }
            drop(writer);
            tokio::time::sleep(CHECKPOINT_PAUSE).await;
        }
        Err(StoreError::Overloaded)
    }

    pub(crate) fn announce(&self, commit_no: u64) {
        self.newest_commit.send_replace(commit_no);
    }
}

fn connect_options(config: &DatabaseConfig) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(&config.path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // In WAL mode NORMAL loses the last commits when the power goes; readers have acted on them by then.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_millis(config.busy_timeout_ms))
        .statement_cache_capacity(STATEMENTS_CACHED)
        // 64 MiB of pages.
        .pragma("cache_size", "-65536")
        .pragma("wal_autocheckpoint", checkpoints::FRAMES_AT_MOST)
        .pragma("temp_store", "MEMORY")
        // A destroyed key must not linger in the free space of its page.
        .pragma("secure_delete", "FAST")
}

/// Zero in a database that was never migrated.
async fn newest_commit(readers: &SqlitePool) -> Result<u64, sqlx::Error> {
    let migrated: Option<i64> =
        sqlx::query_scalar("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'commit_sequence'")
            .fetch_optional(readers)
            .await?;
    if migrated.is_none() {
        return Ok(0);
    }
    let newest: i64 = sqlx::query_scalar("SELECT newest FROM commit_sequence")
        .fetch_one(readers)
        .await?;
    Ok(newest.unsigned_abs())
}
