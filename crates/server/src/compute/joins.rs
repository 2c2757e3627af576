//! Calls that a compute thread answers together.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use gateway::join::{self, Paying};
use model::{Batch, PredictError, Reply, Span};

use super::{Next, Task, shed::Done};
use crate::{known::Known, metrics::PoolMeter};

/// What tells calls apart that may be answered together.
#[derive(Clone, Debug)]
pub(crate) struct Alike {
    /// The same for calls that are alike, of one load of one version.
    pub like: u64,
    pub rows: usize,
    /// Rows of calls that are answered as one.
    pub rows_max: usize,
    /// How long to wait for others.
    pub linger: Duration,
    pub paying: Arc<Paying>,
    /// The model, for its meters.
    pub known: Arc<Known>,
}

impl Alike {
    /// Returns how long the call still waits for others.
    pub fn wait(&self, since: Instant, now: Instant) -> Duration {
        match self.linger.saturating_sub(now.duration_since(since)) {
            wait if !wait.is_zero() && self.paying.may_pay(self.rows) => wait,
            _ => Duration::ZERO,
        }
    }
}

/// How a joined call went, for each of its callers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Joined<'a> {
    pub calls: usize,
    pub begun: Instant,
    pub took: Duration,
    /// What was done, where anyone traces it.
    pub spans: &'a [Span],
}

/// Does what a thread took; returns what it took of the thread.
pub(super) fn run(next: Next, meter: &PoolMeter) -> Done {
    let begun = Instant::now();
    match next {
        Next::One(task) => {
            let expect = task.terms.expect;
            alone(task);
            Done { calls: 1, expect, took: begun.elapsed() }
        }
        Next::Many(tasks) => {
            let (calls, expect) = (tasks.len(), tasks.iter().map(|task| task.terms.expect).sum());
            together(tasks, begun, meter);
            Done { calls, expect, took: begun.elapsed() }
        }
    }
}

fn alone(task: Task) {
    let begun = Instant::now();
    let Task { waiter, terms, .. } = task;
    if waiter.run()
        && let Some(alike) = terms.alike
    {
        alike.paying.record(alike.rows, begun.elapsed());
        alike.known.joins.ran(1);
    }
}

/// Answers calls that are alike as one; where that does not come to an answer each is answered alone, so that a fault is
/// nobody else's.
fn together(tasks: Vec<Task>, begun: Instant, meter: &PoolMeter) {
    match answer(&tasks) {
        None => {
            meter.apart();
            tasks.into_iter().for_each(alone);
        }
        Some((answers, spans)) => {
            let (calls, took) = (tasks.len(), begun.elapsed());
            let joined = Joined { calls, begun, took, spans: &spans };
            let alike = tasks.first().and_then(|task| task.terms.alike.clone());
            let rows = tasks.iter().filter_map(|task| task.terms.alike.as_ref()).map(|alike| alike.rows).sum();
            for (task, answer) in tasks.into_iter().zip(answers) {
                if !task.waiter.is_gone() {
                    task.waiter.settle(answer, joined);
                }
            }
            if let Some(alike) = alike {
                alike.paying.record(rows, begun.elapsed());
                alike.known.joins.ran(calls);
            }
        }
    }
}

type Answers = (Vec<Result<Batch, PredictError>>, Vec<Span>);

fn answer(tasks: &[Task]) -> Option<Answers> {
    let calls = tasks.iter().map(|task| task.waiter.call()).collect::<Option<Vec<_>>>()?;
    let (predictor, first) = *calls.first()?;
    let calls: Vec<&model::Call> = calls.into_iter().map(|(_, call)| call).collect();
    // They have one likeness; this is for two that happen to share it.
    if !calls.iter().all(|call| join::alike(first, call)) {
        return None;
    }
    let answer = catch_unwind(AssertUnwindSafe(|| {
        let joined = join::joined(&calls);
        let traced = joined.spans.clone();
        let spans = || traced.as_ref().map(|spans| spans.take()).unwrap_or_default();
        match predictor.call(joined) {
            Reply::Now(Ok(answer)) => join::parted(&answer, &calls).map(|parts| (parts, spans())),
            // The most patient caller's time is over, or all have gone.
            Reply::Now(Err(error @ (PredictError::DeadlineExceeded | PredictError::Cancelled))) => {
                Some((calls.iter().map(|_| Err(error.clone())).collect(), spans()))
            }
            Reply::Now(Err(_)) | Reply::Later(_) => None,
        }
    }));
    answer.ok().flatten()
}
