//! A dry run works on a copy: migrations are really run, and the data folder stays as it is.

use std::fs::File;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use cortex_features_online::STORE_FILE;
use cortex_store::StoreError;
use rustix::fs::{Access, access};
use tempfile::TempDir;

use crate::config::{Config, DatabaseSection};
use crate::failure::{AppError, Failure};
use crate::layout::DataLayout;

/// A scratch data folder that vanishes with the value.
#[derive(Debug)]
pub struct Rehearsal {
    scratch: TempDir,
}

impl Rehearsal {
    /// Copies the database, its waiting decisions, the keys and the online store, where there are any, and points at the lake, which nobody
    /// writes to before the background tasks start. `data-in-use` where another process is at work on them:
    /// a copy of a file that is being written proves nothing.
    pub fn of(config: &Config) -> Result<Self, Failure> {
        let data = config.layout();
        refuse_if_in_use(&data)?;
        refuse_if_unwritable(data.root())?;
        let scratch = tempfile::tempdir().map_err(|error| unusable(&std::env::temp_dir(), &error))?;
        let copy = DataLayout::of(scratch.path());
        let log = |database: PathBuf| PathBuf::from(format!("{}-wal", database.display()));
        let keys = [
            (data.master_key(), copy.master_key()),
            (data.gates_key(), copy.gates_key()),
        ];
        for (from, to) in keys {
            copy_if_there(&from, &to).map_err(|error| unusable(&from, &error))?;
        }
        if config.database.url.is_some() {
            // Beside the empty file that stands in for the server's database, the rest would be somebody else's.
            return Ok(Self { scratch });
        }
        for (from, to) in [
            (data.database(), copy.database()),
            (log(data.database()), log(copy.database())),
            (data.online().join(STORE_FILE), copy.online().join(STORE_FILE)),
        ] {
            copy_if_there(&from, &to).map_err(|error| unusable(&from, &error))?;
        }
        for entry in std::fs::read_dir(data.decisions()).into_iter().flatten().flatten() {
            let (from, to) = (entry.path(), copy.decisions().join(entry.file_name()));
            copy_if_there(&from, &to).map_err(|error| unusable(&from, &error))?;
        }
        if let Ok(lake) = data.lake().canonicalize() {
            symlink(&lake, copy.lake()).map_err(|error| unusable(&lake, &error))?;
        }
        Ok(Self { scratch })
    }

    /// The same configuration, on the copy. A database on a server is not copied: an empty file stands in for it.
    #[must_use]
    pub fn config(&self, config: &Config) -> Config {
        Config {
            data_dir: self.scratch.path().to_owned(),
            database: DatabaseSection {
                url: None,
                ..config.database.clone()
            },
            ..config.clone()
        }
    }
}

fn copy_if_there(from: &Path, to: &Path) -> std::io::Result<()> {
    if !from.is_file() {
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder)?;
    }
    // Permissions are copied along, so that the key stays its owner's.
    std::fs::copy(from, to).map(|_| ())
}

/// A shared lock is refused for as long as somebody holds the exclusive one.
fn refuse_if_in_use(data: &DataLayout) -> Result<(), StoreError> {
    let Ok(lock) = File::open(data.lock()) else {
        return Ok(());
    };
    match lock.try_lock_shared() {
        Ok(()) => Ok(()),
        Err(_) => {
            let pid = std::fs::read_to_string(data.lock()).unwrap_or_else(|_| "(unknown)".to_owned());
            Err(StoreError::InUse {
                at: data.root().display().to_string(),
                pid,
            })
        }
    }
}

/// Asks the system whether this process may write there: trying would be writing.
fn refuse_if_unwritable(folder: &Path) -> Result<(), AppError> {
    let here = |folder: &Path| match folder.as_os_str().is_empty() {
        true => PathBuf::from("."),
        false => folder.to_owned(),
    };
    let existing = folder.ancestors().map(here).find(|folder| folder.exists());
    let may_write = |folder: &PathBuf| folder.is_dir() && access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok();
    if existing.as_ref().is_some_and(may_write) {
        return Ok(());
    }
    Err(AppError::File {
        what: "the data folder",
        path: folder.to_owned(),
        problem: "cannot be written: name another with --data".to_owned(),
    })
}

fn unusable(path: &Path, error: &std::io::Error) -> AppError {
    AppError::File {
        what: "what the dry run copies",
        path: path.to_owned(),
        problem: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// Whether mode bits bind depends on who runs this, so what is asked is held against what can be done.
    #[test]
    fn a_folder_is_refused_exactly_where_nothing_can_be_made_in_it() {
        let folder = tempfile::tempdir().unwrap();
        for mode in [0o755, 0o555, 0o000] {
            let data = folder.path().join(format!("{mode:o}"));
            std::fs::create_dir(&data).unwrap();
            std::fs::set_permissions(&data, std::fs::Permissions::from_mode(mode)).unwrap();
            let accepted = refuse_if_unwritable(&data.join("not-there-yet")).is_ok();
            assert_eq!(accepted, File::create(data.join("probe")).is_ok(), "mode {mode:o}");
        }
        std::fs::write(folder.path().join("file"), "").unwrap();
        assert!(refuse_if_unwritable(&folder.path().join("file")).is_err());
        assert!(refuse_if_unwritable(&folder.path().join("file/data")).is_err());
    }
}
