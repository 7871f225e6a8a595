//! What was folded, durably: blocks of changes, and with them the frontier up to which they reach.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use cortex_features::FeatureError;
use cortex_types::Frontier;
use redb::{Database, Durability, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};

use crate::codec::{self, Group};

/// The one file of the store, in its folder.
pub const STORE_FILE: &str = "online.redb";
/// Blocks in the order in which they were folded.
const BLOCKS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("blocks");
const META: TableDefinition<'_, &str, &str> = TableDefinition::new("meta");

const FRONTIER: &str = "frontier";
/// View name → fingerprint of the definition under which its facts were extracted.
const FINGERPRINTS: &str = "fingerprints";
const FORMAT: &str = "format";
/// Grows when older versions could not read what is written.
const FORMAT_VERSION: &str = "1";

pub(crate) type Fingerprints = BTreeMap<String, String>;

#[derive(Debug)]
pub(crate) struct Journal {
    database: Database,
}

fn storage(what: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> FeatureError {
    FeatureError::Storage {
        what: what.to_owned(),
        source: source.into(),
    }
}

fn corrupt(what: &str) -> FeatureError {
    let detail = format!("{what} is not what was written: rebuild the store from the lake");
    storage("read its journal", redb::Error::Corrupted(detail))
}

/// Whether the file is not what was written, as against one that cannot be reached.
pub(crate) fn is_damage(error: &FeatureError) -> bool {
    let FeatureError::Storage { source, .. } = error else {
        return false;
    };
    match source.downcast_ref::<redb::Error>() {
        Some(redb::Error::Io(error)) => matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof),
        Some(
            redb::Error::Corrupted(_)
            | redb::Error::RepairAborted
            | redb::Error::UpgradeRequired(_)
            | redb::Error::TableTypeMismatch { .. }
            | redb::Error::TableIsMultimap(_)
            | redb::Error::TableIsNotMultimap(_)
            | redb::Error::TypeDefinitionChanged { .. },
        ) => true,
        _ => false,
    }
}

/// Moves the journal in `folder` out of the way, for whoever wants to know what became of it; where it is now.
pub(crate) fn set_aside(folder: &Path) -> Result<PathBuf, FeatureError> {
    let (journal, mut number) = (folder.join(STORE_FILE), 1);
    let name = |number: u32| folder.join(format!("{STORE_FILE}.damaged-{number}"));
    while name(number).exists() {
        number += 1;
    }
    let (from, to) = (journal.display(), name(number));
    let what = format!("set the damaged {from} aside: delete it, the store is rebuilt from the lake");
    std::fs::rename(&journal, &to).map_err(|error| storage(&what, error))?;
    Ok(to)
}

impl Journal {
    /// Opens the journal in `folder`, making both where they are missing.
    pub(crate) fn open(folder: &Path) -> Result<Self, FeatureError> {
        let what = format!("open its journal in {}", folder.display());
        std::fs::create_dir_all(folder).map_err(|error| storage(&what, error))?;
        let database = Database::create(folder.join(STORE_FILE));
        let database = database.map_err(|error| storage(&what, redb::Error::from(error)))?;
        let journal = Self { database };
        journal.write("prepare its journal", Durability::Immediate, |transaction| {
            transaction.open_table(BLOCKS)?;
            let mut meta = transaction.open_table(META)?;
            if meta.get(FORMAT)?.is_none() {
                meta.insert(FORMAT, FORMAT_VERSION)?;
            }
            Ok(())
        })?;
        match journal.meta(FORMAT)? {
            Some(format) if format == FORMAT_VERSION => Ok(journal),
            found => Err(storage(
                &what,
                format!(
                    "its format is {found:?}, and this version reads {FORMAT_VERSION}: delete it, it is rebuilt from the \
                     lake"
                ),
            )),
        }
    }

    /// Appends one block and moves the frontier, both or neither; durable with the next [`settle`](Self::settle).
    pub(crate) fn append(&self, groups: &[Group], frontier: &Frontier) -> Result<(), FeatureError> {
        let frontier = serde_json::to_string(frontier).map_err(|error| storage("write its frontier", error))?;
        self.write("journal changes", Durability::None, |transaction| {
            if !groups.is_empty() {
                append_block(transaction, groups)?;
            }
            transaction.open_table(META)?.insert(FRONTIER, frontier.as_str())?;
            Ok(())
        })
    }

    /// Makes durable what was appended.
    pub(crate) fn settle(&self) -> Result<(), FeatureError> {
        let what = "flush its journal";
        fail::fail_point!("online::before-settle", |_| Err(storage(
            what,
            "failpoint online::before-settle"
        )));
        self.write(what, Durability::Immediate, |_| Ok(()))?;
        fail::fail_point!("online::after-settle", |_| Err(storage(
            what,
            "failpoint online::after-settle"
        )));
        Ok(())
    }

    /// Puts these blocks in the place of everything, as of `frontier`.
    pub(crate) fn replace(
        &self,
        blocks: &[Vec<Group>],
        frontier: &Frontier,
        fingerprints: &Fingerprints,
    ) -> Result<(), FeatureError> {
        let what = "replace its journal";
        let frontier = serde_json::to_string(frontier).map_err(|error| storage(what, error))?;
        let fingerprints = serde_json::to_string(fingerprints).map_err(|error| storage(what, error))?;
        self.write(what, Durability::Immediate, |transaction| {
            transaction.delete_table(BLOCKS)?;
            transaction.open_table(BLOCKS)?;
            for groups in blocks {
                append_block(transaction, groups)?;
            }
            let mut meta = transaction.open_table(META)?;
            meta.insert(FRONTIER, frontier.as_str())?;
            meta.insert(FINGERPRINTS, fingerprints.as_str())?;
            Ok(())
        })
    }

    pub(crate) fn record_fingerprints(&self, fingerprints: &Fingerprints) -> Result<(), FeatureError> {
        let what = "record its definitions";
        let fingerprints = serde_json::to_string(fingerprints).map_err(|error| storage(what, error))?;
        self.write(what, Durability::Immediate, |transaction| {
            transaction
                .open_table(META)?
                .insert(FINGERPRINTS, fingerprints.as_str())?;
            Ok(())
        })
    }

    pub(crate) fn fingerprints(&self) -> Result<Fingerprints, FeatureError> {
        let Some(text) = self.meta(FINGERPRINTS)? else {
            return Ok(Fingerprints::new());
        };
        serde_json::from_str(&text).map_err(|_| corrupt("the record of definitions"))
    }

    pub(crate) fn frontier(&self) -> Result<Frontier, FeatureError> {
        let Some(text) = self.meta(FRONTIER)? else {
            return Ok(Frontier::default());
        };
        serde_json::from_str(&text).map_err(|_| corrupt("the frontier"))
    }

    /// Hands out every group, in the order in which they were appended.
    pub(crate) fn replay(&self, mut take: impl FnMut(Group)) -> Result<(), FeatureError> {
        let failed = |error: redb::Error| storage("read its journal", error);
        let transaction = self.database.begin_read().map_err(|error| failed(error.into()))?;
        let blocks = transaction.open_table(BLOCKS).map_err(|error| failed(error.into()))?;
        for block in blocks.iter().map_err(|error| failed(error.into()))? {
            let (_, bytes) = block.map_err(|error| failed(error.into()))?;
            codec::decode(bytes.value())
                .ok_or_else(|| corrupt("a block"))?
                .into_iter()
                .for_each(&mut take);
        }
        Ok(())
    }

    fn meta(&self, key: &str) -> Result<Option<String>, FeatureError> {
        let read = || -> Result<Option<String>, redb::Error> {
            let meta = self.database.begin_read()?.open_table(META)?;
            Ok(meta.get(key)?.map(|value| value.value().to_owned()))
        };
        read().map_err(|error| storage("read its journal", error))
    }

    fn write(
        &self,
        what: &str,
        durability: Durability,
        work: impl FnOnce(&WriteTransaction) -> Result<(), redb::Error>,
    ) -> Result<(), FeatureError> {
        let commit = || -> Result<(), redb::Error> {
            let mut transaction = self.database.begin_write()?;
            transaction.set_durability(durability)?;
            work(&transaction)?;
            Ok(transaction.commit()?)
        };
        fail::fail_point!("online::before-commit", |_| Err(storage(
            what,
            "failpoint online::before-commit"
        )));
        commit().map_err(|error| storage(what, error))?;
        fail::fail_point!("online::after-commit", |_| Err(storage(
            what,
            "failpoint online::after-commit"
        )));
        Ok(())
    }
}

fn append_block(transaction: &WriteTransaction, groups: &[Group]) -> Result<(), redb::Error> {
    let mut blocks = transaction.open_table(BLOCKS)?;
    let next = blocks.last()?.map_or(1, |(number, _)| number.value() + 1);
    blocks.insert(next, codec::encode(groups).as_slice())?;
    Ok(())
}
