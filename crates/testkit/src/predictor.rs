//! What every predictor must do, whoever implements it.

use std::{
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use model::{Batch, Call, Cancel, Kind, PredictError, Predictor, Reply};

/// Longest that a check waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Returns the answer, waiting for one that comes later by asking again.
pub fn answer(reply: Reply) -> Result<Batch, PredictError> {
    let mut later = match reply.now() {
        Ok(answer) => return answer,
        Err(later) => later,
    };
    let begin = Instant::now();
    let mut context = Context::from_waker(Waker::noop());
    while begin.elapsed() < PATIENCE {
        match later.as_mut().poll(&mut context) {
            Poll::Ready(answer) => return answer,
            Poll::Pending => std::thread::sleep(Duration::from_millis(1)),
        }
    }
    panic!("no answer within {PATIENCE:?}");
}

/// Checks the rules of [`Predictor`] on one that answers `batch`: rows in their order, the same answer twice, deadline and
/// cancel honoured, unknown outputs and signatures refused by kind, nothing lost when an answer is not waited for.
pub fn check_predictor(predictor: &dyn Predictor, batch: &Batch) {
    let call = || Call::new(batch.clone());
    assert!(!predictor.signatures().is_empty(), "a predictor has a signature");
    let first = answer(predictor.call(call())).expect("answers the batch");
    let grouped = predictor.signatures()[0].grouped;
    assert!(grouped || first.rows() == batch.rows(), "as many rows as were sent");
    let second = answer(predictor.call(call())).expect("answers the batch again");
    for (name, _) in first.values() {
        if let (Some(a), Some(b)) = (first.column(name), second.column(name)) {
            assert!(a == b, "the same answer twice, in {name}");
        }
    }
    let gone = Call { cancel: Cancel::new(), ..call() };
    gone.cancel.cancel();
    assert_eq!(kind(predictor, gone), Kind::Cancelled);
    let late = Call { deadline: Some(Instant::now()), ..call() };
    assert_eq!(kind(predictor, late), Kind::DeadlineExceeded);
    let unknown = Call { outputs: Some(["no such output".into()].into()), ..call() };
    assert_eq!(kind(predictor, unknown), Kind::InvalidArgument);
    let unknown = Call { signature: Some("no such signature".into()), ..call() };
    assert_eq!(kind(predictor, unknown), Kind::InvalidArgument);
    drop(predictor.call(call()));
    let third = answer(predictor.call(call())).expect("answers after a caller went away");
    assert_eq!(third.rows(), first.rows());
    assert!(predictor.cost().expect_us(batch.rows()) >= 0.0, "a cost is no debt");
}

fn kind(predictor: &dyn Predictor, call: Call) -> Kind {
    answer(predictor.call(call)).map(|b| b.rows()).expect_err("refused").kind()
}
