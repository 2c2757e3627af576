//! What labels do to the life of versions.

use std::sync::Arc;

use model::{Name, Version};

use super::fake::{World, said};
use crate::{Catalogue, LabelError, MemoryStore, Which};

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn two() -> (World, Catalogue) {
    let mut world = World::new(2);
    world.put("a", 1, Some("one"));
    world.put("a", 2, Some("two"));
    world.go();
    let catalogue = Catalogue::open(world.registry.clone(), Arc::new(MemoryStore::default())).unwrap();
    (world, catalogue)
}

fn labelled(world: &World, label: &str) -> String {
    match world.registry.get("a", Which::Label(label)) {
        Ok(handle) => format!("{}@{}", said(&*handle), handle.version()),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_label_moves_among_versions_that_answer() {
    let (world, catalogue) = two();
    assert_eq!(catalogue.set_label(&name("a"), &name("stable"), Version(1)).unwrap(), None);
    assert_eq!((labelled(&world, "stable"), world.ask("a", None)), ("one@1".into(), "two@2".into()));
    assert_eq!(catalogue.set_label(&name("a"), &name("stable"), Version(2)).unwrap(), Some(Version(1)));
    assert_eq!(labelled(&world, "stable"), "two@2");
    let error = catalogue.set_label(&name("a"), &name("stable"), Version(7)).unwrap_err();
    assert!(matches!(error, LabelError::NoVersion { .. }), "{error}");
    // One that is there is told from one that is not.
    for (number, latest) in [(2, "latest = 2"), (1, "latest = 3")] {
        let mut world = World::new(1);
        [1, 2, 3].iter().for_each(|&number| world.put("a", number, Some("one")));
        world.go();
        let catalogue = Catalogue::open(world.registry.clone(), Arc::new(MemoryStore::default())).unwrap();
        let error = catalogue.set_label(&name("a"), &name("stable"), Version(number)).unwrap_err();
        assert!(error.to_string().contains(latest), "{error}");
    }
    assert!(matches!(catalogue.set_label(&name("b"), &name("x"), Version(1)), Err(LabelError::NoModel { .. })));
    assert!(matches!(catalogue.set_label(&name("a"), &name("12"), Version(1)), Err(LabelError::Number { .. })));
    assert_eq!(labelled(&world, "nope"), "label `nope` of model `a` (it has stable) not found");
    assert_eq!(catalogue.remove_label(&name("a"), &name("stable")).unwrap(), Version(2));
    assert!(matches!(catalogue.remove_label(&name("a"), &name("stable")), Err(LabelError::NoLabel { .. })));
    assert_eq!(world.registry.status("a").unwrap().labels.len(), 0);
}

#[test]
fn a_label_does_not_move_to_what_failed() {
    let mut world = World::new(2);
    world.put("a", 1, Some("one"));
    world.put("a", 2, Some("bad"));
    world.go();
    let catalogue = Catalogue::open(world.registry.clone(), Arc::new(MemoryStore::default())).unwrap();
    let error = catalogue.set_label(&name("a"), &name("canary"), Version(2)).unwrap_err().to_string();
    assert!(error.contains("not currently available") && error.contains("bad is no model"), "{error}");
}

#[test]
fn a_version_is_up_while_its_label_stands() {
    let (mut world, catalogue) = two();
    catalogue.set_label(&name("a"), &name("stable"), Version(1)).unwrap();
    for number in 3..6 {
        world.put("a", number, Some("next"));
        world.go();
    }
    assert_eq!(world.states("a"), ["1 available", "4 available", "5 available"]);
    assert_eq!(labelled(&world, "stable"), "one@1");
    catalogue.remove_label(&name("a"), &name("stable")).unwrap();
    while world.manager.step(&world.source) {}
    assert_eq!(world.states("a"), ["4 available", "5 available"]);
}

#[test]
fn a_counted_version_stays_though_its_artifact_is_replaced() {
    let mut world = World::new(1);
    world.put("a", 0, Some("one"));
    world.go();
    let catalogue = Catalogue::open(world.registry.clone(), Arc::new(MemoryStore::default())).unwrap();
    catalogue.set_label(&name("a"), &name("stable"), Version(1)).unwrap();
    for text in ["two", "three"] {
        world.put("a", 0, Some(text));
        world.go();
    }
    assert_eq!((labelled(&world, "stable"), world.ask("a", None)), ("one@1".into(), "three@3".into()));
    assert_eq!(world.states("a"), ["1 available", "3 available"]);
    world.put("a", 0, None);
    world.go();
    assert_eq!((world.states("a").len(), world.alive()), (0, 0), "a model that is gone is gone with its labels");
}

#[test]
fn labels_are_there_again_with_the_store() {
    let (world, _) = two();
    let store = Arc::new(MemoryStore::default());
    Catalogue::open(world.registry.clone(), store.clone())
        .unwrap()
        .set_label(&name("a"), &name("stable"), Version(1))
        .unwrap();
    let mut world = World::new(1);
    Catalogue::open(world.registry.clone(), store).unwrap();
    world.put("a", 1, Some("one"));
    world.put("a", 2, Some("two"));
    world.go();
    assert_eq!((labelled(&world, "stable"), world.ask("a", None)), ("one@1".into(), "two@2".into()));
    world.put("a", 1, None);
    world.go();
    assert_eq!(labelled(&world, "stable"), "version 1 of model `a` not found", "taken out by hand");
}

#[test]
fn the_file_says_labels_and_they_move_once_their_version_answers() {
    let mut world = World::new(1);
    world.source.labels.borrow_mut().insert("stable".into(), Version(1));
    world.put("a", 1, Some("one"));
    world.put("a", 2, Some("two"));
    world.go();
    assert_eq!((labelled(&world, "stable"), world.states("a").len()), ("one@1".into(), 2));
    let catalogue = Catalogue::open(world.registry.clone(), Arc::new(MemoryStore::default())).unwrap();
    assert!(matches!(catalogue.set_label(&name("a"), &name("stable"), Version(2)), Err(LabelError::OfFile { .. })));
    world.source.labels.borrow_mut().insert("stable".into(), Version(3));
    world.put("a", 3, Some("bad"));
    world.go();
    assert_eq!(labelled(&world, "stable"), "one@1", "it stays where it is until the version answers");
    world.put("a", 3, Some("three"));
    world.go();
    assert_eq!((labelled(&world, "stable"), world.states("a")), ("three@3".into(), vec!["3 available".to_owned()]));
    world.source.labels.borrow_mut().clear();
    world.go();
    assert!(labelled(&world, "stable").contains("it has none"));
}
