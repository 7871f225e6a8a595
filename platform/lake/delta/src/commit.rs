//! What a commit says of itself beyond its files.

use std::collections::HashMap;

use cortex_lake::{Commit, CommitRecord};
use cortex_types::{Frontier, Timestamp};
use deltalake_core::kernel::Transaction;
use deltalake_core::kernel::transaction::CommitProperties;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The key of our note in Delta's `commitInfo`.
const NOTE: &str = "cortex";
/// Delta writes a checkpoint of its log every so many commits; reading a table replays what came after it.
pub(crate) const COMMITS_PER_CHECKPOINT: &str = "100";

/// Stored with each commit, so that any served value can be traced to the state of its sources.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    pipeline: String,
    batch: u64,
    frontier: Frontier,
    rows: u64,
}

/// The table's properties. `delta.setTransactionRetentionDuration` stays unset: with it, Delta would forget batches and
/// accept their replay. The log is kept, because training sets name versions.
pub(crate) const TABLE_PROPERTIES: [(&str, &str); 2] = [
    ("delta.checkpointInterval", COMMITS_PER_CHECKPOINT),
    ("delta.enableExpiredLogCleanup", "false"),
];

pub(crate) fn properties(commit: &Commit, rows: u64) -> CommitProperties {
    let note = Note {
        pipeline: commit.pipeline.to_string(),
        batch: commit.batch,
        frontier: commit.frontier.clone(),
        rows,
    };
    // A struct of text, numbers and maps with text keys always has a JSON form.
    let note = serde_json::to_value(note).unwrap_or_default();
    CommitProperties::default()
        .with_metadata([(NOTE.to_owned(), note)])
        .with_application_transaction(Transaction::new(&commit.pipeline, commit.batch.cast_signed()))
        // One table has one writer; whoever else commits is not to be merged with.
        .with_max_retries(0)
        .with_cleanup_expired_logs(Some(false))
}

/// Reads a commit file: one action a line, of which `commitInfo` is one.
pub(crate) fn record_of(version: u64, file: &[u8]) -> CommitRecord {
    let info = file
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice::<HashMap<String, Value>>(line).ok())
        .find_map(|mut action| action.remove("commitInfo"))
        .unwrap_or_default();
    let note: Option<Note> = serde_json::from_value(info[NOTE].clone()).ok();
    CommitRecord {
        version,
        committed_at: info["timestamp"]
            .as_i64()
            .map(|millis| Timestamp::from_micros(millis.saturating_mul(1_000))),
        operation: info["operation"].as_str().unwrap_or("unknown").to_owned(),
        rows: note.as_ref().map(|note| note.rows),
        frontier: note.map(|note| note.frontier),
    }
}
