//! The queue in front of the memory.

use async_trait::async_trait;
use cortex_experience::{DecisionGroup, ExperienceError, Memory};
use cortex_serving::{Decision, DecisionLog, ServingError};
use cortex_types::RequestContext;
use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::{group_commit, translate};

const QUEUE: &str = "the decision log";

#[derive(Clone, Copy, Debug)]
pub struct LogConfig {
    /// Calls that may wait for their commit; one more is overloaded.
    pub waiting_calls_max: usize,
    /// Calls that one commit takes.
    pub commit_calls_max: usize,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            waiting_calls_max: 4096,
            commit_calls_max: 512,
        }
    }
}

/// A call that waits for its commit.
pub(crate) struct Waiting {
    pub group: DecisionGroup,
    pub answer: oneshot::Sender<Result<(), ServingError>>,
}

/// Serving's decision log: durable when [`record`](DecisionLog::record) returns.
#[derive(Debug)]
pub struct MemoryDecisionLog {
    /// `None` once the log drains.
    queue: Mutex<Option<mpsc::Sender<Waiting>>>,
    committer: AsyncMutex<Option<JoinHandle<()>>>,
    waiting_calls_max: usize,
}

impl MemoryDecisionLog {
    /// Starts the task that commits; needs to be called within a Tokio runtime.
    #[must_use]
    pub fn start(memory: Memory, config: LogConfig) -> Self {
        let waiting_calls_max = config.waiting_calls_max.max(1);
        let (queue, waiting) = mpsc::channel(waiting_calls_max);
        let committer = tokio::spawn(group_commit::run(memory, waiting, config.commit_calls_max.max(1)));
        Self {
            queue: Mutex::new(Some(queue)),
            committer: AsyncMutex::new(Some(committer)),
            waiting_calls_max,
        }
    }

    /// Takes nothing more, and returns once everything that was taken is committed and answered.
    pub async fn drain(&self) {
        self.queue.lock().take();
        // Taken out only once it has ended: whoever drains after a drain that was cut off waits for it again.
        let mut committer = self.committer.lock().await;
        if let Some(running) = committer.as_mut() {
            if let Err(error) = running.await {
                tracing::error!(%error, "the decision log's committer ended badly");
            }
            *committer = None;
        }
    }
}

#[async_trait]
impl DecisionLog for MemoryDecisionLog {
    async fn record(&self, ctx: &RequestContext, decisions: &[Decision]) -> Result<(), ServingError> {
        if decisions.is_empty() {
            return Ok(());
        }
        let queue = self.queue.lock().clone().ok_or_else(closed)?;
        let group = DecisionGroup {
            ctx: ctx.clone(),
            decisions: decisions.iter().map(translate::decision).collect(),
        };
        let (answer, answered) = oneshot::channel();
        queue
            .try_send(Waiting { group, answer })
            .map_err(|refused| match refused {
                mpsc::error::TrySendError::Full(_) => ServingError::Overloaded {
                    queue: QUEUE,
                    capacity: self.waiting_calls_max,
                },
                mpsc::error::TrySendError::Closed(_) => closed(),
            })?;
        drop(queue);
        answered.await.unwrap_or_else(|_| Err(closed()))
    }
}

fn closed() -> ServingError {
    translate::error(&ExperienceError::Closed)
}
