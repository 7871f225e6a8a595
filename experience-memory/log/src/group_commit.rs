//! Whatever waits, as one commit.

use cortex_experience::Memory;
use cortex_serving::ServingError;
use metrics::{counter, histogram};
use tokio::sync::mpsc;

use crate::log::Waiting;
use crate::translate;

const DECISIONS_TOTAL: &str = "cortex_experience_decisions_total";
const COMMIT_CALLS: &str = "cortex_experience_commit_calls";

/// Commits until the queue is closed and empty.
pub(crate) async fn run(memory: Memory, mut queue: mpsc::Receiver<Waiting>, commit_calls_max: usize) {
    let mut calls = Vec::with_capacity(commit_calls_max);
    while queue.recv_many(&mut calls, commit_calls_max).await > 0 {
        commit(&memory, std::mem::take(&mut calls)).await;
    }
}

async fn commit(memory: &Memory, calls: Vec<Waiting>) {
    let (groups, answers): (Vec<_>, Vec<_>) = calls.into_iter().map(|call| (call.group, call.answer)).unzip();
    let sizes: Vec<usize> = groups.iter().map(|group| group.decisions.len()).collect();
    histogram!(COMMIT_CALLS).record(groups.len() as f64);
    let results: Vec<Result<(), ServingError>> = match memory.decided_together(groups).await {
        Ok(results) => results
            .into_iter()
            .map(|result| result.map_err(|error| translate::error(&error)))
            .collect(),
        Err(error) => answers.iter().map(|_| Err(translate::error(&error))).collect(),
    };
    for ((answer, result), decisions) in answers.into_iter().zip(results).zip(sizes) {
        if result.is_ok() {
            counter!(DECISIONS_TOTAL).increment(decisions as u64);
        }
        // A caller that no longer waits finds its decisions recorded all the same.
        let _ = answer.send(result);
    }
}
