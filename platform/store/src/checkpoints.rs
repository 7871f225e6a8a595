//! Keeping the write-ahead log short without holding up who writes.
//!
//! SQLite's own checkpoint runs within the commit that finds the log too long, and that commit's caller waits for all of
//! it. Here most of the log is copied into the file while others go on writing; only what they added meanwhile is copied
//! with the writer held, after which the next commit begins the log anew.

use std::time::Duration;

use fail::fail_point;
use sqlx::{SqliteConnection, SqlitePool};
use tokio::sync::watch;

/// Pages of 4 KiB in the log before they are copied: 16 MiB. Larger copies are fewer, and flushing one takes the disk
/// from the commits beside it for longer.
const FRAMES: i64 = 4_096;
/// The log in pages with which SQLite checkpoints in the commit after all: when nobody else came to it.
pub(crate) const FRAMES_AT_MOST: &str = "32768";
/// How often the log's length is looked at, at most.
const PAUSE: Duration = Duration::from_millis(100);

const CHECKPOINTS_TOTAL: &str = "cortex_store_checkpoints_total";

/// What `PRAGMA wal_checkpoint` answers: whether somebody was in the way, the log's frames, those copied.
type Checkpoint = (i64, i64, i64);

/// Looks after the log until the database is closed or dropped.
pub(crate) async fn keep_short(beside: SqlitePool, writer: SqlitePool, mut commits: watch::Receiver<u64>) {
    while commits.changed().await.is_ok() {
        match shorten(&beside, &writer).await {
            Ok(()) => tokio::time::sleep(PAUSE).await,
            Err(sqlx::Error::PoolClosed) => return,
            // Nothing is lost by a longer log, and the next commit brings the next attempt.
            Err(error) => {
                tracing::warn!(%error, "the write-ahead log could not be copied into the database file");
                tokio::time::sleep(PAUSE * 10).await;
            }
        }
    }
}

async fn shorten(beside: &SqlitePool, writer: &SqlitePool) -> Result<(), sqlx::Error> {
    let mut connection = beside.acquire().await?;
    let (_, frames, _) = checkpoint(&mut connection, "PRAGMA wal_checkpoint(NOOP)").await?;
    if frames < FRAMES {
        return Ok(());
    }
    checkpoint(&mut connection, "PRAGMA wal_checkpoint(PASSIVE)").await?;
    fail_point!("store::between-checkpoints", |_| Ok(()));
    // Of a database in great demand the writer may not come free in time; the next attempt finds it.
    let mut writer = match writer.acquire().await {
        Err(sqlx::Error::PoolTimedOut) => return Ok(()),
        writer => writer?,
    };
    checkpoint(&mut writer, "PRAGMA wal_checkpoint(PASSIVE)").await?;
    metrics::counter!(CHECKPOINTS_TOTAL).increment(1);
    Ok(())
}

async fn checkpoint(connection: &mut SqliteConnection, how: &'static str) -> Result<Checkpoint, sqlx::Error> {
    sqlx::query_as(how).fetch_one(connection).await
}
