use super::*;
use crate::policy::mock::{Mock, later, now, poll, told};

struct World {
    mock: Arc<Mock>,
    permits: Arc<Permits>,
    metrics: Arc<Metrics>,
    policy: Concurrency,
}

fn world(mock: Arc<Mock>, limit: usize) -> World {
    let (permits, metrics) = (Arc::new(Permits::new(limit)), Arc::<Metrics>::default());
    let policy = Concurrency::new(mock.clone(), permits.clone(), metrics.clone());
    World { mock, permits, metrics, policy }
}

#[test]
fn a_call_that_answers_at_once_gives_its_permit_back() {
    let World { permits, policy, .. } = world(Mock::now(), 1);
    for _ in 0..3 {
        assert_eq!(now(policy.call(Call::default())).map(|b| b.rows()), Ok(7));
    }
    assert_eq!(permits.inside(), 0);
}

#[test]
fn one_more_than_the_limit_is_refused_and_not_made() {
    let World { mock, permits, metrics, policy } = world(Mock::later(), 2);
    let _held = [later(policy.call(Call::default())), later(policy.call(Call::default()))];
    let error = now(policy.call(Call::default())).err().unwrap();
    assert!(matches!(error, PredictError::Overloaded { retry_after: Some(_), .. }), "{error}");
    assert!(error.to_string().contains("2 calls are inside"), "{error}");
    assert_eq!((mock.calls(), permits.inside(), metrics.counts().overloaded), (2, 2, 1));
}

#[test]
fn an_answer_gives_the_permit_back_even_while_its_future_lives() {
    let World { mock, permits, policy, .. } = world(Mock::later(), 1);
    let mut first = later(policy.call(Call::default()));
    assert_eq!((told(poll(&mut first)), permits.inside()), ("pending".into(), 1));
    mock.answer(0, Ok(Batch::new(4)));
    assert_eq!((told(poll(&mut first)), permits.inside()), ("4".into(), 0));
    drop(later(policy.call(Call::default())));
}

#[test]
fn dropping_the_answer_gives_the_permit_back_and_drops_the_one_inside() {
    let World { mock, permits, policy, .. } = world(Mock::later(), 1);
    drop(later(policy.call(Call::default())));
    assert!(mock.is_dropped(0));
    assert_eq!(permits.inside(), 0);
}

#[test]
fn a_panic_inside_gives_the_permit_back() {
    struct Panics;
    impl Predictor for Panics {
        fn signatures(&self) -> &[Signature] {
            &[]
        }
        fn call(&self, _: Call) -> Reply {
            std::panic::resume_unwind(Box::new("as told"))
        }
    }
    let permits = Arc::new(Permits::new(1));
    let policy = Concurrency::new(Arc::new(Panics), permits.clone(), Arc::default());
    let call = std::panic::AssertUnwindSafe(|| policy.call(Call::default()));
    assert!(std::panic::catch_unwind(call).is_err());
    assert_eq!(permits.inside(), 0);
}

#[test]
fn threads_never_exceed_the_limit() {
    let World { mock, permits, policy, .. } = world(Mock::later(), 3);
    let held: Vec<Later> = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..8).map(|_| scope.spawn(|| policy.call(Call::default()).now().err())).collect();
        calls.into_iter().filter_map(|call| call.join().unwrap()).collect()
    });
    assert_eq!((held.len(), mock.calls(), permits.inside()), (3, 3, 3));
}

#[test]
fn signatures_and_cost_are_those_inside() {
    let World { mock, policy, .. } = world(Mock::now(), 1);
    assert_eq!((policy.signatures(), policy.cost()), (mock.signatures(), mock.cost()));
}
