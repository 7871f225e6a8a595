//! Results of stages, kept in files under the hash of everything they depend on: a rerun resumes where it stopped, and
//! a changed recipe finds nothing.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use arrow::ipc::reader::FileReader;
use arrow::ipc::writer::FileWriter;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::TrainingError;

/// Results that are kept; the oldest go first.
const ENTRIES_MAX: usize = 64;
const EXTENSION: &str = "arrow";

/// Identity of a stage's result: the hash of its name, its recipe and the keys of the stages it reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageKey(String);

impl StageKey {
    /// `recipe` is everything besides other stages that the result depends on.
    #[must_use]
    pub fn new(stage: &str, recipe: &impl Serialize, reads: &[&Self]) -> Self {
        let mut hash = Sha256::new();
        // Maps of a recipe are sorted and floats have one shortest text, so its JSON is one text. What cannot be
        // written as JSON gets a key of its own kind, which no reader ever finds.
        let recipe = serde_json::to_string(recipe).unwrap_or_else(|error| format!("{error}"));
        for part in [stage, &recipe]
            .into_iter()
            .chain(reads.iter().map(|key| key.0.as_str()))
        {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        Self(hex::encode(hash.finalize()))
    }
}

/// A folder of results. Any file in it may be deleted at any time.
#[derive(Clone, Debug, Default)]
pub struct StageCache {
    folder: Option<PathBuf>,
}

impl StageCache {
    /// Keeps results in `folder`, which is made when there is something to keep.
    #[must_use]
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: Some(folder.into()),
        }
    }

    /// Keeps nothing.
    #[must_use]
    pub const fn none() -> Self {
        Self { folder: None }
    }

    /// `None` where it is not there, or does not read: then it is computed again.
    #[must_use]
    pub fn get(&self, key: &StageKey) -> Option<RecordBatch> {
        let file = File::open(self.path(key)?).ok()?;
        let mut reader = FileReader::try_new(BufReader::new(file), None).ok()?;
        let schema = reader.schema();
        let batch = reader.next()?.ok()?;
        // The reader gives batches without the file's metadata.
        batch.with_schema(schema).ok()
    }

    /// Visible as a whole or not at all.
    pub fn put(&self, key: &StageKey, result: &RecordBatch) -> Result<(), TrainingError> {
        let (Some(folder), Some(path)) = (&self.folder, self.path(key)) else {
            return Ok(());
        };
        let failed = |source: io::Error| TrainingError::Cache {
            what: format!("write {}", path.display()),
            source,
        };
        fs::create_dir_all(folder).map_err(failed)?;
        let draft = path.with_extension(format!("draft-{}", uuid::Uuid::now_v7()));
        let written = write(&draft, result).and_then(|()| fs::rename(&draft, &path));
        if written.is_err() {
            // The draft is worthless either way; the error that matters is the first.
            let _ = fs::remove_file(&draft);
        }
        written.map_err(failed)?;
        self.forget_oldest(folder).map_err(failed)
    }

    fn path(&self, key: &StageKey) -> Option<PathBuf> {
        Some(self.folder.as_ref()?.join(&key.0).with_extension(EXTENSION))
    }

    fn forget_oldest(&self, folder: &Path) -> io::Result<()> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == EXTENSION) {
                // Somebody else may have deleted it meanwhile.
                let Ok(modified) = path.metadata().and_then(|metadata| metadata.modified()) else {
                    continue;
                };
                entries.push((modified, path));
            }
        }
        entries.sort_unstable();
        let excess = entries.len().saturating_sub(ENTRIES_MAX);
        for (_, path) in entries.into_iter().take(excess) {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

fn write(path: &Path, result: &RecordBatch) -> io::Result<()> {
    let failed = |error: ArrowError| match error {
        ArrowError::IoError(_, source) => source,
        other => io::Error::other(other),
    };
    let mut writer = FileWriter::try_new(BufWriter::new(File::create(path)?), result.schema_ref()).map_err(failed)?;
    writer.write(result).map_err(failed)?;
    writer.finish().map_err(failed)?;
    writer.into_inner().map_err(failed)?.flush()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;

    use arrow::array::Float64Array;
    use arrow::datatypes::{DataType, Field, Schema};

    use super::*;

    fn result() -> RecordBatch {
        let metadata = HashMap::from([("digest".to_owned(), "abc".to_owned())]);
        let schema = Schema::new_with_metadata(vec![Field::new("label", DataType::Float64, true)], metadata);
        RecordBatch::try_new(Arc::new(schema), vec![Arc::new(Float64Array::from(vec![1.0, -0.0]))]).unwrap()
    }

    #[test]
    fn a_result_comes_back_with_its_metadata_and_another_recipe_finds_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let cache = StageCache::in_folder(folder.path().join("stages"));
        let key = StageKey::new("labels", &"30d", &[]);
        assert_eq!(cache.get(&key), None);
        cache.put(&key, &result()).unwrap();
        assert_eq!(cache.get(&key), Some(result()));
        assert_eq!(cache.get(&StageKey::new("labels", &"31d", &[])), None);
        assert_eq!(cache.get(&StageKey::new("labels", &"30d", &[&key])), None);
    }

    #[test]
    fn a_torn_file_is_computed_again_instead_of_believed() {
        let folder = tempfile::tempdir().unwrap();
        let cache = StageCache::in_folder(folder.path());
        let key = StageKey::new("rows", &(), &[]);
        cache.put(&key, &result()).unwrap();
        let path = cache.path(&key).unwrap();
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        assert_eq!(cache.get(&key), None);
    }

    #[test]
    fn the_cache_does_not_grow_without_end() {
        let folder = tempfile::tempdir().unwrap();
        let cache = StageCache::in_folder(folder.path());
        for number in 0..ENTRIES_MAX + 3 {
            cache.put(&StageKey::new("rows", &number, &[]), &result()).unwrap();
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), ENTRIES_MAX);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let cache = StageCache::in_folder(file.path());
        let error = cache.put(&StageKey::new("rows", &(), &[]), &result()).unwrap_err();
        assert!(error.to_string().contains(file.path().to_str().unwrap()), "{error}");
    }
}
