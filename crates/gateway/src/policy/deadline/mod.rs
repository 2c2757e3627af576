//! Deadline: no call waits for longer than it may.
//!
//! Outgoing, it gives the call the earlier of the caller's deadline and its own, so that everything inside can give up by
//! itself; coming back, it bounds an answer that is still to come, whether or not the inside keeps the time. An answer that
//! is there is passed on however late it is: it costs nothing any more. The clock to wait for comes as a [`Timer`], because
//! this crate has no runtime.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use model::{Batch, Call, Cost, PredictError, Predictor, Reply, Signature, Table, call::Later};

use crate::metrics::Metrics;

/// Waits for a moment. The binary brings the runtime's, tests bring one that they turn by hand.
pub trait Timer: Send + Sync {
    /// Returns a future that is ready once `at` has come.
    fn sleep_until(&self, at: Instant) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// The policy.
pub struct Deadline {
    inner: Arc<dyn Predictor>,
    longest: Duration,
    timer: Arc<dyn Timer>,
    metrics: Arc<Metrics>,
}

/// An answer to come, and the moment after which nobody wants it.
struct Bounded {
    /// Dropped, and so cancelled, when the time is over.
    later: Option<Later>,
    sleep: Pin<Box<dyn Future<Output = ()> + Send>>,
    metrics: Arc<Metrics>,
}

impl Deadline {
    pub fn new(inner: Arc<dyn Predictor>, longest: Duration, timer: Arc<dyn Timer>, metrics: Arc<Metrics>) -> Deadline {
        Deadline { inner, longest, timer, metrics }
    }

    /// Sets the deadline to the earlier of the caller's and ours; refuses where it has passed.
    fn tighten(&self, call: &mut Call) -> Result<(), PredictError> {
        let now = Instant::now();
        let own = now.checked_add(self.longest);
        call.deadline = call.deadline.into_iter().chain(own).min();
        if call.deadline.is_some_and(|deadline| deadline <= now) {
            self.metrics.count_deadline_exceeded();
            return Err(PredictError::DeadlineExceeded);
        }
        Ok(())
    }
}

impl Predictor for Deadline {
    fn signatures(&self) -> &[Signature] {
        self.inner.signatures()
    }

    fn call(&self, mut call: Call) -> Reply {
        if let Err(error) = self.tighten(&mut call) {
            return Reply::Now(Err(error));
        }
        let deadline = call.deadline;
        match (self.inner.call(call), deadline) {
            (Reply::Later(later), Some(deadline)) => {
                let (sleep, metrics) = (self.timer.sleep_until(deadline), self.metrics.clone());
                Reply::Later(Box::pin(Bounded { later: Some(later), sleep, metrics }))
            }
            (reply, _) => {
                if matches!(reply, Reply::Now(Err(PredictError::DeadlineExceeded))) {
                    self.metrics.count_deadline_exceeded();
                }
                reply
            }
        }
    }

    fn show(&self, call: &mut Call, see: &mut dyn FnMut(&dyn Table)) -> Option<Result<(), PredictError>> {
        if let Err(error) = self.tighten(call) {
            return Some(Err(error));
        }
        let shown = self.inner.show(call, see);
        if matches!(shown, Some(Err(PredictError::DeadlineExceeded))) {
            self.metrics.count_deadline_exceeded();
        }
        shown
    }

    fn is_joinable(&self, call: &Call) -> bool {
        self.inner.is_joinable(call)
    }

    fn cost(&self) -> Cost {
        self.inner.cost()
    }
}

impl Future for Bounded {
    type Output = Result<Batch, PredictError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let Some(later) = &mut this.later else { return Poll::Ready(Err(PredictError::DeadlineExceeded)) };
        // The answer first: one that came together with the end of its time is still an answer.
        let answer = match later.as_mut().poll(cx) {
            Poll::Ready(answer) => answer,
            Poll::Pending => match this.sleep.as_mut().poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(()) => Err(PredictError::DeadlineExceeded),
            },
        };
        this.later = None;
        if matches!(answer, Err(PredictError::DeadlineExceeded)) {
            this.metrics.count_deadline_exceeded();
        }
        Poll::Ready(answer)
    }
}

#[cfg(test)]
mod tests;
