//! Waiting for an answer on this thread: what answers later is another process.

use std::{
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

use model::{Batch, PredictError, Reply};

/// Wakes the thread that waits.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Returns the answer, when it is there.
pub fn answer(reply: Reply) -> Result<Batch, PredictError> {
    let mut later = match reply.now() {
        Ok(answer) => return answer,
        Err(later) => later,
    };
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match later.as_mut().poll(&mut context) {
            Poll::Ready(answer) => return answer,
            Poll::Pending => thread::park(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_another_thread_is_waited_for() {
        let mut polls = 0;
        let later = std::future::poll_fn(move |context| {
            polls += 1;
            if polls == 2 {
                return Poll::Ready(Ok(Batch::new(4)));
            }
            let waker = context.waker().clone();
            thread::spawn(move || waker.wake());
            Poll::Pending
        });
        assert_eq!(answer(Reply::Later(Box::pin(later))).map(|batch| batch.rows()), Ok(4));
    }
}
