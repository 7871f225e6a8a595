//! One open table: its newest state in memory, and the one writer it has.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use cortex_lake::{Appended, AsOf, Commit, CommitRecord, LakeError, Snapshot, TableRef};
use datafusion::execution::SessionState;
use deltalake_core::delta_datafusion::DeltaScanNext;
use deltalake_core::kernel::transaction::CommitBuilder;
use deltalake_core::kernel::{Action, Add, MetadataExt, Protocol, new_metadata};
use deltalake_core::logstore::LogStoreRef;
use deltalake_core::operations::write::writer::{DeltaWriter, WriterConfig};
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use deltalake_core::table::state::DeltaTableState;
use fail::fail_point;
use parking_lot::RwLock;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use tokio::sync::Mutex;

use crate::commit::{self, TABLE_PROPERTIES};
use crate::conform::{arrow_schema, conform, grown, kernel_schema};
use crate::failure::{failed, misfit};

/// Compresses about as fast as Snappy and to about two thirds of its size.
const ZSTD_LEVEL: i32 = 1;

pub(crate) struct OpenTable {
    name: TableRef,
    log: LogStoreRef,
    /// `None`: nothing is known, the log has to be read.
    state: RwLock<Option<DeltaTableState>>,
    /// Held while appending. The last batch of each pipeline that asked, because Delta finds it by reading its log.
    writer: Mutex<HashMap<Arc<str>, Option<u64>>>,
}

impl OpenTable {
    pub(crate) fn new(name: TableRef, log: LogStoreRef) -> Self {
        Self {
            name,
            log,
            state: RwLock::new(None),
            writer: Mutex::default(),
        }
    }

    pub(crate) async fn append(&self, rows: &[RecordBatch], commit: &Commit) -> Result<Appended, LakeError> {
        let mut last_batches = self.writer.lock().await;
        if self
            .last_batch_of(&mut last_batches, &commit.pipeline)
            .await?
            .is_some_and(|last| last >= commit.batch)
        {
            return Ok(Appended::AlreadyThere);
        }
        match self.write(rows, commit).await {
            Ok(state) => {
                let version = state.version();
                *self.state.write() = Some(state);
                last_batches.insert(Arc::clone(&commit.pipeline), Some(commit.batch));
                Ok(Appended::Committed { version })
            }
            Err(error) => {
                // The commit may or may not have come to be; the log knows.
                *self.state.write() = None;
                last_batches.clear();
                Err(error)
            }
        }
    }

    pub(crate) async fn last_batch(&self, pipeline: &str) -> Result<Option<u64>, LakeError> {
        self.last_batch_of(&mut *self.writer.lock().await, pipeline).await
    }

    pub(crate) async fn snapshot(&self, at: AsOf, session: &Arc<SessionState>) -> Result<Snapshot, LakeError> {
        let state = self.existing().await?;
        let newest = state.version();
        let scan = DeltaScanNext::builder()
            .with_log_store(Arc::clone(&self.log))
            .with_session(Arc::clone(session));
        let (version, scan) = match at {
            AsOf::Version(version) if version > newest => {
                return Err(LakeError::NoVersion {
                    table: self.name.to_string(),
                    version,
                    newest,
                });
            }
            AsOf::Version(version) if version < newest => (version, scan.with_table_version(version)),
            AsOf::Version(_) | AsOf::Latest => (newest, scan.with_eager_snapshot(state.snapshot().clone())),
        };
        let provider = scan.await.map_err(|error| LakeError::storage(&self.name, error))?;
        Ok(Snapshot {
            table: self.name.clone(),
            version,
            schema: provider.schema(),
            provider,
        })
    }

    pub(crate) async fn history(&self, limit: usize) -> Result<Vec<CommitRecord>, LakeError> {
        let newest = self.existing().await?.version();
        let mut records = Vec::new();
        for version in (0..=newest).rev().take(limit) {
            let file = self
                .log
                .read_commit_entry(version)
                .await
                .map_err(|error| failed(&self.name, error))?;
            // Whoever cleaned the log up by hand left nothing to tell before this point.
            let Some(file) = file else { break };
            records.push(commit::record_of(version, &file));
        }
        Ok(records)
    }

    pub(crate) async fn exists(&self) -> Result<bool, LakeError> {
        Ok(self.state().await?.is_some())
    }

    async fn existing(&self) -> Result<DeltaTableState, LakeError> {
        self.state()
            .await?
            .ok_or_else(|| LakeError::NoTable(self.name.to_string()))
    }

    /// The newest state; read from the log only where it is not in memory. `None` before the first commit.
    async fn state(&self) -> Result<Option<DeltaTableState>, LakeError> {
        if let Some(state) = self.state.read().clone() {
            return Ok(Some(state));
        }
        if !self
            .log
            .is_delta_table_location()
            .await
            .map_err(|error| failed(&self.name, error))?
        {
            return Ok(None);
        }
        let read = DeltaTableState::try_new(&self.log, None)
            .await
            .map_err(|error| failed(&self.name, error))?;
        let mut state = self.state.write();
        // An append may have been faster than this reading.
        let newer = state
            .take()
            .filter(|known| known.version() > read.version())
            .unwrap_or(read);
        Ok(Some(state.insert(newer).clone()))
    }

    async fn last_batch_of(
        &self,
        last_batches: &mut HashMap<Arc<str>, Option<u64>>,
        pipeline: &str,
    ) -> Result<Option<u64>, LakeError> {
        if let Some(last) = last_batches.get(pipeline) {
            return Ok(*last);
        }
        let last = match self.state().await? {
            Some(state) => state
                .transaction_version(&self.log, pipeline)
                .await
                .map_err(|error| failed(&self.name, error))?
                .map(i64::unsigned_abs),
            None => None,
        };
        last_batches.insert(pipeline.into(), last);
        Ok(last)
    }

    /// Writes the files, then the commit that makes them part of the table.
    async fn write(&self, rows: &[RecordBatch], commit: &Commit) -> Result<DeltaTableState, LakeError> {
        let state = self.state().await?;
        let old_schema = state
            .as_ref()
            .map(|state| arrow_schema(&self.name, &state.schema()))
            .transpose()?;
        let schema = self.schema_after(old_schema.as_ref(), rows)?;
        let files = self.write_files(&schema, rows).await?;
        fail_point!("lake::before-commit", |_| Err(LakeError::storage(
            &self.name,
            "failpoint"
        )));
        let mut actions: Vec<Action> = match &state {
            None => self.first_actions(&schema)?,
            Some(state) if old_schema.as_ref() != Some(&schema) => {
                let kernel = kernel_schema(&self.name, &schema)?;
                let metadata = state.metadata().clone().with_schema(&kernel);
                vec![Action::Metadata(metadata.map_err(|error| failed(&self.name, error))?)]
            }
            Some(_) => Vec::new(),
        };
        actions.extend(files.into_iter().map(Action::Add));
        let row_count = rows.iter().map(|batch| batch.num_rows() as u64).sum();
        let operation = DeltaOperation::Write {
            mode: SaveMode::Append,
            partition_by: None,
            predicate: None,
        };
        let committed = CommitBuilder::from(commit::properties(commit, row_count))
            .with_actions(actions)
            .build(state.as_ref().map(|state| state as _), Arc::clone(&self.log), operation)
            .await
            .map_err(|error| failed(&self.name, error))?;
        fail_point!("lake::after-commit", |_| Err(LakeError::storage(
            &self.name,
            "failpoint"
        )));
        Ok(committed.snapshot())
    }

    fn schema_after(&self, old: Option<&SchemaRef>, rows: &[RecordBatch]) -> Result<SchemaRef, LakeError> {
        let mut schema = old.cloned();
        for batch in rows {
            schema = Some(grown(&self.name, schema.as_ref(), &batch.schema())?);
        }
        schema.ok_or_else(|| {
            misfit(
                &self.name,
                "the first append needs a schema: give a batch, if an empty one",
            )
        })
    }

    async fn write_files(&self, schema: &SchemaRef, rows: &[RecordBatch]) -> Result<Vec<Add>, LakeError> {
        let level = ZstdLevel::try_new(ZSTD_LEVEL).unwrap_or_default();
        let parquet = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .build();
        let config = WriterConfig::new(
            Arc::clone(schema),
            Vec::new(),
            Some(parquet),
            None,
            None,
            Default::default(),
            None,
        );
        let mut writer = DeltaWriter::new(self.log.object_store(None), config);
        for batch in rows.iter().filter(|batch| batch.num_rows() > 0) {
            let batch = conform(&self.name, schema, batch)?;
            writer.write(&batch).await.map_err(|error| failed(&self.name, error))?;
        }
        writer.close().await.map_err(|error| failed(&self.name, error))
    }

    fn first_actions(&self, schema: &SchemaRef) -> Result<Vec<Action>, LakeError> {
        let schema = kernel_schema(&self.name, schema)?;
        let metadata = new_metadata(&schema, Vec::<String>::new(), TABLE_PROPERTIES)
            .and_then(|metadata| metadata.with_name(self.name.name().to_owned()))
            .map_err(|error| failed(&self.name, error))?;
        // The oldest protocol that can append: every reader understands it.
        let protocol: Protocol =
            serde_json::from_value(serde_json::json!({ "minReaderVersion": 1, "minWriterVersion": 2 }))
                .map_err(|error| misfit(&self.name, error))?;
        Ok(vec![Action::Protocol(protocol), Action::Metadata(metadata)])
    }
}
