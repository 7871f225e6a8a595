//! What a [`Database`](crate::Database) runs on.

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, PgConnection, PgPool, Postgres, SqlitePool};
use tokio::sync::watch;

use crate::sql::{Pool, Readers, Transaction};
use crate::{DatabaseConfig, StoreError, checkpoints};

/// Distinct statements kept prepared per connection: the bulk inserts have eight shapes per table.
const STATEMENTS_CACHED: usize = 512;
/// How long a caller waits for a connection before it is told that the database is overloaded.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// A reader in the middle of a page keeps the write-ahead log from being emptied: how often to ask again.
const CHECKPOINT_ATTEMPTS: u32 = 50;
const CHECKPOINT_PAUSE: Duration = Duration::from_millis(100);
/// Names the lock of the process that serves a PostgreSQL database: "cortex" in ASCII.
const SERVING_LOCK: i64 = 0x636f_7274_6578;

/// One SQLite file, or a PostgreSQL database. Either has a single writer: numbers and the change log are then in the order of
/// commits, and nobody waits for a lock in the middle of a document.
#[derive(Clone, Debug)]
pub(crate) enum Engine {
    Sqlite {
        /// One connection: whoever holds it is the writer, the others wait in the order they came.
        writer: SqlitePool,
        /// One connection, on which the write-ahead log is copied into the file while others write.
        checkpoints: SqlitePool,
    },
    Postgres {
        /// One connection, which has [`SERVING_LOCK`] where this process serves the database.
        writer: PgPool,
        serving: Arc<AtomicBool>,
    },
}

pub(crate) async fn open_sqlite(path: &Path, config: &DatabaseConfig) -> Result<(Engine, Pool), StoreError> {
    let at = path.display();
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|source| StoreError::Folder {
            at: folder.display().to_string(),
            source,
        })?;
    }
    let options = sqlite_options(path, config);
    let kept_open = || {
        SqlitePoolOptions::new()
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
    };
    let writer = kept_open()
        .max_connections(1)
        .acquire_slow_threshold(ACQUIRE_TIMEOUT)
        // A full disk makes SQLite roll back by itself. sqlx then thinks that its transaction goes on, and begins no other one on this
        // connection: the next writer gets a new one.
        .after_release(|connection, _| {
            Box::pin(async move {
                // Behind the rollback that a dropped transaction has asked for.
                connection.ping().await?;
                Ok(!connection.is_in_transaction())
            })
        })
        .connect_with(options.clone())
        .await
        .map_err(|error| StoreError::of(&at, error))?;
    let readers = kept_open()
        .max_connections(config.readers_max.max(1))
        .connect_with(options.clone().pragma("query_only", "ON"))
        .await
        .map_err(|error| StoreError::of(&at, error))?;
    let checkpoints = SqlitePoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_lazy_with(options);
    Ok((Engine::Sqlite { writer, checkpoints }, Pool::Sqlite(readers)))
}

fn sqlite_options(path: &Path, config: &DatabaseConfig) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
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

/// The server's address without the password, for people.
pub(crate) fn server_name(url: &str) -> Result<String, StoreError> {
    let options = postgres_options(url)?;
    let database = options.get_database().unwrap_or(options.get_username());
    Ok(format!(
        "postgres://{}:{}/{database}",
        options.get_host(),
        options.get_port()
    ))
}

fn postgres_options(url: &str) -> Result<PgConnectOptions, StoreError> {
    // What sqlx says of it may hold the password.
    PgConnectOptions::from_str(url).map_err(|_| StoreError::Address)
}

pub(crate) async fn open_postgres(url: &str, config: &DatabaseConfig) -> Result<(Engine, Pool), StoreError> {
    let at = server_name(url)?;
    let options = postgres_options(url)?
        .application_name("cortex")
        .statement_cache_capacity(STATEMENTS_CACHED)
        .log_slow_statements(tracing::log::LevelFilter::Warn, ACQUIRE_TIMEOUT);
    // A pool would go on trying, and say in the end that it is overloaded.
    let probe = options.connect().await.map_err(|error| StoreError::of(&at, error))?;
    probe.close().await.map_err(|error| StoreError::of(&at, error))?;
    let lock_timeout = config.busy_timeout_ms.to_string();
    let serving = Arc::new(AtomicBool::new(false));
    let is_serving = Arc::clone(&serving);
    let writer = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .acquire_slow_threshold(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        // A connection that takes the place of a lost one takes the lock again, or does not write.
        .after_connect(move |connection, _| {
            let is_serving = is_serving.load(Ordering::Acquire);
            Box::pin(async move {
                match !is_serving || take_serving_lock(connection).await? {
                    true => Ok(()),
                    false => Err(sqlx::Error::Protocol(
                        "another process serves the database by now".to_owned(),
                    )),
                }
            })
        })
        .connect_with(options.clone().options([("lock_timeout", lock_timeout)]))
        .await
        .map_err(|error| StoreError::of(&at, error))?;
    let readers = PgPoolOptions::new()
        .max_connections(config.readers_max.max(1))
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // Whoever takes a connection says on it for whom, which shows as well whether it lives.
        .test_before_acquire(false)
        .connect_with(options.clone().options([("default_transaction_read_only", "on")]))
        .await
        .map_err(|error| StoreError::of(&at, error))?;
    let readers = Pool::Postgres(Readers::of_nobody(readers));
    Ok((Engine::Postgres { writer, serving }, readers))
}

/// A pool in which nothing comes free says the same whether the server is busy or away: a connection of its own tells.
async fn begin_on_server(writer: &PgPool) -> Result<sqlx::Transaction<'static, Postgres>, sqlx::Error> {
    match writer.begin().await {
        Err(sqlx::Error::PoolTimedOut) => {
            let connection = writer.connect_options().connect().await?;
            connection.close().await?;
            Err(sqlx::Error::PoolTimedOut)
        }
        begun => begun,
    }
}

async fn take_serving_lock(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
        .bind(SERVING_LOCK)
        .fetch_one(connection)
        .await
}

impl Engine {
    /// Waits for the writer.
    pub async fn begin(&self) -> Result<Transaction, sqlx::Error> {
        Ok(match self {
            Self::Sqlite { writer, .. } => Transaction::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres { writer, .. } => Transaction::Postgres(begin_on_server(writer).await?),
        })
    }

    /// Starts what looks after the database beside those who use it.
    pub fn look_after(&self, commits: watch::Receiver<u64>) {
        if let Self::Sqlite { writer, checkpoints } = self {
            tokio::spawn(checkpoints::keep_short(checkpoints.clone(), writer.clone(), commits));
        }
    }

    /// Keeps every other process from serving this database. A file is held with the folder that it lies in.
    pub async fn hold(&self, at: &str) -> Result<(), StoreError> {
        let Self::Postgres { writer, serving } = self else {
            return Ok(());
        };
        let failed = |error| StoreError::of(at, error);
        let mut connection = writer.acquire().await.map_err(failed)?;
        if !take_serving_lock(&mut connection).await.map_err(failed)? {
            return Err(StoreError::Served { at: at.to_owned() });
        }
        serving.store(true, Ordering::Release);
        Ok(())
    }

    /// Makes sure that nothing that was overwritten in `table` is left where it was written. On a server that is as far as its
    /// vacuum reaches: a snapshot that is older than the change keeps what it sees until it ends.
    pub async fn forget_overwritten(&self, table: &'static str) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite { writer, .. } => empty_log(writer).await,
            Self::Postgres { writer, .. } => {
                let sql = sqlx::AssertSqlSafe(format!("VACUUM FULL {table}"));
                sqlx::raw_sql(sql).execute(writer).await.map(drop)
            }
        }
    }

    pub async fn close(&self) {
        match self {
            Self::Sqlite { writer, checkpoints } => {
                checkpoints.close().await;
                writer.close().await;
            }
            Self::Postgres { writer, .. } => writer.close().await,
        }
    }
}

/// Empties the write-ahead log into the file. [`sqlx::Error::PoolTimedOut`] where readers did not let go of it in time: then
/// it is still to be done.
async fn empty_log(writer: &SqlitePool) -> Result<(), sqlx::Error> {
    for _ in 0..CHECKPOINT_ATTEMPTS {
        let mut connection = writer.acquire().await?;
        let (busy, _, _): (i64, i64, i64) = sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)")
            .fetch_one(&mut *connection)
            .await?;
        if busy == 0 {
            return Ok(());
        }
        drop(connection);
        tokio::time::sleep(CHECKPOINT_PAUSE).await;
    }
    Err(sqlx::Error::PoolTimedOut)
}
