//! The store: reads from memory, folds through the journal.

use std::any::Any;
use std::collections::BTreeMap;
use std::error::Error as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use cortex_features::engine::{FactExtractor, ViewPlan};
use cortex_features::{Definitions, EntityKey, FeatureError, FeatureRef, OnlineStore, OnlineVectors};
use cortex_lake::ChangeBatch;
use cortex_types::{Frontier, TenantId, Timestamp};
use parking_lot::RwLock;

use crate::codec::Group;
use crate::journal::{Fingerprints, Journal, is_damage, set_aside};
use crate::layout::{Layout, check_size};
use crate::memory::{Memory, Stale};
use crate::replay::beyond;

/// Event microseconds of the newest fact folded, per tenant and view: how fresh the view is.
const NEWEST_KNOWN_MICROS: &str = "cortex_features_newest_known_micros";
const CHANGES_FOLDED_TOTAL: &str = "cortex_features_changes_folded_total";
/// Reads of more entities leave the threads that answer requests.
const KEYS_INLINE_MAX: usize = 8;

/// An [`OnlineStore`] in this process. Cheap to clone: clones are the same store.
#[derive(Clone, Debug)]
pub struct EmbeddedOnlineStore {
    pub(crate) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub definitions: Arc<Definitions>,
    extractors: Vec<FactExtractor>,
    pub plans: BTreeMap<Arc<str>, Arc<ViewPlan>>,
    pub fingerprints: Fingerprints,
    pub journal: Journal,
    pub memory: RwLock<Memory>,
    /// Why the store cannot be used before it is rebuilt.
    stale: RwLock<Option<String>>,
    /// Held by whoever changes journal and memory.
    pub writer: Arc<tokio::sync::Mutex<()>>,
}

impl EmbeddedOnlineStore {
    /// Opens the store in `folder` and replays its journal; makes an empty one where there is none.
    ///
    /// A store that was folded under other definitions opens, but has to be [rebuilt](Self::rebuild) first: see
    /// [`needs_rebuild`](Self::needs_rebuild). A journal that is not what was written is set aside, and an empty one
    /// made: it is a cache. Blocks while it reads: open it before serving.
    pub fn open(folder: &Path, definitions: Arc<Definitions>) -> Result<Self, FeatureError> {
        // redb asserts what it reads of a damaged page, and nothing of what was begun on it is used any further.
        let replay = || Self::replay(folder, Arc::clone(&definitions));
        let damage = match catch_unwind(AssertUnwindSafe(replay)) {
            Ok(Err(error)) if is_damage(&error) => {
                let cause = error.source().map(ToString::to_string);
                format!("{error}: {}", cause.unwrap_or_default())
            }
            Ok(opened) => return opened,
            Err(panic) => said(&*panic),
        };
        let aside = set_aside(folder)?;
        tracing::warn!(
            damage,
            aside = %aside.display(),
            "the online store's journal is damaged and set aside; the store is made again from the lake"
        );
        Self::replay(folder, definitions)
    }

    fn replay(folder: &Path, definitions: Arc<Definitions>) -> Result<Self, FeatureError> {
        let journal = Journal::open(folder)?;
        let mut shared = Shared {
            extractors: Vec::new(),
            plans: definitions
                .views()
                .map(|view| (Arc::clone(&view.name), Arc::new(ViewPlan::new(view))))
                .collect(),
            fingerprints: Fingerprints::new(),
            memory: RwLock::new(Memory::at(journal.frontier()?)),
            stale: RwLock::new(None),
            writer: Arc::default(),
            definitions,
            journal,
        };
        for view in shared.definitions.views() {
            shared
                .extractors
                .push(FactExtractor::new(view, shared.definitions.entity(&view.entity)?));
            shared
                .fingerprints
                .insert(view.name.to_string(), shared.definitions.fingerprint(view)?);
        }
        let stale = shared.changed_definitions()?;
        if stale.is_none() {
            shared.journal.record_fingerprints(&shared.fingerprints)?;
            shared.load()?;
        }
        *shared.stale.write() = stale;
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Why the store has to be rebuilt from the lake before it folds or answers; `None` where it need not.
    #[must_use]
    pub fn needs_rebuild(&self) -> Option<String> {
        self.shared.stale.read().clone()
    }

    /// Neither folds nor answers any more before it is rebuilt, because of `why`: such as that the changes after its
    /// frontier are gone, which only the reader of the change stream can know.
    pub fn require_rebuild(&self, why: impl Into<String>) {
        *self.shared.stale.write() = Some(why.into());
    }

    #[must_use]
    pub fn definitions(&self) -> &Arc<Definitions> {
        &self.shared.definitions
    }
}

/// What a panic was about.
fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a page is not what was written").to_owned()
}

impl Shared {
    /// A view that was not folded from the beginning under its present definition.
    fn changed_definitions(&self) -> Result<Option<String>, FeatureError> {
        if self.journal.frontier()?.is_empty() {
            return Ok(None);
        }
        let folded = self.journal.fingerprints()?;
        let changed: Vec<&str> = self
            .fingerprints
            .iter()
            .filter(|(view, fingerprint)| folded.get(*view) != Some(fingerprint))
            .map(|(view, _)| view.as_str())
            .collect();
        Ok((!changed.is_empty()).then(|| format!("the definition of {} is new or has changed", changed.join(", "))))
    }

    /// Fills an empty memory from the journal.
    pub(crate) fn load(&self) -> Result<(), FeatureError> {
        let mut memory = Memory::at(self.journal.frontier()?);
        // Nothing is compacted before the end, and so nothing is stale on the way.
        self.journal.replay(|group| drop(memory.apply(&group, &self.plans)))?;
        memory.compact();
        *self.memory.write() = memory;
        Ok(())
    }

    /// After a failed commit nobody knows what is on disk until it was read again; were it written and then folded a
    /// second time, every change in it would count twice.
    fn resume(&self) -> Result<(), FeatureError> {
        let loaded = self.load();
        if loaded.is_err() {
            *self.stale.write() = Some("its journal could not be read after a failed write".to_owned());
        }
        loaded
    }

    pub(crate) fn rebuilt(&self) {
        *self.stale.write() = None;
    }

    pub(crate) fn ready(&self) -> Result<(), FeatureError> {
        match &*self.stale.read() {
            None => Ok(()),
            Some(reason) => Err(FeatureError::NeedsRebuild(reason.clone())),
        }
    }

    fn read(
        &self,
        tenant: &TenantId,
        features: &[FeatureRef],
        keys: &[EntityKey],
        at: Timestamp,
    ) -> Result<OnlineVectors, FeatureError> {
        self.ready()?;
        let layout = Layout::new(self, features)?;
        let memory = self.memory.read();
        let rows = keys
            .iter()
            .map(|key| layout.row(&memory, tenant, key, at))
            .collect::<Result<_, _>>()?;
        Ok(OnlineVectors {
            rows,
            frontier: memory.frontier.clone(),
        })
    }

    /// The writer's lock is held by the caller.
    fn fold(&self, batches: &[ChangeBatch], upto: &Frontier) -> Result<(), FeatureError> {
        self.ready()?;
        let folded = self.memory.read().frontier.clone();
        let frontier = folded.clone().join(upto);
        if frontier == folded {
            return Ok(());
        }
        let groups = self.extract(batches, &folded)?;
        if let Err(error) = self.journal.append(&groups, &frontier) {
            self.resume()?;
            return Err(error);
        }
        let mut memory = self.memory.write();
        let stale: Vec<Stale> = groups
            .iter()
            .flat_map(|group| memory.apply(group, &self.plans))
            .collect();
        if !stale.is_empty() {
            // Rare: a correction of a fact that is older than every window.
            let mut changes = Vec::new();
            self.journal.replay(|group| changes.push(group))?;
            memory.restore(&stale, &changes);
        }
        memory.frontier = frontier;
        memory.compact();
        drop(memory);
        self.observe(&groups);
        Ok(())
    }

    /// The writer's lock is held by the caller.
    fn settle(&self) -> Result<(), FeatureError> {
        self.ready()?;
        let settled = self.journal.settle();
        if settled.is_err() {
            self.resume()?;
        }
        settled
    }

    fn extract(&self, batches: &[ChangeBatch], folded: &Frontier) -> Result<Vec<Group>, FeatureError> {
        let mut groups = Vec::new();
        for batch in batches {
            let mut new_rows = None;
            for extractor in self
                .extractors
                .iter()
                .filter(|extractor| extractor.view().source.table == batch.table)
            {
                let rows = match &new_rows {
                    Some(rows) => rows,
                    None => new_rows.insert(beyond(batch, folded)?),
                };
                let changes = extractor.extract(rows)?;
                if !changes.is_empty() {
                    let view = Arc::clone(&extractor.view().name);
                    groups.push(Group {
                        tenant: batch.tenant.clone(),
                        view,
                        changes,
                    });
                }
            }
        }
        Ok(groups)
    }

    fn observe(&self, groups: &[Group]) {
        for Group { tenant, view, changes } in groups {
            let labels = [("tenant", tenant.to_string()), ("view", view.to_string())];
            metrics::counter!(CHANGES_FOLDED_TOTAL, &labels).increment(changes.len() as u64);
            if let Some(newest) = changes.iter().map(|change| change.known_at.micros()).max() {
                metrics::gauge!(NEWEST_KNOWN_MICROS, &labels).set(newest as f64);
            }
        }
    }
}

#[async_trait]
impl OnlineStore for EmbeddedOnlineStore {
    async fn read(
        &self,
        tenant: &TenantId,
        features: &[FeatureRef],
        keys: &[EntityKey],
        at: Timestamp,
    ) -> Result<OnlineVectors, FeatureError> {
        check_size(features, keys)?;
        if keys.len() <= KEYS_INLINE_MAX {
            return self.shared.read(tenant, features, keys, at);
        }
        let (shared, tenant) = (Arc::clone(&self.shared), tenant.clone());
        let (features, keys) = (features.to_vec(), keys.to_vec());
        let read = tokio::task::spawn_blocking(move || shared.read(&tenant, &features, &keys, at));
        read.await.map_err(|error| FeatureError::Storage {
            what: "read features".to_owned(),
            source: error.into(),
        })?
    }

    async fn fold(&self, batches: &[ChangeBatch], upto: &Frontier) -> Result<(), FeatureError> {
        let writing = Arc::clone(&self.shared.writer).lock_owned().await;
        let (shared, batches, upto) = (Arc::clone(&self.shared), batches.to_vec(), upto.clone());
        let folded = tokio::task::spawn_blocking(move || {
            let _writing = writing;
            shared.fold(&batches, &upto)
        });
        folded.await.map_err(|error| FeatureError::Storage {
            what: "fold changes".to_owned(),
            source: error.into(),
        })?
    }

    async fn settle(&self) -> Result<(), FeatureError> {
        let writing = Arc::clone(&self.shared.writer).lock_owned().await;
        let shared = Arc::clone(&self.shared);
        let settled = tokio::task::spawn_blocking(move || {
            let _writing = writing;
            shared.settle()
        });
        settled.await.map_err(|error| FeatureError::Storage {
            what: "flush its journal".to_owned(),
            source: error.into(),
        })?
    }

    async fn frontier(&self) -> Result<Frontier, FeatureError> {
        self.shared.ready()?;
        Ok(self.shared.memory.read().frontier.clone())
    }
}
