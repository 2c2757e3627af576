//! The bounded compute pool: where calls too dear for a network thread run.
//!
//! A fixed number of threads and one bounded queue. What waits there is a [`Waiter`]: work of any kind, or a call that may be
//! answered together with others like it. A thread that becomes free takes the first one, and with it those behind it that
//! are alike, as many as the measured times say pays ([`gateway::join`]); nobody waits for others to come unless
//! `batching.wait_us` says so. Calls are refused when they come rather than late ([`Shed`]). Work whose caller has gone or
//! whose time is over is skipped; a panic costs its own call. The threads live as long as the pool, so a predictor may keep
//! a workspace per thread.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use crate::metrics::PoolMeter;

mod joins;
mod shed;

pub(crate) use joins::{Alike, Joined};
use shed::{Done, Shed};

/// Why work gave no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotRun {
    /// So many wait already.
    Full {
        waiting: usize,
    },
    /// The queue would be waited for so long.
    Slow {
        wait: Duration,
    },
    /// Its caller\'s time was over before a thread was free.
    Late,
    Panicked,
}

/// What waits for a thread.
pub(crate) trait Waiter: Send {
    /// Returns whether nobody wants the result any more.
    fn is_gone(&self) -> bool;

    /// Says that the waiting is over.
    fn begin(&mut self) {}

    /// Does the work and gives its result to the caller; returns whether it went well.
    fn run(self: Box<Self>) -> bool;

    /// Tells the caller that the work is not done.
    fn refuse(self: Box<Self>, why: NotRun);

    /// Returns the call and its predictor, where it may be answered with others.
    fn call(&self) -> Option<(&dyn model::Predictor, &model::Call)> {
        None
    }

    /// Takes the answer to the call, which was given together with those of `calls` in all.
    fn settle(self: Box<Self>, answer: Result<model::Batch, model::PredictError>, joined: Joined<'_>) {
        let _ = (answer, joined);
    }
}

/// What is known of a call that waits.
#[derive(Clone, Debug, Default)]
pub(crate) struct Terms {
    /// What it is expected to take, where that is known.
    pub expect: Option<Duration>,
    /// When its caller's time is over.
    pub until: Option<Instant>,
    pub alike: Option<Alike>,
}

struct Task {
    waiter: Box<dyn Waiter>,
    terms: Terms,
    since: Instant,
}

impl Task {
    fn is_over(&self, now: Instant) -> bool {
        self.waiter.is_gone() || self.terms.until.is_some_and(|until| until <= now)
    }
}

/// Threads that compute. Dropping it ends each thread after its work; nobody waits for them, for the one who drops it last
/// may be a network thread.
pub(crate) struct Compute {
    queue: Arc<Queue>,
}

struct Queue {
    waiting: Mutex<Waiting>,
    more: Condvar,
    queue_max: usize,
    meter: PoolMeter,
}

struct Waiting {
    tasks: VecDeque<Task>,
    shed: Shed,
    closed: bool,
}

/// What a thread does next.
enum Next {
    One(Task),
    Many(Vec<Task>),
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Work runs outside the lock, so a poisoned one still guards a whole queue.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for work; says first what the last work was.
    fn next(&self, done: Option<Done>) -> Option<Next> {
        let mut waiting = self.lock();
        if let Some(done) = done {
            waiting.shed.done(&done);
        }
        loop {
            let now = Instant::now();
            waiting.drop_over(now, &self.meter);
            match waiting.first_ready(now) {
                Ok(place) => return Some(self.take(waiting, place, now)),
                Err(None) if waiting.closed => return None,
                Err(None) => waiting = self.more.wait(waiting).unwrap_or_else(PoisonError::into_inner),
                Err(Some(wait)) => {
                    waiting = self.more.wait_timeout(waiting, wait).unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
    }

    fn take(&self, mut waiting: MutexGuard<'_, Waiting>, place: usize, now: Instant) -> Next {
        let next = match waiting.alike(place, now) {
            places if places.len() > 1 => Next::Many(places.iter().rev().map(|&at| waiting.remove(at)).collect()),
            _ => Next::One(waiting.remove(place)),
        };
        drop(waiting);
        match next {
            Next::One(mut task) => {
                self.begin(&mut task, now);
                Next::One(task)
            }
            Next::Many(mut tasks) => {
                tasks.reverse();
                tasks.iter_mut().for_each(|task| self.begin(task, now));
                Next::Many(tasks)
            }
        }
    }

    fn begin(&self, task: &mut Task, now: Instant) {
        self.meter.queued(now.duration_since(task.since));
        task.waiter.begin();
    }
}

impl Waiting {
    fn remove(&mut self, place: usize) -> Task {
        let task = self.tasks.remove(place).expect("a place that was just found");
        self.shed.left(&task.terms);
        task
    }

    /// Drops what nobody waits for any more from the head of the queue; what stands behind is looked at when it gets there.
    fn drop_over(&mut self, now: Instant, meter: &PoolMeter) {
        while self.tasks.front().is_some_and(|task| task.is_over(now)) {
            let task = self.remove(0);
            meter.left(task.waiter.is_gone());
            task.waiter.refuse(NotRun::Late);
        }
    }

    /// Returns the first task that need not wait for others like it; else how long to wait, where anything waits.
    fn first_ready(&self, now: Instant) -> Result<usize, Option<Duration>> {
        let mut soonest: Option<Duration> = None;
        for (place, task) in self.tasks.iter().enumerate() {
            let wait = task.terms.alike.as_ref().map_or(Duration::ZERO, |alike| alike.wait(task.since, now));
            if wait.is_zero() || self.closed || self.is_full(place) {
                return Ok(place);
            }
            soonest = Some(soonest.map_or(wait, |soonest| soonest.min(wait)));
        }
        Err(soonest)
    }

    /// Returns whether as many rows wait behind the task as may be joined.
    fn is_full(&self, place: usize) -> bool {
        let Some(alike) = &self.tasks[place].terms.alike else { return true };
        let all = self.tasks.range(place..).filter_map(|task| task.terms.alike.as_ref());
        all.filter(|other| other.like == alike.like).map(|other| other.rows).sum::<usize>() >= alike.rows_max
    }

    /// Returns the places of the tasks to answer together with the one at `place`, in their order, itself the first.
    fn alike(&self, place: usize, now: Instant) -> Vec<usize> {
        let Some(first) = &self.tasks[place].terms.alike else { return Vec::new() };
        let (mut places, mut rows, mut all) = (vec![place], vec![first.rows], first.rows);
        for (at, task) in self.tasks.iter().enumerate().skip(place + 1) {
            let Some(alike) = task.terms.alike.as_ref().filter(|other| other.like == first.like) else { continue };
            if all + alike.rows > first.rows_max {
                break;
            }
            if !task.is_over(now) {
                all += alike.rows;
                places.push(at);
                rows.push(alike.rows);
            }
        }
        places.truncate(first.paying.take(&rows));
        places
    }
}

impl Compute {
    /// Starts the pool. Calls whose wait is expected to be over `wait_max` are refused.
    pub fn start(threads: usize, queue_max: usize, wait_max: Duration) -> std::io::Result<Compute> {
        let threads = threads.max(1);
        let waiting = Waiting { tasks: VecDeque::new(), shed: Shed::new(threads, wait_max), closed: false };
        let (waiting, more) = (Mutex::new(waiting), Condvar::new());
        let queue = Arc::new(Queue { waiting, more, queue_max, meter: PoolMeter::default() });
        for i in 0..threads {
            let queue = queue.clone();
            let run = move || {
                let mut done = None;
                while let Some(next) = queue.next(done) {
                    done = Some(joins::run(next, &queue.meter));
                }
            };
            std::thread::Builder::new().name(format!("compute-{i}")).spawn(run)?;
        }
        Ok(Compute { queue })
    }

    /// Returns how much waits for a thread.
    pub fn waiting(&self) -> usize {
        self.queue.lock().tasks.len()
    }

    pub fn meter(&self) -> &PoolMeter {
        &self.queue.meter
    }

    /// Does the work on a compute thread. Dropping the future before it began skips it.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, NotRun> {
        let (answer, answered) = oneshot::channel();
        self.push(Box::new(Work { work, answer }), Terms::default(), false)?;
        answered.await.map_err(|_| NotRun::Panicked)?
    }

    /// Runs a call on a compute thread; it is refused at once where it would wait for too long.
    pub async fn call<T>(
        &self,
        terms: Terms,
        waiter: impl FnOnce(oneshot::Sender<Result<T, NotRun>>) -> Box<dyn Waiter>,
    ) -> Result<T, NotRun> {
        let (answer, answered) = oneshot::channel();
        self.push(waiter(answer), terms, true)?;
        answered.await.map_err(|_| NotRun::Panicked)?
    }

    fn push(&self, waiter: Box<dyn Waiter>, mut terms: Terms, is_call: bool) -> Result<(), NotRun> {
        let since = Instant::now();
        let mut guard = self.queue.lock();
        let waiting = &mut *guard;
        let full = waiting.tasks.len();
        if full >= self.queue.queue_max {
            return Err(NotRun::Full { waiting: full });
        }
        let mut flushed = Vec::new();
        waiting.shed.judge(&mut terms);
        if is_call {
            let verdict = waiting.shed.arrive(since, full, &terms);
            while waiting.shed.is_over_full() && !waiting.tasks.is_empty() {
                flushed.push(waiting.remove(0));
            }
            if let Err(wait) = verdict {
                drop(guard);
                self.flush(flushed, wait);
                self.queue.meter.shed(1);
                return Err(NotRun::Slow { wait });
            }
        }
        waiting.shed.came(&terms);
        waiting.tasks.push_back(Task { waiter, terms, since });
        drop(guard);
        self.flush(flushed, Duration::ZERO);
        self.queue.more.notify_one();
        Ok(())
    }

    /// Refuses what waits too long already when the server sees that calls come faster than they are answered.
    fn flush(&self, tasks: Vec<Task>, wait: Duration) {
        self.queue.meter.shed(tasks.len() as u64);
        tasks.into_iter().for_each(|task| task.waiter.refuse(NotRun::Slow { wait }));
    }
}

impl Drop for Compute {
    fn drop(&mut self) {
        self.queue.lock().closed = true;
        self.queue.more.notify_all();
    }
}

/// Work of any kind.
pub(crate) struct Work<F, T> {
    pub work: F,
    pub answer: oneshot::Sender<Result<T, NotRun>>,
}

impl<F: FnOnce() -> T + Send, T: Send> Waiter for Work<F, T> {
    fn is_gone(&self) -> bool {
        self.answer.is_closed()
    }

    fn run(self: Box<Self>) -> bool {
        let Work { work, answer } = *self;
        // The receiver may have gone meanwhile; then nobody wants the result.
        let result = catch_unwind(AssertUnwindSafe(work)).map_err(|_| NotRun::Panicked);
        let well = result.is_ok();
        let _ = answer.send(result);
        well
    }

    fn refuse(self: Box<Self>, why: NotRun) {
        let _ = self.answer.send(Err(why));
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
        let pool = Compute::start(1, 1, Duration::from_secs(9)).unwrap();
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
        let pool = Compute::start(1, 4, Duration::from_secs(9)).unwrap();
        let answer: Result<(), _> = pool.run(|| panic!("boom")).await;
        assert_eq!(answer, Err(NotRun::Panicked));
        assert_eq!(pool.run(|| 7).await, Ok(7));
    }
}
