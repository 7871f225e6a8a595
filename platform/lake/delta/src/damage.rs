//! What a table's folder says where its log does not.
//!
//! A table whose log is gone would look like one that nobody ever wrote, and be begun anew; so would what a crash left
//! before the first commit, which is to be begun anew. A mark tells the two apart: it is there before the first file is,
//! and goes with the first commit.

use cortex_lake::{LakeError, TableRef};
use deltalake_core::logstore::{LogStore, LogStoreRef};
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use serde_json::{Map, Value};

use crate::failure::failed;

/// Delta passes over names that begin with a dot.
const MARK: &str = ".before-first-commit";
const LOG: &str = "_delta_log";

/// Says that files may come to be here of which no commit knows.
pub(crate) async fn mark(table: &TableRef, log: &LogStoreRef) -> Result<(), LakeError> {
    let marked = log.object_store(None).put(&Path::from(MARK), "".into()).await;
    marked.map(drop).map_err(|error| LakeError::storage(table, error))
}

/// There is a commit. That the mark could not be removed costs no more than the notice of a log that is lost later.
pub(crate) async fn unmark(table: &TableRef, log: &LogStoreRef) {
    if let Err(error) = log.object_store(None).delete(&Path::from(MARK)).await {
        tracing::warn!(%table, %error, "the mark of a table without a commit could not be removed");
    }
}

/// Refuses a folder without a log that holds a table's files all the same.
pub(crate) async fn refuse_lost_log(table: &TableRef, log: &LogStoreRef) -> Result<(), LakeError> {
    let files = list(table, log, None).await?;
    let named = |name: &str| files.iter().any(|file| file.location.as_ref() == name);
    let data = files.iter().filter(|file| file.location.extension() == Some("parquet"));
    let of_table = data.filter(|file| !file.location.as_ref().starts_with(LOG)).count();
    if of_table == 0 || named(MARK) {
        return Ok(());
    }
    let folder = folder(log);
    Err(LakeError::damaged(
        table,
        format!(
            "{folder} holds {of_table} Parquet files, but the log {folder}{LOG} that says which of them count is gone"
        ),
    ))
}

/// The same error, and with it the name of the log's first file that cannot be read, where there is one.
pub(crate) async fn locate(table: &TableRef, log: &LogStoreRef, error: LakeError) -> LakeError {
    let LakeError::Damaged { detail, .. } = &error else {
        return error;
    };
    match first_unreadable(table, log).await {
        Ok(Some(file)) => LakeError::damaged(table, format!("{}{file} cannot be read ({detail})", folder(log))),
        Ok(None) => LakeError::damaged(table, format!("{}{LOG} cannot be read ({detail})", folder(log))),
        Err(_) => error,
    }
}

async fn first_unreadable(table: &TableRef, log: &LogStoreRef) -> Result<Option<Path>, LakeError> {
    let mut commits = list(table, log, Some(&Path::from(LOG))).await?;
    commits.retain(|file| file.location.extension() == Some("json"));
    commits.sort_by(|left, right| left.location.cmp(&right.location));
    for commit in commits {
        let failed = |error| LakeError::storage(table, error);
        let file = log.object_store(None).get(&commit.location).await.map_err(failed)?;
        if !is_commit(&file.bytes().await.map_err(failed)?) {
            return Ok(Some(commit.location));
        }
    }
    Ok(None)
}

/// One action a line.
fn is_commit(file: &[u8]) -> bool {
    let mut actions = file
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .peekable();
    actions.peek().is_some() && actions.all(|line| serde_json::from_slice::<Map<String, Value>>(line).is_ok())
}

async fn list(table: &TableRef, log: &LogStoreRef, prefix: Option<&Path>) -> Result<Vec<ObjectMeta>, LakeError> {
    let files = log.object_store(None).list(prefix).try_collect().await;
    files.map_err(|error: object_store::Error| failed(table, error))
}

/// As a path where it is one.
fn folder(log: &LogStoreRef) -> String {
    let url = log.root_url();
    let path = url.to_file_path().map(|path| format!("{}/", path.display()));
    path.unwrap_or_else(|()| url.to_string()).replace("//", "/")
}
