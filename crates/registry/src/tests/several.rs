//! Several sources as one.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use model::{ModelFiles, Name};

use crate::{Artifact, Content, Found, ModelConfig, Scan, Source, SourceError, Sources, Upkeep, Watched};

/// What a fake says at its next look; paths by names.
type Said = Arc<Mutex<Result<BTreeMap<&'static str, &'static str>, SourceError>>>;

struct Fake(&'static str, Said);

impl Source for Fake {
    fn read(&self, artifact: &Artifact) -> Result<Content, SourceError> {
        let text = format!("{} {}", self.0, artifact.path);
        Ok(Content::new(ModelFiles::new([("m".to_owned(), text.into_bytes().into())]), ModelConfig::default()))
    }
}

impl Watched for Fake {
    fn scan(&mut self, _: Instant) -> Result<Scan, SourceError> {
        let said = self.1.lock().unwrap().clone()?;
        let found = |name: &str, path: &str| Found::Artifacts {
            name: Name::new(name).unwrap(),
            artifacts: vec![Artifact { number: None, path: path.into(), fingerprint: 1, source: 0 }],
            upkeep: Upkeep::default(),
        };
        Ok(Scan { models: said.iter().map(|(name, path)| ((*name).to_owned(), found(name, path))).collect() })
    }

    fn pause(&self) -> Duration {
        Duration::from_secs(1)
    }
}

/// Two sources, and the time of the last look.
struct World {
    said: [Said; 2],
    sources: Sources,
    now: Instant,
}

impl World {
    fn new(first: &[(&'static str, &'static str)], second: &[(&'static str, &'static str)]) -> World {
        let said = |pairs: &[_]| Arc::new(Mutex::new(Ok(pairs.iter().copied().collect())));
        let said = [said(first), said(second)];
        let mut sources = Sources::default();
        sources.add("first", "/first/", Box::new(Fake("first", said[0].clone())));
        sources.add("second", "s3://second", Box::new(Fake("second", said[1].clone())));
        World { said, sources, now: Instant::now() }
    }

    /// Looks a second later; shows names with the bytes that are read of them, or the problem.
    fn look(&mut self) -> Vec<String> {
        self.now += Duration::from_secs(1);
        let scan = self.sources.scan(self.now).unwrap();
        let text = |found: &Found| match found {
            Found::Problem(error) => error.to_string(),
            Found::Artifacts { artifacts, .. } => {
                let content = self.sources.read(&artifacts[0]).unwrap();
                let bytes = String::from_utf8(content.files.get("m").unwrap().to_vec()).unwrap();
                format!("{} is {bytes}", artifacts[0].path)
            }
        };
        scan.models.iter().map(|(name, found)| format!("{name}: {}", text(found))).collect()
    }
}

/// `serve models words=models/text`: both have what lies there, under names of their own.
#[test]
fn a_source_may_lie_within_another() {
    let mut sources = Sources::default();
    for (name, root, own) in [("all", "/models", "text"), ("one", "/models/text", "")] {
        let said = BTreeMap::from([(if own.is_empty() { "words" } else { "text" }, own)]);
        sources.add(name, root, Box::new(Fake(name, Arc::new(Mutex::new(Ok(said))))));
    }
    let scan = sources.scan(Instant::now()).unwrap();
    for (name, bytes) in [("text", "all text"), ("words", "one ")] {
        let Found::Artifacts { artifacts, .. } = &scan.models[name] else { panic!("{name} is found") };
        assert_eq!(&*artifacts[0].path, "/models/text");
        let content = sources.read(&artifacts[0]).unwrap();
        assert_eq!(String::from_utf8(content.files.get("m").unwrap().to_vec()).unwrap(), bytes);
    }
}

#[test]
fn what_they_have_is_put_together() {
    let mut world = World::new(&[("a", ""), ("b", "m/b")], &[("c", "m/b")]);
    let expected = ["a: /first is first ", "b: /first/m/b is first m/b", "c: s3://second/m/b is second m/b"];
    assert_eq!(world.look(), expected);
}

#[test]
fn a_name_of_both_is_a_problem_that_names_both() {
    let mut world = World::new(&[("a", "x")], &[("a", "y")]);
    assert_eq!(world.look(), ["a: `/first/x` and `s3://second/y` are both model `a`; remove one of them"]);
}

#[test]
fn one_that_fails_keeps_what_it_said() {
    let mut world = World::new(&[("a", "x")], &[("b", "y")]);
    *world.said[1].lock().unwrap() = Err(SourceError::Remote { reason: "away".to_owned() });
    assert_eq!(world.look(), ["a: /first/x is first x"]);
    assert!(world.sources.is_starting(), "the second has not spoken");
    let told = |world: &World| world.sources.statuses()[1].problem.as_deref().map(str::to_owned);
    assert_eq!(told(&world).as_deref(), Some("away"));
    *world.said[1].lock().unwrap() = Ok(BTreeMap::from([("b", "y")]));
    let both = ["a: /first/x is first x", "b: s3://second/y is second y"];
    assert_eq!(world.look(), both);
    assert!(!world.sources.is_starting() && told(&world).is_none());
    *world.said[1].lock().unwrap() = Err(SourceError::Remote { reason: "away again".to_owned() });
    assert_eq!(world.look(), both);
    assert_eq!(told(&world).as_deref(), Some("away again"));
}
