use std::num::NonZeroUsize;

use model::Buffer;
use registry::{Artifact, Content, Found, Manager, MemoryStore, Scan, Source, SourceError, Upkeep};

use super::*;
use crate::policy::mock::{FakeTimer, Mock, later, now, poll, told};

/// Loads the mock that it holds.
struct Mocks(Arc<Mock>);

impl Loader for Mocks {
    fn load(&self, _: &Name, _: Version, _: &ModelFiles, _: &ModelConfig) -> Result<Loaded, LoadError> {
        Ok(Loaded { predictor: self.0.clone(), about: registry::About::default() })
    }
}

/// Has one file, its fingerprint in it.
struct Files;

impl Source for Files {
    fn read(&self, artifact: &Artifact) -> Result<Content, SourceError> {
        let bytes = Buffer::from_vec(artifact.fingerprint.to_le_bytes().to_vec());
        Ok(Content::new(ModelFiles::new([("m".to_owned(), bytes)]), ModelConfig::default()))
    }
}

struct World {
    mock: Arc<Mock>,
    manager: Manager,
    gateway: Gateway,
    metrics: Arc<Metrics>,
    timer: Arc<FakeTimer>,
}

impl World {
    fn new(mock: Arc<Mock>) -> World {
        let registry = Arc::<Registry>::default();
        let timer = Arc::<FakeTimer>::default();
        let config = Config { concurrency_max: NonZeroUsize::new(1).unwrap(), ..Config::default() };
        let policies = Policies::new(config, timer.clone());
        let metrics = policies.metrics();
        let loader = Guarded::new(Arc::new(Mocks(mock.clone())), policies);
        let manager = Manager::new(registry.clone(), Arc::new(loader), Arc::<MemoryStore>::default());
        let mut world = World { mock, manager, gateway: Gateway::new(registry), metrics, timer };
        world.replace(1);
        world
    }

    fn replace(&mut self, fingerprint: u64) {
        let artifacts = vec![Artifact { number: None, path: "m".into(), fingerprint, source: 0 }];
        let found = Found::Artifacts { name: Name::new("m").unwrap(), artifacts, upkeep: Upkeep::default() };
        self.manager.aspire(Scan { models: [("m".to_owned(), found)].into() });
        while self.manager.step(&Files) {}
    }

    fn m(&self) -> Routed {
        self.gateway.predictor("m", None).unwrap()
    }
}

#[test]
fn a_name_finds_its_predictor() {
    let world = World::new(Mock::now());
    assert_eq!(now(world.m().call(Call::default())).map(|b| b.rows()), Ok(7));
    assert_eq!((world.m().version(), world.m().signatures().len()), (Version(1), 1));
    let error = world.gateway.predictor("nobody", None).unwrap_err();
    assert_eq!(error.to_string(), "model `nobody` not found");
}

#[test]
fn the_policies_stand_around_it() {
    let world = World::new(Mock::later());
    let mut first = later(world.m().call(Call::default()));
    assert!(world.mock.deadline(0).is_some());
    assert_eq!(told(std::task::Poll::Ready(now(world.m().call(Call::default())))), "Overloaded");
    assert_eq!(told(poll(&mut first)), "pending");
    world.timer.tick();
    assert_eq!(told(poll(&mut first)), "DeadlineExceeded");
    let second = later(world.m().call(Call::default()));
    assert_eq!(world.mock.calls(), 2, "the call that ran out of time gave its permit back");
    drop(second);
    let counts = world.metrics.counts();
    assert_eq!((counts.overloaded, counts.deadline_exceeded), (1, 1));
}

#[test]
fn a_call_that_is_too_late_takes_no_permit() {
    let world = World::new(Mock::later());
    let late = Call { deadline: Some(std::time::Instant::now()), ..Call::default() };
    assert_eq!(told(std::task::Poll::Ready(now(world.m().call(late)))), "DeadlineExceeded");
    assert_eq!((world.mock.calls(), world.metrics.counts().overloaded), (0, 0));
}

#[test]
fn versions_share_the_permits_of_their_model() {
    let mut world = World::new(Mock::later());
    let held = later(world.m().call(Call::default()));
    world.replace(2);
    assert_eq!(world.m().version(), Version(2));
    assert_eq!(told(std::task::Poll::Ready(now(world.m().call(Call::default())))), "Overloaded");
    drop(held);
    drop(later(world.m().call(Call::default())));
}

#[test]
fn an_answer_to_come_keeps_its_version_alive() {
    let mut world = World::new(Mock::later());
    let mut held = later(world.m().call(Call::default()));
    world.replace(2);
    let states = |world: &World| -> Vec<String> {
        let status = world.gateway.registry().status("m").unwrap();
        status.versions.iter().map(|v| format!("{} {}", v.version, v.state)).collect()
    };
    assert_eq!(states(&world), ["1 unloading", "2 available"]);
    world.mock.answer(0, Ok(model::Batch::new(3)));
    assert_eq!(told(poll(&mut held)), "3");
    while world.manager.step(&Files) {}
    assert_eq!(states(&world), ["2 available"]);
}
