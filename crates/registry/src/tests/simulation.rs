//! Random lives of a models directory, seeded: what must hold after every single action.

use std::collections::{BTreeMap, BTreeSet};

use super::fake::{World, said};
use crate::{Handle, State};

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
    let now: BTreeSet<&'static str> = NAMES.into_iter().filter(|name| world.registry.get(name, None).is_ok()).collect();
    for name in before.difference(&now) {
        assert!(!aspired.contains(*name), "`{name}` is aspired and was available, seed {seed}");
    }
    now
}

fn simulate(seed: u64) {
    let mut world = World::new(1 + (seed % 2) as usize);
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut held: Vec<(Handle, String)> = Vec::new();
    let mut published: BTreeMap<(String, u64, String), String> = BTreeMap::new();
    let (mut aspired, mut available) = (BTreeSet::new(), BTreeSet::new());
    for serial in 0..200 {
        change(&world, &mut random, serial);
        if random.below(3) > 0 {
            let scan = world.source.scan();
            aspired = scan.models.keys().cloned().collect();
            world.manager.aspire(scan);
        }
        // A source may speak again before all is done.
        let mut steps = random.below(6);
        while steps > 0 && world.manager.step(&world.source) {
            steps -= 1;
            available = check(&world, &aspired, &available, seed);
        }
        available = check(&world, &aspired, &available, seed);
        if let Ok(handle) = world.registry.get(NAMES[random.below(3) as usize], None) {
            let text = said(&*handle);
            held.push((handle, text));
        }
        if held.len() > 5 {
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
    }
    held.clear();
    world.source.disk.borrow_mut().clear();
    world.go();
    while world.manager.step(&world.source) {}
    assert_eq!((world.alive(), world.registry.list().len()), (0, 0), "all is given back, seed {seed}");
}

/// States move forward only: `Slot::enter` asserts it, and every seed goes through it some hundred times.
#[test]
fn a_serving_model_survives_whatever_comes() {
    (1..=60).for_each(simulate);
}
