//! The adapters that configuration chooses, built once and passed in.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cortex_experience_store::EXPERIENCE;
use cortex_features::Definitions;
use cortex_features_online::EmbeddedOnlineStore;
use cortex_lake::Lake;
use cortex_lake_delta::DeltaLake;
use cortex_registry_store::FileArtifacts;
use cortex_security::{Authenticator, BearerToken, MasterKey, RoleAuthorizer, Sealer, SecurityError};
use cortex_store::{
    AppliedMigration, DataFolder, Database, DatabaseConfig, KeySample, MigrationSet, Place, SqlAuditLog,
    SqlAuthenticator, SqlSubjectKeys, StoreError,
};
use cortex_types::Clock;

use crate::config::Config;
use crate::edge::WithServiceToken;
use crate::failure::{AppError, Failure};
use crate::layout::DataLayout;
use crate::model_runtime::Models;

/// The tables of every store, in the order in which they were first made.
pub const MIGRATION_SETS: &[MigrationSet] = &[
    cortex_erp_store::MIGRATIONS,
    cortex_ingest_sqlite::MIGRATIONS,
    cortex_registry_store::MIGRATIONS,
    EXPERIENCE,
];

/// How many of the newest subject keys the master key is tried on: one that was damaged alone must not keep everything
/// from starting.
const MASTER_KEY_TRIALS: u32 = 8;

/// One of each kind.
#[derive(Debug)]
pub struct Providers {
    pub clock: Arc<dyn Clock>,
    pub layout: DataLayout,
    pub database: Database,
    pub authenticator: Arc<dyn Authenticator>,
    pub authorizer: Arc<RoleAuthorizer>,
    pub audit: Arc<SqlAuditLog>,
    pub sealer: Sealer,
    pub lake: Arc<dyn Lake>,
    pub definitions: Arc<Definitions>,
    pub online: Arc<EmbeddedOnlineStore>,
    pub artifacts: Arc<FileArtifacts>,
    pub models: Models,
    service_token: BearerToken,
    /// Holds the data folder against a second process.
    _folder: DataFolder,
}

impl Providers {
    /// Holds the data folder and opens what lies in it. `data-in-use` where another process has it, `storage-failed`
    /// where it cannot be written; both name the folder.
    pub async fn build(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        let layout = config.layout();
        let folder = DataFolder::lock(layout.root())?;
        let database = open_database(config, Arc::clone(&clock)).await?;
        database.hold().await?;
        let (service_token, tokens) = (
            BearerToken::generate(),
            Arc::new(SqlAuthenticator::new(database.clone())),
        );
        let definitions = Arc::new(match &config.definitions.features {
            Some(folder) => Definitions::load(folder)?,
            None => Definitions::builtin(),
        });
        Ok(Self {
            authenticator: Arc::new(WithServiceToken::new(&service_token, config.tenant().clone(), tokens)),
            authorizer: Arc::new(RoleAuthorizer),
            audit: Arc::new(SqlAuditLog::new(database.clone())),
            sealer: open_sealer(config, &database).await?,
            lake: Arc::new(DeltaLake::open(&layout.lake())?),
            online: Arc::new(open_online_store(&layout, Arc::clone(&definitions)).await?),
            artifacts: Arc::new(FileArtifacts::new(layout.artifacts())),
            models: Models::load(&config.serving),
            definitions,
            clock,
            layout,
            database,
            service_token,
            _folder: folder,
        })
    }

    /// Brings every store's tables up to date.
    pub async fn migrate(&self) -> Result<Vec<AppliedMigration>, Failure> {
        Ok(self.database.migrate(MIGRATION_SETS).await?)
    }

    /// With which this process calls itself.
    #[must_use]
    pub fn service_token(&self) -> &str {
        self.service_token.expose()
    }
}

/// Replays the store's journal, which takes a thread's whole attention.
async fn open_online_store(layout: &DataLayout, definitions: Arc<Definitions>) -> Result<EmbeddedOnlineStore, Failure> {
    let folder = layout.online();
    let opened = tokio::task::spawn_blocking(move || EmbeddedOnlineStore::open(&folder, definitions)).await;
    let opened = opened.map_err(|error| AppError::Panicked(error.to_string()))?;
    Ok(opened?)
}

/// From the configuration, or the key file in the data folder, which is made on first use. It has to open one of the
/// newest keys that the database holds: with another master key, every name in the books would be lost, and not show it
/// before somebody asks.
async fn master_key(config: &Config, keys: &SqlSubjectKeys) -> Result<MasterKey, Failure> {
    match known_master_key(config, keys).await? {
        Some(key) => Ok(key),
        None => Ok(MasterKey::load_or_create(&config.layout().master_key())?),
    }
}

/// `None` where there is none yet, and none is needed.
pub async fn known_master_key(config: &Config, keys: &SqlSubjectKeys) -> Result<Option<MasterKey>, Failure> {
    let (samples, path) = (keys.samples(MASTER_KEY_TRIALS).await?, config.layout().master_key());
    let key = match &config.security.master_key {
        Some(secret) => MasterKey::from_secret(secret)?,
        None if samples.is_empty() && !path.exists() => return Ok(None),
        None => MasterKey::load(&path)?,
    };
    let opens = |sample: &KeySample| key.unwrap(&sample.key, &sample.tenant, &sample.subject).is_ok();
    if samples.is_empty() || samples.iter().any(opens) {
        return Ok(Some(key));
    }
    let at = match &config.security.master_key {
        Some(_) => "security.master_key".to_owned(),
        None => path.display().to_string(),
    };
    let problem =
        "it is not the one that the personal data in the database is sealed under: restore that one".to_owned();
    Err(SecurityError::MasterKey { at, problem }.into())
}

/// What opens and seals personal fields, and secrets, with the keys that the database holds.
pub async fn open_sealer(config: &Config, database: &Database) -> Result<Sealer, Failure> {
    let keys = Arc::new(SqlSubjectKeys::new(database.clone()));
    Ok(Sealer::new(Arc::new(master_key(config, &keys).await?), keys))
}

/// Opens the database alone, for what may be done while another process holds the data folder.
pub async fn open_database(config: &Config, clock: Arc<dyn Clock>) -> Result<Database, Failure> {
    let place = config.database_place();
    if let Place::File(path) = &place {
        let is_there = std::fs::metadata(path).is_ok_and(|file| file.len() > 0);
        refuse_lost_database(&config.layout(), is_there, &path.display())?;
    }
    let on_server = matches!(place, Place::Server(_));
    let database = DatabaseConfig {
        place,
        readers_max: config.database.readers_max.get(),
        busy_timeout_ms: config.database.busy_timeout_ms,
    };
    let database = Database::open(&database, clock).await?;
    if on_server {
        let has_commits = *database.commits().borrow() > 0;
        refuse_lost_database(&config.layout(), has_commits, &database.at())?;
    }
    Ok(database)
}

/// A database that is gone is not begun anew beside a lake that was made from it: its numbers would be given out a second
/// time, and the lake would take the new business for what it has already.
fn refuse_lost_database(layout: &DataLayout, is_there: bool, at: &dyn Display) -> Result<(), StoreError> {
    let mut decisions = std::fs::read_dir(layout.decisions()).into_iter().flatten();
    let beside = match (is_there, decisions.next(), holds_tables(&layout.lake())) {
        (true, ..) | (false, None, false) => return Ok(()),
        (false, Some(_), _) => layout.decisions(),
        (false, None, true) => layout.lake(),
    };
    Err(StoreError::Lost {
        at: at.to_string(),
        beside: beside.display().to_string(),
    })
}

/// Whether there is a folder of a table, which stands below a tenant's and a layer's.
fn holds_tables(lake: &Path) -> bool {
    let below = |folder: PathBuf| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| path.is_dir())
    };
    below(lake.to_owned()).flat_map(below).flat_map(below).next().is_some()
}
