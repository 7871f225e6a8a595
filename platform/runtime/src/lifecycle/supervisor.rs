//! Start in order, stop in reverse, lose nothing in between.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cortex_types::{Coded, ErrorCode};
use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Failure;
use super::health::HealthCheck;
use super::task::Task;

/// What the tasks' last batch, and each `on_stop`, may take at least, however long the drain before it took.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// Where the process stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    Booting,
    Ready,
    Draining,
    Stopped,
}

/// A part of the process that wants to know where it stands. Every hook has a default that does nothing.
#[async_trait]
pub trait Lifecycle: Send + Sync {
    fn name(&self) -> &str;

    /// After HEALTH, before the listeners accept anything; in the order of registration. A failure ends the start.
    async fn on_start(&self) -> Result<(), Failure> {
        Ok(())
    }

    /// The listeners accept.
    async fn on_ready(&self) {}

    /// No new requests come; those in flight are still answered.
    async fn on_drain(&self) {}

    /// Nothing runs any more; flush and close. In reverse order of registration, at most two seconds.
    async fn on_stop(&self) {}
}

#[derive(Debug, thiserror::Error)]
#[error("'{part}' could not start: {source}")]
pub struct LifecycleError {
    part: String,
    source: Failure,
}

impl Coded for LifecycleError {
    fn code(&self) -> ErrorCode {
        ErrorCode::Unavailable
    }
}

/// Collects parts and tasks until they are started together.
pub struct Supervisor {
    phase: watch::Sender<Phase>,
    parts: Vec<Arc<dyn Lifecycle>>,
    tasks: Vec<Task>,
}

impl Default for Supervisor {
    fn default() -> Self {
        Self {
            phase: watch::Sender::new(Phase::Booting),
            parts: Vec::new(),
            tasks: Vec::new(),
        }
    }
}

impl Supervisor {
    pub fn part(&mut self, part: Arc<dyn Lifecycle>) {
        self.parts.push(part);
    }

    /// A task that works until its token is cancelled, and then finishes what it has begun. When it fails or panics it
    /// is made and run again, after a pause that doubles up to half a minute.
    pub fn task<F, W>(&mut self, name: &'static str, make: F)
    where
        F: Fn(CancellationToken) -> W + Send + Sync + 'static,
        W: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        self.tasks.push(Task::new(name, make));
    }

    #[must_use]
    pub fn phases(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// One check per task: whether it runs, or why it is being started again.
    #[must_use]
    pub fn task_checks(&self) -> Vec<Arc<dyn HealthCheck>> {
        self.tasks.iter().map(Task::check).collect()
    }

    /// Runs `on_start` of every part, then starts the tasks. Where a part fails, those before it are stopped again.
    pub async fn start(self) -> Result<Running, LifecycleError> {
        for (started, part) in self.parts.iter().enumerate() {
            if let Err(source) = part.on_start().await {
                stop(&self.parts[..started]).await;
                return Err(LifecycleError {
                    part: part.name().to_owned(),
                    source,
                });
            }
        }
        let finish = CancellationToken::new();
        let mut tasks = JoinSet::new();
        for task in self.tasks {
            tasks.spawn(task.supervise(finish.clone()));
        }
        Ok(Running {
            phase: self.phase,
            parts: self.parts,
            tasks,
            finish,
            draining: CancellationToken::new(),
        })
    }
}

/// The process at work.
pub struct Running {
    phase: watch::Sender<Phase>,
    parts: Vec<Arc<dyn Lifecycle>>,
    tasks: JoinSet<()>,
    /// Tells the tasks to finish their batch.
    finish: CancellationToken,
    /// Tells the listeners to take no more connections.
    draining: CancellationToken,
}

/// How a drain ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrainReport {
    /// Whether every request in flight was answered in time.
    pub requests_answered: bool,
    /// Whether every task finished its batch in time.
    pub tasks_finished: bool,
}

impl DrainReport {
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.requests_answered && self.tasks_finished
    }
}

impl Running {
    /// Cancelled when the drain begins; listeners close on it.
    #[must_use]
    pub fn draining(&self) -> CancellationToken {
        self.draining.clone()
    }

    /// The listeners accept: readiness says so from now on.
    pub async fn ready(&self) {
        self.phase.send_replace(Phase::Ready);
        for part in &self.parts {
            part.on_ready().await;
        }
    }

    /// Drains within `timeout`; `in_flight` ends when every request is answered.
    pub async fn drain(mut self, in_flight: impl Future<Output = ()>, timeout: Duration) -> DrainReport {
        let deadline = Instant::now() + timeout;
        self.phase.send_replace(Phase::Draining);
        self.draining.cancel();
        for part in self.parts.iter().rev() {
            part.on_drain().await;
        }
        let requests_answered = tokio::time::timeout_at(deadline, in_flight).await.is_ok();
        // Only now: what the last requests committed is still carried on by the tasks' last batch.
        self.finish.cancel();
        let tasks_done = async { while self.tasks.join_next().await.is_some() {} };
        let tasks_finished = tokio::time::timeout_at(deadline.max(Instant::now() + STOP_TIMEOUT), tasks_done)
            .await
            .is_ok();
        self.tasks.shutdown().await;
        stop(&self.parts).await;
        self.phase.send_replace(Phase::Stopped);
        DrainReport {
            requests_answered,
            tasks_finished,
        }
    }
}

async fn stop(parts: &[Arc<dyn Lifecycle>]) {
    for part in parts.iter().rev() {
        if tokio::time::timeout(STOP_TIMEOUT, part.on_stop()).await.is_err() {
            tracing::warn!(part = part.name(), "part did not stop in time");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::Mutex;

    #[derive(Default)]
    struct Diary(Mutex<Vec<String>>);

    impl Diary {
        fn note(&self, text: impl Into<String>) {
            self.0.lock().push(text.into());
        }
    }

    struct Part(&'static str, Arc<Diary>, bool);

    #[async_trait]
    impl Lifecycle for Part {
        fn name(&self) -> &str {
            self.0
        }
        async fn on_start(&self) -> Result<(), Failure> {
            self.1.note(format!("start {}", self.0));
            if self.2 { Err("broken".into()) } else { Ok(()) }
        }
        async fn on_drain(&self) {
            self.1.note(format!("drain {}", self.0));
        }
        async fn on_stop(&self) {
            self.1.note(format!("stop {}", self.0));
        }
    }

    #[tokio::test]
    async fn parts_start_in_order_and_stop_in_reverse_after_the_tasks_finished_their_batch() {
        let diary = Arc::new(Diary::default());
        let mut supervisor = Supervisor::default();
        let phases = supervisor.phases();
        supervisor.part(Arc::new(Part("a", Arc::clone(&diary), false)));
        supervisor.part(Arc::new(Part("b", Arc::clone(&diary), false)));
        let log = Arc::clone(&diary);
        supervisor.task("pipeline", move |finish| {
            let log = Arc::clone(&log);
            async move {
                finish.cancelled().await;
                log.note("batch finished");
                Ok(())
            }
        });
        let running = supervisor.start().await.unwrap();
        running.ready().await;
        assert_eq!(*phases.borrow(), Phase::Ready);
        let log = Arc::clone(&diary);
        let report = running
            .drain(async move { log.note("requests answered") }, Duration::from_secs(30))
            .await;
        assert!(report.is_clean());
        assert_eq!(*phases.borrow(), Phase::Stopped);
        let expected = [
            "start a",
            "start b",
            "drain b",
            "drain a",
            "requests answered",
            "batch finished",
            "stop b",
            "stop a",
        ];
        assert_eq!(*diary.0.lock(), expected);
    }

    #[tokio::test]
    async fn a_request_that_never_ends_does_not_hold_the_drain_longer_than_allowed() {
        let running = Supervisor::default().start().await.unwrap();
        let report = running.drain(std::future::pending(), Duration::from_millis(20)).await;
        assert_eq!(
            report,
            DrainReport {
                requests_answered: false,
                tasks_finished: true
            }
        );
    }

    #[tokio::test]
    async fn when_a_part_cannot_start_those_before_it_are_stopped() {
        let diary = Arc::new(Diary::default());
        let mut supervisor = Supervisor::default();
        supervisor.part(Arc::new(Part("a", Arc::clone(&diary), false)));
        supervisor.part(Arc::new(Part("b", Arc::clone(&diary), true)));
        let error = supervisor.start().await.err().unwrap();
        assert_eq!(error.to_string(), "'b' could not start: broken");
        assert_eq!(*diary.0.lock(), ["start a", "start b", "stop a"]);
    }
}
