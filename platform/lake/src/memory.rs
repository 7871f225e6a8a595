//! A lake that forgets everything when it is dropped.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use cortex_types::TenantId;
use datafusion::datasource::MemTable;
use parking_lot::Mutex;

use crate::changes::key_of;
use crate::port::{Appended, AsOf, Commit, CommitRecord, Lake, Snapshot};
use crate::{LakeError, TableRef};

#[derive(Debug, Default)]
pub struct MemoryLake {
    tables: Mutex<BTreeMap<TableRef, Vec<MemoryCommit>>>,
}

#[derive(Debug)]
struct MemoryCommit {
    commit: Commit,
    rows: Vec<RecordBatch>,
}

#[async_trait]
impl Lake for MemoryLake {
    async fn append(&self, table: &TableRef, rows: Vec<RecordBatch>, commit: &Commit) -> Result<Appended, LakeError> {
        let mut tables = self.tables.lock();
        let commits = tables.entry(table.clone()).or_default();
        let done = commits
            .iter()
            .any(|old| old.commit.pipeline == commit.pipeline && old.commit.batch >= commit.batch);
        if done {
            return Ok(Appended::AlreadyThere);
        }
        commits.push(MemoryCommit {
            commit: commit.clone(),
            rows,
        });
        Ok(Appended::Committed {
            version: commits.len() as u64 - 1,
        })
    }

    async fn last_batch(&self, table: &TableRef, pipeline: &str) -> Result<Option<u64>, LakeError> {
        let tables = self.tables.lock();
        let commits = tables.get(table).map_or(&[][..], Vec::as_slice);
        Ok(commits
            .iter()
            .filter(|old| &*old.commit.pipeline == pipeline)
            .map(|old| old.commit.batch)
            .max())
    }

    async fn snapshot(&self, table: &TableRef, at: AsOf) -> Result<Snapshot, LakeError> {
        let tables = self.tables.lock();
        let commits = tables.get(table).filter(|commits| !commits.is_empty());
        let commits = commits.ok_or_else(|| LakeError::NoTable(table.to_string()))?;
        let newest = commits.len() as u64 - 1;
        let version = match at {
            AsOf::Latest => newest,
            AsOf::Version(version) if version <= newest => version,
            AsOf::Version(version) => {
                return Err(LakeError::NoVersion {
                    table: table.to_string(),
                    version,
                    newest,
                });
            }
        };
        let rows: Vec<RecordBatch> = commits
            .iter()
            .take(version as usize + 1)
            .flat_map(|commit| commit.rows.iter().cloned())
            .collect();
        let schema = rows
            .first()
            .map_or_else(|| Arc::new(arrow::datatypes::Schema::empty()), RecordBatch::schema);
        let provider = MemTable::try_new(Arc::clone(&schema), vec![rows]).map_err(|error| LakeError::Schema {
            table: table.to_string(),
            detail: error.to_string(),
        })?;
        Ok(Snapshot {
            table: table.clone(),
            version,
            key: key_of(schema.metadata()),
            schema,
            provider: Arc::new(provider),
        })
    }

    async fn tables(&self, tenant: &TenantId) -> Result<Vec<TableRef>, LakeError> {
        Ok(self
            .tables
            .lock()
            .keys()
            .filter(|table| table.tenant == *tenant)
            .cloned()
            .collect())
    }

    async fn history(&self, table: &TableRef, limit: usize) -> Result<Vec<CommitRecord>, LakeError> {
        let tables = self.tables.lock();
        let commits = tables.get(table).ok_or_else(|| LakeError::NoTable(table.to_string()))?;
        let newest_first = commits.iter().enumerate().rev().take(limit);
        Ok(newest_first
            .map(|(version, commit)| CommitRecord {
                version: version as u64,
                committed_at: None,
                operation: "WRITE".to_owned(),
                batch: Some((commit.commit.pipeline.to_string(), commit.commit.batch)),
                frontier: Some(commit.commit.frontier.clone()),
                rows: Some(commit.rows.iter().map(|batch| batch.num_rows() as u64).sum()),
            })
            .collect())
    }
}
