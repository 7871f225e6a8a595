//! A background task and what becomes of it when it fails.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Failure;
use super::health::{Health, HealthCheck};
use crate::telemetry::names;

const PAUSE_MIN: Duration = Duration::from_millis(if cfg!(test) { 1 } else { 500 });
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// A task that ran this long before it failed begins with the shortest pause again.
const STEADY_AFTER: Duration = Duration::from_secs(60);

type Make = Box<dyn Fn(CancellationToken) -> BoxFuture<'static, Result<(), Failure>> + Send + Sync>;

pub(super) struct Task {
    name: &'static str,
    make: Make,
    state: Arc<TaskState>,
}

struct TaskState {
    name: &'static str,
    /// Why it is not running.
    failure: Mutex<Option<String>>,
}

#[async_trait]
impl HealthCheck for TaskState {
    fn name(&self) -> &str {
        self.name
    }

    async fn check(&self) -> Health {
        match &*self.failure.lock() {
            None => Health::Up,
            Some(failure) => Health::Degraded(format!("being started again after: {failure}")),
        }
    }
}

impl Task {
    pub(super) fn new<F, W>(name: &'static str, make: F) -> Self
    where
        F: Fn(CancellationToken) -> W + Send + Sync + 'static,
        W: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        let state = Arc::new(TaskState {
            name,
            failure: Mutex::new(None),
        });
        Self {
            name,
            make: Box::new(move |finish| make(finish).boxed()),
            state,
        }
    }

    pub(super) fn check(&self) -> Arc<dyn HealthCheck> {
        Arc::clone(&self.state) as Arc<dyn HealthCheck>
    }

    /// Runs the task, again and again, until it ends by itself or was told to finish.
    pub(super) async fn supervise(self, finish: CancellationToken) {
        let mut pause = PAUSE_MIN;
        loop {
            let started = Instant::now();
            let Err(failure) = run_once(&self.make, finish.clone()).await else {
                return;
            };
            let causes = with_causes(failure.as_ref());
            tracing::error!(
                task = self.name,
                error = causes,
                retry_in_ms = pause.as_millis(),
                "background task failed"
            );
            metrics::counter!(names::TASK_RESTARTS, names::TASK => self.name).increment(1);
            // The causes are for the log alone: anybody may ask for readiness.
            *self.state.failure.lock() = Some(failure.to_string());
            if started.elapsed() >= STEADY_AFTER {
                pause = PAUSE_MIN;
            }
            tokio::select! {
                () = finish.cancelled() => return,
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(PAUSE_MAX),
            }
            *self.state.failure.lock() = None;
        }
    }
}

/// The failure, then what caused it: whoever repairs it needs the last of them.
fn with_causes(failure: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(failure), |cause| cause.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// A panic is a failure like any other.
async fn run_once(make: &Make, finish: CancellationToken) -> Result<(), Failure> {
    let work = std::panic::AssertUnwindSafe(make(finish)).catch_unwind();
    work.await.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(ToString::to_string);
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Err(format!("panicked: {}", text.unwrap_or_else(|| "no message".to_owned())).into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test]
    async fn a_task_that_fails_or_panics_is_started_again() {
        let runs = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&runs);
        let task = Task::new("flaky", move |_| {
            let run = counted.fetch_add(1, Ordering::SeqCst);
            async move {
                match run {
                    0 => Err("no disk".into()),
                    1 => panic!("boom"),
                    _ => Ok(()),
                }
            }
        });
        task.supervise(CancellationToken::new()).await;
        assert_eq!(runs.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn a_failing_task_is_seen_in_its_health_and_can_be_told_to_finish() {
        let task = Task::new("broken", |_| async { Err("no disk".into()) });
        let check = task.check();
        assert_eq!(check.check().await, Health::Up);
        let finish = CancellationToken::new();
        let supervised = tokio::spawn(task.supervise(finish.clone()));
        while !matches!(check.check().await, Health::Degraded(why) if why.contains("no disk")) {
            tokio::task::yield_now().await;
        }
        finish.cancel();
        supervised.await.unwrap();
    }
}
