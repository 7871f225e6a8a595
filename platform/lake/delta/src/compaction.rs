//! Many small files into few: what readers open costs more than what they read.
//!
//! The rows are the same before and after. Writing goes on meanwhile: only the commit that puts the new files in the place of the old
//! takes its turn among the appends. Files become one with others of about their size, so that each row is rewritten a few times at
//! most. Those that are not part of the newest version any more stay, for older versions name them.

use std::collections::BTreeMap;

use cortex_lake::{Compacted, LakeError};
use deltalake_core::kernel::{Action, Add, Remove};
use fail::fail_point;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::conform::conform;
use crate::failure::failed;
use crate::table::OpenTable;

/// What a file should come to; one of half of it and more is left alone.
const FILE_BYTES: i64 = 128 * 1024 * 1024;
/// Fewer are not worth their rewriting; and what they come to is too large for their like.
const FILES_MIN: usize = 8;

/// Files of one class differ in size by less than [`FILES_MIN`] times.
fn class(bytes: i64) -> u32 {
    bytes.max(1).ilog2() / FILES_MIN.ilog2()
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Files that become one.
#[derive(Default)]
struct Group {
    removed: Vec<Remove>,
    paths: Vec<Path>,
    bytes: i64,
}

impl OpenTable {
    pub(crate) async fn compact(&self) -> Result<Compacted, LakeError> {
        let _alone = self.compacting.lock().await;
        let mut done = Compacted::default();
        for group in self.groups().await? {
            let files = self.rewrite(&group).await?;
            fail_point!("lake::before-compaction", |_| Err(LakeError::storage(
                &self.name,
                "failpoint"
            )));
            done.files_before += group.paths.len() as u64;
            done.files_after += files.len() as u64;
            done.bytes += group.bytes.unsigned_abs();
            let removed = group.removed.into_iter().map(Action::Remove);
            let actions = removed.chain(files.into_iter().map(Action::Add)).collect();
            self.replace_files(actions, FILE_BYTES).await?;
        }
        Ok(done)
    }

    /// Small files of about one size, of which there are enough; the oldest first.
    async fn groups(&self) -> Result<Vec<Group>, LakeError> {
        let state = self.state().await?;
        let files = state.log_data();
        let mut small: Vec<_> = files.iter().filter(|file| file.size() < FILE_BYTES / 2).collect();
        small.sort_by_key(|file| (file.modification_time(), file.path().into_owned()));
        let mut open: BTreeMap<u32, Group> = BTreeMap::new();
        let mut groups = Vec::new();
        for file in small {
            let class = class(file.size());
            let group = open.entry(class).or_default();
            group.bytes += file.size();
            group.removed.push(file.remove_action(false));
            group.paths.push(file.object_store_path());
            if group.bytes >= FILE_BYTES {
                groups.extend(open.remove(&class));
            }
        }
        groups.extend(open.into_values());
        groups.retain(|group| group.paths.len() >= FILES_MIN);
        Ok(groups)
    }

    async fn rewrite(&self, group: &Group) -> Result<Vec<Add>, LakeError> {
        let schema = self.newest().await?.schema;
        let store = self.log.object_store(None);
        let mut writer = self.writer_of(&schema);
        for path in &group.paths {
            let unreadable = |error: BoxError| LakeError::storage(format!("{} ({path})", self.name), error);
            // It is a small one.
            let found = async { store.get(path).await?.bytes().await };
            let file = found.await.map_err(|error| unreadable(error.into()))?;
            let rows = ParquetRecordBatchReaderBuilder::try_new(file).and_then(ParquetRecordBatchReaderBuilder::build);
            for batch in rows.map_err(|error| unreadable(error.into()))? {
                let batch = batch.map_err(|error| unreadable(error.into()))?;
                let batch = conform(&self.name, &schema, &batch)?;
                writer.write(&batch).await.map_err(|error| failed(&self.name, error))?;
            }
        }
        let mut files = writer.close().await.map_err(|error| failed(&self.name, error))?;
        for file in &mut files {
            file.data_change = false;
        }
        Ok(files)
    }
}
