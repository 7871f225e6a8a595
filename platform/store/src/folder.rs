//! One data folder serves one process at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::StoreError;

const LOCK_FILE: &str = "cortex.lock";

/// A data folder that this process holds until the value is dropped. The operating system lets go of it when the
/// process dies, however it dies, so a lock file that stays behind locks nobody out.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    _lock: File,
}

impl DataFolder {
    /// Creates the folder where it is missing, and holds it. [`StoreError::InUse`] names the process that has it;
    /// [`StoreError::Folder`] when it cannot be written.
    pub fn lock(path: &Path) -> Result<Self, StoreError> {
        let failed = |source| StoreError::Folder {
            at: path.display().to_string(),
            source,
        };
        std::fs::create_dir_all(path).map_err(failed)?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path.join(LOCK_FILE))
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::InUse {
                    at: path.display().to_string(),
                    pid: holder(&mut file),
                });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        file.set_len(0)
            .and_then(|()| write!(file, "{}", std::process::id()))
            .map_err(failed)?;
        Ok(Self {
            path: path.to_owned(),
            _lock: file,
        })
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The process id in the lock file; it may not have been written yet.
fn holder(file: &mut File) -> String {
    let mut pid = String::new();
    let read = file.rewind().and_then(|()| file.read_to_string(&mut pid));
    if read.is_ok() && !pid.trim().is_empty() {
        pid.trim().to_owned()
    } else {
        "(unknown)".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cortex_types::{Coded, ErrorCode};

    #[test]
    fn a_second_holder_is_told_who_has_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let held = DataFolder::lock(folder.path()).unwrap();
        let refused = DataFolder::lock(folder.path()).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::DataInUse);
        assert!(
            refused.to_string().contains(&std::process::id().to_string()),
            "{refused}"
        );
        drop(held);
        assert!(DataFolder::lock(folder.path()).is_ok());
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named_in_the_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a-file");
        std::fs::write(&file, "").unwrap();
        let refused = DataFolder::lock(&file.join("data")).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::StorageFailed);
        assert!(refused.to_string().contains("a-file"), "{refused}");
    }
}
