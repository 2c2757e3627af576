//! Versions that are loaded when somebody asks for them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use model::Version;

use super::fake::{World, ended, said, wait};
use crate::{Activation, Handle, Loading, Looked, MemoryStore, Which};

fn cold(world: &World, name: &str) -> Activation {
    match world.registry.find(name, None).unwrap() {
        Looked::Cold(activation) => activation,
        Looked::Up(handle) => panic!("{handle:?} is loaded"),
    }
}

fn up(world: &World, name: &str) -> Handle {
    match world.registry.find(name, None).unwrap() {
        Looked::Up(handle) => handle,
        Looked::Cold(_) => panic!("`{name}` is cold"),
    }
}

#[test]
fn a_lazy_version_is_available_before_it_is_loaded() {
    let mut world = World::lazy(0);
    world.put("a", 0, Some("one"));
    world.go();
    assert!(world.registry.is_ready() && world.registry.check("a", None).is_ok());
    assert_eq!((world.states("a"), world.alive(), world.loads()), (vec!["1 available".to_owned()], 0, 1));
    assert!(!world.is_loaded("a"));
    assert_eq!(world.ask("a", None), "Unavailable", "who does not wait gets none");
    assert_eq!((world.call("a"), world.call("a")), ("one@1".into(), "one@1".into()));
    assert_eq!((world.loads(), world.alive(), world.is_loaded("a")), (2, 1, true));
    assert_eq!(world.ask("a", Some(1)), "one@1");
    let counts = world.registry.metrics().counts();
    assert_eq!((counts.activations, counts.activation_failures, counts.bytes), (1, 0, 3));
}

#[test]
fn what_was_verified_once_is_not_loaded_at_a_start() {
    let store = Arc::<MemoryStore>::default();
    for (start, text) in [(1, "one"), (0, "one"), (1, "one|x"), (1, "two")] {
        let mut world = World::within(1, 0, Loading::Lazy, store.clone());
        world.put("a", 0, Some(text));
        world.go();
        assert_eq!(world.loads(), start, "{text}: other bytes and another configuration are verified anew");
        assert!(world.states("a")[0].ends_with("available"));
    }
}

#[test]
fn there_is_one_load_however_many_wait() {
    let mut world = World::lazy(0);
    world.put("a", 0, Some("one"));
    world.go();
    let waiting: Vec<Activation> = (0..5).map(|_| cold(&world, "a")).collect();
    drop(cold(&world, "a"));
    assert!(world.load_one() && !world.load_one());
    assert_eq!(world.loads(), 2, "one to verify it");
    for mut activation in waiting {
        let handle = ended(&mut activation).unwrap().unwrap().unwrap();
        assert_eq!(said(&*handle), "one");
    }
}

#[test]
fn a_failed_load_says_why_and_is_not_repeated_at_once() {
    let mut world = World::lazy(0);
    world.put("a", 0, Some("one"));
    world.go();
    world.set_flaky(&["one"]);
    let mut now = Instant::now();
    for pause_ms in [1_000, 2_000, 4_000] {
        let mut waits = match world.registry.find_at("a", Which::Newest, || now).unwrap() {
            Looked::Cold(activation) => activation,
            Looked::Up(_) => panic!("it does not load"),
        };
        assert!(world.load_one_at(now));
        let error = ended(&mut waits).unwrap().unwrap_err();
        assert_eq!(error.kind(), model::Kind::FailedPrecondition);
        assert_eq!(error.to_string(), "version 1 of model `a` failed to load: one is no model");
        let soon = now + Duration::from_millis(pause_ms - 1);
        let again = world.registry.find_at("a", Which::Newest, || soon).err().expect("it is not tried again");
        assert_eq!(again.to_string(), error.to_string());
        now += Duration::from_millis(pause_ms) + Duration::from_secs(30);
    }
    assert_eq!(world.registry.metrics().counts().activation_failures, 3);
    assert_eq!(world.states("a"), ["1 available!"]);
    world.set_flaky(&[]);
    assert!(matches!(world.registry.find_at("a", Which::Newest, || now), Ok(Looked::Cold(_))));
    assert!(world.load_one_at(now));
    assert_eq!((world.call("a"), world.states("a")), ("one@1".into(), vec!["1 available".to_owned()]));
}

#[test]
fn those_that_were_not_used_longest_are_given_up() {
    let mut world = World::lazy(9);
    for name in ["a", "b", "c", "d"] {
        world.put(name, 0, Some(&format!("{name}22")));
    }
    world.go();
    let loaded = |world: &World| ["a", "b", "c", "d"].map(|name| world.is_loaded(name));
    ["a", "b", "c", "a"].iter().for_each(|name| drop(world.call(name)));
    assert_eq!((loaded(&world), world.alive()), ([true, true, true, false], 3));
    world.call("d");
    assert_eq!((loaded(&world), world.alive()), ([true, false, true, true], 3));
    // One that is used is not given up, however long ago it was asked for.
    let held = up(&world, "c");
    ["a", "d", "b"].iter().for_each(|name| drop(world.call(name)));
    assert_eq!((loaded(&world), said(&*held)), ([false, true, true, true], "c22".to_owned()));
    let counts = world.registry.metrics().counts();
    assert_eq!((counts.evictions, counts.bytes), (2, 9));
}

#[test]
fn eager_models_are_never_given_up() {
    let mut world = World::lazy(4);
    world.source.loading.insert("p", Loading::Eager);
    for (name, text) in [("p", "pin"), ("a", "aa"), ("b", "bb")] {
        world.put(name, 0, Some(text));
    }
    world.go();
    assert!(world.is_loaded("p"));
    // Any of them is over the budget beside it; each is given up when the next comes.
    assert_eq!((world.call("a"), world.call("b")), ("aa@1".into(), "bb@1".into()));
    assert_eq!(["p", "a", "b"].map(|name| world.is_loaded(name)), [true, false, true]);
    world.put("p", 0, None);
    world.go();
    world.call("a");
    assert_eq!((world.alive(), world.registry.metrics().counts().bytes), (2, 4));
}

#[test]
fn only_eager_models_hold_up_readiness_and_who_asks_is_served_first() {
    let mut world = World::lazy(0);
    world.source.loading.insert("p", Loading::Eager);
    for name in ["a", "b", "p"] {
        world.put(name, 0, Some(name));
    }
    world.manager.aspire(world.source.scan());
    let mut waits = cold(&world, "b");
    assert!(world.manager.step(&world.source));
    assert_eq!(world.states("b"), ["1 available"], "somebody waits for it");
    assert!(!world.registry.is_ready());
    assert!(ended(&mut waits).unwrap().unwrap().is_none(), "to look again");
    assert!(world.manager.step(&world.source) && world.is_loaded("p"));
    assert!(world.manager.step(&world.source) && world.registry.is_ready());
}

#[test]
fn a_new_version_takes_the_place_of_the_old_one_as_warm_as_it_is() {
    for warm in [false, true] {
        let mut world = World::lazy(0);
        world.put("a", 1, Some("one"));
        world.go();
        if warm {
            world.call("a");
        }
        world.put("a", 2, Some("two"));
        world.go();
        assert_eq!((world.is_loaded("a"), world.alive()), (warm, usize::from(warm)));
        assert_eq!((world.call("a"), world.states("a")), ("two@2".into(), vec!["2 available".to_owned()]));
        world.put("a", 3, Some("bad"));
        world.go();
        assert_eq!(world.call("a"), "two@2");
        assert_eq!(world.states("a"), ["2 available", "3 end!"]);
    }
}

#[test]
fn who_waits_for_a_version_that_goes_looks_again() {
    let mut world = World::lazy(0);
    world.put("a", 1, Some("one"));
    world.go();
    let mut old = cold(&world, "a");
    world.put("a", 2, Some("two"));
    world.put("a", 1, None);
    world.go();
    while world.load_one() {}
    assert!(ended(&mut old).unwrap().unwrap().is_none());
    assert_eq!(world.call("a"), "two@2");
    assert_eq!(world.registry.find("a", Some(Version(1))).err().unwrap().kind(), model::Kind::NotFound);
    assert_eq!(world.alive(), 1);
}

#[test]
fn changed_bytes_are_not_loaded_under_an_old_number() {
    let mut world = World::lazy(0);
    world.put("a", 3, Some("old"));
    world.go();
    world.put("a", 3, Some("new"));
    assert_eq!(world.call("a"), "FailedPrecondition");
    world.go();
    assert_eq!(world.states("a"), ["3 available!"]);
    // Restored bytes are loaded at once: there is nothing to wait for.
    world.put("a", 3, Some("old"));
    world.go();
    assert_eq!((world.call("a"), world.states("a")), ("old@3".into(), vec!["3 available".to_owned()]));
}

#[test]
fn what_is_told_of_changed_bytes_is_true_while_they_are_loaded_and_after() {
    let mut world = World::lazy(0);
    world.put("a", 3, Some("old"));
    world.go();
    world.call("a");
    world.put("a", 3, Some("new"));
    world.go();
    let health = |world: &World| world.registry.status("a").unwrap().versions[0].health.clone().unwrap();
    assert!(health(&world).contains("the old bytes answer as long as they are loaded"), "{}", health(&world));
    assert_eq!(world.call("a"), "old@3");
    world.registry.cool("a").unwrap();
    assert_eq!(world.call("a"), "FailedPrecondition");
    assert!(health(&world).contains("restore them, or publish a new version"), "{}", health(&world));
}

#[test]
fn a_loaded_version_is_cold_again_where_it_is_asked() {
    let mut world = World::lazy(0);
    world.source.loading.insert("p", Loading::Eager);
    world.put("a", 0, Some("one"));
    world.put("p", 0, Some("pin"));
    world.go();
    world.call("a");
    let held = up(&world, "a");
    assert_eq!(world.registry.cool("a").unwrap(), Some(1));
    assert_eq!(world.registry.cool("p").unwrap(), None, "an eager one stays");
    assert_eq!((world.is_loaded("a"), world.alive()), (false, 2));
    drop(held);
    world.go();
    assert_eq!((world.alive(), world.call("a")), (1, "one@1".into()));
}

#[test]
fn loader_threads_answer_many_callers_and_end() {
    const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];
    let mut world = World::lazy(8);
    NAMES.iter().for_each(|name| world.put(name, 0, Some(&name.repeat(2))));
    world.go();
    let (registry, loader) = (&*world.registry, &world.loader);
    std::thread::scope(|scope| {
        let loaders: Vec<_> = (0..2).map(|_| scope.spawn(|| registry.load_cold(loader))).collect();
        let call = |caller: usize| {
            for n in 0..200 {
                let name = NAMES[(caller * 7 + n * n) % NAMES.len()];
                assert_eq!(said(&*wait(registry, name)), name.repeat(2));
            }
        };
        let callers: Vec<_> = (0..4).map(|caller| scope.spawn(move || call(caller))).collect();
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        registry.close();
        loaders.into_iter().for_each(|loader| loader.join().unwrap());
    });
    world.go();
    // What came last may have come while the others were in use.
    assert!(world.registry.metrics().counts().evictions > 0);
    assert_eq!(world.registry.metrics().counts().bytes, 2 * world.alive() as u64);
}
