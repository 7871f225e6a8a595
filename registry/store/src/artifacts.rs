//! Artifacts as files: `{folder}/{tenant}/{aa}/{sha256}`, where `aa` are the digest's first two digits.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use cortex_registry::{ArtifactStore, RegistryError};
use cortex_types::RequestContext;
use fail::fail_point;
use sha2::{Digest, Sha256};
use uuid::Uuid;

const DIGEST_DIGITS: usize = 64;

/// A folder of artifacts. A file is written beside its place, synced, and renamed into it, so that under a digest there
/// is the whole content or nothing.
#[derive(Clone, Debug)]
pub struct FileArtifacts {
    folder: PathBuf,
}

impl FileArtifacts {
    /// Artifacts below `folder`, which is made when the first one is stored.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    fn place(&self, ctx: &RequestContext, digest: &str) -> PathBuf {
        self.folder.join(ctx.tenant.as_str()).join(&digest[..2]).join(digest)
    }
}

#[async_trait]
impl ArtifactStore for FileArtifacts {
    async fn put(&self, ctx: &RequestContext, bytes: &[u8]) -> Result<String, RegistryError> {
        let digest = digest_of(bytes);
        let place = self.place(ctx, &digest);
        let (root, bytes) = (self.folder.clone(), bytes.to_vec());
        blocking(move || {
            // One that was damaged since is written again.
            let there = fs::read(&place).is_ok_and(|stored| stored == bytes);
            if there {
                return Ok(());
            }
            write_durably(&root, &place, &bytes).map_err(|error| storage(&place, error))
        })
        .await?;
        Ok(digest)
    }

    async fn get(&self, ctx: &RequestContext, digest: &str) -> Result<Vec<u8>, RegistryError> {
        let missing = || RegistryError::not_found("artifact", digest);
        let is_digest = digest.len() == DIGEST_DIGITS && digest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !is_digest {
            return Err(missing());
        }
        let place = self.place(ctx, digest);
        let (bytes, found) = blocking(move || match fs::read(&place) {
            Ok(bytes) => {
                let found = digest_of(&bytes);
                Ok(Some((bytes, found)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(storage(&place, error)),
        })
        .await?
        .ok_or_else(missing)?;
        if found != digest {
            let detail = format!("its SHA-256 is {found}; restore it from a backup, or register the model again");
            return Err(RegistryError::CorruptArtifact {
                digest: digest.to_owned(),
                detail,
            });
        }
        Ok(bytes)
    }
}

fn digest_of(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn storage(place: &Path, error: io::Error) -> RegistryError {
    RegistryError::storage(
        format!(
            "{} ({error}): check the folder's permissions and the disk",
            place.display()
        ),
        error,
    )
}

/// File work happens away from the threads that answer requests.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RegistryError> + Send + 'static,
) -> Result<T, RegistryError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| RegistryError::Internal(format!("work on an artifact was given up: {error}")))?
}

fn write_durably(root: &Path, place: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = place.parent().unwrap_or(root);
    fs::create_dir_all(folder)?;
    let unfinished = folder.join(format!(".{}", Uuid::now_v7()));
    let written = write_and_rename(&unfinished, place, bytes);
    if written.is_err() {
        // What is left over is of no use; that it could not be removed is no news beside why it was not finished.
        let _ = fs::remove_file(&unfinished);
    }
    written?;
    // The new name, and the folders that may be new, up to the one that was given.
    for made in folder.ancestors().take_while(|ancestor| ancestor.starts_with(root)) {
        File::open(made)?.sync_all()?;
    }
    fail_point!("registry::after-artifact");
    Ok(())
}

fn write_and_rename(unfinished: &Path, place: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fail_point!("registry::before-artifact-rename", |_| Err(io::Error::other(
        "failpoint"
    )));
    fs::rename(unfinished, place)
}
