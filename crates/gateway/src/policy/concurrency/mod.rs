//! Concurrency limit: so many calls inside at once, the next one is refused.
//!
//! Refused at once, not queued: whoever waits behind a full model waits for nothing good, and a balancer before us can ask
//! another replica. A permit is held until the answer is there or its future is dropped. Permits are shared by all versions
//! of a model, so that a replacement under load does not double what is let in.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use model::{Batch, Call, Cost, PredictError, Predictor, Reply, Signature, Table, call::Later};

use crate::metrics::Metrics;

/// What a refused caller is told to wait: the least that HTTP can say.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The policy.
pub struct Concurrency {
    inner: Arc<dyn Predictor>,
    permits: Arc<Permits>,
    metrics: Arc<Metrics>,
}

/// How many calls may be inside, and how many are.
#[derive(Debug)]
pub struct Permits {
    limit: usize,
    inside: AtomicUsize,
}

/// One call inside; gives its place back when dropped.
struct Permit(Arc<Permits>);

/// An answer to come, with the permit of its call.
struct Held {
    later: Later,
    permit: Option<Permit>,
}

impl Concurrency {
    pub fn new(inner: Arc<dyn Predictor>, permits: Arc<Permits>, metrics: Arc<Metrics>) -> Concurrency {
        Concurrency { inner, permits, metrics }
    }

    fn refuse(&self) -> PredictError {
        self.metrics.count_overloaded();
        let message = format!("{} calls are inside, as many as may be (concurrency_max)", self.permits.limit);
        PredictError::Overloaded { message, retry_after: Some(RETRY_AFTER) }
    }
}

impl Permits {
    pub fn new(limit: usize) -> Permits {
        Permits { limit, inside: AtomicUsize::new(0) }
    }

    /// Returns how many calls are inside now.
    pub fn inside(&self) -> usize {
        self.inside.load(Ordering::Relaxed)
    }

    fn enter(self: &Arc<Permits>) -> Option<Permit> {
        let more = |inside| (inside < self.limit).then_some(inside + 1);
        self.inside.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok().map(|_| Permit(self.clone()))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Predictor for Concurrency {
    fn signatures(&self) -> &[Signature] {
        self.inner.signatures()
    }

    fn call(&self, call: Call) -> Reply {
        let Some(permit) = self.permits.enter() else { return Reply::Now(Err(self.refuse())) };
        match self.inner.call(call) {
            Reply::Now(answer) => Reply::Now(answer),
            Reply::Later(later) => Reply::Later(Box::pin(Held { later, permit: Some(permit) })),
        }
    }

    fn show(&self, call: &mut Call, see: &mut dyn FnMut(&dyn Table)) -> Option<Result<(), PredictError>> {
        match self.permits.enter() {
            None => Some(Err(self.refuse())),
            Some(_permit) => self.inner.show(call, see),
        }
    }

    fn is_joinable(&self, call: &Call) -> bool {
        self.inner.is_joinable(call)
    }

    fn cost(&self) -> Cost {
        self.inner.cost()
    }
}

impl Future for Held {
    type Output = Result<Batch, PredictError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = self.later.as_mut().poll(cx);
        if answer.is_ready() {
            self.permit = None;
        }
        answer
    }
}

#[cfg(test)]
mod tests;
