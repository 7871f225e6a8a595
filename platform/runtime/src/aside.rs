//! Threads for work that nobody waits for: they give way to those that answer callers.

use std::future::Future;
use std::io;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinError;

/// How far the threads step back, as `nice` counts.
const NICENESS: i32 = 10;
const THREADS: usize = 2;

/// A runtime beside the process's own.
#[derive(Debug)]
pub struct Aside(Option<Runtime>);

impl Aside {
    /// Starts the threads.
    pub fn new() -> io::Result<Self> {
        let niceness = niceness() + NICENESS;
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("aside")
            .on_thread_start(move || step_back_to(niceness))
            .enable_all()
            .build()?;
        Ok(Self(Some(runtime)))
    }

    /// Runs `work`, with everything that it spawns, on these threads.
    pub async fn run<T: Send + 'static>(self, work: impl Future<Output = T> + Send + 'static) -> Result<T, JoinError> {
        match &self.0 {
            Some(runtime) => runtime.spawn(work).await,
            None => tokio::spawn(work).await,
        }
    }
}

impl Drop for Aside {
    /// A runtime may not be waited for where others are polled.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// How far the calling thread has stepped back so far.
#[allow(unsafe_code)]
fn niceness() -> i32 {
    // SAFETY: it takes two numbers and touches no memory; on Linux, process 0 is the calling thread.
    unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) }
}

/// A thread inherits how far its parent has stepped back, so where it is to stand is said, and not how far to go.
#[allow(unsafe_code)]
fn step_back_to(niceness: i32) {
    // SAFETY: as above. More than the most that there is counts as the most.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, niceness);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NICENESS_MOST: i32 = 19;

    #[tokio::test]
    async fn what_runs_aside_steps_back_with_what_it_spawns_and_nobody_else_does() {
        let usual = niceness();
        let back = (usual + NICENESS).min(NICENESS_MOST);
        let work = async {
            let blocking = tokio::task::spawn_blocking(niceness).await.unwrap();
            (niceness(), blocking)
        };
        let aside = Aside::new().unwrap().run(work).await.unwrap();
        assert_eq!(aside, (back, back));
        assert_eq!(niceness(), usual);
    }
}
