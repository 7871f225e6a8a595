//! One open table: its newest state in memory, and the one writer it has.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use cortex_lake::changes::{KEY, key_of};
use cortex_lake::{Appended, AsOf, Commit, CommitRecord, LakeError, Snapshot, TableRef};
use cortex_types::Frontier;
use datafusion::execution::SessionState;
use deltalake_core::DeltaTable;
use deltalake_core::checkpoints::create_checkpoint;
use deltalake_core::delta_datafusion::DeltaScanNext;
use deltalake_core::kernel::{Action, Add, Metadata, MetadataExt, new_metadata};
use deltalake_core::logstore::{CommitOrBytes, LogStoreRef};
use deltalake_core::operations::write::writer::{DeltaWriter, WriterConfig};
use deltalake_core::table::state::DeltaTableState;
use fail::fail_point;
use parking_lot::RwLock;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::commit::{self, COMMITS_PER_CHECKPOINT, check_protocol, protocol, table_properties};
use crate::conform::{arrow_schema, conform, grown, kernel_schema};
use crate::damage::{locate, mark, refuse_lost_log, unmark};
use crate::failure::{failed, misfit};

/// Compresses about as fast as Snappy and to about two thirds of its size.
const ZSTD_LEVEL: i32 = 1;

/// What an append has to know of the table. Its list of files is not among it: an append costs as much on a table of many
/// files as on one of few.
#[derive(Clone)]
pub(crate) struct Head {
    version: u64,
    pub(crate) schema: SchemaRef,
    metadata: Metadata,
}

pub(crate) struct OpenTable {
    pub(crate) name: TableRef,
    pub(crate) log: LogStoreRef,
    /// The newest commit. `None`: nothing is known, the log has to be read.
    head: RwLock<Option<Head>>,
    /// The table with its files as it was last read, which may lie behind the head.
    files: Mutex<Option<DeltaTableState>>,
    /// Held while appending. The last batch of each pipeline that asked, because Delta finds it by reading its log.
    writer: Mutex<HashMap<Arc<str>, Option<u64>>>,
    /// Held while compacting.
    pub(crate) compacting: Mutex<()>,
}

impl OpenTable {
    pub(crate) fn new(name: TableRef, log: LogStoreRef) -> Self {
        Self {
            name,
            log,
            head: RwLock::new(None),
            files: Mutex::default(),
            writer: Mutex::default(),
            compacting: Mutex::default(),
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
            Ok(head) => {
                let version = head.version;
                *self.head.write() = Some(head);
                last_batches.insert(Arc::clone(&commit.pipeline), Some(commit.batch));
                if (version + 1).is_multiple_of(COMMITS_PER_CHECKPOINT) {
                    self.checkpoint(version).await;
                }
                Ok(Appended::Committed { version })
            }
            Err(error) => {
                // The commit may or may not have come to be; the log knows.
                *self.head.write() = None;
                last_batches.clear();
                Err(error)
            }
        }
    }

    pub(crate) async fn last_batch(&self, pipeline: &str) -> Result<Option<u64>, LakeError> {
        self.last_batch_of(&mut *self.writer.lock().await, pipeline).await
    }

    pub(crate) async fn snapshot(&self, at: AsOf, session: &Arc<SessionState>) -> Result<Snapshot, LakeError> {
        let state = self.state().await?;
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
            key: key_of(state.metadata().configuration()),
            provider,
        })
    }

    pub(crate) async fn history(&self, limit: usize) -> Result<Vec<CommitRecord>, LakeError> {
        let newest = self.newest().await?.version;
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

    /// Whether there is a commit, readable or not. [`LakeError::Damaged`] where there was one and the log is gone.
    pub(crate) async fn exists(&self) -> Result<bool, LakeError> {
        if self.head.read().is_some() || self.has_log().await? {
            return Ok(true);
        }
        refuse_lost_log(&self.name, &self.log).await?;
        Ok(false)
    }

    async fn has_log(&self) -> Result<bool, LakeError> {
        let has_log = self.log.is_delta_table_location().await;
        has_log.map_err(|error| failed(&self.name, error))
    }

    pub(crate) async fn newest(&self) -> Result<Head, LakeError> {
        self.head()
            .await?
            .ok_or_else(|| LakeError::NoTable(self.name.to_string()))
    }

    /// The newest commit; read from the log only where it is not in memory. `None` before the first.
    async fn head(&self) -> Result<Option<Head>, LakeError> {
        if let Some(head) = self.head.read().clone() {
            return Ok(Some(head));
        }
        if !self.has_log().await? {
            refuse_lost_log(&self.name, &self.log).await?;
            return Ok(None);
        }
        let read = match DeltaTableState::try_new(&self.log, None).await {
            Ok(read) => read,
            Err(error) => return Err(locate(&self.name, &self.log, failed(&self.name, error)).await),
        };
        let read_head = Head {
            version: read.version(),
            schema: arrow_schema(&self.name, &read.schema())?,
            metadata: read.metadata().clone(),
        };
        check_protocol(&self.name, read.protocol())?;
        *self.files.lock().await = Some(read);
        let mut head = self.head.write();
        // An append may have been faster than this reading.
        let newer = head
            .take()
            .filter(|known| known.version > read_head.version)
            .unwrap_or(read_head);
        Ok(Some(head.insert(newer).clone()))
    }

    /// The newest state with its files, brought up to date by what was committed since the last reader asked.
    pub(crate) async fn state(&self) -> Result<DeltaTableState, LakeError> {
        let newest = self.newest().await?.version;
        let mut files = self.files.lock().await;
        let state = match files.take() {
            Some(mut state) if state.version() < newest => state.update(&self.log, Some(newest)).await.map(|()| state),
            Some(state) => Ok(state),
            None => DeltaTableState::try_new(&self.log, Some(newest)).await,
        };
        match state {
            Ok(state) => Ok(files.insert(state).clone()),
            Err(error) => Err(locate(&self.name, &self.log, failed(&self.name, error)).await),
        }
    }

    /// Readers begin at the newest checkpoint. One that fails costs them time and nothing else: the commit is made.
    async fn checkpoint(&self, version: u64) {
        let mut table = DeltaTable::new(Arc::clone(&self.log));
        let written = async {
            table.load_version(version).await?;
            create_checkpoint(&table, None).await
        };
        if let Err(error) = written.await {
            tracing::warn!(table = %self.name, version, %error, "the log got no checkpoint; the next is due later");
        }
    }

    async fn last_batch_of(
        &self,
        last_batches: &mut HashMap<Arc<str>, Option<u64>>,
        pipeline: &str,
    ) -> Result<Option<u64>, LakeError> {
        if let Some(last) = last_batches.get(pipeline) {
            return Ok(*last);
        }
        let last = match self.exists().await? {
            true => self
                .state()
                .await?
                .transaction_version(&self.log, pipeline)
                .await
                .map_err(|error| failed(&self.name, error))?
                .map(i64::unsigned_abs),
            false => None,
        };
        last_batches.insert(pipeline.into(), last);
        Ok(last)
    }

    /// Writes the files, then the commit that makes them part of the table.
    async fn write(&self, rows: &[RecordBatch], commit: &Commit) -> Result<Head, LakeError> {
        let head = self.head().await?;
        let schema = self.schema_after(head.as_ref().map(|head| &head.schema), rows)?;
        let first = head.is_none();
        if first {
            mark(&self.name, &self.log).await?;
        }
        let files = self.write_files(&schema, rows).await?;
        fail_point!("lake::before-commit", |_| Err(LakeError::storage(
            &self.name,
            "failpoint"
        )));
        let key = rows
            .iter()
            .rev()
            .find_map(|batch| batch.schema().metadata().get(KEY).cloned());
        let (version, metadata, mut actions) = match head {
            None => self.first_actions(&schema, key)?,
            Some(head) => {
                let metadata = self.metadata_after(&head, &schema, key)?;
                let changed = metadata.clone().map(Action::Metadata);
                (
                    head.version + 1,
                    metadata.unwrap_or(head.metadata),
                    changed.into_iter().collect(),
                )
            }
        };
        actions.extend(files.into_iter().map(Action::Add));
        let row_count = rows.iter().map(|batch| batch.num_rows() as u64).sum();
        let entry = commit::entry(commit, row_count, actions).map_err(|error| failed(&self.name, error))?;
        self.log
            .write_commit_entry(version, CommitOrBytes::LogBytes(entry), Uuid::now_v7())
            .await
            .map_err(|error| failed(&self.name, error))?;
        fail_point!("lake::after-commit", |_| Err(LakeError::storage(
            &self.name,
            "failpoint"
        )));
        if first {
            unmark(&self.name, &self.log).await;
        }
        Ok(Head {
            version,
            schema,
            metadata,
        })
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
        let mut writer = self.writer_of(schema);
        for batch in rows.iter().filter(|batch| batch.num_rows() > 0) {
            let batch = conform(&self.name, schema, batch)?;
            writer.write(&batch).await.map_err(|error| failed(&self.name, error))?;
        }
        writer.close().await.map_err(|error| failed(&self.name, error))
    }

    pub(crate) fn writer_of(&self, schema: &SchemaRef) -> DeltaWriter {
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
        DeltaWriter::new(self.log.object_store(None), config)
    }

    /// One commit in its turn, which changes files and no rows.
    pub(crate) async fn replace_files(&self, actions: Vec<Action>, file_bytes: i64) -> Result<(), LakeError> {
        let mut last_batches = self.writer.lock().await;
        let head = self.newest().await?;
        let (version, frontier) = (head.version + 1, self.frontier_at(head.version).await?);
        let entry = commit::rewrite(frontier, actions, file_bytes).map_err(|error| failed(&self.name, error))?;
        let written = self
            .log
            .write_commit_entry(version, CommitOrBytes::LogBytes(entry), Uuid::now_v7())
            .await;
        match written {
            Ok(()) => {
                *self.head.write() = Some(Head { version, ..head });
                if (version + 1).is_multiple_of(COMMITS_PER_CHECKPOINT) {
                    self.checkpoint(version).await;
                }
                Ok(())
            }
            Err(error) => {
                *self.head.write() = None;
                last_batches.clear();
                Err(failed(&self.name, error))
            }
        }
    }

    async fn frontier_at(&self, version: u64) -> Result<Option<Frontier>, LakeError> {
        let file = self.log.read_commit_entry(version).await;
        let file = file.map_err(|error| failed(&self.name, error))?;
        Ok(file.and_then(|file| commit::record_of(version, &file).frontier))
    }

    /// `None` where it stays as it is.
    fn metadata_after(
        &self,
        head: &Head,
        schema: &SchemaRef,
        key: Option<String>,
    ) -> Result<Option<Metadata>, LakeError> {
        let mut changed = None;
        if head.schema != *schema {
            let kernel = kernel_schema(&self.name, schema)?;
            let grown = head.metadata.clone().with_schema(&kernel);
            changed = Some(grown.map_err(|error| failed(&self.name, error))?);
        }
        if let Some(key) = key
            && head.metadata.configuration().get(KEY) != Some(&key)
        {
            let metadata = changed.unwrap_or_else(|| head.metadata.clone());
            let keyed = metadata.add_config_key(KEY.to_owned(), key);
            changed = Some(keyed.map_err(|error| failed(&self.name, error))?);
        }
        Ok(changed)
    }

    fn first_actions(
        &self,
        schema: &SchemaRef,
        key: Option<String>,
    ) -> Result<(u64, Metadata, Vec<Action>), LakeError> {
        let schema = kernel_schema(&self.name, schema)?;
        let properties = table_properties().into_iter().chain(key.map(|key| (KEY, key)));
        let metadata = new_metadata(&schema, Vec::<String>::new(), properties)
            .and_then(|metadata| metadata.with_name(self.name.name().to_owned()))
            .map_err(|error| failed(&self.name, error))?;
        let protocol = protocol().map_err(|error| misfit(&self.name, error))?;
        let actions = vec![Action::Protocol(protocol), Action::Metadata(metadata.clone())];
        Ok((0, metadata, actions))
    }
}
