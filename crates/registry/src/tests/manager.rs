//! The manager's rules, one by one.

use std::sync::atomic::{AtomicBool, Ordering};

use super::fake::{World, said};
use model::Version;

use crate::{Counts, Found, Scan, SourceError, Versions};

#[test]
fn a_model_comes_changes_and_goes() {
    let mut world = World::new(1);
    assert!(!world.registry.is_ready());
    assert_eq!(world.ask("a", None), "NotFound");
    world.put("a", 0, Some("one"));
    world.go();
    assert!(world.registry.is_ready());
    assert_eq!(world.ask("a", None), "one@1");
    world.put("a", 0, Some("two"));
    world.go();
    assert_eq!((world.ask("a", None), world.ask("a", Some(1))), ("two@2".into(), "NotFound".into()));
    world.put("a", 0, None);
    world.go();
    assert_eq!((world.ask("a", None), world.alive()), ("NotFound".into(), 0));
    let Counts { loads, failures, unloads, .. } = world.registry.metrics().counts();
    assert_eq!((loads, failures, unloads), (2, 0, 2));
}

#[test]
fn an_empty_directory_is_ready() {
    let mut world = World::new(1);
    while world.manager.step(&world.source) {}
    assert!(!world.registry.is_ready(), "no source spoke yet");
    world.go();
    assert!(world.registry.is_ready());
}

#[test]
fn nothing_is_ready_before_its_source_has_started() {
    let mut world = World::new(1);
    world.source.starting = true;
    world.go();
    assert!(!world.registry.is_ready());
    world.source.starting = false;
    world.go();
    assert!(world.registry.is_ready());
    world.source.starting = true;
    world.go();
    assert!(world.registry.is_ready(), "it stays so");
}

#[test]
fn a_handle_keeps_its_version_until_it_is_dropped() {
    let mut world = World::new(1);
    world.put("a", 0, Some("one"));
    world.go();
    let handle = world.registry.get("a", None).unwrap();
    world.put("a", 0, Some("two"));
    world.go();
    assert_eq!((said(&*handle), world.ask("a", None)), ("one".into(), "two@2".into()));
    assert_eq!(world.states("a"), ["1 unloading", "2 available"]);
    assert_eq!(world.alive(), 2);
    drop(handle);
    world.go();
    while world.manager.step(&world.source) {}
    assert_eq!((world.states("a"), world.alive()), (vec!["2 available".to_owned()], 1));
}

#[test]
fn the_old_version_goes_on_when_the_new_one_does_not_load() {
    for bad in ["bad", "panic"] {
        let mut world = World::new(1);
        world.put("a", 0, Some("one"));
        world.go();
        world.put("a", 0, Some(bad));
        world.go();
        assert_eq!(world.ask("a", None), "one@1");
        assert_eq!(world.states("a"), ["1 available", "2 end!"]);
        world.put("a", 0, Some("three"));
        world.go();
        assert_eq!(world.ask("a", None), "three@2", "a version that never was does not take a number");
        assert_eq!(world.states("a"), ["2 available"]);
        assert_eq!(world.registry.metrics().counts().failures, 1);
    }
}

#[test]
fn a_model_that_never_loaded_says_why() {
    let mut world = World::new(1);
    world.put("a", 0, Some("bad"));
    world.put("b", 0, Some("panic"));
    world.go();
    let error = world.registry.get("a", None).unwrap_err();
    assert_eq!(error.to_string(), "model `a` failed to load: bad is no model");
    assert_eq!(world.ask("a", None), "FailedPrecondition");
    let error = world.registry.get("b", None).unwrap_err().to_string();
    assert!(error.contains("this is a bug") && error.contains("as told: panic"), "{error}");
}

#[test]
fn a_failed_load_is_not_repeated_until_the_artifact_changes() {
    let mut world = World::new(1);
    world.put("a", 0, Some("bad"));
    (0..3).for_each(|_| world.go());
    assert_eq!(world.registry.metrics().counts().failures, 1);
    world.put("a", 0, Some("bad again"));
    world.go();
    assert_eq!(world.registry.metrics().counts().failures, 2);
}

#[test]
fn the_newest_numbered_version_is_up() {
    let mut world = World::new(1);
    world.put("a", 3, Some("three"));
    world.put("a", 7, Some("seven"));
    world.go();
    assert_eq!((world.ask("a", None), world.ask("a", Some(3))), ("seven@7".into(), "NotFound".into()));
    world.put("a", 7, None);
    world.go();
    assert_eq!(world.ask("a", None), "three@3");
}

#[test]
fn several_versions_are_kept_where_it_is_asked() {
    let mut world = World::new(2);
    (1..=3).for_each(|version| world.put("a", version, Some(&format!("m{version}"))));
    world.go();
    assert_eq!(world.states("a"), ["2 available", "3 available"]);
    assert_eq!((world.ask("a", Some(2)), world.ask("a", None)), ("m2@2".into(), "m3@3".into()));
    assert_eq!(world.registry.status("a").unwrap().default_version(), Some(model::Version(3)));
}

#[test]
fn all_versions_or_certain_ones_are_up_where_it_is_asked() {
    let mut world = World::new(1);
    (1..=4).for_each(|version| world.put("a", version, Some(&format!("m{version}"))));
    world.source.versions = Versions::All;
    world.go();
    assert_eq!(world.states("a"), ["1 available", "2 available", "3 available", "4 available"]);
    world.source.versions = Versions::These([Version(1), Version(3)].into());
    world.go();
    assert_eq!((world.states("a"), world.alive()), (vec!["1 available".to_owned(), "3 available".to_owned()], 2));
    assert_eq!((world.ask("a", None), world.ask("a", Some(4))), ("m3@3".into(), "NotFound".into()));
}

#[test]
fn what_serves_goes_on_until_a_version_that_was_asked_for_is_there() {
    let mut world = World::new(1);
    world.put("a", 1, Some("one"));
    world.go();
    world.source.versions = Versions::These([Version(5)].into());
    world.go();
    assert_eq!((world.ask("a", None), world.states("a")), ("one@1".into(), vec!["1 available".to_owned()]));
    let problem = world.registry.status("a").unwrap().problem.unwrap();
    assert!(problem.contains("versions that are not there: 5"), "{problem}");
    world.put("a", 5, Some("bad"));
    world.go();
    assert_eq!(world.ask("a", None), "one@1", "one that does not load replaces nothing");
    world.put("a", 5, Some("five"));
    world.go();
    assert_eq!((world.ask("a", None), world.states("a")), ("five@5".into(), vec!["5 available".to_owned()]));
    assert_eq!(world.registry.status("a").unwrap().problem, None);
}

#[test]
fn where_the_newest_is_broken_the_one_before_serves() {
    let mut world = World::new(1);
    world.put("a", 1, Some("one"));
    world.put("a", 2, Some("bad"));
    world.go();
    assert_eq!((world.ask("a", None), world.ask("a", Some(2))), ("one@1".into(), "FailedPrecondition".into()));
    world.put("a", 3, Some("three"));
    world.go();
    assert_eq!(world.states("a"), ["3 available"]);
}

#[test]
fn other_bytes_under_a_published_number_are_refused() {
    let mut world = World::new(1);
    world.put("a", 3, Some("old"));
    world.go();
    world.put("a", 3, Some("new"));
    world.go();
    assert_eq!(world.ask("a", None), "old@3");
    assert_eq!(world.states("a"), ["3 available!"]);
    let health = world.registry.status("a").unwrap().versions[0].health.clone().unwrap();
    assert!(health.contains("version 3 changed on disk; versions are immutable: add a new one"), "{health}");
    world.put("a", 3, Some("old"));
    world.go();
    assert_eq!(world.states("a"), ["3 available"], "the published bytes are back");
}

#[test]
fn a_number_that_was_removed_may_come_with_other_bytes() {
    let mut world = World::new(1);
    world.put("a", 3, Some("old"));
    world.go();
    world.put("a", 3, None);
    world.go();
    world.put("a", 3, Some("new"));
    world.go();
    assert_eq!(world.ask("a", None), "new@3");
}

#[test]
fn a_broken_numbered_version_may_be_mended_in_its_place() {
    let mut world = World::new(1);
    world.put("a", 3, Some("bad"));
    world.go();
    world.put("a", 3, Some("good"));
    world.go();
    assert_eq!((world.ask("a", None), world.states("a")), ("good@3".into(), vec!["3 available".to_owned()]));
}

#[test]
fn a_changed_configuration_is_the_same_version_loaded_anew() {
    for number in [0, 1] {
        let mut world = World::new(1);
        world.put("a", number, Some("m|x"));
        world.go();
        assert_eq!(world.ask("a", None), "m x@1");
        world.put("a", number, Some("m|y"));
        world.go();
        assert_eq!((world.ask("a", None), world.states("a")), ("m y@1".into(), vec!["1 available".to_owned()]));
        assert_eq!(world.alive(), 1);
    }
}

#[test]
fn touched_but_equal_bytes_load_nothing() {
    let mut world = World::new(1);
    world.put("a", 0, Some("m"));
    world.go();
    // Another fingerprint, the same content.
    world.put("a", 0, Some("m|"));
    world.go();
    assert_eq!((world.ask("a", None), world.registry.metrics().counts().loads), ("m@1".into(), 1));
}

#[test]
fn an_artifact_that_changes_while_it_is_read_is_read_at_the_next_look() {
    let mut world = World::new(1);
    world.put("a", 0, Some("m"));
    world.source.changing.borrow_mut().push("a/0".to_owned());
    world.go();
    assert_eq!(world.ask("a", None), "Unavailable");
    world.source.changing.borrow_mut().clear();
    world.go();
    assert_eq!(world.ask("a", None), "m@1");
}

#[test]
fn a_problem_of_the_source_touches_nothing_that_serves() {
    let mut world = World::new(1);
    world.put("a", 0, Some("m"));
    world.go();
    let problem = |name: &str| (name.to_owned(), Found::Problem(SourceError::Empty { path: name.to_owned() }));
    world.manager.aspire(Scan { models: [problem("a"), problem("b c")].into() });
    while world.manager.step(&world.source) {}
    assert_eq!(world.ask("a", None), "m@1");
    assert!(world.registry.status("a").unwrap().problem.unwrap().contains("holds no file"));
    assert_eq!(world.ask("b c", None), "FailedPrecondition");
    world.go();
    assert_eq!((world.ask("b c", None), world.registry.status("a").unwrap().problem), ("NotFound".into(), None));
}

#[test]
fn everything_unloads_when_nothing_is_aspired() {
    let mut world = World::new(1);
    world.put("a", 0, Some("x"));
    world.put("b", 4, Some("y"));
    world.go();
    assert_eq!(world.registry.list().iter().map(|m| m.name.to_string()).collect::<Vec<_>>(), ["a", "b"]);
    world.manager.aspire(Scan::default());
    while world.manager.step(&world.source) {}
    assert_eq!((world.registry.list().len(), world.alive()), (0, 0));
}

#[test]
fn readers_miss_nothing_while_versions_are_replaced() {
    let mut world = World::new(1);
    world.put("a", 0, Some("m0"));
    world.go();
    let (registry, done) = (world.registry.clone(), AtomicBool::new(false));
    let read = || {
        let mut last = 0;
        while !done.load(Ordering::Relaxed) {
            let handle = registry.get("a", None).expect("a version answers at every moment");
            let version = handle.version().0;
            assert_eq!(said(&*handle), format!("m{}", version - 1), "bytes and number belong together");
            assert!(last <= version, "{last} came before {version}");
            last = version;
        }
    };
    std::thread::scope(|scope| {
        (0..2).for_each(|_| drop(scope.spawn(read)));
        for n in 1..=300 {
            world.put("a", 0, Some(&format!("m{n}")));
            world.go();
        }
        done.store(true, Ordering::Relaxed);
    });
    world.go();
    assert_eq!((world.ask("a", None), world.alive()), ("m300@301".into(), 1));
}
