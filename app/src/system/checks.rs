//! What `/readyz` asks the platform's own dependencies.

use std::sync::Arc;

use async_trait::async_trait;
use cortex_erp::Erp;
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
        match self.0.readers().ping().await {
            Ok(()) => Health::Up,
            Err(error) => Health::Down(self.0.failed(error).to_string()),
        }
    }
}

/// Whether the ledger takes commands: its sequencer is one task, and nobody starts it again.
#[derive(Debug)]
pub struct LedgerCheck(pub Erp);

#[async_trait]
impl HealthCheck for LedgerCheck {
    fn name(&self) -> &str {
        "ledger"
    }

    async fn check(&self) -> Health {
        if self.0.is_running() {
            Health::Up
        } else {
            Health::Down("its sequencer has stopped: start the process again".to_owned())
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

#[cfg(test)]
mod tests {
    use super::*;
    use cortex_erp::{
        Command, ErpConfig, ErpError, IdempotencyKey, Known, PaymentDirection, RecordPayment, UnitOfWork, Work,
    };
    use cortex_types::{Currency, RequestContext, SystemClock, TenantId};

    #[derive(Debug)]
    struct Broken;

    #[async_trait]
    impl UnitOfWork for Broken {
        async fn begin(&self) -> Result<Box<dyn Work>, ErpError> {
            panic!("a bug")
        }
    }

    #[tokio::test]
    async fn a_sequencer_that_panicked_is_seen_in_the_health() {
        let erp = Erp::start(Arc::new(Broken), Arc::new(SystemClock), &ErpConfig::default());
        let check = LedgerCheck(erp.clone());
        assert_eq!(check.check().await, Health::Up);
        let payment = Command::RecordPayment(RecordPayment {
            settles: None,
            number: None,
            series: None,
            party: "C1".into(),
            direction: PaymentDirection::In,
            amount_minor: 1,
            currency: Currency::GBP,
            paid_at: None,
        });
        let ctx = RequestContext::system(TenantId::new("main").unwrap());
        let key = IdempotencyKey::new("k").unwrap();
        let refused = erp.execute(&ctx, payment, key, Known::ByClock).await;
        assert!(matches!(refused, Err(ErpError::Stopped)));
        assert!(matches!(check.check().await, Health::Down(_)));
    }
}
