//! The whole platform of one data folder, without a network.

mod advice;
mod background;
mod coverage;
mod interfaces;
mod models_check;
mod online_rebuild;
mod online_sink;
mod served_models;
mod services;
mod sinks_check;
mod sources;

#[cfg(test)]
mod rebuild_tests;

use std::sync::Arc;

use cortex_features_online::Rebuilt;
use cortex_registry_store::SqlRegistry;
use cortex_types::{Clock, RequestContext, TenantId};

use crate::config::Config;
use crate::failure::Failure;
use crate::providers::Providers;

pub use online_rebuild::{OnlineRebuild, RebuildError};
pub use online_sink::OnlineSink;
pub use services::Services;
pub use sources::{SourceCatalog, SourceSettings, Sources, check_name};

/// Everything that was built from configuration. What `up` serves, commands and the demo use directly.
#[derive(Debug)]
pub struct Platform {
    pub config: Config,
    pub providers: Providers,
    pub services: Services,
    /// What the online store had to be rebuilt from when this was opened; none where it was up to date.
    pub rebuilt: Option<Rebuilt>,
}

impl Platform {
    /// Builds the providers, migrates, assembles the services. Binds nothing and starts no background task.
    pub async fn open(config: Config, clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        let providers = Providers::build(&config, clock).await?;
        providers.migrate().await?;
        Self::assemble(config, providers).await
    }

    /// The services, on providers whose database is migrated; refused where the lake is ahead of that database. An online
    /// store that the change stream cannot bring up to date (emptied, from a backup, folded under other definitions) is
    /// rebuilt from the lake first.
    pub async fn assemble(config: Config, providers: Providers) -> Result<Self, Failure> {
        warn_of_lost_signatures(&providers).await?;
        let services = Services::build(&config, &providers)?;
        if let Err(refused) = services.refuse_lake_ahead(&providers.layout).await {
            // Else its write-ahead log would stay behind, and be taken for that of the database that is put back.
            services.drain().await;
            providers.database.close().await;
            return Err(refused);
        }
        services.decisions.begin_filing();
        let rebuilt = rebuild_if_needed(&services).await?;
        Ok(Self {
            config,
            providers,
            services,
            rebuilt,
        })
    }

    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.providers.clock
    }

    /// The tenant that commands act for.
    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        self.config.tenant()
    }

    /// The platform acting for that tenant of its own accord.
    #[must_use]
    pub fn system(&self) -> RequestContext {
        RequestContext::system(self.tenant().clone())
    }

    /// Carries out what waits, and closes the database.
    pub async fn close(&self) {
        self.services.drain().await;
        self.providers.database.close().await;
    }
}

/// The key that gate reports are signed with is made again where it is missing: nothing is lost that cannot be computed
/// again, but whoever keeps a backup wants to know.
async fn warn_of_lost_signatures(providers: &Providers) -> Result<(), Failure> {
    let key = providers.layout.gates_key();
    if !key.exists() && SqlRegistry::new(providers.database.clone()).has_reports().await? {
        tracing::warn!(
            key = %key.display(),
            "the key of the gate reports is missing and made anew: no report that was signed before opens a gate; restore \
             it from a backup, or have the gates computed again"
        );
    }
    Ok(())
}

/// A rebuild that fails does not keep the books and the lake from working: the store refuses to answer, health says so,
/// and the online sink tries again.
async fn rebuild_if_needed(services: &Services) -> Result<Option<Rebuilt>, Failure> {
    let kept_after = services.changes.kept_after().await?;
    match services.online_rebuild.if_needed(&kept_after).await {
        Ok(rebuilt) => Ok(rebuilt),
        Err(error) => {
            tracing::error!(error = %Failure::from(error), "features are not served until the online store is rebuilt");
            Ok(None)
        }
    }
}
