//! Where in the data folder what lies.

use std::path::{Path, PathBuf};

/// The paths below one data folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataLayout {
    root: PathBuf,
}

impl DataLayout {
    #[must_use]
    pub fn of(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Held by the one process that works here.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.root.join("cortex.lock")
    }

    /// ERP and metadata.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.root.join("cortex.db")
    }

    /// Delta tables, by tenant and layer.
    #[must_use]
    pub fn lake(&self) -> PathBuf {
        self.root.join("lake")
    }

    /// The embedded online store. May be deleted: it is rebuilt from the lake.
    #[must_use]
    pub fn online(&self) -> PathBuf {
        self.root.join("online")
    }

    /// Decisions that are not in the database yet.
    #[must_use]
    pub fn decisions(&self) -> PathBuf {
        self.root.join("decisions")
    }

    /// Of databases that are read: transactions in progress that are too large for memory. Empty when nothing runs.
    #[must_use]
    pub fn spool(&self) -> PathBuf {
        self.root.join("spool")
    }

    /// Model files and evaluation sets, by content hash.
    #[must_use]
    pub fn artifacts(&self) -> PathBuf {
        self.root.join("artifacts")
    }

    /// Readable by their owner alone. Back them up apart from the rest.
    #[must_use]
    pub fn master_key(&self) -> PathBuf {
        self.root.join("keys").join("master.key")
    }

    /// Signs gate reports, so that one that was written past the server opens nothing.
    #[must_use]
    pub fn gates_key(&self) -> PathBuf {
        self.root.join("keys").join("gates.key")
    }

    /// Results of training stages. May be deleted.
    #[must_use]
    pub fn training_cache(&self) -> PathBuf {
        self.root.join("cache").join("training")
    }
}
