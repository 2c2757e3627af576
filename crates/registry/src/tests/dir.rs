//! The models directory on a real disk.
//!
//! Time is an argument, and the settling time an hour, so that nothing here waits for a clock.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use model::Version;

use crate::{Artifact, Config, Content, DirSource, Found, Scan, Source, SourceError, Versions};

const HOUR: Duration = Duration::from_secs(3600);

/// A folder that is removed at the end.
struct Temp(PathBuf);

impl Temp {
    fn new(files: &[&str]) -> Temp {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("registry-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let root = std::env::temp_dir().join(name).join("models");
        fs::create_dir_all(&root).unwrap();
        let temp = Temp(root);
        files.iter().for_each(|path| temp.write(path, path));
        temp
    }

    fn write(&self, path: &str, text: &str) {
        let full = self.0.join(path);
        fs::create_dir_all(full.parent().unwrap()).unwrap();
        fs::write(full, text).unwrap();
    }

    fn source(&self, config: Config) -> DirSource {
        DirSource::new(&self.0, Config { settle_ms: 3_600_000, ..config }).unwrap()
    }

    /// Returns a source after its files were still for an hour, and what it says then.
    fn still(&self, config: Config) -> (DirSource, Scan) {
        let mut source = self.source(config);
        let now = Instant::now();
        source.scan(now).unwrap();
        let scan = source.scan(now + HOUR).unwrap();
        (source, scan)
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(self.0.parent().expect("made with a parent"));
    }
}

fn shown(scan: &Scan) -> Vec<String> {
    let show = |(name, found): (&String, &Found)| match found {
        Found::Artifacts { artifacts, upkeep, .. } => {
            let number = |a: &Artifact| a.number.map_or("-".to_owned(), |n| n.to_string());
            let list: Vec<String> = artifacts.iter().map(|a| format!("{}:{}", number(a), a.path)).collect();
            let kept = match &upkeep.versions {
                Versions::Latest(count) => count.to_string(),
                other => format!("{other:?}"),
            };
            format!("{name} {kept} {}", list.join(" "))
        }
        Found::Problem(error) => format!("{name} ! {error}"),
    };
    scan.models.iter().map(show).collect()
}

/// Files, and what the source says once they are still.
fn check(files: &[&str], expected: &[&str]) {
    let temp = Temp::new(files);
    assert_eq!(shown(&temp.still(Config::default()).1), expected);
}

fn only(scan: &Scan) -> Artifact {
    match scan.models.values().next() {
        Some(Found::Artifacts { artifacts, .. }) if scan.models.len() == 1 && artifacts.len() == 1 => {
            artifacts[0].clone()
        }
        _ => panic!("one artifact, got {:?}", shown(scan)),
    }
}

fn paths(content: &Content) -> Vec<&str> {
    content.files.iter().map(|(path, _)| path).collect()
}

#[test]
fn the_layouts() {
    check(&[], &[]);
    check(&["a/metadata/part-0", "b.onnx"], &["a 1 -:a", "b 1 -:b.onnx"]);
    check(&["a/1/m", "a/12/m", "a/README.md"], &["a 1 1:a/1 12:a/12"]);
    check(&["x.v2.onnx", "y"], &["x.v2 1 -:x.v2.onnx", "y 1 -:y"]);
    check(&["a/metadata/p", "a/1/m"], &["a 1 -:a"]);
}

#[test]
fn what_is_no_model_is_passed_over() {
    check(&[".hidden/m", "_staging/m", ".x.onnx", "README.md", "x.toml"], &[]);
    check(&["a/1/m", "a/tmp/m", "a/2"], &["a 1 1:a/1"]);
}

#[test]
fn the_directory_may_be_one_model() {
    check(&["metadata/part-0", "stages/0_x/metadata/part-0"], &["models 1 -:"]);
    check(&["1/m", "2/m"], &["models 1 1:1 2:2"]);
}

#[test]
fn one_file_may_be_all() {
    let temp = Temp::new(&["m.onnx", "n.onnx"]);
    temp.write("m.toml", "outputs = ['p']");
    let mut source = DirSource::new(&temp.0.join("m.onnx"), Config { settle_ms: 0, ..Config::default() }).unwrap();
    let scan = source.scan(Instant::now()).unwrap();
    assert_eq!(shown(&scan), ["m 1 -:m.onnx"]);
    let content = source.read(&only(&scan)).unwrap();
    assert_eq!((paths(&content), content.config.outputs.clone()), (vec!["m.onnx"], Some(vec!["p".to_owned()])));
    fs::remove_file(temp.0.join("m.onnx")).unwrap();
    assert!(source.scan(Instant::now()).unwrap().models.is_empty());
}

#[test]
fn the_one_model_is_called_as_it_is_given() {
    let temp = Temp::new(&["v5/metadata/p", "x.onnx"]);
    symlink("v5", temp.0.join("current")).unwrap();
    symlink("x.onnx", temp.0.join("y.onnx")).unwrap();
    let first = |path: &str| {
        let config = Config { settle_ms: 0, ..Config::default() };
        shown(&DirSource::new(&temp.0.join(path), config).unwrap().scan(Instant::now()).unwrap()).remove(0)
    };
    assert_eq!((first("current"), first("y.onnx")), ("current 1 -:".into(), "y 1 -:x.onnx".into()));
}

#[test]
fn two_artifacts_of_one_name_are_an_error_that_names_both() {
    check(&["a.onnx", "a.pb"], &["a ! `a.onnx` and `a.pb` are both model `a`; remove one of them"]);
    check(&["a/m", "a.pb"], &["a ! `a` and `a.pb` are both model `a`; remove one of them"]);
    check(&["a/1/m", "a/01/m"], &["a ! `a/01` and `a/1` are both version 1 of model `a`; remove one of them"]);
    check(&["a/1/m", "a.pb"], &["a ! `a.pb` and `a/1` are both model `a`; remove one of them"]);
}

#[test]
fn a_name_that_no_model_can_have_is_a_state() {
    let temp = Temp::new(&["a b/m", "v2.onnx", "c/m"]);
    let shown = shown(&temp.still(Config::default()).1);
    assert!(shown[0].starts_with("a b ! \"a b\" is not a name"), "{}", shown[0]);
    assert_eq!(shown[1], "c 1 -:c");
    assert!(shown[2].contains("reserved"), "{}", shown[2]);
}

/// A directory, and a part of why the artifact at this path cannot be read.
fn refused(temp: &Temp, config: Config, path: &str, part: &str) {
    let (source, scan) = temp.still(config);
    let found = scan.models.values().flat_map(|found| match found {
        Found::Artifacts { artifacts, .. } => artifacts.clone(),
        Found::Problem(_) => Vec::new(),
    });
    let artifact = found.into_iter().find(|artifact| &*artifact.path == path).expect("it is found");
    let error = source.read(&artifact).unwrap_err().to_string();
    assert!(error.contains(part), "{error}");
}

#[test]
fn an_empty_folder_says_what_a_model_is() {
    let temp = Temp::new(&["b/.hidden", "c/1/m"]);
    ["a", "c/2"].iter().for_each(|path| fs::create_dir(temp.0.join(path)).unwrap());
    refused(&temp, Config::default(), "a", "`a` holds no file; a model is");
    refused(&temp, Config::default(), "b", "`b` holds no file");
    refused(&temp, Config::default(), "c/2", "`c/2` holds no file");
    assert_eq!(shown(&temp.still(Config::default()).1)[2], "c 1 1:c/1 2:c/2", "the other version stands");
}

#[test]
fn files_are_read_whole_and_by_their_relative_names() {
    let temp = Temp::new(&["a/metadata/part-0", "a/metadata/.part-0.crc", "a/stages/0_x/data", "a/_SUCCESS"]);
    let (source, scan) = temp.still(Config::default());
    let content = source.read(&only(&scan)).unwrap();
    assert_eq!(paths(&content), ["_SUCCESS", "metadata/part-0", "stages/0_x/data"]);
    assert_eq!(content.files.get("stages/0_x/data").unwrap().as_slice(), b"a/stages/0_x/data");
}

#[test]
fn a_young_artifact_waits_until_it_is_still() {
    let temp = Temp::new(&["a/m"]);
    let (mut source, now) = (temp.source(Config::default()), Instant::now());
    assert_eq!(shown(&source.scan(now).unwrap()), Vec::<String>::new());
    temp.write("a/n", "more");
    assert_eq!(shown(&source.scan(now + HOUR).unwrap()), Vec::<String>::new());
    let scan = source.scan(now + 2 * HOUR).unwrap();
    assert_eq!(paths(&source.read(&only(&scan)).unwrap()), ["m", "n"]);
}

#[test]
fn at_the_start_what_is_old_is_still() {
    let temp = Temp::new(&["a/m"]);
    let mut source = DirSource::new(&temp.0, Config { settle_ms: 0, ..Config::default() }).unwrap();
    assert!(source.is_starting());
    assert_eq!(shown(&source.scan(Instant::now()).unwrap()), ["a 1 -:a"]);
    assert!(!source.is_starting());
}

#[test]
fn the_start_lasts_until_all_stand_but_not_for_ever() {
    let temp = Temp::new(&["a/m"]);
    let (mut source, now) = (temp.source(Config::default()), Instant::now());
    let poll = Duration::from_millis(Config::default().poll_ms);
    source.scan(now).unwrap();
    assert!(source.is_starting() && source.pause() < poll);
    source.scan(now + HOUR).unwrap();
    assert!(!source.is_starting() && source.pause() == poll);
    let mut source = temp.source(Config::default());
    for hour in 0..=10 {
        temp.write("a/m", &"m".repeat(hour + 1));
        source.scan(now + HOUR * hour as u32).unwrap();
        assert_eq!(source.is_starting(), hour < 10, "hour {hour}");
    }
    temp.write("b/m", "m");
    source.scan(now + HOUR * 11).unwrap();
    assert!(!source.is_starting(), "a start comes once");
}

#[test]
fn an_empty_directory_has_started() {
    let temp = Temp::new(&[]);
    let mut source = temp.source(Config::default());
    source.scan(Instant::now()).unwrap();
    assert!(!source.is_starting());
}

#[test]
fn changed_bytes_are_another_fingerprint() {
    let temp = Temp::new(&["a/m"]);
    let (mut source, before) = temp.still(Config::default());
    temp.write("a/m", "larger than before");
    let later = Instant::now() + 2 * HOUR;
    assert_eq!(only(&source.scan(later).unwrap()), only(&before), "not still yet");
    let after = source.scan(later + HOUR).unwrap();
    assert_ne!(only(&after).fingerprint, only(&before).fingerprint);
    assert!(matches!(source.read(&only(&before)), Err(SourceError::Changing { .. })));
    assert_eq!(source.read(&only(&after)).unwrap().files.bytes(), "larger than before".len());
}

#[test]
fn what_is_read_later_is_what_lies_there_then() {
    let temp = Temp::new(&["a/m", "a/forebay.toml", "b.pmml", "b.toml", "c/1/m"]);
    ["a/forebay.toml", "b.toml", "c/forebay.toml"].iter().for_each(|path| temp.write(path, "outputs = ['p']"));
    let (source, scan) = temp.still(Config::default());
    let again = |name: &str| match &scan.models[name] {
        Found::Artifacts { artifacts, .. } => source.again(&artifacts[0]).unwrap(),
        Found::Problem(error) => panic!("{error}"),
    };
    let (a, before) = (again("a"), again("a").read().unwrap().digest());
    temp.write("a/m", "others");
    assert_ne!(a.read().unwrap().digest(), before);
    temp.write("a/m", "a/m");
    assert_eq!(a.read().unwrap().digest(), before, "bytes that came back are the same, whenever they were written");
    let own = |name: &str| again(name).own_config().unwrap().is_some();
    assert_eq!(["a", "b", "c"].map(own), [true, true, false], "one of all versions is no version's own");
}

#[test]
fn a_folder_that_was_moved_in_place_is_complete_at_once() {
    let temp = Temp::new(&["a/m", ".new/m", ".new/sub/n"]);
    let (mut source, before) = temp.still(Config::default());
    // A file system's clock ticks every few milliseconds: until it did, a move cannot be told from a copy.
    std::thread::sleep(Duration::from_millis(50));
    fs::rename(temp.0.join("a"), temp.0.join(".old")).unwrap();
    fs::rename(temp.0.join(".new"), temp.0.join("a")).unwrap();
    let after = source.scan(Instant::now() + HOUR).unwrap();
    assert_ne!(only(&after).fingerprint, only(&before).fingerprint);
    assert_eq!(paths(&source.read(&only(&after)).unwrap()), ["m", "sub/n"]);
}

#[test]
fn a_removed_model_lingers_as_long_as_a_new_one_waits() {
    let temp = Temp::new(&["a/m"]);
    let (mut source, before) = temp.still(Config::default());
    fs::remove_dir_all(temp.0.join("a")).unwrap();
    let later = Instant::now() + 2 * HOUR;
    assert_eq!(only(&source.scan(later).unwrap()), only(&before));
    assert!(source.scan(later + HOUR).unwrap().models.is_empty());
}

#[test]
fn the_configuration_stands_beside_the_artifact() {
    let temp = Temp::new(&["a/m", "b.onnx"]);
    temp.write("a/forebay.toml", "outputs = ['p']");
    temp.write("b.toml", "outputs = ['q']");
    let (source, scan) = temp.still(Config::default());
    let outputs = |name: &str| match &scan.models[name] {
        Found::Artifacts { artifacts, .. } => {
            let content = source.read(&artifacts[0]).unwrap();
            (content.config.outputs.clone().unwrap().join(","), paths(&content).join(","))
        }
        Found::Problem(error) => panic!("{error}"),
    };
    assert_eq!((outputs("a"), outputs("b")), (("p".into(), "m".into()), ("q".into(), "b.onnx".into())));
}

#[test]
fn numbered_versions_share_a_configuration_or_have_their_own() {
    let temp = Temp::new(&["a/1/m", "a/2/m"]);
    temp.write("a/forebay.toml", "versions = { latest = 2 }\noutputs = ['shared']");
    temp.write("a/2/forebay.toml", "outputs = ['own']");
    let (source, scan) = temp.still(Config::default());
    assert_eq!(shown(&scan), ["a 2 1:a/1 2:a/2"]);
    let Found::Artifacts { artifacts, .. } = &scan.models["a"] else { unreachable!("shown above") };
    let outputs = |a: &Artifact| source.read(a).unwrap().config.outputs.unwrap().remove(0);
    assert_eq!(artifacts.iter().map(outputs).collect::<Vec<_>>(), ["shared", "own"]);
}

#[test]
fn a_wrong_configuration_is_refused_with_its_place() {
    let temp = Temp::new(&["a/m"]);
    temp.write("a/forebay.toml", "output = ['p']");
    let (source, scan) = temp.still(Config::default());
    let error = source.read(&only(&scan)).unwrap_err().to_string();
    assert!(error.starts_with("`a/forebay.toml`: line 1: unknown field `output`"), "{error}");
    let temp = Temp::new(&["a/m"]);
    temp.write("a/forebay.toml", &"#".repeat((1 << 20) + 1));
    let (source, scan) = temp.still(Config::default());
    assert!(source.read(&only(&scan)).unwrap_err().to_string().contains("more than a configuration may have"));
    let temp = Temp::new(&["a/m"]);
    temp.write("a/forebay.toml", "versions = 'all'");
    let (source, scan) = temp.still(Config::default());
    let error = source.read(&only(&scan)).unwrap_err().to_string();
    assert!(error.contains("`versions` belongs into"), "{error}");
}

#[test]
fn links_are_followed_inside_the_directory_only() {
    let temp = Temp::new(&[".data/m", "b/m"]);
    let outside = temp.0.parent().unwrap().join("secret");
    fs::write(&outside, "secret").unwrap();
    symlink(".data", temp.0.join("a")).unwrap();
    symlink(&outside, temp.0.join("b/n")).unwrap();
    symlink(&outside, temp.0.join("c.onnx")).unwrap();
    symlink(Path::new("nowhere"), temp.0.join("d")).unwrap();
    let (source, scan) = temp.still(Config::default());
    let Found::Artifacts { artifacts, .. } = &scan.models["a"] else { panic!("{:?}", shown(&scan)) };
    assert_eq!(paths(&source.read(&artifacts[0]).unwrap()), ["m"]);
    refused(&temp, Config::default(), "b", "`b/n` is a symbolic link that leads out of the models directory");
    for (line, path) in shown(&scan)[2..].iter().zip(["c.onnx", "d"]) {
        assert!(
            line.contains(&format!("`{path}` is a symbolic link that leads out of the models directory")),
            "{line}"
        );
    }
}

#[test]
fn links_in_a_circle_end() {
    let temp = Temp::new(&["a/m"]);
    symlink("../a", temp.0.join("a/again")).unwrap();
    let config = Config { depth_max: 8, ..Config::default() };
    refused(&temp, config, "a", "is 9 deep, more than the limit 8 (depth_max)");
}

#[test]
fn everything_has_a_limit_that_is_named() {
    let config = Config::default;
    let limited = |config, files: &[&str], part| refused(&Temp::new(files), config, "a", part);
    limited(Config { artifact_bytes_max: 2, ..config() }, &["a/m"], "`a` is 3 bytes, more than the limit 2 (artifact");
    limited(Config { files_max: 3, ..config() }, &["a/x/1", "a/y/1"], "`a/y` is 4 entries or more, more than the");
    limited(Config { depth_max: 2, ..config() }, &["a/b/c/d"], "(depth_max)");
    let said = |config, files: &[&str]| shown(&Temp::new(files).still(config).1).join(" ");
    assert_eq!(said(Config { artifact_bytes_max: 3, ..config() }, &["a/m"]), "a 1 -:a");
    assert!(said(Config { files_max: 2, ..config() }, &["a/x", "a/y", "a/z"]).contains("(files_max)"));
    assert!(said(Config { versions_max: 2, ..config() }, &["a/1/m", "a/2/m", "a/3/m"]).contains("(versions_max)"));
    let temp = Temp::new(&["a/m", "b/m"]);
    let error = temp.source(Config { models_max: 1, ..config() }).scan(Instant::now()).unwrap_err();
    assert!(error.to_string().contains("(models_max)"), "{error}");
}

/// Files, the version asked for, and the version and files that are read, or the error.
fn read_one(files: &[&str], version: Option<u64>, expected: &str) {
    let temp = Temp::new(files);
    let read = crate::read_one(&temp.0, version.map(Version), Config::default());
    let got = match read {
        Ok((number, content)) => {
            let files: Vec<&str> = content.files.iter().map(|(path, _)| path).collect();
            format!("{}: {}", number.map_or("-".to_owned(), |n| n.to_string()), files.join(" "))
        }
        Err(error) => error.to_string().replace(&temp.0.display().to_string(), "ROOT"),
    };
    assert_eq!(got, expected);
}

#[test]
fn one_model_is_read_at_once_whatever_it_is_called() {
    read_one(&["metadata/part-00000", "data/x"], None, "-: data/x metadata/part-00000");
    read_one(&["9/metadata/p", "10/metadata/p", "10/.x.crc"], None, "10: metadata/p");
    read_one(&["9/metadata/p", "10/metadata/q"], Some(9), "9: metadata/p");
    read_one(&["my model/metadata/p"], None, "-: metadata/p");
    read_one(&["9/metadata/p", "10/metadata/p"], Some(3), "`ROOT` has no version 3; there are: 9, 10");
    read_one(&["metadata/p"], Some(3), "`ROOT` has no version 3; there are: no numbered ones");
    read_one(&["a/metadata/p", "b/1/x", "b/2/x"], None, "`ROOT` holds several models (a, b); name one of them");
}
