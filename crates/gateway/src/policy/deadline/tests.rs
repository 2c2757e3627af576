use super::*;
use crate::policy::mock::{FakeTimer, Mock, later, now, poll, told};

struct World {
    mock: Arc<Mock>,
    timer: Arc<FakeTimer>,
    metrics: Arc<Metrics>,
    policy: Deadline,
}

fn world(mock: Arc<Mock>) -> World {
    let (timer, metrics) = (Arc::<FakeTimer>::default(), Arc::<Metrics>::default());
    let policy = Deadline::new(mock.clone(), Duration::from_secs(60), timer.clone(), metrics.clone());
    World { mock, timer, metrics, policy }
}

fn at(deadline: Instant) -> Call {
    Call { deadline: Some(deadline), ..Call::default() }
}

#[test]
fn an_answer_at_once_is_passed_through() {
    let World { mock, timer, policy, .. } = world(Mock::now());
    assert_eq!(now(policy.call(Call::default())).map(|b| b.rows()), Ok(7));
    assert_eq!((mock.calls(), timer.asked().len()), (1, 0));
}

#[test]
fn a_call_gets_the_earlier_deadline() {
    let World { mock, policy, .. } = world(Mock::now());
    let before = Instant::now();
    let _ = policy.call(Call::default());
    let own = mock.deadline(0).unwrap();
    assert!(before + Duration::from_secs(60) <= own && own <= Instant::now() + Duration::from_secs(60));
    let sooner = Instant::now() + Duration::from_secs(30);
    let _ = policy.call(at(sooner));
    assert_eq!(mock.deadline(1), Some(sooner));
    let _ = policy.call(at(Instant::now() + Duration::from_secs(3600)));
    assert!(mock.deadline(2).unwrap() <= Instant::now() + Duration::from_secs(60));
}

#[test]
fn a_call_that_is_too_late_is_not_made() {
    let World { mock, metrics, policy, .. } = world(Mock::now());
    assert_eq!(now(policy.call(at(Instant::now()))).err(), Some(PredictError::DeadlineExceeded));
    assert_eq!((mock.calls(), metrics.counts().deadline_exceeded), (0, 1));
}

#[test]
fn an_answer_in_time_is_given() {
    let World { mock, timer, metrics, policy } = world(Mock::later());
    let mut later = later(policy.call(Call::default()));
    assert_eq!(told(poll(&mut later)), "pending");
    assert_eq!(timer.asked(), [mock.deadline(0).unwrap()]);
    mock.answer(0, Ok(Batch::new(5)));
    timer.tick();
    assert_eq!(told(poll(&mut later)), "5", "an answer that is there counts, even at the last moment");
    assert_eq!(metrics.counts().deadline_exceeded, 0);
}

#[test]
fn when_the_time_is_over_the_call_ends_and_is_dropped() {
    let World { mock, timer, metrics, policy } = world(Mock::later());
    let mut later = later(policy.call(Call::default()));
    assert_eq!(told(poll(&mut later)), "pending");
    timer.tick();
    assert_eq!(told(poll(&mut later)), "DeadlineExceeded");
    assert!(mock.is_dropped(0), "the inside learns that nobody waits");
    assert_eq!(metrics.counts().deadline_exceeded, 1);
}

#[test]
fn dropping_the_answer_drops_the_one_inside() {
    let World { mock, policy, .. } = world(Mock::later());
    let later = later(policy.call(Call::default()));
    assert!(!mock.is_dropped(0));
    drop(later);
    assert!(mock.is_dropped(0));
}

#[test]
fn signatures_and_cost_are_those_inside() {
    let World { mock, policy, .. } = world(Mock::now());
    assert_eq!((policy.signatures(), policy.cost()), (mock.signatures(), mock.cost()));
}
