//! The bounded compute pool: where calls too dear for a network thread run.
//!
//! A fixed number of threads and one bounded queue; a full queue refuses at once, so that at twice the load the calls that
//! are taken stay fast. The threads live as long as the pool, so a predictor may keep a workspace per thread. A job whose
//! caller has gone is skipped; one that panics costs itself only.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// Why a job gave no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotRun {
    /// So many wait already.
    Full {
        waiting: usize,
    },
    Panicked,
}

/// Threads that compute. Dropping it ends each thread after its job; nobody waits for them, for the one who drops it last
/// may be a network thread.
pub(crate) struct Compute {
    queue: Arc<Queue>,
}

struct Queue {
    waiting: Mutex<Waiting>,
    more: Condvar,
    queue_max: usize,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    closed: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Jobs run outside the lock, so a poisoned one still guards a whole queue.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> Option<Job> {
        let mut waiting = self.lock();
        loop {
            if let Some(job) = waiting.jobs.pop_front() {
                return Some(job);
            }
            if waiting.closed {
                return None;
            }
            waiting = self.more.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Compute {
    /// Starts the pool.
    pub fn start(threads: usize, queue_max: usize) -> std::io::Result<Compute> {
        let queue = Arc::new(Queue { waiting: Mutex::default(), more: Condvar::new(), queue_max });
        let run = |queue: Arc<Queue>| {
            move || {
                while let Some(job) = queue.next() {
                    job();
                }
            }
        };
        for i in 0..threads.max(1) {
            std::thread::Builder::new().name(format!("compute-{i}")).spawn(run(queue.clone()))?;
        }
        Ok(Compute { queue })
    }

    /// Returns how many jobs wait for a thread.
    pub fn waiting(&self) -> usize {
        self.queue.lock().jobs.len()
    }

    /// Runs the job on a compute thread. Dropping the future before the job began skips it.
    pub async fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Result<T, NotRun> {
        let (answer, answered) = oneshot::channel();
        let job = move || {
            if answer.is_closed() {
                return;
            }
            // The receiver may have gone meanwhile; then nobody wants the result.
            if let Ok(result) = catch_unwind(AssertUnwindSafe(job)) {
                let _ = answer.send(result);
            }
        };
        self.push(Box::new(job))?;
        answered.await.map_err(|_| NotRun::Panicked)
    }

    fn push(&self, job: Job) -> Result<(), NotRun> {
        let mut waiting = self.queue.lock();
        if waiting.jobs.len() >= self.queue.queue_max {
            return Err(NotRun::Full { waiting: waiting.jobs.len() });
        }
        waiting.jobs.push_back(job);
        drop(waiting);
        self.queue.more.notify_one();
        Ok(())
    }
}

impl Drop for Compute {
    fn drop(&mut self) {
        self.queue.lock().closed = true;
        self.queue.more.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::{future::Future, sync::mpsc, task::Poll};

    use super::*;

    /// Polls once: enough to queue a job.
    async fn queue<F: Future + Unpin>(future: &mut F) {
        std::future::poll_fn(|cx| {
            let _ = std::pin::Pin::new(&mut *future).poll(cx);
            Poll::Ready(())
        })
        .await;
    }

    #[tokio::test]
    async fn a_full_queue_refuses_and_a_dropped_call_is_skipped() {
        let pool = Compute::start(1, 1).unwrap();
        let (go, wait) = mpsc::channel::<()>();
        let mut first = Box::pin(pool.run(move || wait.recv().is_ok()));
        queue(&mut first).await;
        while pool.waiting() > 0 {
            tokio::task::yield_now().await;
        }
        let (tell, told) = mpsc::channel::<()>();
        let mut second = Box::pin(pool.run(move || tell.send(()).is_ok()));
        queue(&mut second).await;
        assert_eq!(pool.run(|| ()).await, Err(NotRun::Full { waiting: 1 }));
        drop(second);
        go.send(()).unwrap();
        assert_eq!(first.await, Ok(true));
        assert_eq!(pool.run(|| 7).await, Ok(7));
        assert!(told.try_recv().is_err(), "the dropped call did not run");
    }

    #[tokio::test]
    async fn a_panic_costs_its_own_call() {
        let pool = Compute::start(1, 4).unwrap();
        let answer: Result<(), _> = pool.run(|| panic!("boom")).await;
        assert_eq!(answer, Err(NotRun::Panicked));
        assert_eq!(pool.run(|| 7).await, Ok(7));
    }
}
