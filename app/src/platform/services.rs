//! What the stages do, each built on the providers and on the stages before it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use cortex_erp::{CommandJournal, Drafts, Erp, ErpConfig, InvoiceEntry, InvoiceEntryConfig, Records, Rulebook};
use cortex_erp_advisor::{AdvisorConfig, ServingAdvisor};
use cortex_erp_store::SqlLedger;
use cortex_experience::{ExperienceError, Memory, OutcomeRules};
use cortex_experience_log::{JournaledStore, LogConfig, MemoryDecisionLog};
use cortex_experience_store::SqlExperienceStore;
use cortex_features::{Definitions, OnlineStore, TrainingSets};
use cortex_ingest::{Batching, ChangeSink, ChangeSource, IngestError, LakeSink, Pipeline, PipelineConfig, PlanLog};
use cortex_ingest_sqlite::{SqlSources, SqliteChangeLog};
use cortex_lake::{AsOf, Lake, LakeError, TableRef};
use cortex_registry::{GatePolicies, Registry, Scorer};
use cortex_registry_store::{SqlRegistry, signing_key};
use cortex_serving::Serving;
use cortex_training::{PipelineDefinitions, PipelineSetup, Pipelines, StageCache};
use cortex_types::Frontier;

use super::advice::OneTenantsAdvice;
use super::coverage::IngestCoverage;
use super::online_rebuild::tenants_of;
use super::{OnlineRebuild, OnlineSink, SourceCatalog, Sources};
use crate::config::Config;
use crate::failure::Failure;
use crate::layout::DataLayout;
use crate::providers::Providers;

/// The stages, in the order of the data flow.
#[derive(Debug)]
pub struct Services {
    pub erp: Erp,
    pub records: Arc<dyn Records>,
    pub drafts: Arc<dyn Drafts>,
    pub commands: Arc<dyn CommandJournal>,
    pub rulebook: Arc<dyn Rulebook>,
    pub invoice_entry: InvoiceEntry,
    /// Moves changes into the lake and the online store.
    pub ingest: Arc<Pipeline>,
    /// Moves those of other databases into the lake.
    pub sources: Arc<Sources>,
    /// Where those changes come from.
    pub changes: Arc<dyn ChangeSource>,
    pub online_rebuild: OnlineRebuild,
    pub lake: Arc<dyn Lake>,
    pub definitions: Arc<Definitions>,
    pub online: Arc<dyn OnlineStore>,
    pub training_sets: TrainingSets,
    pub pipelines: Arc<Pipelines>,
    pub registry: Arc<Registry>,
    pub serving: Arc<Serving>,
    pub memory: Memory,
    pub(super) decision_log: Arc<MemoryDecisionLog>,
    /// Where the decisions wait that the log took, and the store behind the memory.
    pub(super) decisions: Arc<JournaledStore>,
    lake_sink: Arc<LakeSink>,
}

impl Services {
    /// Starts the queues' tasks on the current Tokio runtime; nothing else runs yet.
    pub(super) fn build(config: &Config, providers: &Providers) -> Result<Self, Failure> {
        let ledger = Arc::new(SqlLedger::new(providers.database.clone()));
        let records: Arc<dyn Records> = Arc::clone(&ledger) as _;
        let drafts: Arc<dyn Drafts> = Arc::clone(&ledger) as _;
        let commands: Arc<dyn CommandJournal> = Arc::clone(&ledger) as _;
        let rulebook: Arc<dyn Rulebook> = Arc::clone(&ledger) as _;
        let erp = Erp::start(ledger, Arc::clone(&providers.clock), &erp_config(config));
        let invoice_entry = invoice_entry(config, providers, &erp, &records)?;
        let Ingest {
            pipeline,
            changes,
            lake_sink,
            online_rebuild,
            sources,
        } = ingest(config, providers);
        let decisions = Arc::new(decisions(providers)?);
        let memory = memory(config, providers, &decisions)?;
        let decision_log = Arc::new(MemoryDecisionLog::start(memory.clone(), LogConfig::default()));
        let registry = Arc::new(registry(config, providers)?);
        let online: Arc<dyn OnlineStore> = Arc::clone(&providers.online) as _;
        let serving = Arc::new(Serving::new(
            Arc::clone(&registry),
            Arc::clone(&online),
            Arc::new(providers.models.clone()),
            Arc::clone(&decision_log) as _,
            Arc::clone(&providers.clock),
            config.serving.limits.clone(),
        ));
        let coverage = IngestCoverage {
            lake_sink: Arc::clone(&lake_sink),
            changes: Arc::clone(&changes),
            clock: Arc::clone(&providers.clock),
        };
        let training_sets = TrainingSets::new(Arc::clone(&providers.lake), Arc::clone(&providers.definitions));
        let training_sets = training_sets.with_coverage(Arc::new(coverage));
        Ok(Self {
            erp,
            records,
            drafts,
            commands,
            rulebook,
            invoice_entry,
            ingest: pipeline,
            sources,
            changes,
            online_rebuild,
            lake: Arc::clone(&providers.lake),
            definitions: Arc::clone(&providers.definitions),
            online,
            pipelines: Arc::new(pipelines(config, providers, &training_sets, &registry)?),
            training_sets,
            registry,
            serving,
            memory,
            decision_log,
            decisions,
            lake_sink,
        })
    }

    /// Moves every change so far into the lake and the online store, those of decisions that are not filed yet among
    /// them; how many those were.
    pub async fn catch_up(&self) -> Result<u64, IngestError> {
        let settled = self.decisions.settle().await;
        settled.map_err(|error| IngestError::source("decisions", error))?;
        let before = newest_seq(&self.lake_frontier().await?);
        let reached = self.ingest.catch_up().await?;
        Ok(newest_seq(&reached).saturating_sub(before))
    }

    /// Returns once every decision so far is in the database.
    pub async fn settle_decisions(&self) -> Result<(), ExperienceError> {
        self.decisions.settle().await
    }

    /// Up to where the lake is complete.
    pub async fn lake_frontier(&self) -> Result<Frontier, IngestError> {
        self.lake_sink.frontier().await
    }

    /// [`IngestError::Ahead`] where the lake has changes that the database does not know of.
    pub(super) async fn refuse_lake_ahead(&self, layout: &DataLayout) -> Result<(), Failure> {
        Ok(self.lake_sink.refuse_if_ahead(&tenants_of(layout)?).await?)
    }

    /// Rows and version of a table as it is now.
    pub async fn table_rows(&self, table: &TableRef) -> Result<(u64, u64), LakeError> {
        let snapshot = self.lake.snapshot(table, AsOf::Latest).await?;
        let history = self.lake.history(table, usize::MAX).await?;
        Ok((history.iter().filter_map(|commit| commit.rows).sum(), snapshot.version))
    }

    /// Carries out what waits in the queues, and takes nothing more.
    pub(super) async fn drain(&self) {
        self.erp.drain().await;
        self.decision_log.drain().await;
        self.decisions.drain().await;
    }
}

/// Changes of a source are numbered without gaps across all of them.
fn newest_seq(frontier: &Frontier) -> u64 {
    frontier.positions().map(|position| position.seq).max().unwrap_or(0)
}

fn erp_config(config: &Config) -> ErpConfig {
    ErpConfig {
        queue_commands_max: config.erp.queue_commands_max.get(),
        group_commands_max: config.erp.group_commands_max.get(),
        ..ErpConfig::default()
    }
}

/// Asks for advice over gRPC, as a foreign ERP would.
fn invoice_entry(
    config: &Config,
    providers: &Providers,
    erp: &Erp,
    records: &Arc<dyn Records>,
) -> Result<InvoiceEntry, Failure> {
    let timeout = Duration::from_millis(config.erp.advice_timeout_ms);
    let advisor = ServingAdvisor::new(&AdvisorConfig {
        endpoint: format!("http://{}", reachable(config.grpc.addr)),
        token: Some(providers.service_token().to_owned()),
        timeout,
    })?;
    let advisor = OneTenantsAdvice::new(config.tenant().clone(), Arc::new(advisor));
    let entry = InvoiceEntryConfig {
        model: config.erp.advice_model.as_str().into(),
        advice_timeout: timeout,
        ..InvoiceEntryConfig::default()
    };
    Ok(InvoiceEntry::new(
        erp.clone(),
        Arc::clone(records),
        Some(Arc::new(advisor)),
        entry,
    ))
}

/// Where this process reaches what it listens on.
fn reachable(addr: SocketAddr) -> SocketAddr {
    if addr.ip().is_unspecified() {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), addr.port())
    } else {
        addr
    }
}

/// What moves changes, and what else knows of it.
struct Ingest {
    pipeline: Arc<Pipeline>,
    changes: Arc<dyn ChangeSource>,
    lake_sink: Arc<LakeSink>,
    online_rebuild: OnlineRebuild,
    sources: Arc<Sources>,
}

fn ingest(config: &Config, providers: &Providers) -> Ingest {
    let log = Arc::new(SqliteChangeLog::new(providers.database.clone()));
    let (changes, plan): (Arc<dyn ChangeSource>, Arc<dyn PlanLog>) = (Arc::clone(&log) as _, log);
    let batching = Batching {
        changes: config.ingest.batch_rows_max.get(),
        linger: Duration::from_millis(config.ingest.linger_ms),
    };
    let catalog = SourceCatalog {
        sources: SqlSources::new(providers.database.clone()),
        sealer: providers.sealer.clone(),
        spool: providers.layout.spool(),
    };
    let sources = Sources::new(catalog, Arc::clone(&providers.lake), Arc::clone(&plan), batching);
    let lake_sink = LakeSink::new(Arc::clone(&providers.lake), plan, Arc::clone(&changes)).with_batching(batching);
    let lake_sink = Arc::new(lake_sink);
    let online_rebuild = OnlineRebuild {
        store: Arc::clone(&providers.online),
        lake: Arc::clone(&providers.lake),
        lake_sink: Arc::clone(&lake_sink),
        changes: Arc::clone(&changes),
        layout: providers.layout.clone(),
    };
    let online = Arc::new(OnlineSink {
        store: Arc::clone(&providers.online) as _,
        rebuild: online_rebuild.clone(),
    });
    let sinks: Vec<Arc<dyn ChangeSink>> = vec![Arc::clone(&lake_sink) as _, online];
    let pipeline = Arc::new(Pipeline::new(Arc::clone(&changes), sinks, PipelineConfig::default()));
    Ingest {
        pipeline,
        changes,
        lake_sink,
        online_rebuild,
        sources: Arc::new(sources),
    }
}

fn decisions(providers: &Providers) -> Result<JournaledStore, Failure> {
    let store = Arc::new(SqlExperienceStore::new(providers.database.clone()));
    Ok(JournaledStore::open(&providers.layout.decisions(), store)?)
}

fn memory(config: &Config, providers: &Providers, decisions: &Arc<JournaledStore>) -> Result<Memory, Failure> {
    let rules = Arc::new(outcome_rules(config)?);
    Ok(Memory::new(
        Arc::clone(decisions) as _,
        Arc::clone(&providers.lake),
        Arc::clone(&providers.clock),
        rules,
    ))
}

/// Evidence for gates is computed by the runtime that will serve the model.
fn registry(config: &Config, providers: &Providers) -> Result<Registry, Failure> {
    let gates = match &config.definitions.gates {
        Some(folder) => GatePolicies::load(folder)?,
        None => GatePolicies::builtin()?,
    };
    let scorer: Arc<dyn Scorer> = Arc::new(providers.models.clone());
    let store = Arc::new(SqlRegistry::new(providers.database.clone()));
    let artifacts = Arc::clone(&providers.artifacts) as _;
    let registry = Registry::new(store, artifacts, scorer, gates, Arc::clone(&providers.clock));
    Ok(registry.with_signing_key(signing_key(&providers.layout.gates_key())?))
}

fn pipelines(
    config: &Config,
    providers: &Providers,
    training_sets: &TrainingSets,
    registry: &Arc<Registry>,
) -> Result<Pipelines, Failure> {
    let definitions = match &config.definitions.pipelines {
        Some(folder) => PipelineDefinitions::load(folder)?,
        None => PipelineDefinitions::builtin(),
    };
    Ok(Pipelines::new(PipelineSetup {
        definitions,
        trainers: cortex_trainers::builtin(),
        lake: Arc::clone(&providers.lake),
        features: training_sets.clone(),
        registry: Arc::clone(registry),
        scorer: Arc::new(providers.models.clone()),
        cache: StageCache::in_folder(providers.layout.training_cache()),
        code_version: env!("CARGO_PKG_VERSION").to_owned(),
    })?)
}

fn outcome_rules(config: &Config) -> Result<OutcomeRules, Failure> {
    Ok(match &config.definitions.outcomes {
        Some(folder) => OutcomeRules::load(folder)?,
        None => OutcomeRules::builtin()?,
    })
}
