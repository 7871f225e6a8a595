//! Whether the process can do its work, dependency by dependency.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use serde::Serialize;
use tokio::sync::watch;

use super::supervisor::Phase;

/// A check that takes longer than this has failed.
const CHECK_TIMEOUT: Duration = Duration::from_millis(if cfg!(test) { 20 } else { 2000 });

/// How a dependency does. The texts are shown to whoever may call `/readyz`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    Up,
    /// Part of the work can be done without it.
    Degraded(String),
    /// Nothing useful can be done without it.
    Down(String),
}

#[async_trait]
pub trait HealthCheck: Send + Sync {
    fn name(&self) -> &str;
    /// Quick and cheap: it is asked every few seconds.
    async fn check(&self) -> Health;
}

/// Answers `/readyz`.
#[derive(Clone)]
pub struct Readiness {
    phase: watch::Receiver<Phase>,
    checks: Arc<[Arc<dyn HealthCheck>]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Up,
    Degraded,
    Down,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Dependency {
    pub name: String,
    pub status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReadinessReport {
    /// Whether requests should be sent here: the phase is ready, and no dependency is down.
    pub ready: bool,
    pub phase: Phase,
    pub dependencies: Vec<Dependency>,
}

impl Readiness {
    #[must_use]
    pub fn new(phase: watch::Receiver<Phase>, checks: Vec<Arc<dyn HealthCheck>>) -> Self {
        Self {
            phase,
            checks: checks.into(),
        }
    }

    /// Asks every dependency, all at once.
    pub async fn report(&self) -> ReadinessReport {
        let dependencies = join_all(self.checks.iter().map(|check| ask(check.as_ref()))).await;
        let phase = *self.phase.borrow();
        let nothing_down = dependencies.iter().all(|dependency| dependency.status != Status::Down);
        ReadinessReport {
            ready: phase == Phase::Ready && nothing_down,
            phase,
            dependencies,
        }
    }
}

async fn ask(check: &dyn HealthCheck) -> Dependency {
    let late = || Health::Down(format!("no answer within {} ms", CHECK_TIMEOUT.as_millis()));
    let health = tokio::time::timeout(CHECK_TIMEOUT, check.check())
        .await
        .unwrap_or_else(|_| late());
    let (status, detail) = match health {
        Health::Up => (Status::Up, None),
        Health::Degraded(why) => (Status::Degraded, Some(why)),
        Health::Down(why) => (Status::Down, Some(why)),
    };
    Dependency {
        name: check.name().to_owned(),
        status,
        detail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(Option<Health>);

    #[async_trait]
    impl HealthCheck for Fixed {
        fn name(&self) -> &str {
            "lake"
        }
        async fn check(&self) -> Health {
            match &self.0 {
                Some(health) => health.clone(),
                None => std::future::pending().await,
            }
        }
    }

    async fn report(phase: Phase, health: Option<Health>) -> ReadinessReport {
        Readiness::new(watch::Sender::new(phase).subscribe(), vec![Arc::new(Fixed(health))])
            .report()
            .await
    }

    #[tokio::test]
    async fn a_degraded_dependency_leaves_the_rest_at_work() {
        assert!(
            report(Phase::Ready, Some(Health::Degraded("no onnxruntime".to_owned())))
                .await
                .ready
        );
        assert!(
            !report(Phase::Ready, Some(Health::Down("disk full".to_owned())))
                .await
                .ready
        );
        assert!(!report(Phase::Draining, Some(Health::Up)).await.ready);
    }

    #[tokio::test]
    async fn a_dependency_that_does_not_answer_is_down() {
        let report = report(Phase::Ready, None).await;
        assert_eq!(report.dependencies[0].status, Status::Down);
    }
}
