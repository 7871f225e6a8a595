//! What runs without being asked, and how it is known to run.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cortex_erp::Erp;
use cortex_experience_log::{JournaledStore, MemoryDecisionLog};
use cortex_runtime::lifecycle::Failure;
use cortex_runtime::{Aside, HealthCheck, Lifecycle, Supervisor};
use tokio_util::sync::CancellationToken;

use super::Platform;
use super::models_check::ModelsCheck;
use super::sinks_check::SinksCheck;
use super::sources::SourcesCheck;
use crate::system::{DatabaseCheck, FolderCheck, LedgerCheck, OnlineCheck};

impl Platform {
    /// Hands parts and background tasks over; they start with the supervisor.
    pub fn supervise(&self, supervisor: &mut Supervisor) {
        let services = &self.services;
        let decision_log = Arc::clone(&services.decision_log);
        let decisions = Arc::clone(&services.decisions);
        supervisor.part(Arc::new(Queues {
            erp: services.erp.clone(),
            decision_log,
            decisions,
        }));

        let ingest = Arc::clone(&services.ingest);
        supervisor.task("ingest", move |finish| {
            let ingest = Arc::clone(&ingest);
            async move { Ok::<(), Failure>(Aside::new()?.run(async move { ingest.run(finish).await }).await??) }
        });

        let sources = Arc::clone(&services.sources);
        supervisor.task("sources", move |finish| {
            let sources = Arc::clone(&sources);
            async move { Ok::<(), Failure>(Aside::new()?.run(sources.run(finish)).await?) }
        });

        let memory = services.memory.clone();
        let pause = Duration::from_millis(self.config.experience.resolve_interval_ms.get());
        supervisor.task("outcomes", move |finish| {
            let memory = memory.clone();
            async move {
                while !finished_after(pause, &finish).await {
                    memory.resolve_due_everywhere().await?;
                }
                Ok::<(), Failure>(())
            }
        });
    }

    /// What `/readyz` asks.
    #[must_use]
    pub fn checks(&self) -> Vec<Arc<dyn HealthCheck>> {
        vec![
            Arc::new(FolderCheck(self.providers.layout.clone())),
            Arc::new(DatabaseCheck(self.providers.database.clone())),
            Arc::new(LedgerCheck(self.services.erp.clone())),
            Arc::new(OnlineCheck(Arc::clone(&self.providers.online))),
            Arc::new(SinksCheck(Arc::clone(&self.services.ingest))),
            Arc::new(SourcesCheck(Arc::clone(&self.services.sources))),
            Arc::new(self.providers.models.clone()),
            Arc::new(ModelsCheck(Arc::clone(&self.services.serving))),
        ]
    }
}

/// Whether the task was told to finish while it waited.
async fn finished_after(pause: Duration, finish: &CancellationToken) -> bool {
    tokio::time::timeout(pause, finish.cancelled()).await.is_ok()
}

/// The queues in front of the database: what they took is committed before the process ends.
struct Queues {
    erp: Erp,
    decision_log: Arc<MemoryDecisionLog>,
    decisions: Arc<JournaledStore>,
}

#[async_trait]
impl Lifecycle for Queues {
    fn name(&self) -> &str {
        "queues"
    }

    async fn on_stop(&self) {
        self.erp.drain().await;
        self.decision_log.drain().await;
        self.decisions.drain().await;
    }
}
