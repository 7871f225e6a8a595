//! Threads for work that nobody waits for: they give way to those that answer callers.

use std::cell::Cell;
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
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("aside")
            .on_thread_start(step_back)
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

/// Once for each thread: Tokio announces a worker twice, as a worker and as a thread of the pool that it comes from.
fn step_back() {
    thread_local!(static DONE: Cell<bool> = const { Cell::new(false) });
    if DONE.replace(true) {
        return;
    }
    // SAFETY: it takes a number and touches no memory; on Linux it is for the calling thread alone.
    #[cfg(target_os = "linux")]
    #[allow(unsafe_code)]
    unsafe {
        libc::nice(NICENESS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NICENESS_MOST: i32 = 19;

    /// The 17th field after the name in brackets.
    fn niceness() -> Option<i32> {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").ok()?;
        stat.rsplit(')').next()?.split_whitespace().nth(16)?.parse().ok()
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn what_runs_aside_steps_back_with_what_it_spawns_and_nobody_else_does() {
        let usual = niceness().unwrap();
        let back = (usual + NICENESS).min(NICENESS_MOST);
        let work = async {
            let blocking = tokio::task::spawn_blocking(niceness).await.unwrap();
            (niceness(), blocking)
        };
        let aside = Aside::new().unwrap().run(work).await.unwrap();
        assert_eq!(aside, (Some(back), Some(back)));
        assert_eq!(niceness(), Some(usual));
    }
}
