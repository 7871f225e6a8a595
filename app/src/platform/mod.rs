//! The whole platform of one data folder, without a network.

mod advice;
mod background;
mod interfaces;
mod online_sink;
mod services;

use std::sync::Arc;

use cortex_types::{Clock, RequestContext, TenantId};

use crate::config::Config;
use crate::failure::Failure;
use crate::providers::Providers;

pub use online_sink::OnlineSink;
pub use services::Services;

/// Everything that was built from configuration. What `up` serves, commands and the demo use directly.
#[derive(Debug)]
pub struct Platform {
    pub config: Config,
    pub providers: Providers,
    pub services: Services,
}

impl Platform {
    /// Builds the providers, migrates, assembles the services. Binds nothing and starts no background task.
    pub async fn open(config: Config, clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        let providers = Providers::build(&config, clock).await?;
        providers.migrate().await?;
        Self::assemble(config, providers).await
    }

    /// The services, on providers whose database is migrated. An online store that was folded under other definitions is
    /// rebuilt from the lake first.
    pub async fn assemble(config: Config, providers: Providers) -> Result<Self, Failure> {
        let services = Services::build(&config, &providers)?;
        let platform = Self {
            config,
            providers,
            services,
        };
        platform.rebuild_online_store_if_stale().await?;
        Ok(platform)
    }

    async fn rebuild_online_store_if_stale(&self) -> Result<(), Failure> {
        let Some(why) = self.providers.online.needs_rebuild() else {
            return Ok(());
        };
        let upto = self.services.lake_frontier().await?;
        tracing::info!(why, %upto, "rebuilding the online store from the lake");
        let tenants = self.providers.tenants()?;
        self.providers
            .online
            .rebuild(&*self.providers.lake, &tenants, &upto)
            .await?;
        Ok(())
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
