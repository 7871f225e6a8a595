//! Who reads the change log, up to where, and what may therefore go.

use cortex_ingest::{ChangeSource, IngestError};
use cortex_store::sql;
use cortex_store::{StoreError, WriteTransaction};
use cortex_types::Position;

use crate::SqliteChangeLog;

/// Rows that one transaction prunes: few enough that whoever waits for the writer does not notice.
const PRUNED_AT_ONCE: i64 = 10_000;

/// Up to where the log was pruned; the origin where it never was.
pub(crate) async fn kept_after(log: &SqliteChangeLog) -> Result<Position, IngestError> {
    let (commit_no, seq): (i64, i64) = sql::query_as("SELECT commit_no, seq FROM change_log_pruned")
        .fetch_one(log.database.readers())
        .await
        .map_err(|error| log.failed(error))?;
    if seq == 0 {
        return Ok(Position::origin(log.id()));
    }
    Ok(log.position(commit_no, seq))
}

/// [`IngestError::HistoryLost`] where changes after `after` were pruned already.
pub(crate) async fn check_kept(log: &SqliteChangeLog, after: &Position) -> Result<(), IngestError> {
    let oldest = kept_after(log).await?;
    if after.seq >= oldest.seq {
        return Ok(());
    }
    Err(IngestError::HistoryLost {
        source_id: log.id().to_string(),
        reader: "a reader".to_owned(),
        reader_at: after.to_string(),
        oldest: oldest.to_string(),
    })
}

pub(crate) async fn acknowledge(log: &SqliteChangeLog, reader: &str, upto: &Position) -> Result<(), IngestError> {
    let mut more = true;
    while more {
        more = step(log, reader, upto)
            .await
            .map_err(|error| IngestError::source(log.id(), error))?;
    }
    Ok(())
}

/// Stores the acknowledgement and prunes some of what nobody needs; whether there is more of that.
async fn step(log: &SqliteChangeLog, reader: &str, upto: &Position) -> Result<bool, StoreError> {
    let mut write = log.database.begin().await?;
    let now = log.database.clock().now().micros();
    sql::query(
        "INSERT INTO change_readers (reader, commit_no, seq, acknowledged_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (reader) DO UPDATE SET commit_no = excluded.commit_no, seq = excluded.seq, \
         acknowledged_at = excluded.acknowledged_at",
    )
    .bind(reader)
    .bind(upto.commit.cast_signed())
    .bind(upto.seq.cast_signed())
    .bind(now)
    .execute(write.connection())
    .await?;
    let more = prune(&mut write).await?;
    write.commit().await?;
    Ok(more)
}

async fn prune(write: &mut WriteTransaction) -> Result<bool, StoreError> {
    let pruned: i64 = sql::query_scalar("SELECT seq FROM change_log_pruned")
        .fetch_one(write.connection())
        .await?;
    let (commit_no, slowest): (i64, i64) =
        sql::query_as("SELECT commit_no, seq FROM change_readers ORDER BY seq LIMIT 1")
            .fetch_one(write.connection())
            .await?;
    if slowest <= pruned {
        return Ok(false);
    }
    let upto = slowest.min(pruned + PRUNED_AT_ONCE);
    sql::query("DELETE FROM change_log WHERE seq <= $1")
        .bind(upto)
        .execute(write.connection())
        .await?;
    sql::query("UPDATE change_log_pruned SET commit_no = $1, seq = $2")
        .bind(commit_no)
        .bind(upto)
        .execute(write.connection())
        .await?;
    // The newest commit stays: it says where the log ends.
    sql::query(
        "DELETE FROM change_commits WHERE last_seq <= $1 AND commit_no < (SELECT max(commit_no) FROM change_commits)",
    )
    .bind(upto)
    .execute(write.connection())
    .await?;
    Ok(upto < slowest)
}
