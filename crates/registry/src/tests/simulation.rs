//! Random lives of a models directory, seeded: what must hold after every single action.

use std::collections::{BTreeMap, BTreeSet};

use super::fake::{World, ended, said};
use crate::{Activation, Handle, Loading, Looked, State};

const NAMES: [&str; 3] = ["a", "b", "c"];

/// The generator of Marsaglia, "Xorshift RNGs": small, and the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

/// Changes something on the disk: a new artifact, other bytes, a broken one, one gone.
fn change(world: &World, random: &mut Random, serial: u64) {
    let name = NAMES[random.below(3) as usize];
    // `a` is unnumbered, the others have numbers.
    let number = if name == "a" { 0 } else { 1 + random.below(4) };
    let text = match random.below(8) {
        0 => None,
        1 => Some(format!("bad{serial}")),
        2 => Some(format!("panic{serial}")),
        3 => Some("same".to_owned()),
        _ => Some(format!("m{serial}|{}", ["", "x"][random.below(2) as usize])),
    };
    world.put(name, number, text.as_deref());
    world.source.changing.borrow_mut().clear();
    if random.below(6) == 0 {
        world.source.changing.borrow_mut().push(format!("{name}/{number}"));
    }
}

/// What holds at every moment; `aspired` is what the source said last, `before` what was available a moment ago.
fn check(
    world: &World,
    aspired: &BTreeSet<String>,
    before: &BTreeSet<&'static str>,
    seed: u64,
) -> BTreeSet<&'static str> {
    let versions = world.registry.list().into_iter().flat_map(|model| model.versions);
    let loading = versions.filter(|version| version.state == State::Loading).count();
    assert_eq!(loading, 0, "a step ends with its load, seed {seed}");
    // A lazy version whose last load failed is available too: the next one may succeed.
    let is_up = |name: &&str| world.registry.status(name).is_ok_and(|status| status.default_version().is_some());
    let now: BTreeSet<&'static str> = NAMES.into_iter().filter(is_up).collect();
    for name in before.difference(&now) {
        assert!(!aspired.contains(*name), "`{name}` is aspired and was available, seed {seed}");
    }
    now
}

/// Those who wait for lazy models, and what they were told.
#[derive(Default)]
struct Callers {
    waiting: Vec<(&'static str, Activation)>,
    answered: usize,
    refused: usize,
}

impl Callers {
    /// Asks for a model as a call does; returns the handle where it is there.
    fn ask(&mut self, world: &World, name: &'static str) -> Option<Handle> {
        match world.registry.find(name, None) {
            Ok(Looked::Up(handle)) => Some(handle),
            Ok(Looked::Cold(activation)) => {
                self.waiting.push((name, activation));
                None
            }
            Err(_) => None,
        }
    }

    /// Looks after those who wait; returns the handles that they were given.
    fn look(&mut self, world: &World) -> Vec<Handle> {
        let mut handles = Vec::new();
        for (name, mut activation) in std::mem::take(&mut self.waiting) {
            match ended(&mut activation) {
                None => self.waiting.push((name, activation)),
                Some(Ok(Some(handle))) => {
                    self.answered += 1;
                    handles.push(handle);
                }
                Some(Ok(None)) => handles.extend(self.ask(world, name)),
                Some(Err(_)) => self.refused += 1,
            }
        }
        handles
    }
}

/// The budget of the seeds that have one.
const BYTES_MAX: u64 = 10;

/// Returns a world of the seed: some have lazy models, some of those a budget.
fn world_of(seed: u64) -> World {
    let bytes_max = if seed % 4 < 2 { BYTES_MAX } else { 0 };
    let mut world = World::within(1 + (seed % 2) as usize, bytes_max, Loading::Eager, Default::default());
    if !seed.is_multiple_of(3) {
        world.source.loading = [("a", Loading::Lazy), ("b", Loading::Lazy)].into();
    }
    world
}

fn simulate(seed: u64) -> (usize, usize, u64) {
    let mut world = world_of(seed);
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut held: Vec<(Handle, String)> = Vec::new();
    let mut callers = Callers::default();
    let mut published: BTreeMap<(String, u64, String), String> = BTreeMap::new();
    let (mut aspired, mut available) = (BTreeSet::new(), BTreeSet::new());
    for serial in 0..200 {
        change(&world, &mut random, serial);
        if random.below(3) > 0 {
            let scan = world.source.scan();
            aspired = scan.models.keys().cloned().collect();
            world.manager.aspire(scan);
        }
        // What loaded once may fail to load again.
        world.set_flaky(if random.below(4) == 0 { &["same"] } else { &[] });
        // A source may speak again before all is done.
        let mut steps = random.below(6);
        while steps > 0 && world.manager.step(&world.source) {
            steps -= 1;
            available = check(&world, &aspired, &available, seed);
        }
        available = check(&world, &aspired, &available, seed);
        for _ in 0..random.below(3) {
            world.load_one();
        }
        let mut handles = callers.look(&world);
        handles.extend(callers.ask(&world, NAMES[random.below(3) as usize]));
        for handle in handles {
            let text = said(&*handle);
            held.push((handle, text));
        }
        while held.len() > 5 {
            held.swap_remove(random.below(held.len() as u64) as usize);
        }
        for (handle, text) in &held {
            assert_eq!(said(&**handle), *text, "a handle answers as it did, seed {seed}");
            if handle.name().as_str() == "a" {
                // Of a counted version the digest never changes, whatever comes and goes.
                let key = (handle.name().to_string(), handle.version().0, String::new());
                let digest = handle.digest().to_string();
                assert_eq!(published.entry(key).or_insert(digest.clone()), &digest, "seed {seed}");
            }
        }
        assert_eq!(
            world.registry.metrics().counts().bytes,
            loaded_bytes(&world),
            "what is loaded is counted, seed {seed}"
        );
    }
    held.clear();
    world.source.disk.lock().unwrap().clear();
    world.go();
    while world.load_one() {}
    let handles = callers.look(&world);
    assert!(callers.waiting.is_empty() && handles.is_empty(), "nobody waits for what is gone, seed {seed}");
    while world.manager.step(&world.source) {}
    assert_eq!((world.alive(), world.registry.list().len()), (0, 0), "all is given back, seed {seed}");
    assert_eq!(world.registry.metrics().counts().bytes, 0, "seed {seed}");
    (callers.answered, callers.refused, world.registry.metrics().counts().evictions)
}

/// Returns the bytes of the versions that answer from memory.
fn loaded_bytes(world: &World) -> u64 {
    let versions = world.registry.list().into_iter().flat_map(|model| model.versions);
    let loaded = versions.filter(|version| version.state == State::Available && version.is_loaded);
    loaded.filter_map(|version| version.about).map(|about| about.bytes).sum()
}

/// States move forward only: `Slot::enter` asserts it, and every seed goes through it some hundred times.
#[test]
fn a_serving_model_survives_whatever_comes() {
    let seen: Vec<_> = (1..=60).map(simulate).collect();
    let (answered, refused) = (seen.iter().map(|s| s.0).sum::<usize>(), seen.iter().map(|s| s.1).sum::<usize>());
    let evicted = seen.iter().map(|s| s.2).sum::<u64>();
    assert!(answered > 100 && refused > 10 && evicted > 20, "{answered} {refused} {evicted}: it all happens");
}
