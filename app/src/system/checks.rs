//! What `/readyz` asks the platform's own dependencies.

use std::sync::Arc;

use async_trait::async_trait;
use cortex_features_online::EmbeddedOnlineStore;
use cortex_runtime::{Health, HealthCheck};
use cortex_store::Database;

use crate::layout::DataLayout;

/// Whether the data folder is still there.
#[derive(Debug)]
pub struct FolderCheck(pub DataLayout);

#[async_trait]
impl HealthCheck for FolderCheck {
    fn name(&self) -> &str {
        "data-folder"
    }

    async fn check(&self) -> Health {
        match tokio::fs::metadata(self.0.root()).await {
            Ok(folder) if folder.is_dir() => Health::Up,
            Ok(_) => Health::Down("it is no folder any more".to_owned()),
            Err(error) => Health::Down(error.to_string()),
        }
    }
}

/// Whether the database lets readers in.
#[derive(Debug)]
pub struct DatabaseCheck(pub Database);

#[async_trait]
impl HealthCheck for DatabaseCheck {
    fn name(&self) -> &str {
        "database"
    }

    async fn check(&self) -> Health {
        match self.0.readers().acquire().await {
            Ok(_) => Health::Up,
            Err(error) => Health::Down(error.to_string()),
        }
    }
}

/// Whether the online store can answer, or has to be rebuilt first.
#[derive(Debug)]
pub struct OnlineCheck(pub Arc<EmbeddedOnlineStore>);

#[async_trait]
impl HealthCheck for OnlineCheck {
    fn name(&self) -> &str {
        "online-store"
    }

    async fn check(&self) -> Health {
        match self.0.needs_rebuild() {
            None => Health::Up,
            Some(why) => Health::Degraded(format!("it has to be rebuilt: {why}")),
        }
    }
}
