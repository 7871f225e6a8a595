//! Every setting there is, with its default. Sections that belong to a stage are that stage's own words.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use cortex_runtime::Secret;
use cortex_runtime::config::{Loaded, Sources, TenantRules, load};
use cortex_runtime::telemetry::LogConfig;
use cortex_serving::ServingConfig;
use cortex_serving_onnx::OnnxConfig;
use cortex_store::Place;
use cortex_types::{Currency, MoneyError, TenantId};
use serde::{Deserialize, Deserializer, Serialize};

use crate::failure::{AppError, Failure};

/// What `config/tenants/{tenant}.yaml` may decide; everything else is the process's.
pub const TENANT_RULES: TenantRules = TenantRules {
    tenant_key: "tenant.default",
    allowed: &["tenant.currency", "experience"],
};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Everything that is stored lies below this folder.
    pub data_dir: PathBuf,
    pub tenant: TenantSection,
    pub http: HttpSection,
    pub grpc: GrpcSection,
    pub security: SecuritySection,
    pub database: DatabaseSection,
    pub definitions: DefinitionsSection,
    pub erp: ErpSection,
    pub ingest: IngestSection,
    pub lake: LakeSection,
    pub serving: ServingSection,
    pub experience: ExperienceSection,
    pub log: LogConfig,
    /// How long requests in flight and running batches may take once the process is told to stop.
    pub drain_timeout_ms: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TenantSection {
    /// Whom commands act for, and whose requests are answered while there is no authentication.
    pub default: DefaultTenant,
    /// ISO 4217, for documents that do not name one.
    #[serde(deserialize_with = "iso_4217")]
    pub currency: Currency,
}

/// The tenant that is there without anybody having made one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DefaultTenant(pub TenantId);

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpSection {
    pub addr: SocketAddr,
    pub request_body_bytes_max: NonZeroUsize,
    pub timeout_ms: NonZeroU64,
    /// Most requests that are worked on at one time, on each of the two ports; one more is answered `overloaded`.
    pub requests_in_flight_max: NonZeroUsize,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GrpcSection {
    pub addr: SocketAddr,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SecuritySection {
    pub authentication: Authentication,
    /// 32 bytes in base64; where it is not set, a key file is made in the data folder.
    pub master_key: Option<Secret<String>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Authentication {
    /// Whoever reaches the loopback address is the local admin.
    #[default]
    None,
    /// Bearer tokens, as `cortex token create` makes them.
    Tokens,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DatabaseSection {
    /// A PostgreSQL database, `postgres://user:password@host:port/database`; where it is not set, a SQLite file in the data
    /// folder.
    pub url: Option<Secret<String>>,
    pub readers_max: NonZeroU32,
    /// How long a lock that another process holds is waited for.
    pub busy_timeout_ms: u64,
}

/// Folders of YAML that take the place of the built-in definitions.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DefinitionsSection {
    pub features: Option<PathBuf>,
    pub pipelines: Option<PathBuf>,
    pub gates: Option<PathBuf>,
    pub outcomes: Option<PathBuf>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ErpSection {
    /// Most commands that may wait; one more is answered `overloaded`.
    pub queue_commands_max: NonZeroUsize,
    /// Most commands of one group commit.
    pub group_commands_max: NonZeroUsize,
    /// The model that is asked about an invoice's customer while the invoice is entered.
    pub advice_model: String,
    /// An invoice is posted without advice when this has passed.
    pub advice_timeout_ms: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IngestSection {
    /// Rows after which a batch is written.
    pub batch_rows_max: NonZeroUsize,
    /// How long a batch that is not full waits for more changes.
    pub linger_ms: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LakeSection {
    /// How often many small files become few large ones; 0 for never.
    pub compact_every_minutes: u64,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServingSection {
    /// The library's file; where it is not set, `ORT_DYLIB_PATH` and the usual places are looked at.
    pub onnxruntime: Option<PathBuf>,
    /// How one model is run.
    pub sessions: OnnxConfig,
    /// How many models are held, and how much one call may ask for.
    pub limits: ServingConfig,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExperienceSection {
    /// How often outcomes that the ERP knows are looked for.
    pub resolve_interval_ms: NonZeroU64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("cortex-data"),
            tenant: TenantSection::default(),
            http: HttpSection::default(),
            grpc: GrpcSection::default(),
            security: SecuritySection::default(),
            database: DatabaseSection::default(),
            definitions: DefinitionsSection::default(),
            erp: ErpSection::default(),
            ingest: IngestSection::default(),
            lake: LakeSection::default(),
            serving: ServingSection::default(),
            experience: ExperienceSection::default(),
            log: LogConfig::default(),
            drain_timeout_ms: 10_000,
        }
    }
}

/// Refused at once, and not with the first document that does without a currency of its own.
fn iso_4217<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Currency, D::Error> {
    let currency = Currency::deserialize(deserializer)?;
    match currency.is_iso_4217() {
        true => Ok(currency),
        false => Err(serde::de::Error::custom(MoneyError::UnknownCurrency(
            currency.to_string(),
        ))),
    }
}

impl Default for DefaultTenant {
    fn default() -> Self {
        // Lowercase letters are a valid slug; there is no other way for this to fail.
        Self(TenantId::new("main").unwrap_or_else(|_| unreachable!("'main' is a slug")))
    }
}

impl Default for TenantSection {
    fn default() -> Self {
        Self {
            default: DefaultTenant::default(),
            currency: Currency::GBP,
        }
    }
}

impl Default for HttpSection {
    fn default() -> Self {
        Self {
            addr: SocketAddr::from(([127, 0, 0, 1], 8000)),
            request_body_bytes_max: const { NonZeroUsize::new(16 << 20).unwrap() },
            timeout_ms: const { NonZeroU64::new(30_000).unwrap() },
            requests_in_flight_max: const { NonZeroUsize::new(1024).unwrap() },
        }
    }
}

impl Default for GrpcSection {
    fn default() -> Self {
        Self {
            addr: SocketAddr::from(([127, 0, 0, 1], 8001)),
        }
    }
}

impl Default for DatabaseSection {
    fn default() -> Self {
        Self {
            url: None,
            readers_max: const { NonZeroU32::new(4).unwrap() },
            busy_timeout_ms: 5_000,
        }
    }
}

impl Default for ErpSection {
    fn default() -> Self {
        Self {
            queue_commands_max: const { NonZeroUsize::new(1024).unwrap() },
            group_commands_max: const { NonZeroUsize::new(256).unwrap() },
            advice_model: "repurchase-30d".to_owned(),
            advice_timeout_ms: 50,
        }
    }
}

impl Default for IngestSection {
    fn default() -> Self {
        Self {
            batch_rows_max: const { NonZeroUsize::new(65_536).unwrap() },
            linger_ms: 1000,
        }
    }
}

impl Default for LakeSection {
    fn default() -> Self {
        Self {
            compact_every_minutes: 30,
        }
    }
}

impl Default for ExperienceSection {
    fn default() -> Self {
        Self {
            resolve_interval_ms: const { NonZeroU64::new(60_000).unwrap() },
        }
    }
}

impl Config {
    /// Where the database is.
    #[must_use]
    pub fn database_place(&self) -> Place {
        match &self.database.url {
            Some(url) => Place::Server(url.expose().clone()),
            None => Place::File(self.layout().database()),
        }
    }

    /// Reads the layers and refuses what cannot be meant, before anything is opened or bound.
    pub fn load(sources: &Sources, tenant: Option<&TenantId>) -> Result<Loaded<Self>, Failure> {
        let config = load::<Self>(sources, TENANT_RULES, tenant)?;
        config.refuse_insecure_bind(&config)?;
        Ok(config)
    }

    /// Whoever reaches an address without authentication is admin: only loopback may be such an address.
    fn refuse_insecure_bind(&self, loaded: &Loaded<Self>) -> Result<(), AppError> {
        if self.security.authentication == Authentication::Tokens {
            return Ok(());
        }
        let addresses = [("http.addr", self.http.addr), ("grpc.addr", self.grpc.addr)];
        match addresses.into_iter().find(|(_, addr)| !addr.ip().is_loopback()) {
            None => Ok(()),
            Some((key, addr)) => Err(AppError::InsecureBind {
                addr,
                key,
                origin: loaded.origin(key),
            }),
        }
    }

    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        &self.tenant.default.0
    }

    #[must_use]
    pub fn drain_timeout(&self) -> Duration {
        Duration::from_millis(self.drain_timeout_ms)
    }

    #[must_use]
    pub fn layout(&self) -> crate::layout::DataLayout {
        crate::layout::DataLayout::of(&self.data_dir)
    }
}
