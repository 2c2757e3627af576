//! An answer that another thread will give: a future without a runtime.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use model::{Batch, PredictError};

type Answer = Result<Batch, PredictError>;

#[derive(Default)]
struct Slot {
    answer: Option<Answer>,
    waker: Option<Waker>,
    is_given: bool,
}

/// Who gives the answer; dropped without one, the caller gets an error.
pub(crate) struct Give(Arc<Mutex<Slot>>);

/// Who waits for it.
pub(crate) struct Wait(Arc<Mutex<Slot>>);

/// Returns both ends.
pub(crate) fn promise() -> (Give, Wait) {
    let slot = Arc::new(Mutex::new(Slot::default()));
    (Give(slot.clone()), Wait(slot))
}

fn lock(slot: &Mutex<Slot>) -> MutexGuard<'_, Slot> {
    // Nothing is computed under the lock, so a poisoned one still guards a whole slot.
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Give {
    /// Returns whether nobody waits any more.
    pub(crate) fn is_abandoned(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    pub(crate) fn give(self, answer: Answer) {
        self.settle(answer);
    }

    fn settle(&self, answer: Answer) {
        let mut slot = lock(&self.0);
        if slot.is_given {
            return;
        }
        slot.is_given = true;
        slot.answer = Some(answer);
        let waker = slot.waker.take();
        drop(slot);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Drop for Give {
    fn drop(&mut self) {
        self.settle(Err(PredictError::Unavailable { message: "the engine was ended before it answered".to_owned() }));
    }
}

impl Future for Wait {
    type Output = Answer;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer> {
        let mut slot = lock(&self.0);
        match slot.answer.take() {
            Some(answer) => Poll::Ready(answer),
            None => {
                slot.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(wait: &mut Wait) -> Poll<Answer> {
        Pin::new(wait).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn an_answer_comes_once_and_a_lost_one_is_an_error() {
        let (give, mut wait) = promise();
        assert!(poll(&mut wait).is_pending() && !give.is_abandoned());
        give.give(Ok(Batch::new(3)));
        assert!(matches!(poll(&mut wait), Poll::Ready(Ok(batch)) if batch.rows() == 3));
        let (give, mut wait) = promise();
        drop(give);
        assert!(matches!(poll(&mut wait), Poll::Ready(Err(PredictError::Unavailable { .. }))));
        let (give, wait) = promise();
        drop(wait);
        assert!(give.is_abandoned());
    }
}
