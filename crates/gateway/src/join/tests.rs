use std::time::{Duration, Instant};

use model::{Column, DType, FaultKind, FaultValue, Fixed, RowFault};

use super::*;

fn call(x: &[f64]) -> Call {
    let mut batch = Batch::new(x.len());
    batch.push("x", Column::Fixed(Fixed::from_vec(DType::F64, x.to_vec())));
    Call::new(batch)
}

fn doubles(batch: &Batch) -> Vec<f64> {
    match batch.column("x") {
        Some(Column::Fixed(x)) => x.values().to_vec(),
        other => panic!("no doubles: {other:?}"),
    }
}

fn refused(row: usize) -> Mark {
    let (field, step) = ("x".into(), "s".into());
    Mark::Refused(Arc::new(RowFault { row, field, step, kind: FaultKind::Null, value: FaultValue::Null }))
}

/// Answers with the inputs, marked so, and tells what each call gets.
fn check(calls: &[Call], marks: Option<Vec<Mark>>, expected: &[&str]) {
    let calls: Vec<&Call> = calls.iter().collect();
    let mut answer = joined(&calls).batch;
    if let Some(marks) = marks {
        answer.set_marks(marks.into());
    }
    let told = |part: &Result<Batch, PredictError>| match part {
        Ok(batch) => {
            let marks = batch.domains()[0].marks.as_deref().unwrap_or_default().iter().map(|mark| match mark {
                Mark::Live => "L".to_owned(),
                Mark::Skipped => "S".to_owned(),
                Mark::Refused(fault) => format!("R{}", fault.row),
            });
            format!("{:?} {}", doubles(batch), marks.collect::<String>()).trim().to_owned()
        }
        Err(PredictError::Refused { fault, refused }) => format!("row {} of {refused}", fault.row),
        Err(error) => error.to_string(),
    };
    let parts = parted(&answer, &calls).expect("one entry a row");
    assert_eq!(parts.iter().map(told).collect::<Vec<_>>(), expected);
}

#[test]
fn each_call_gets_its_rows_back() {
    check(&[call(&[1.0]), call(&[2.0, 3.0]), call(&[4.0])], None, &["[1.0]", "[2.0, 3.0]", "[4.0]"]);
}

#[test]
fn a_refused_row_fails_its_own_call() {
    let marks = vec![Mark::Live, Mark::Skipped, refused(2), refused(3), Mark::Live, Mark::Skipped];
    let calls = [call(&[1.0]), call(&[2.0, 3.0, 4.0]), call(&[5.0, 6.0])];
    check(&calls, Some(marks), &["[1.0]", "row 1 of 2", "[5.0]"]);
}

#[test]
fn a_refused_row_is_marked_in_its_own_counting() {
    let marks = vec![Mark::Live, Mark::Skipped, refused(2), Mark::Live];
    let marking = |x: &[f64]| Call { on_fault: OnFault::MarkRow, ..call(x) };
    let calls = [marking(&[1.0]), marking(&[2.0, 3.0]), marking(&[4.0])];
    check(&calls, Some(marks), &["[1.0]", "[2.0, 3.0] SR1", "[4.0]"]);
}

#[test]
fn an_answer_of_other_rows_is_not_parted() {
    let call = call(&[1.0]);
    assert!(parted(&Batch::new(2), &[&call]).is_none());
    let mut further = Batch::new(1);
    further.add_domain(model::Domain::default());
    assert!(parted(&further, &[&call]).is_none());
}

#[test]
fn calls_are_alike_when_they_ask_the_same_of_the_same() {
    let plain = call(&[1.0]);
    let named = |name: &str| {
        let mut batch = Batch::new(1);
        batch.push(name, Column::Fixed(Fixed::from_vec(DType::F64, vec![1.0f64])));
        Call::new(batch)
    };
    let mut ints = Batch::new(1);
    ints.push("x", Column::Fixed(Fixed::from_vec(DType::I64, vec![1i64])));
    let others = [
        Call { signature: Some("s".into()), ..plain.clone() },
        Call { outputs: Some(Arc::from(["y".into()])), ..plain.clone() },
        Call { on_fault: OnFault::MarkRow, ..plain.clone() },
        Call { seed: 1, ..plain.clone() },
        Call::new(ints),
        named("y"),
    ];
    for other in others {
        assert!(!alike(&plain, &other) && likeness(&plain) != likeness(&other), "{other:?}");
    }
    let same = Call { deadline: Some(Instant::now()), ..call(&[2.0, 3.0]) };
    assert!(alike(&plain, &same) && likeness(&plain) == likeness(&same));
}

#[test]
fn the_joined_call_waits_as_long_as_anyone() {
    let now = Instant::now();
    let until = |s: u64| Call { deadline: Some(now + Duration::from_secs(s)), ..call(&[1.0]) };
    assert_eq!(joined(&[&until(1), &until(3), &until(2)]).deadline, Some(now + Duration::from_secs(3)));
    assert_eq!(joined(&[&until(1), &call(&[1.0])]).deadline, None);
    let gone = Call { cancel: Cancel::new(), ..call(&[1.0]) };
    gone.cancel.cancel();
    assert!(joined(&[&gone]).cancel.is_cancelled() && !joined(&[&gone, &until(1)]).cancel.is_cancelled());
}

#[test]
fn values_of_the_whole_call_are_no_part() {
    let mut whole = call(&[1.0]);
    assert!(is_part(&whole) && !is_part(&call(&[])) && !is_part(&Call::new(Batch::new(1))));
    whole.batch.push_whole("t", model::Whole::Tensor(model::Tensor::scalar(1.0f64)));
    assert!(!is_part(&whole));
}
