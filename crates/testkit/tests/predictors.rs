//! Four that answer: a compiled plan, a fake that answers later, a deadline and a concurrency limit around either. All keep
//! the rules of `Predictor`.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use engine::Servable;
use gateway::{
    Metrics,
    policy::{
        concurrency::{Concurrency, Permits},
        deadline::{Deadline, Timer},
    },
};
use model::{Batch, Call, Column, DType, Field, Fixed, Kind, PredictError, Predictor, Reply, Signature, Takes, Type};
use plan::{Expr, Func, Model, PlanBuilder, Provenance};
use testkit::predictor::{answer, check_predictor};

/// Doubles `x`, on the next time it is asked.
struct Fake(Vec<Signature>);

/// Ready at its time; asks to be asked again until then.
struct At(Instant);

impl Future for At {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        context.waker().wake_by_ref();
        if Instant::now() >= self.0 { Poll::Ready(()) } else { Poll::Pending }
    }
}

struct Clock;

impl Timer for Clock {
    fn sleep_until(&self, at: Instant) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(At(at))
    }
}

fn doubled(call: &Call) -> Result<Batch, PredictError> {
    if call.signature.as_deref().is_some_and(|s| s != "default") {
        return Err(PredictError::invalid(None, "the signature default", "another"));
    }
    if call.outputs.iter().flat_map(|names| names.iter()).any(|name| &**name != "y") {
        return Err(PredictError::invalid(None, "the output y", "another"));
    }
    let Some(Column::Fixed(x)) = call.batch.column("x") else {
        return Err(PredictError::invalid(Some("x"), "float64", "nothing"));
    };
    let y: Vec<f64> = x.values::<f64>().iter().map(|x| x * 2.0).collect();
    let mut batch = Batch::new(call.batch.rows());
    batch.push("y", Column::Fixed(Fixed::from_vec(DType::F64, y)));
    Ok(batch)
}

impl Predictor for Fake {
    fn signatures(&self) -> &[Signature] {
        &self.0
    }

    fn call(&self, call: Call) -> Reply {
        Reply::Later(Box::pin(async move {
            At(Instant::now() + Duration::from_millis(3)).await;
            call.check()?;
            doubled(&call)
        }))
    }
}

fn signature() -> Signature {
    let field = |name: &str, needs| Field {
        name: name.into(),
        takes: Takes::One(Type::F64),
        nullable: false,
        whole: false,
        default: true,
        optional: false,
        gates: false,
        reading: model::Reading::Strict,
        needs,
        has_default: false,
        declared: None,
    };
    Signature {
        name: "default".into(),
        inputs: vec![field("x", vec![])],
        outputs: vec![field("y", vec![0])],
        grouped: false,
        method: None,
    }
}

fn fake() -> Arc<dyn Predictor> {
    Arc::new(Fake(vec![signature()]))
}

fn compiled() -> Arc<dyn Predictor> {
    let mut b = PlanBuilder::new();
    let x = b.input("x", Takes::One(Type::F64));
    let y = b.node("double", Expr::call(Func::Add, [Expr::Input(0), Expr::Input(0)]), &[x], "y");
    b.output("y", y);
    let model = Model::single(b.finish().expect("a plan"), Provenance::default());
    Arc::new(Servable::new(&model).expect("the plan runs"))
}

fn deadline(inner: Arc<dyn Predictor>, longest: Duration) -> Arc<dyn Predictor> {
    Arc::new(Deadline::new(inner, longest, Arc::new(Clock), Arc::new(Metrics::default())))
}

fn limited(inner: Arc<dyn Predictor>, limit: usize) -> Arc<dyn Predictor> {
    Arc::new(Concurrency::new(inner, Arc::new(Permits::new(limit)), Arc::new(Metrics::default())))
}

fn batch(rows: usize) -> Batch {
    let mut batch = Batch::new(rows);
    let x = (0..rows).map(|i| i as f64).collect::<Vec<_>>();
    batch.push("x", Column::Fixed(Fixed::from_vec(DType::F64, x)));
    batch
}

#[test]
fn all_keep_the_rules() {
    const LONG: Duration = Duration::from_secs(5);
    let all = [
        compiled(),
        fake(),
        deadline(compiled(), LONG),
        deadline(fake(), LONG),
        limited(compiled(), 1),
        limited(fake(), 1),
        limited(deadline(fake(), LONG), 2),
    ];
    for predictor in all {
        check_predictor(&*predictor, &batch(3));
        let answered = answer(predictor.call(Call::new(batch(3)))).expect("an answer");
        assert_eq!(answered.column("y"), Some(&Column::Fixed(Fixed::from_vec(DType::F64, vec![0.0, 2.0, 4.0]))));
    }
}

#[test]
fn a_policy_passes_an_answer_that_is_there_through() {
    for predictor in [deadline(compiled(), Duration::from_secs(5)), limited(compiled(), 1)] {
        assert!(matches!(predictor.call(Call::new(batch(1))), Reply::Now(Ok(_))));
    }
}

#[test]
fn a_deadline_ends_what_takes_longer() {
    let slow = deadline(fake(), Duration::from_millis(1));
    assert_eq!(answer(slow.call(Call::new(batch(1)))).map(|_| ()).map_err(|e| e.kind()), Err(Kind::DeadlineExceeded));
}

#[test]
fn a_limit_refuses_at_once_and_lets_in_again() {
    let one = limited(fake(), 1);
    let first = one.call(Call::new(batch(1)));
    let refused = answer(one.call(Call::new(batch(1)))).expect_err("the only place is taken");
    assert_eq!(refused.kind(), Kind::Overloaded);
    assert!(answer(first).is_ok());
    let dropped = one.call(Call::new(batch(1)));
    drop(dropped);
    assert!(answer(one.call(Call::new(batch(1)))).is_ok(), "a dropped answer gives its place back");
}
