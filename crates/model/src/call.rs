//! The question and the answer: [`Call`], [`Reply`], and whoever answers, the [`Predictor`].

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use crate::{
    batch::Batch,
    error::PredictError,
    signature::Signature,
    spans::Spans,
    table::Table,
    trace::{RequestId, Trace},
};

/// What happens to a row that the model refuses or drops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OnFault {
    /// The first refused row fails the call; dropped rows are left out of the answer.
    #[default]
    FailCall,
    /// Rows keep their places; refused and dropped ones are marked in the answer's row domain.
    MarkRow,
}

/// A flag that the caller raises when nobody waits for the answer any more.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Option<Arc<Flag>>);

#[derive(Debug, Default)]
struct Flag {
    raised: AtomicBool,
    /// Of calls that are answered as one: raised once all of them are.
    all: Vec<Cancel>,
}

impl Cancel {
    /// Returns a flag that can be raised; the default one cannot, and costs nothing to ask.
    pub fn new() -> Cancel {
        Cancel(Some(Arc::default()))
    }

    /// Returns the flag of calls that are answered as one.
    pub fn of_all(all: Vec<Cancel>) -> Cancel {
        Cancel(Some(Arc::new(Flag { raised: AtomicBool::new(false), all })))
    }

    /// Raises the flag.
    pub fn cancel(&self) {
        if let Some(flag) = &self.0 {
            flag.raised.store(true, Ordering::Relaxed);
        }
    }

    /// Returns whether it was raised.
    pub fn is_cancelled(&self) -> bool {
        let all = |flag: &Flag| !flag.all.is_empty() && flag.all.iter().all(Cancel::is_cancelled);
        self.0.as_ref().is_some_and(|flag| flag.raised.load(Ordering::Relaxed) || all(flag))
    }
}

/// One question to a predictor.
#[derive(Clone, Debug, Default)]
pub struct Call {
    pub batch: Batch,
    /// The signature asked for; the model's default where none.
    pub signature: Option<Arc<str>>,
    /// The outputs asked for, in this order; the signature's default ones where none. What nobody asks is not computed.
    pub outputs: Option<Arc<[Arc<str>]>>,
    pub on_fault: OnFault,
    pub deadline: Option<Instant>,
    pub cancel: Cancel,
    /// Seed of the model's random ops.
    pub seed: u64,
    pub request_id: Option<RequestId>,
    pub trace: Option<Trace>,
    /// Where to say what took how long; none where nobody asks.
    pub spans: Option<Arc<Spans>>,
}

impl Call {
    /// Returns a call of the default signature for its default outputs.
    pub fn new(batch: Batch) -> Call {
        Call { batch, ..Call::default() }
    }

    /// Asks whether to go on. The engine asks at every tile, loop step and dear op.
    pub fn check(&self) -> Result<(), PredictError> {
        if self.cancel.is_cancelled() {
            return Err(PredictError::Cancelled);
        }
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(PredictError::DeadlineExceeded),
            _ => Ok(()),
        }
    }
}

/// An answer that is not ready yet. Dropping it cancels the call.
pub type Later = Pin<Box<dyn Future<Output = Result<Batch, PredictError>> + Send>>;

/// The answer to a [`Call`].
pub enum Reply {
    /// Computed on the caller's thread.
    Now(Result<Batch, PredictError>),
    /// Computed elsewhere: a queue, a worker process, another server.
    Later(Later),
}

impl Reply {
    /// Returns the answer that is there at once, or the one to wait for.
    pub fn now(self) -> Result<Result<Batch, PredictError>, Later> {
        match self {
            Reply::Now(answer) => Ok(answer),
            Reply::Later(later) => Err(later),
        }
    }
}

/// What one call is expected to take, measured when the predictor was warmed up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    pub fixed_us: f64,
    pub per_row_us: f64,
    /// Loops or other data-dependent work: never on a network thread.
    pub unbounded: bool,
}

impl Cost {
    /// Returns the expected time of a call of so many rows, in microseconds.
    pub fn expect_us(&self, rows: usize) -> f64 {
        self.fixed_us + self.per_row_us * rows as f64
    }
}

/// Anything that answers: a compiled plan, a worker, a remote server, an application, a policy around one.
///
/// An implementor answers `Now` only if it does no I/O and takes no lock for longer than a moment; whoever waits answers
/// `Later`. It never panics on what a caller sends, honours the call's deadline and cancel flag, and gives the rows of the
/// call's domain 0 in their order. Calls come from many threads at once.
pub trait Predictor: Send + Sync {
    /// The signatures that can be called, the default one first.
    fn signatures(&self) -> &[Signature];

    /// Answers the call.
    fn call(&self, call: Call) -> Reply;

    /// Answers the call and shows the answer to `see` where it lies, for a border that writes it out at once. `None` where
    /// that cannot be (the answer comes later, or in parts): then nothing was done, and [`Predictor::call`] answers. What
    /// `call` would refuse is refused alike.
    fn show(&self, call: &mut Call, see: &mut dyn FnMut(&dyn Table)) -> Option<Result<(), PredictError>> {
        let _ = (call, see);
        None
    }

    /// Returns whether the rows of the call may be answered together with those of others like it, each with the bits that it
    /// has alone. Who says so answers such calls `Now`.
    fn is_joinable(&self, call: &Call) -> bool {
        let _ = call;
        false
    }

    /// What a call is expected to take.
    fn cost(&self) -> Cost {
        Cost::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_sees_cancel_and_deadline() {
        let mut call = Call { cancel: Cancel::new(), ..Call::default() };
        assert_eq!(call.check(), Ok(()));
        call.deadline = Some(Instant::now());
        assert_eq!(call.check(), Err(PredictError::DeadlineExceeded));
        call.cancel.cancel();
        assert_eq!(call.check(), Err(PredictError::Cancelled));
    }

    #[test]
    fn calls_answered_as_one_are_cancelled_together() {
        let each = [Cancel::new(), Cancel::new()];
        let all = Cancel::of_all(each.to_vec());
        each[0].cancel();
        assert!(!all.is_cancelled());
        each[1].cancel();
        assert!(all.is_cancelled() && !Cancel::of_all(Vec::new()).is_cancelled());
    }
}
