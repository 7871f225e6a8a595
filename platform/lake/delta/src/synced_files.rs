//! Local files that are there after the power went.
//!
//! `object_store`'s local files are complete once they are visible, but neither they nor their folders are synced. Delta's
//! log must not name a data file that a power cut can still empty, and a source's change log is pruned behind what the
//! lake said it has.

use std::collections::HashSet;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, UploadPart,
};
use parking_lot::Mutex;

/// [`LocalFileSystem`], whose writes return once file and folder are synced.
#[derive(Clone, Debug)]
pub struct SyncedFiles {
    files: Arc<LocalFileSystem>,
    folders: Arc<SyncedFolders>,
}

impl SyncedFiles {
    /// Locations are relative to `/`, but only folders from `root` on are synced: those above it are not ours, and may
    /// not even be ours to open. `root` is absolute and without links.
    #[must_use]
    pub fn below(root: impl Into<PathBuf>) -> Self {
        Self {
            files: Arc::new(LocalFileSystem::new()),
            folders: Arc::new(SyncedFolders {
                root: root.into(),
                seen: Mutex::default(),
            }),
        }
    }

    /// Syncs a file that `object_store` wrote, and the folders above it.
    async fn sync(&self, location: &Path) -> Result<()> {
        let path = self.files.path_to_filesystem(location)?;
        let folders = Arc::clone(&self.folders);
        blocking(move || {
            File::open(&path)?.sync_all()?;
            folders.sync_above(&path)
        })
        .await
    }
}

impl fmt::Display for SyncedFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SyncedFiles({})", self.files)
    }
}

#[derive(Debug)]
struct SyncedFolders {
    root: PathBuf,
    /// Folders whose own entry in the folder above is known to be synced.
    seen: Mutex<HashSet<PathBuf>>,
}

impl SyncedFolders {
    /// Makes the entry of `path` durable, and that of every folder above it, up to the root, that was not seen before.
    fn sync_above(&self, path: &FilePath) -> io::Result<()> {
        self.sync_above_with(path, |folder| File::open(folder)?.sync_all())
    }

    fn sync_above_with(&self, path: &FilePath, sync: impl Fn(&FilePath) -> io::Result<()>) -> io::Result<()> {
        let mut entry = path;
        while let Some(folder) = entry.parent().filter(|folder| folder.starts_with(&self.root)) {
            sync(folder)?;
            // Only now is the entry there to stay.
            if entry != path {
                self.seen.lock().insert(entry.to_owned());
            }
            if self.seen.lock().contains(folder) {
                break;
            }
            entry = folder;
        }
        Ok(())
    }
}

/// Writes beside the target, syncs, and only then gives the file its name, so that a name never stands for less than
/// its whole content, not even after a power cut. The suffix is one that `object_store` does not list.
fn write_synced(path: &FilePath, payload: &PutPayload, mode: &PutMode, folders: &SyncedFolders) -> io::Result<()> {
    static STAGED: AtomicU64 = AtomicU64::new(0);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut staged = path.as_os_str().to_owned();
    staged.push(format!(
        "#{}{:06}",
        std::process::id(),
        STAGED.fetch_add(1, Ordering::Relaxed)
    ));
    let staged = PathBuf::from(staged);
    let written = File::create(&staged).and_then(|mut file| {
        payload.iter().try_for_each(|part| file.write_all(part))?;
        file.sync_all()
    });
    let named = written.and_then(|()| match mode {
        // A hard link refuses to replace, which is what makes a Delta commit exclusive.
        PutMode::Create => fs::hard_link(&staged, path),
        _ => fs::rename(&staged, path),
    });
    if !matches!(mode, PutMode::Overwrite) || named.is_err() {
        let _ = fs::remove_file(&staged);
    }
    named.and_then(|()| folders.sync_above(path))
}

fn generic(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Generic {
        store: "SyncedFiles",
        source: source.into(),
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(generic)?
        .map_err(generic)
}

#[async_trait]
impl ObjectStore for SyncedFiles {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        if matches!(options.mode, PutMode::Update(_)) {
            return self.files.put_opts(location, payload, options).await;
        }
        let path = self.files.path_to_filesystem(location)?;
        let folders = Arc::clone(&self.folders);
        let target = path.clone();
        let write = move || write_synced(&path, &payload, &options.mode, &folders);
        match tokio::task::spawn_blocking(write).await.map_err(generic)? {
            Ok(()) => Ok(PutResult {
                e_tag: None,
                version: None,
            }),
            Err(source) if source.kind() == io::ErrorKind::AlreadyExists => Err(Error::AlreadyExists {
                path: target.display().to_string(),
                source: source.into(),
            }),
            Err(source) => Err(generic(source)),
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let upload = self.files.put_multipart_opts(location, options).await?;
        Ok(Box::new(SyncedUpload {
            upload,
            location: location.clone(),
            store: self.clone(),
        }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.files.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.files.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.files.list(prefix)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.files.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.files.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.files.copy_opts(from, to, options).await?;
        self.sync(to).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.files.rename_opts(from, to, options).await?;
        self.sync(to).await
    }
}

#[derive(Debug)]
struct SyncedUpload {
    upload: Box<dyn MultipartUpload>,
    location: Path,
    store: SyncedFiles,
}

#[async_trait]
impl MultipartUpload for SyncedUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.upload.put_part(data)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let result = self.upload.complete().await?;
        self.store.sync(&self.location).await?;
        Ok(result)
    }

    async fn abort(&mut self) -> Result<()> {
        self.upload.abort().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::ObjectStoreExt;

    #[tokio::test]
    async fn a_second_writer_of_the_same_commit_is_refused_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let location = Path::from_filesystem_path(folder.path())
            .unwrap()
            .join("log")
            .join("0.json");
        let store = SyncedFiles::below(folder.path());
        let create = || PutOptions {
            mode: PutMode::Create,
            ..PutOptions::default()
        };
        store.put_opts(&location, "first".into(), create()).await.unwrap();
        let second = store.put_opts(&location, "second".into(), create()).await;
        assert!(matches!(second, Err(Error::AlreadyExists { .. })), "{second:?}");
        assert_eq!(store.get(&location).await.unwrap().bytes().await.unwrap(), "first");
        assert_eq!(fs::read_dir(folder.path().join("log")).unwrap().count(), 1);
    }

    #[test]
    fn folders_are_synced_up_to_the_root_and_again_where_that_failed() {
        let folders = SyncedFolders {
            root: "/home/ada/lake".into(),
            seen: Mutex::default(),
        };
        let synced = Mutex::new(Vec::new());
        let sync = |fails: &'static str| {
            synced.lock().clear();
            let outcome = folders.sync_above_with(FilePath::new("/home/ada/lake/t/x/1.json"), |folder| {
                synced.lock().push(folder.display().to_string());
                match folder.ends_with(fails) {
                    true => Err(io::ErrorKind::PermissionDenied.into()),
                    false => Ok(()),
                }
            });
            (outcome.is_ok(), synced.lock().clone())
        };
        let all = ["/home/ada/lake/t/x", "/home/ada/lake/t", "/home/ada/lake"].map(str::to_owned);
        assert_eq!(sync("t"), (false, all[..2].to_vec()));
        assert_eq!(sync("nothing"), (true, all.to_vec()));
        assert_eq!(sync("nothing"), (true, all[..1].to_vec()));
    }

    #[tokio::test]
    async fn a_file_in_parts_is_whole_once_complete() {
        let folder = tempfile::tempdir().unwrap();
        let location = Path::from_filesystem_path(folder.path()).unwrap().join("data.parquet");
        let store = SyncedFiles::below(folder.path());
        let mut upload = store.put_multipart(&location).await.unwrap();
        upload.put_part("one ".into()).await.unwrap();
        upload.put_part("two".into()).await.unwrap();
        upload.complete().await.unwrap();
        assert_eq!(store.get(&location).await.unwrap().bytes().await.unwrap(), "one two");
    }
}
