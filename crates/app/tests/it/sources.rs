//! Models from several places at once, and places that are written to while they are watched.

use std::{
    fs,
    io::Write,
    thread,
    time::{Duration, Instant},
};

use crate::{
    serve::{Server, until},
    support::{Temp, run},
};

const SPARK: &str = r#"{"text": "spark"}"#;

fn status(server: &Server, model: &str) -> u16 {
    server.send("POST", &format!("/api/v1/serve/{model}"), SPARK).0
}

#[test]
fn several_places_are_one_server() {
    let temp = Temp::new();
    temp.copy("examples/models/text", "folder/text");
    temp.copy("examples/models/text", "configured/five/1");
    let pmml = "<PMML version='4.4' xmlns='http://www.dmg.org/PMML-4_4'><Header/><DataDictionary>\
         <DataField name='x' optype='continuous' dataType='double'/></DataDictionary>\
         <RegressionModel functionName='regression'><MiningSchema><MiningField name='x'/></MiningSchema>\
         <RegressionTable intercept='1'><NumericPredictor name='x' coefficient='2'/></RegressionTable></RegressionModel></PMML>";
    let line = temp.write("line.pmml", pmml);
    let config =
        temp.write("f.toml", format!("[[models.sources]]\nname = 'five'\npath = '{}'\n", temp.path("configured/five")));
    let (folder, named) = (temp.path("folder"), format!("slope={line}"));
    let server =
        Server::start(&[&folder, &line, &named, "words=examples/models/text", "--config", &config]).until_ready();
    for name in ["text", "words", "five"] {
        assert_eq!(status(&server, name), 200, "{name}");
    }
    for name in ["line", "slope"] {
        let (status, body) = server.send("POST", &format!("/api/v1/serve/{name}"), r#"{"x": 3}"#);
        assert!(status == 200 && body.contains("7.0"), "{name}: {status} {body}");
    }
    let (status, said) = server.send("GET", "/api/v1/sources", "");
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    let said: Vec<(&str, u64)> = said["sources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|source| (source["source"].as_str().unwrap(), source["models"].as_u64().unwrap()))
        .collect();
    let five = temp.path("configured/five");
    let expected = [(&*folder, 1), (&*line, 1), (&*line, 1), ("examples/models/text", 1), (&*five, 1)];
    assert_eq!((status, &said[..]), (200, &expected[..]));
    // The one models directory takes what is published; names of other places stay theirs.
    let url = format!("http://{}", server.address());
    run(&["upload", "more", "examples/models/text", "--server", &url]).ok();
    assert!(fs::metadata(temp.path("folder/more/1")).unwrap().is_dir());
    run(&["upload", "slope", "examples/models/text", "--server", &url]).fails(1, &format!("is served from `{line}`"));

    // A second artifact of a name is told with both places; the first goes on answering.
    temp.write("folder/line.pmml", pmml.replace("coefficient='2'", "coefficient='5'"));
    let problem = || server.send("GET", "/api/v1/models/line", "").1;
    until(|| problem().contains("are both model `line`"));
    assert!(problem().contains(&line) && problem().contains(&temp.path("folder/line.pmml")), "{}", problem());
    let (status, body) = server.send("POST", "/api/v1/serve/line", r#"{"x": 3}"#);
    assert!(status == 200 && body.contains("7.0"), "{status} {body}");
}

#[test]
fn without_one_directory_nothing_is_published() {
    let temp = Temp::new();
    fs::create_dir(temp.path("a")).unwrap();
    fs::create_dir(temp.path("b")).unwrap();
    for places in [&[temp.path("a"), temp.path("b")][..], &["words=examples/models/text".to_owned()]] {
        let places: Vec<&str> = places.iter().map(String::as_str).collect();
        let server = Server::start(&places).until_ready();
        let url = format!("http://{}", server.address());
        run(&["upload", "more", "examples/models/text", "--server", &url]).fails(1, "`forebay serve DIRECTORY`");
    }
    run(&["serve", "x=no/such/model"]).fails(2, "no/such/model: no such models directory and no such model");
    let config = temp.write("f.toml", "[[models.sources]]\nname = 'a/b'\npath = 'x'\n");
    run(&["serve", "--config", &config]).fails(2, "models.sources: name: ");
}

/// A model's files one after the other over three seconds, the large one in pieces: at no moment does the model answer from half
/// of it, and nothing of it fails to load.
#[test]
fn a_directory_that_is_copied_slowly_is_never_served_half() {
    let temp = Temp::new();
    temp.copy("examples/models/text", "first/kept");
    let whole = temp.copy("examples/models/text", "whole");
    let server = Server::start(&[&temp.path("first")]).until_ready();
    let files = files_below(&whole);
    // Each pause is below the settling time.
    let pieces = 12.max(files.len());
    let pause = Duration::from_millis(3000 / pieces as u64);
    assert!(pause < Duration::from_millis(400), "{pause:?}");
    let mut left = files.len();
    for file in &files {
        let bytes = fs::read(format!("{whole}/{file}")).unwrap();
        let parts = if left == 1 { pieces + 1 - files.len() } else { 1 };
        left -= 1;
        let target = temp.write(&format!("first/slow/{file}"), "");
        let mut open = fs::OpenOptions::new().append(true).open(target).unwrap();
        for part in bytes.chunks(bytes.len().div_ceil(parts).max(1)) {
            open.write_all(part).unwrap();
            let begun = Instant::now();
            while begun.elapsed() < pause {
                let (status, body) = server.send("GET", "/api/v1/models/slow", "");
                assert_eq!(status, 404, "seen before it was whole: {body}");
                thread::sleep(Duration::from_millis(20));
            }
        }
    }
    until(|| status(&server, "slow") == 200);
    let answer = |name: &str| server.send("POST", &format!("/api/v1/serve/{name}"), SPARK).1;
    assert_eq!(answer("slow"), answer("kept"));
    let metrics = server.send("GET", "/metrics", "").1;
    let failed = |line: &str| line.contains("model=\"slow\"") && line.contains("failed") && !line.ends_with(" 0");
    let failures: Vec<&str> = metrics.lines().filter(|line| failed(line)).collect();
    assert!(failures.is_empty(), "{failures:?}");
}

/// Returns the files below a folder, the largest last.
fn files_below(root: &str) -> Vec<String> {
    fn walk(root: &str, below: &str, files: &mut Vec<(u64, String)>) {
        for entry in fs::read_dir(format!("{root}/{below}")).unwrap().map(Result::unwrap) {
            let path = format!("{below}{}", entry.file_name().to_str().unwrap());
            match entry.metadata().unwrap() {
                meta if meta.is_dir() => walk(root, &format!("{path}/"), files),
                meta => files.push((meta.len(), path)),
            }
        }
    }
    let mut files = Vec::new();
    walk(root, "", &mut files);
    files.sort();
    files.into_iter().map(|(_, path)| path).collect()
}
