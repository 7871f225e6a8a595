//! What a commit says beyond its files: the table's protocol and properties, and who wrote it from what.

use std::collections::HashMap;

use bytes::Bytes;
use cortex_lake::{Commit, CommitRecord, LakeError, TableRef};
use cortex_types::{Frontier, Timestamp};
use deltalake_core::kernel::transaction::{CommitData, TransactionError};
use deltalake_core::kernel::{Action, Protocol, Transaction};
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The key of our note in Delta's `commitInfo`.
const NOTE: &str = "cortex";
/// Delta writes a checkpoint of its log every so many commits; reading a table replays what came after it.
pub(crate) const COMMITS_PER_CHECKPOINT: u64 = 100;
/// The oldest protocol that can append: every reader understands it.
const READER_VERSION: i32 = 1;
const WRITER_VERSION: i32 = 2;

/// Stored with each commit, so that any served value can be traced to the state of its sources.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    /// What appended: none where the rows were there before.
    #[serde(flatten)]
    batch: Option<Batch>,
    frontier: Frontier,
    rows: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Batch {
    pipeline: String,
    batch: u64,
}

/// The table's properties. `delta.setTransactionRetentionDuration` stays unset: with it, Delta would forget batches and
/// accept their replay. The log is kept, because training sets name versions.
pub(crate) fn table_properties() -> [(&'static str, String); 2] {
    [
        ("delta.checkpointInterval", COMMITS_PER_CHECKPOINT.to_string()),
        ("delta.enableExpiredLogCleanup", false.to_string()),
    ]
}

pub(crate) fn protocol() -> Result<Protocol, serde_json::Error> {
    serde_json::from_value(json!({ "minReaderVersion": READER_VERSION, "minWriterVersion": WRITER_VERSION }))
}

/// Refuses a table to which somebody gave features that an append would have to honour.
pub(crate) fn check_protocol(table: &TableRef, protocol: &Protocol) -> Result<(), LakeError> {
    let (reader, writer) = (protocol.min_reader_version(), protocol.min_writer_version());
    if (reader, writer) == (READER_VERSION, WRITER_VERSION) {
        return Ok(());
    }
    Err(LakeError::storage(
        table,
        format!(
            "somebody raised its Delta protocol to reader {reader} and writer {writer}; Cortex appends to tables of \
             {READER_VERSION} and {WRITER_VERSION}, as it makes them"
        ),
    ))
}

/// The content of a commit file: what it adds, the batch that it is, and our note.
pub(crate) fn entry(commit: &Commit, rows: u64, actions: Vec<Action>) -> Result<Bytes, TransactionError> {
    let note = Note {
        batch: Some(Batch {
            pipeline: commit.pipeline.to_string(),
            batch: commit.batch,
        }),
        frontier: commit.frontier.clone(),
        rows,
    };
    let append = DeltaOperation::Write {
        mode: SaveMode::Append,
        partition_by: None,
        predicate: None,
    };
    let batch = Transaction::new(&commit.pipeline, commit.batch.cast_signed());
    CommitData::new(actions, append, note.into_map(), vec![batch]).get_bytes()
}

/// The content of a commit file that puts files in the place of others, with the same rows. It reaches as far as the one before.
pub(crate) fn rewrite(
    frontier: Option<Frontier>,
    actions: Vec<Action>,
    file_bytes: i64,
) -> Result<Bytes, TransactionError> {
    let note = Note {
        batch: None,
        frontier: frontier.unwrap_or_default(),
        rows: 0,
    };
    let compacted = DeltaOperation::Optimize {
        predicate: None,
        target_size: file_bytes,
    };
    CommitData::new(actions, compacted, note.into_map(), Vec::new()).get_bytes()
}

impl Note {
    fn into_map(self) -> HashMap<String, Value> {
        // A struct of text, numbers and maps with text keys always has a JSON form.
        let note = serde_json::to_value(self).unwrap_or_default();
        HashMap::from([(NOTE.to_owned(), note)])
    }
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
        batch: note
            .as_ref()
            .and_then(|note| note.batch.as_ref())
            .map(|batch| (batch.pipeline.clone(), batch.batch)),
        frontier: note.map(|note| note.frontier),
    }
}
