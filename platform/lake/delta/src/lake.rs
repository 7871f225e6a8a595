//! The lake: a folder of tables.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use cortex_lake::{Appended, AsOf, Commit, CommitRecord, Compacted, Lake, LakeError, Layer, Snapshot, TableRef};
use cortex_types::TenantId;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::prelude::SessionConfig;
use deltalake_core::logstore::{StorageConfig, logstore_with};
use object_store::ObjectStore;
use object_store::path::Path as ObjectPath;
use parking_lot::Mutex;
use url::Url;

use crate::failure::failed;
use crate::synced_files::SyncedFiles;
use crate::table::OpenTable;

const APPEND_SECONDS: &str = "cortex_lake_append_seconds";
const ROWS_TOTAL: &str = "cortex_lake_rows_total";

/// Delta tables in `root/{tenant}/{layer}/{table}`. One process writes to a root.
pub struct DeltaLake {
    root: Url,
    files: Arc<dyn ObjectStore>,
    /// How tables are read: filters reach into the Parquet files, and text stays plain `Utf8`, as it was written.
    session: Arc<SessionState>,
    open: Mutex<HashMap<TableRef, Arc<OpenTable>>>,
}

impl fmt::Debug for DeltaLake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeltaLake")
            .field("root", &self.root.as_str())
            .finish_non_exhaustive()
    }
}

impl DeltaLake {
    /// Creates the folder where it is missing. [`LakeError::Storage`], with the path, where it cannot be written.
    pub fn open(root: &Path) -> Result<Self, LakeError> {
        let unusable = |error: std::io::Error| LakeError::storage(root.display(), error);
        std::fs::create_dir_all(root).map_err(unusable)?;
        let absolute = root.canonicalize().map_err(unusable)?;
        sync_entry(&absolute).map_err(unusable)?;
        let url = Url::from_directory_path(&absolute)
            .map_err(|()| LakeError::storage(root.display(), "the path cannot be written as a URL"))?;
        let config = SessionConfig::new()
            .set_bool("datafusion.execution.parquet.pushdown_filters", true)
            .set_bool("datafusion.execution.parquet.schema_force_view_types", false);
        let session = SessionStateBuilder::new_with_default_features()
            .with_config(config)
            .build();
        Ok(Self {
            root: url,
            files: Arc::new(SyncedFiles::below(absolute)),
            session: Arc::new(session),
            open: Mutex::default(),
        })
    }

    fn table(&self, table: &TableRef) -> Result<Arc<OpenTable>, LakeError> {
        if let Some(open) = self.open.lock().get(table) {
            return Ok(Arc::clone(open));
        }
        let folder = format!("{table}/");
        let url = self
            .root
            .join(&folder)
            .map_err(|error| LakeError::storage(table, error))?;
        let log = logstore_with(Arc::clone(&self.files), &url, StorageConfig::default())
            .map_err(|error| failed(table, error))?;
        let opened = || Arc::new(OpenTable::new(table.clone(), log));
        Ok(Arc::clone(self.open.lock().entry(table.clone()).or_insert_with(opened)))
    }

    /// The names of the folders in a layer of a tenant.
    async fn folders(&self, tenant: &TenantId, layer: Layer) -> Result<Vec<String>, LakeError> {
        let place = format!("{tenant}/{}/", layer.as_str());
        let url = self
            .root
            .join(&place)
            .map_err(|error| LakeError::storage(&place, error))?;
        let path = ObjectPath::from_url_path(url.path()).map_err(|error| LakeError::storage(&place, error))?;
        match self.files.list_with_delimiter(Some(&path)).await {
            Ok(listed) => Ok(listed
                .common_prefixes
                .iter()
                .filter_map(|path| path.filename().map(str::to_owned))
                .collect()),
            Err(object_store::Error::NotFound { .. }) => Ok(Vec::new()),
            Err(error) => Err(LakeError::storage(&place, error)),
        }
    }
}

/// Makes the entry of the root durable in the folder above, where that folder may be opened: else it is not we who made
/// the root.
fn sync_entry(root: &Path) -> std::io::Result<()> {
    let Some(above) = root.parent() else { return Ok(()) };
    match std::fs::File::open(above) {
        Ok(folder) => folder.sync_all(),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Ok(()),
        Err(error) => Err(error),
    }
}

#[async_trait]
impl Lake for DeltaLake {
    async fn append(&self, table: &TableRef, rows: Vec<RecordBatch>, commit: &Commit) -> Result<Appended, LakeError> {
        let start = Instant::now();
        let appended = self.table(table)?.append(&rows, commit).await?;
        if let Appended::Committed { .. } = appended {
            metrics::histogram!(APPEND_SECONDS).record(start.elapsed().as_secs_f64());
            metrics::counter!(ROWS_TOTAL).increment(rows.iter().map(|batch| batch.num_rows() as u64).sum());
        }
        Ok(appended)
    }

    async fn last_batch(&self, table: &TableRef, pipeline: &str) -> Result<Option<u64>, LakeError> {
        self.table(table)?.last_batch(pipeline).await
    }

    async fn snapshot(&self, table: &TableRef, at: AsOf) -> Result<Snapshot, LakeError> {
        self.table(table)?.snapshot(at, &self.session).await
    }

    async fn tables(&self, tenant: &TenantId) -> Result<Vec<TableRef>, LakeError> {
        let mut tables = Vec::new();
        for layer in Layer::ALL {
            for name in self.folders(tenant, layer).await? {
                // A folder that no table could have is somebody else's; one without a commit is what a crash left.
                let Ok(table) = TableRef::new(tenant.clone(), layer, name) else {
                    continue;
                };
                match self.table(&table)?.exists().await {
                    Ok(false) => {}
                    // Whoever reads a damaged one is told; the others can be read.
                    Ok(true) | Err(LakeError::Damaged { .. }) => tables.push(table),
                    Err(error) => return Err(error),
                }
            }
        }
        tables.sort();
        Ok(tables)
    }

    async fn compact(&self, table: &TableRef) -> Result<Compacted, LakeError> {
        self.table(table)?.compact().await
    }

    async fn history(&self, table: &TableRef, limit: usize) -> Result<Vec<CommitRecord>, LakeError> {
        self.table(table)?.history(limit).await
    }
}
