//! What runs without being asked, and how it is known to run.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cortex_erp::Erp;
use cortex_experience_log::{JournaledStore, MemoryDecisionLog};
use cortex_lake::Lake;
use cortex_runtime::lifecycle::Failure;
use cortex_runtime::{Aside, HealthCheck, Lifecycle, Supervisor};
use tokio_util::sync::CancellationToken;

use super::Platform;
use super::models_check::ModelsCheck;
use super::online_rebuild::tenants_of;
use super::sinks_check::SinksCheck;
use super::sources::SourcesCheck;
use crate::layout::DataLayout;
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

        let minutes = self.config.lake.compact_every_minutes;
        if minutes > 0 {
            let (lake, layout) = (Arc::clone(&services.lake), self.providers.layout.clone());
            let pause = Duration::from_secs(minutes * 60);
            supervisor.task("lake-maintenance", move |finish| {
                let (lake, layout) = (Arc::clone(&lake), layout.clone());
                async move { Ok::<(), Failure>(Aside::new()?.run(compact_every(pause, lake, layout, finish)).await?) }
            });
        }

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

/// A table that cannot be compacted is told of, and is in the way of no other.
async fn compact_every(pause: Duration, lake: Arc<dyn Lake>, layout: DataLayout, finish: CancellationToken) {
    while !finished_after(pause, &finish).await {
        let compacted = async {
            for tenant in tenants_of(&layout)? {
                for table in lake.tables(&tenant).await? {
                    if finish.is_cancelled() {
                        return Ok(());
                    }
                    match lake.compact(&table).await {
                        Ok(done) if done.files_before > 0 => tracing::info!(
                            module = "lake",
                            %table,
                            files_before = done.files_before,
                            files_after = done.files_after,
                            "compacted"
                        ),
                        Ok(_) => {}
                        Err(error) => tracing::warn!(module = "lake", %table, %error, "not compacted"),
                    }
                }
            }
            Ok::<(), crate::failure::Failure>(())
        };
        if let Err(error) = compacted.await {
            tracing::warn!(module = "lake", %error, "the lake's tables cannot be looked through");
        }
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
