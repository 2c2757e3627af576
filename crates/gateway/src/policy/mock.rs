//! A predictor that answers when it is told to, and a clock that is turned by hand.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
    time::Instant,
};

use model::{Batch, Call, Cost, PredictError, Predictor, Reply, Signature, call::Later};

use super::deadline::Timer;

/// Keeps the calls that come; answers them at once, or when [`Mock::answer`] says so.
#[derive(Default)]
pub struct Mock {
    pub later: bool,
    pub signatures: Vec<Signature>,
    calls: Mutex<Vec<(Call, Arc<Slot>)>>,
}

/// Where an answer, or a tick, is put.
#[derive(Default)]
pub struct Slot(Mutex<Inside>);

#[derive(Default)]
struct Inside {
    answer: Option<Result<Batch, PredictError>>,
    waker: Option<Waker>,
}

struct Waits(Arc<Slot>);

impl Mock {
    pub fn now() -> Arc<Mock> {
        Arc::new(Mock { signatures: vec![signature()], ..Mock::default() })
    }

    pub fn later() -> Arc<Mock> {
        Arc::new(Mock { later: true, signatures: vec![signature()], ..Mock::default() })
    }

    /// Returns how many calls came.
    pub fn calls(&self) -> usize {
        self.calls.lock().unwrap().len()
    }

    /// Returns the deadline that a call came with.
    pub fn deadline(&self, call: usize) -> Option<Instant> {
        self.calls.lock().unwrap()[call].0.deadline
    }

    /// Answers a call that waits.
    pub fn answer(&self, call: usize, answer: Result<Batch, PredictError>) {
        self.calls.lock().unwrap()[call].1.put(answer);
    }

    /// Returns whether nobody waits for the call's answer any more.
    pub fn is_dropped(&self, call: usize) -> bool {
        Arc::strong_count(&self.calls.lock().unwrap()[call].1) == 1
    }
}

fn signature() -> Signature {
    Signature { name: "mock".into(), inputs: Vec::new(), outputs: Vec::new(), grouped: false, method: None }
}

impl Predictor for Mock {
    fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    fn call(&self, call: Call) -> Reply {
        let slot = Arc::new(Slot::default());
        self.calls.lock().unwrap().push((call, slot.clone()));
        if self.later { Reply::Later(Box::pin(Waits(slot))) } else { Reply::Now(Ok(Batch::new(7))) }
    }

    fn cost(&self) -> Cost {
        Cost { fixed_us: 3.0, ..Cost::default() }
    }
}

impl Slot {
    fn put(&self, answer: Result<Batch, PredictError>) {
        let mut slot = self.0.lock().unwrap();
        slot.answer = Some(answer);
        if let Some(waker) = slot.waker.take() {
            waker.wake();
        }
    }
}

impl Future for Waits {
    type Output = Result<Batch, PredictError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut slot = self.0.0.lock().unwrap();
        slot.waker = Some(cx.waker().clone());
        slot.answer.take().map_or(Poll::Pending, Poll::Ready)
    }
}

/// Keeps the moments that were asked for; all have come after [`FakeTimer::tick`].
#[derive(Default)]
pub struct FakeTimer(Mutex<Vec<(Instant, Arc<Slot>)>>);

impl FakeTimer {
    pub fn asked(&self) -> Vec<Instant> {
        self.0.lock().unwrap().iter().map(|(at, _)| *at).collect()
    }

    pub fn tick(&self) {
        self.0.lock().unwrap().iter().for_each(|(_, slot)| slot.put(Ok(Batch::new(0))));
    }
}

impl Timer for FakeTimer {
    fn sleep_until(&self, at: Instant) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let slot = Arc::new(Slot::default());
        self.0.lock().unwrap().push((at, slot.clone()));
        Box::pin(async {
            let _ = Waits(slot).await;
        })
    }
}

/// Returns the answer that is there at once.
pub fn now(reply: Reply) -> Result<Batch, PredictError> {
    reply.now().ok().expect("an answer at once")
}

/// Returns the answer to wait for.
pub fn later(reply: Reply) -> Later {
    reply.now().expect_err("an answer to come")
}

/// Looks once whether the answer is there.
pub fn poll(later: &mut Later) -> Poll<Result<Batch, PredictError>> {
    later.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// Returns the rows of an answer that came well, or the kind of its failure.
pub fn told(poll: Poll<Result<Batch, PredictError>>) -> String {
    match poll {
        Poll::Pending => "pending".to_owned(),
        Poll::Ready(Ok(batch)) => batch.rows().to_string(),
        Poll::Ready(Err(error)) => error.kind().to_string(),
    }
}
