//! Stores in memory, looked at as the registry does.

#![allow(clippy::unwrap_used)]

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use model::Version;
use object_store::{ObjectStoreExt, memory::InMemory, path::Path};
use registry::{Artifact, Config, Found, Root, Scan, Source, SourceError, Tree, TreeSource, Watched, tree::Entry};

use crate::{
    Access, Limits, OpenError, Remote, open,
    poll::{Outcome, Pace, Place},
    snapshot::{Object, Snapshot},
};

fn object(path: &str, tag: &str) -> Object {
    Object { path: path.to_owned(), size: 1, tag: Some(tag.to_owned()), version: None, modified_ns: 5 }
}

fn snapshot(taken: Instant, paths: &[&str]) -> Snapshot {
    Snapshot::new(taken, "root", paths.iter().map(|path| object(path, path)).collect(), 70, true)
}

/// Shows one snapshot after the other.
struct Shown {
    next: VecDeque<Snapshot>,
    now: Option<Snapshot>,
}

impl Tree for Shown {
    fn look(&mut self, _: Instant) -> Result<Option<Instant>, SourceError> {
        self.now = self.next.pop_front();
        Ok(self.now.as_ref().map(|now| now.taken))
    }

    fn single(&self) -> Option<&str> {
        self.now.as_ref().and_then(|now| now.single.as_deref())
    }

    fn entry(&self, path: &str) -> Result<Entry, SourceError> {
        self.now.as_ref().unwrap().entry(path)
    }

    fn names(&self, path: &str, names_max: usize, key: &'static str) -> Result<Vec<String>, SourceError> {
        self.now.as_ref().unwrap().names(path, names_max, key)
    }

    fn read(&self, path: &str, _: u64) -> Result<Vec<u8>, SourceError> {
        Err(SourceError::Changing { path: path.to_owned() })
    }
}

/// Shows a scan as `name/version@path`, or the problem.
fn told(scan: &Scan) -> Vec<String> {
    let mut told = Vec::new();
    for (name, found) in &scan.models {
        match found {
            Found::Problem(error) => told.push(format!("{name}: {error}")),
            Found::Artifacts { artifacts, .. } => told.extend(artifacts.iter().map(|artifact| {
                let number = artifact.number.map_or("-".to_owned(), |number| number.to_string());
                format!("{name}/{number}@{}", artifact.path)
            })),
        }
    }
    told
}

/// Rows: milliseconds of the listing, its objects, what stands then.
fn check_looks(rows: &[(u64, &[&str], &[&str])]) {
    let start = Instant::now();
    let next = rows.iter().map(|(ms, paths, _)| snapshot(start + Duration::from_millis(*ms), paths)).collect();
    let config = Config { settle_ms: 500, ..Config::default() };
    let mut source = TreeSource::over(Shown { next, now: None }, Root::Any("root".to_owned()), config);
    for (ms, _, expected) in rows {
        assert_eq!(told(&Watched::scan(&mut source, start).unwrap()), *expected, "at {ms}");
    }
}

#[test]
fn a_prefix_is_laid_out_like_a_directory() {
    let all = ["a/1/x", "a/2/x", "a/2/data/y", "b.pmml", "c/x", "c/forebay.toml", "_tmp/x", ".hid/x", "read.md"];
    let expected = ["a/1@a/1", "a/2@a/2", "b/-@b.pmml", "c/-@c"];
    check_looks(&[(0, &all, &["b/-@b.pmml"]), (500, &all, &expected)]);
    // The prefix is a folder of versions, a model, an object.
    check_looks(&[(0, &["1/x", "2/x"], &[]), (500, &["1/x", "2/x"], &["root/1@1", "root/2@2"])]);
    check_looks(&[(0, &["saved_model.pb"], &[]), (900, &["saved_model.pb"], &["root/-@"])]);
    check_looks(&[(0, &[""], &["root/-@root"])]);
}

#[test]
fn what_still_arrives_is_not_announced() {
    check_looks(&[
        (0, &["m/1/a"], &[]),
        (400, &["m/1/a", "m/1/b"], &[]),
        (800, &["m/1/a", "m/1/b", "m/1/c"], &[]),
        (1299, &["m/1/a", "m/1/b", "m/1/c"], &[]),
        (1300, &["m/1/a", "m/1/b", "m/1/c"], &["m/1@m/1"]),
        (1400, &["m/1/a", "m/1/b", "m/1/c", "m/2/a"], &["m/1@m/1"]),
        (1900, &["m/1/a", "m/1/b", "m/1/c", "m/2/a"], &["m/1@m/1", "m/2@m/2"]),
        (2000, &["m/2/a"], &["m/1@m/1", "m/2@m/2"]),
        (2500, &["m/2/a"], &["m/2@m/2"]),
    ]);
}

#[test]
fn a_file_that_may_be_written_to_has_to_be_still() {
    let start = Instant::now();
    let at = |ms: u64, size: u64| {
        let file = Object { size, ..object("m.onnx", "") };
        Snapshot::new(start + Duration::from_millis(ms), "root", vec![file], 70, false)
    };
    let next = [at(0, 1), at(400, 2), at(800, 2), at(900, 2)].into();
    let mut source = TreeSource::over(Shown { next, now: None }, Root::Any("root".to_owned()), Config::default());
    for expected in [0, 0, 0, 1] {
        assert_eq!(Watched::scan(&mut source, start).unwrap().models.len(), expected);
    }
}

#[test]
fn what_hadoop_still_copies_is_not_announced() {
    let copying = ["m/1/a", "m/1/b._COPYING_"];
    check_looks(&[
        (0, &copying, &[]),
        (9_000, &copying, &[]),
        (9_500, &["m/1/a", "m/1/b"], &[]),
        (10_000, &["m/1/a", "m/1/b"], &["m/1@m/1"]),
    ]);
}

#[test]
fn names_that_are_none_are_refused_where_they_are() {
    let seen = snapshot(Instant::now(), &["a/x", "a/x/y", "b//c", "d/../e", "f/"]);
    assert_eq!(seen.names("", 9, "k").unwrap(), ["a", "b", "d"]);
    assert!(matches!(seen.entry("a/x"), Err(SourceError::Special { .. })), "an object and a folder");
    assert!(matches!(seen.entry("b/"), Err(SourceError::Special { .. })));
    assert_eq!(seen.names("d", 9, "k").unwrap(), [""; 0]);
    assert!(matches!(seen.names("", 2, "k"), Err(SourceError::TooLarge { key: "k", .. })));
    // However deep a name is, few folders come of it.
    let deep = format!("m/{}x", "d/".repeat(2000));
    let seen = snapshot(Instant::now(), &[&deep]);
    let mut path = "m".to_owned();
    while let Ok(names) = seen.names(&path, 9, "k") {
        let [name] = &names[..] else { break };
        path = format!("{path}/{name}");
    }
    assert!(path.matches('/').count() <= 70);
}

/// A store in memory, and the source of it.
struct World {
    store: Arc<InMemory>,
    source: TreeSource<Remote>,
}

fn put(store: &InMemory, path: &str, text: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(store.put(&Path::from(format!("team/models/{path}")), text.to_owned().into())).unwrap();
}

impl World {
    /// Lists every so many milliseconds.
    fn new(poll_ms: u64, objects: &[(&str, &str)]) -> World {
        let store = Arc::new(InMemory::new());
        objects.iter().for_each(|(path, text)| put(&store, path, text));
        let (prefix, url) = (Path::from("team/models"), "s3://bucket/team/models".into());
        let place = Place { store: store.clone(), prefix, url, is_whole: true };
        let limits = Limits { poll_ms, settle_ms: 20, ..Limits::default() };
        let config = Config { settle_ms: 20, ..Config::default() };
        let source = TreeSource::over(Remote::start(place, limits).unwrap(), Root::Any("models".to_owned()), config);
        World { store, source }
    }

    /// Looks until this is what stands; returns its artifacts.
    fn until(&mut self, expected: &[&str]) -> Vec<Artifact> {
        let begun = Instant::now();
        loop {
            match Watched::scan(&mut self.source, Instant::now()) {
                Ok(scan) if told(&scan) == expected => {
                    let found = scan.models.into_values().map(|found| match found {
                        Found::Artifacts { artifacts, .. } => artifacts,
                        Found::Problem(error) => panic!("{error}"),
                    });
                    return found.flatten().collect();
                }
                Ok(scan) => assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", told(&scan)),
                Err(SourceError::NotYet { .. }) => {}
                Err(error) => panic!("{error}"),
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

#[test]
fn objects_are_read_whole_and_come_and_go() {
    let mut world =
        World::new(10, &[("m/1/data/x", "one"), ("m/1/forebay.toml", "outputs = ['p']"), ("s.pmml", "<s>")]);
    let found = world.until(&["m/1@m/1", "s/-@s.pmml"]);
    let content = world.source.read(&found[0]).unwrap();
    let files: Vec<(&str, &[u8])> = content.files.iter().map(|(path, bytes)| (path, bytes.as_slice())).collect();
    assert_eq!(files, [("data/x", &b"one"[..])]);
    assert_eq!(content.config.outputs, Some(vec!["p".to_owned()]));
    let content = world.source.read(&found[1]).unwrap();
    assert_eq!(content.files.get("s.pmml").map(|bytes| bytes.as_slice().to_vec()), Some(b"<s>".to_vec()));
    put(&world.store, "m/2/x", "two");
    let found = world.until(&["m/1@m/1", "m/2@m/2", "s/-@s.pmml"]);
    assert_eq!((found[1].number, world.source.read(&found[1]).unwrap().files.iter().count()), (Some(Version(2)), 1));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(world.store.delete(&Path::from("team/models/s.pmml"))).unwrap();
    world.until(&["m/1@m/1", "m/2@m/2"]);
}

#[test]
fn what_changed_since_it_was_listed_is_not_read() {
    let is_changing =
        |world: &World, artifact: &Artifact| matches!(world.source.read(artifact), Err(SourceError::Changing { .. }));
    // After its second listing this one does not list again while the test runs.
    for (path, text) in [("m/x", "other, and as long as it is"), ("m/y", "one more"), ("m/deep/z", "one more")] {
        let mut world = World::new(600_000, &[("m/x", "one"), ("m/.hidden", "")]);
        let found = world.until(&["m/-@m"]);
        assert!(!is_changing(&world, &found[0]));
        put(&world.store, "m/.other", "hidden as well");
        put(&world.store, "mm/x", "another model");
        assert!(!is_changing(&world, &found[0]));
        put(&world.store, path, text);
        assert!(is_changing(&world, &found[0]), "{path}");
    }
}

#[test]
fn an_artifact_is_read_again_by_others() {
    let mut world = World::new(10, &[("m/1/x", "one")]);
    let found = world.until(&["m/1@m/1"]);
    let again = world.source.again(&found[0]).unwrap();
    // The listing moves on; what it shows of the artifact stays.
    put(&world.store, "m/2/x", "two");
    world.until(&["m/1@m/1", "m/2@m/2"]);
    let read = || std::thread::scope(|scope| scope.spawn(|| again.read()).join().unwrap());
    let content = read().unwrap();
    assert_eq!(content.files.get("x").map(|bytes| bytes.as_slice().to_vec()), Some(b"one".to_vec()));
    put(&world.store, "m/1/x", "another one");
    assert!(matches!(read(), Err(SourceError::Changing { .. })));
    drop(world);
    assert!(read().is_err(), "nobody reads from a source that is gone");
}

#[test]
fn listings_are_bounded() {
    let store = Arc::new(InMemory::new());
    ["a", "b", "c"].iter().for_each(|path| put(&store, path, "x"));
    let place = Place { store, prefix: Path::from("team"), url: "s3://b/team".into(), is_whole: true };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let list = |objects_max| {
        runtime.block_on(place.list(&place.prefix, &Limits { objects_max, ..Limits::default() })).map(drop)
    };
    assert_eq!(list(3), Ok(()));
    let error = list(2).unwrap_err().to_string();
    assert!(error.contains("s3://b/team") && error.contains("objects_max"), "{error}");
}

#[test]
fn a_store_that_is_not_there_is_told() {
    let access = Access {
        endpoint: Some("http://127.0.0.1:9".to_owned()),
        access_key_id: Some("k".to_owned()),
        secret_access_key: Some("s".to_owned()),
        allow_http: true,
        ..Access::default()
    };
    let mut source = open("s3://bucket/models", None, &access, Limits::default(), Config::default()).unwrap();
    let begun = Instant::now();
    let error = loop {
        match Watched::scan(&mut source, Instant::now()) {
            Err(SourceError::NotYet { .. }) if begun.elapsed() < Duration::from_secs(60) => {}
            other => break other.map(drop).unwrap_err(),
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    assert!(matches!(&error, SourceError::Remote { reason } if reason.starts_with("s3://bucket/models: ")), "{error}");
}

#[test]
fn addresses_and_settings_that_are_wrong() {
    let check = |url: &str, endpoint: Option<&str>, part: &str| {
        let access = Access { endpoint: endpoint.map(str::to_owned), ..Access::default() };
        let error = open(url, None, &access, Limits::default(), Config::default()).map(drop).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
        matches!(error, OpenError::Url { .. })
    };
    for url in ["s3:/b", "s3://", "s3:///x", "ftp://b/x", "s3://b/x?y=1", "s3://a b/c"] {
        assert!(check(url, None, "expected s3://BUCKET/PREFIX or hdfs://HOST:PORT/PATH"), "{url}");
    }
    check("s3://b/x", Some("http://localhost:1"), "`allow_http = true` takes it");
    check("s3://b//x/../y", None, "s3://b//x/../y");
}

#[test]
fn the_pace() {
    let limits = Limits { poll_ms: 5_000, settle_ms: 500, ..Limits::default() };
    let mut pace = Pace::default();
    let mut after = |outcome| pace.after(outcome, &limits).as_millis();
    assert_eq!(after(Outcome::Changed), 500);
    assert_eq!(after(Outcome::Same), 5_000);
    let failed: Vec<u128> = (0..6).map(|_| after(Outcome::Failed)).collect();
    assert_eq!(failed, [5_000, 10_000, 20_000, 40_000, 60_000, 60_000]);
    assert_eq!(after(Outcome::Same), 5_000);
    assert_eq!(after(Outcome::Failed), 5_000);
}
