//! Many small files into few: what readers open costs more than what they read.
//!
//! Rows keep their order and nothing is added or lost, so that readers see no difference. Writing goes on meanwhile: only the
//! commit that puts the new files in the place of the old takes its turn among the appends. Files that are not part of the newest
//! version any more stay, for older versions name them.

use std::collections::VecDeque;

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
/// Fewer are not worth their rewriting.
const FILES_MIN: usize = 8;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Files that follow one another and become one.
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

    /// Small files, oldest first.
    async fn groups(&self) -> Result<Vec<Group>, LakeError> {
        let state = self.state().await?;
        let mut small: Vec<_> = state
            .log_data()
            .iter()
            .filter(|file| file.size() < FILE_BYTES / 2)
            .collect();
        small.sort_by_key(|file| (file.modification_time(), file.path().into_owned()));
        let (mut groups, mut small) = (Vec::new(), VecDeque::from(small));
        while !small.is_empty() {
            let mut group = Group {
                removed: Vec::new(),
                paths: Vec::new(),
                bytes: 0,
            };
            while group.bytes < FILE_BYTES
                && let Some(file) = small.pop_front()
            {
                group.bytes += file.size();
                group.removed.push(file.remove_action(false));
                group.paths.push(file.object_store_path());
            }
            if group.paths.len() >= FILES_MIN {
                groups.push(group);
            }
        }
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
