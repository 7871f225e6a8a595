//! Databases that are read besides our own: each that is in the catalog, by a pipeline of its own.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cortex_ingest::{Batching, ChangeSource, LakeSink, Pipeline, PipelineConfig, PlanLog};
use cortex_ingest_postgres::{Address, PostgresConfig, PostgresSource, Selection};
use cortex_ingest_sqlite::{SourceRecord, SqlSources};
use cortex_lake::Lake;
use cortex_runtime::{Health, HealthCheck};
use cortex_security::Sealer;
use cortex_types::{Frontier, RequestContext, TenantId, Timestamp};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::failure::{AppError, Failure};

/// How soon a source that was added, removed or is to be read anew is noticed.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How soon one is tried again that failed in a way that waiting alone seldom mends.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(30);
/// Changes that wait besides a full batch.
const GATHERED_CHANGES: usize = 40_000;
/// The subject under whose key an address is sealed, and the field that it is.
const SUBJECT: &str = "source";
const FIELD: &str = "address";
/// The name of our own database as a source.
const OURS: &str = "erp";
const NAME_MAX: usize = 40;

/// What is read of a database, as the catalog keeps it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SourceSettings {
    pub tables: Selection,
    pub slot: Option<String>,
    pub publication: Option<String>,
}

/// Which sources there are.
#[derive(Clone, Debug)]
pub struct SourceCatalog {
    pub sources: SqlSources,
    pub sealer: Sealer,
    /// Where what does not fit into memory waits.
    pub spool: PathBuf,
}

impl SourceCatalog {
    /// Adds a database, which was looked at before. `already-exists` where the name is taken.
    pub async fn add(
        &self,
        ctx: &RequestContext,
        name: &str,
        address: &str,
        settings: &SourceSettings,
        now: Timestamp,
    ) -> Result<(), Failure> {
        check_name(name)?;
        let sealed = self.sealer.seal(ctx, &subject(name), FIELD, address).await?;
        let settings = serde_json::to_string(settings).map_err(|error| AppError::Invalid(error.to_string()))?;
        let record = SourceRecord {
            source: name.to_owned(),
            tenant: ctx.tenant.clone(),
            address: sealed,
            settings,
            added_at: now,
            renew: false,
        };
        match self.sources.add(&record).await? {
            true => Ok(()),
            false => Err(AppError::SourceExists(name.to_owned()).into()),
        }
    }

    /// Those of one tenant.
    pub async fn of(&self, tenant: &TenantId) -> Result<Vec<SourceRecord>, Failure> {
        let mut records = self.sources.all().await?;
        records.retain(|record| record.tenant == *tenant);
        Ok(records)
    }

    /// `not-found` where the tenant has no source of this name.
    pub async fn one(&self, tenant: &TenantId, name: &str) -> Result<SourceRecord, Failure> {
        let mut records = self.of(tenant).await?.into_iter();
        let found = records.find(|record| record.source == name);
        found.ok_or_else(|| AppError::NoSource(name.to_owned()).into())
    }

    /// The source itself. Connects to nothing.
    pub async fn open(&self, record: &SourceRecord) -> Result<PostgresSource, Failure> {
        let ctx = RequestContext::system(record.tenant.clone());
        let address = self
            .sealer
            .open(&ctx, &subject(&record.source), FIELD, &record.address)
            .await?;
        let settings: SourceSettings = serde_json::from_str(&record.settings)
            .map_err(|error| AppError::Invalid(format!("the settings of '{}': {error}", record.source)))?;
        let config = self.config(&record.source, &record.tenant, &address, &settings)?;
        Ok(PostgresSource::new(config, Arc::new(self.sources.clone())))
    }

    /// What a source of this name would be read with.
    pub fn config(
        &self,
        name: &str,
        tenant: &TenantId,
        address: &str,
        settings: &SourceSettings,
    ) -> Result<PostgresConfig, Failure> {
        let (address, tables) = (Address::parse(address)?, settings.tables.clone());
        let mut config = PostgresConfig::new(name, tenant.clone(), address, tables, self.spool.clone());
        if let Some(slot) = &settings.slot {
            config.slot.clone_from(slot);
        }
        if let Some(publication) = &settings.publication {
            config.publication.clone_from(publication);
        }
        Ok(config)
    }
}

fn subject(name: &str) -> String {
    format!("{SUBJECT}:{name}")
}

/// A name stands before those of tables in the lake.
pub fn check_name(name: &str) -> Result<(), AppError> {
    let clean = name
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    let begins = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
    // Two of them end it where it stands before a table's.
    let ends = !name.contains("__") && !name.ends_with('_');
    match clean && begins && ends && name.len() <= NAME_MAX && name != OURS {
        true => Ok(()),
        false => Err(AppError::Invalid(format!(
            "'{name}' cannot name a source: use 1 to {NAME_MAX} of a-z, 0-9 and single '_', beginning with a letter and not \
             ending with '_', and not '{OURS}', which is Cortex's own; name it with --name"
        ))),
    }
}

/// Moves the changes of all sources into the lake.
#[derive(Debug)]
pub struct Sources {
    pub catalog: SourceCatalog,
    pub(super) lake: Arc<dyn Lake>,
    pub(super) plan: Arc<dyn PlanLog>,
    pub(super) batching: Batching,
    /// Why a source is not read, of those that failed.
    failures: Mutex<BTreeMap<String, String>>,
    /// Those that are.
    pipelines: Mutex<BTreeMap<String, Arc<Pipeline>>>,
}

struct Reading {
    record: SourceRecord,
    stop: CancellationToken,
}

impl Sources {
    pub(super) fn new(catalog: SourceCatalog, lake: Arc<dyn Lake>, plan: Arc<dyn PlanLog>, batching: Batching) -> Self {
        Self {
            catalog,
            lake,
            plan,
            batching,
            failures: Mutex::default(),
            pipelines: Mutex::default(),
        }
    }

    /// Of each source that does not get on, why.
    fn troubles(&self) -> BTreeMap<String, String> {
        let mut troubles = self.failures.lock().clone();
        for (name, pipeline) in &*self.pipelines.lock() {
            let mut standings = pipeline.standings().into_iter();
            let of_sink = || standings.find_map(|standing| standing.failure);
            if let Some(failure) = pipeline.source_failure().or_else(of_sink) {
                troubles.insert(name.clone(), failure.detail);
            }
        }
        troubles
    }

    /// Tells whoever asks from another process, where it changed.
    async fn tell(&self, records: &[SourceRecord], told: &mut BTreeMap<String, Option<String>>) {
        let troubles = self.troubles();
        for record in records {
            let (name, trouble) = (&record.source, troubles.get(&record.source));
            if told.get(name).map(Option::as_ref) == Some(trouble) {
                continue;
            }
            match self
                .catalog
                .sources
                .set_trouble(name, trouble.map(String::as_str))
                .await
            {
                Ok(()) => drop(told.insert(name.clone(), trouble.cloned())),
                Err(error) => tracing::warn!(module = "ingest", %error, "the state of a source cannot be noted"),
            }
        }
    }

    /// A source and what moves its changes.
    async fn pipeline(&self, record: &SourceRecord) -> Result<Pipeline, Failure> {
        let source = self.catalog.open(record).await?;
        std::fs::create_dir_all(&self.catalog.spool).map_err(|error| AppError::File {
            what: "the folder for large transactions",
            path: self.catalog.spool.clone(),
            problem: format!("cannot be made: {error}"),
        })?;
        if record.renew {
            source.renew().await?;
            self.catalog.sources.set_renew(&record.source, false).await?;
        }
        let source: Arc<dyn ChangeSource> = Arc::new(source);
        let sink = LakeSink::new(Arc::clone(&self.lake), Arc::clone(&self.plan), Arc::clone(&source));
        let sink = Arc::new(sink.with_batching(self.batching));
        sink.refuse_if_ahead(std::slice::from_ref(&record.tenant)).await?;
        // A batch that is being written, and what is gathered for the next: more would take memory and make nothing faster.
        let config = PipelineConfig {
            queued_changes_max: self.batching.changes + GATHERED_CHANGES,
            ..PipelineConfig::default()
        };
        Ok(Pipeline::new(source, vec![sink], config))
    }

    /// Moves what a source has now, and answers up to where that is.
    pub async fn catch_up(&self, record: &SourceRecord) -> Result<Frontier, Failure> {
        Ok(self.pipeline(record).await?.catch_up().await?)
    }

    /// Reads whatever is in the catalog, until it is told to finish. What fails is said, and tried again.
    pub async fn run(self: Arc<Self>, finish: CancellationToken) {
        let (mut reading, mut tasks): (BTreeMap<String, Reading>, JoinSet<()>) = Default::default();
        let mut names: BTreeMap<Id, String> = BTreeMap::new();
        let mut told = BTreeMap::new();
        while !finish.is_cancelled() {
            match self.catalog.sources.all().await {
                Ok(records) => {
                    self.tell(&records, &mut told).await;
                    reading.retain(|name, there| {
                        let stays = records
                            .iter()
                            .any(|record| record.source == *name && *record == there.record);
                        if !stays {
                            there.stop.cancel();
                        }
                        stays
                    });
                    for record in records {
                        // The one before has to let go of the slot.
                        if reading.contains_key(&record.source) || names.values().any(|name| *name == record.source) {
                            continue;
                        }
                        let stop = finish.child_token();
                        let task = Arc::clone(&self).read(record.clone(), stop.clone());
                        names.insert(tasks.spawn(task).id(), record.source.clone());
                        // Reading it takes that mark away.
                        let record = SourceRecord { renew: false, ..record };
                        reading.insert(record.source.clone(), Reading { record, stop });
                    }
                }
                Err(error) => tracing::warn!(module = "ingest", %error, "the sources cannot be looked up"),
            }
            let pause = tokio::time::sleep(LOOK_EVERY);
            tokio::pin!(pause);
            loop {
                tokio::select! {
                    () = &mut pause => break,
                    () = finish.cancelled() => break,
                    Some(ended) = tasks.join_next_with_id() => {
                        let id = ended.as_ref().map_or_else(tokio::task::JoinError::id, |(id, ())| *id);
                        if let Some(name) = names.remove(&id) {
                            reading.remove(&name);
                        }
                    }
                }
            }
        }
        while tasks.join_next().await.is_some() {}
    }

    async fn read(self: Arc<Self>, mut record: SourceRecord, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let ended = async {
                let pipeline = Arc::new(self.pipeline(&record).await?);
                record.renew = false;
                self.failures.lock().remove(&record.source);
                self.pipelines
                    .lock()
                    .insert(record.source.clone(), Arc::clone(&pipeline));
                Ok::<(), Failure>(pipeline.run(stop.clone()).await?)
            };
            let ended = ended.await;
            self.pipelines.lock().remove(&record.source);
            if let Err(failure) = ended {
                tracing::error!(
                    module = "ingest",
                    source = record.source,
                    code = failure.code().as_str(),
                    error = %failure,
                    "a source is not read; it is tried again"
                );
                self.failures.lock().insert(record.source.clone(), failure.to_string());
            }
            let _ = tokio::time::timeout(TRY_AGAIN_AFTER, stop.cancelled()).await;
        }
        self.failures.lock().remove(&record.source);
    }
}

/// A source that is not read falls behind, and its database keeps its log for us.
pub(super) struct SourcesCheck(pub(super) Arc<Sources>);

#[async_trait]
impl HealthCheck for SourcesCheck {
    fn name(&self) -> &str {
        "ingest-sources"
    }

    async fn check(&self) -> Health {
        let troubles: Vec<String> = self.0.troubles().into_values().collect();
        match troubles.is_empty() {
            true => Health::Up,
            false => Health::Degraded(troubles.join("; ")),
        }
    }
}

impl fmt::Debug for SourcesCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SourcesCheck")
    }
}
