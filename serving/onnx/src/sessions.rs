//! A few workers, each on a thread of its own, behind one bounded queue.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;

use cortex_serving::ServingError;
use parking_lot::Mutex;

type Job<W> = Box<dyn FnOnce(&mut W) + Send>;

/// Threads that each own one `W` and take jobs off a common queue. They end when the pool is dropped, after the jobs
/// that were accepted.
#[derive(Debug)]
pub struct Pool<W> {
    jobs: SyncSender<Job<W>>,
    queue_max: usize,
    workers: usize,
}

impl<W: Send + 'static> Pool<W> {
    /// `queue_max` jobs may wait besides those that run.
    pub fn start(name: &str, workers: Vec<W>, queue_max: usize) -> std::io::Result<Self> {
        let (jobs, queue) = sync_channel::<Job<W>>(queue_max);
        let queue = Arc::new(Mutex::new(queue));
        let count = workers.len();
        for worker in workers {
            let queue = Arc::clone(&queue);
            thread::Builder::new()
                .name(format!("onnx-{name}"))
                .spawn(move || work(worker, &queue))?;
        }
        Ok(Self {
            jobs,
            queue_max,
            workers: count,
        })
    }

    pub const fn workers(&self) -> usize {
        self.workers
    }

    /// Queues a job. [`ServingError::Overloaded`] where the queue is full: the job is dropped then, never delayed.
    pub fn submit(&self, job: impl FnOnce(&mut W) + Send + 'static) -> Result<(), ServingError> {
        self.jobs.try_send(Box::new(job)).map_err(|error| match error {
            TrySendError::Full(_) => ServingError::Overloaded {
                queue: "the model's queue",
                capacity: self.queue_max,
            },
            TrySendError::Disconnected(_) => ServingError::Inference("the model's sessions have ended".to_owned()),
        })
    }
}

fn work<W>(mut worker: W, queue: &Mutex<Receiver<Job<W>>>) {
    loop {
        // Whoever holds the lock waits for the next job; the others wait for the lock.
        let next = queue.lock().recv();
        match next {
            Ok(job) => job(&mut worker),
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cortex_types::{Coded, ErrorCode};
    use std::sync::mpsc::channel;

    #[test]
    fn a_full_queue_refuses_the_next_job_and_takes_one_again_when_there_is_room() {
        let pool = Pool::start("test", vec![()], 1).unwrap();
        let (started, has_started) = channel();
        let (release, released) = channel::<()>();
        pool.submit(move |()| {
            started.send(()).unwrap();
            released.recv().unwrap();
        })
        .unwrap();
        has_started.recv().unwrap();

        let (done, is_done) = channel();
        pool.submit(move |()| done.send("waited").unwrap()).unwrap();
        let refused = pool.submit(|()| panic!("this job was refused")).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::Overloaded);

        release.send(()).unwrap();
        assert_eq!(is_done.recv().unwrap(), "waited");
        pool.submit(|()| ()).unwrap();
    }

    #[test]
    fn jobs_run_at_the_same_time_on_different_workers() {
        let pool = Pool::start("test", vec![1, 2], 2).unwrap();
        let (meet_left, meet_right) = (channel(), channel());
        let (seen, sees) = channel();
        let other = seen.clone();
        // Each job waits for the other: they can only end when both run at once.
        pool.submit(move |worker| {
            meet_left.0.send(()).unwrap();
            meet_right.1.recv().unwrap();
            seen.send(*worker).unwrap();
        })
        .unwrap();
        pool.submit(move |worker| {
            meet_right.0.send(()).unwrap();
            meet_left.1.recv().unwrap();
            other.send(*worker).unwrap();
        })
        .unwrap();
        let mut workers = [sees.recv().unwrap(), sees.recv().unwrap()];
        workers.sort_unstable();
        assert_eq!(workers, [1, 2]);
    }
}
