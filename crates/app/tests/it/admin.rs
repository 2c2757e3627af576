//! Models that come and go by requests, and by the commands that send them.

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path,
};

use serde_json::Value;

use crate::{
    serve::{Server, until},
    support::{Temp, run},
};

/// Sends bytes; returns the status and the body.
fn send(server: &Server, method: &str, path: &str, ty: &str, body: &[u8]) -> (u16, Vec<u8>) {
    let (head, body) = send_whole(server, method, path, ty, body);
    (head[9..12].parse().unwrap(), body)
}

/// Sends bytes; returns the head and the body.
fn send_whole(server: &Server, method: &str, path: &str, ty: &str, body: &[u8]) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n");
    write!(stream, "{head}content-type: {ty}\r\n\r\n").unwrap();
    // The server may say no before it has read all.
    let _ = stream.write_all(body);
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
    let body = answer.split_off(end + 4);
    (String::from_utf8(answer).unwrap(), body)
}

fn message(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap();
    body["error"]["message"].as_str().unwrap().to_owned()
}

fn tar(path: &str, text: &str) -> Vec<u8> {
    registry::archive::pack(&[(path.to_owned(), text.as_bytes().to_vec())].into()).unwrap()
}

fn served(temp: &Temp) -> (Server, String) {
    std::fs::create_dir(temp.path("models")).unwrap();
    let server = Server::start(&[&temp.path("models")]).until_ready();
    let url = format!("http://{}", server.address());
    (server, url)
}

#[test]
fn a_model_is_uploaded_replaced_and_taken_out() {
    let temp = Temp::new();
    let (server, url) = served(&temp);
    let upload = |args: &[&str]| run(&[&["upload", "words"], args, &["--server", &url]].concat());
    assert_eq!(upload(&["examples/models/text"]).ok(), "words version 1 available\n");
    let (status, answer) = server.send("POST", "/api/v1/serve/words", r#"{"text": "spark"}"#);
    assert!(status == 200 && answer.contains("prediction"), "{answer}");

    // One that does not load is told and taken out; the first goes on.
    let broken = temp.write("broken.pmml", "<PMML");
    upload(&[&broken]).fails(1, "version 2 of model `words` does not load and was taken out again");
    assert!(!Path::new(&temp.path("models/words/2")).exists());
    assert_eq!(server.send("POST", "/api/v1/serve/words", r#"{"text": "spark"}"#), (200, answer));

    // Numbers are not given twice, and one that stands is not replaced.
    assert_eq!(upload(&["examples/models/text"]).ok(), "words version 3 available\n");
    upload(&["examples/models/text", "--version", "3"]).fails(1, "versions are immutable");
    let listed = run(&["versions", "words", "--server", &url]).ok();
    let last = listed.lines().last().unwrap();
    assert_eq!(last.split_whitespace().take(4).collect::<Vec<_>>(), ["words", "3", "available", "spark"]);
    assert!(run(&["models", "--server", &url]).ok().starts_with("model  version  state"));

    let delete = |path: &str| send(&server, "DELETE", path, "application/json", b"");
    let (status, body) = delete("/api/v1/models/words/versions/3");
    assert!(status == 409 && message(&body).contains("?force=true"), "{status}");
    assert_eq!(delete("/api/v1/models/words").0, 200);
    assert_eq!(server.send("POST", "/api/v1/serve/words", r#"{"text": "spark"}"#).0, 404);
    assert_eq!(delete("/api/v1/models/words").0, 404);
}

#[test]
fn labels_name_versions_and_keep_them_up() {
    let temp = Temp::new();
    let (server, url) = served(&temp);
    let upload = |model: &str| run(&["upload", "words", model, "--server", &url]).ok();
    upload("examples/models/text");
    let labels = |args: &[&str]| run(&[&["labels", "words"], args, &["--server", &url]].concat());
    assert_eq!(labels(&["stable=1"]).ok(), "stable 1\n");
    upload("examples/models/text");
    upload("examples/models/text");
    let of = |path: &str| server.send("GET", path, "").1;
    let body: Value = serde_json::from_str(&of("/api/v1/models/words")).unwrap();
    let up: Vec<u64> = body["versions"].as_array().unwrap().iter().map(|v| v["version"].as_u64().unwrap()).collect();
    assert!(up.contains(&1) && up.contains(&3) && body["labels"]["stable"] == 1, "{body}");
    let (status, answer) = server.send("POST", "/v2/models/words/versions/stable/infer", "{}");
    assert_eq!(status, 400, "version 1 is asked: {answer}");
    let (status, answer) = server.send("POST", "/api/v1/serve/words?label=stable", r#"{"text": "spark"}"#);
    assert!(status == 200 && answer.contains("prediction"), "{answer}");

    labels(&["canary=7"]).fails(1, "version 7 of model `words` not found");
    labels(&["canary=2"]).fails(1, "version 2 of model `words` is there and is not served");
    labels(&["canary"]).fails(2, "expected LABEL=VERSION");
    let delete = |path: &str| send(&server, "DELETE", path, "application/json", b"");
    for path in ["/api/v1/models/words/versions/1", "/api/v1/models/words"] {
        let (status, body) = delete(path);
        assert!(status == 409 && message(&body).contains("the label `stable`"), "{status}");
    }
    assert_eq!(labels(&["canary=3", "--remove", "stable"]).ok(), "canary 3\n");
    assert_eq!(delete("/api/v1/models/words/versions/1").0, 200);
    assert_eq!(delete("/api/v1/models/words?force=true").0, 200);
    assert_eq!(server.send("GET", "/api/v1/models/words/labels/canary", "").0, 404);
}

#[test]
fn the_models_own_file_says_labels() {
    let temp = Temp::new();
    temp.copy("examples/models/text", "models/words/1");
    temp.copy("examples/models/text", "models/words/2");
    temp.write("models/words/forebay.toml", "[labels]\nstable = 1\n");
    let server = Server::start(&[&temp.path("models")]).until_ready();
    let label = |expected: &str| {
        let (_, body) = server.send("GET", "/api/v1/models/words/labels/stable", "");
        assert_eq!(body, expected);
    };
    label(r#"{"label":"stable","version":1,"source":"forebay.toml"}"#);
    let (status, body) = server.send("PUT", "/api/v1/models/words/labels/stable", r#"{"version": 2}"#);
    assert!(status == 400 && body.contains("stands in its forebay.toml"), "{body}");
    let (status, body) =
        server.send("POST", "/v1/models/words/labels/stable:predict", r#"{"instances": [{"text": "a"}]}"#);
    assert_eq!(status, 200, "{body}");
}

#[test]
fn an_artifact_comes_back_as_it_went() {
    let temp = Temp::new();
    let (server, url) = served(&temp);
    run(&["upload", "mixed", "examples/models/mixed", "--version", "7", "--server", &url]).ok();
    let (status, first) = send(&server, "GET", "/api/v1/models/mixed/versions/7/artifact", "application/json", b"");
    assert_eq!(status, 200);
    let (status, _) = send(&server, "PUT", "/api/v1/models/other/versions/9", "application/x-tar", &first);
    assert_eq!(status, 201);
    let (_, second) = send(&server, "GET", "/api/v1/models/other/versions/9/artifact", "application/json", b"");
    assert!(first == second, "the same files");
    let (status, body) = send(&server, "GET", "/api/v1/models/other/versions/9", "application/json", b"");
    assert_eq!((status, serde_json::from_slice::<Value>(&body).unwrap()["state"].as_str()), (200, Some("available")));
}

#[test]
fn files_come_back_wherever_a_version_lies() {
    let temp = Temp::new();
    let pmml =
        |name: &str| std::fs::read(testkit::files::root().join(format!("conformance/pmml/{name}/model.pmml"))).unwrap();
    temp.copy("examples/models/text", "models/words");
    temp.copy("examples/models/text", "models/numbered/3");
    temp.write("models/iris.pmml", pmml("logistic-iris"));
    temp.write("models/iris.toml", "warm_up = \"none\"\n");
    let given = format!("good={}", temp.write("elsewhere/model.pmml", pmml("dates")));
    let server = Server::start(&[&temp.path("models"), &given]).until_ready().until_settled(&["words", "iris", "good"]);
    let get = |version: &str| {
        let (model, version) = version.split_once('/').unwrap();
        send(&server, "GET", &format!("/api/v1/models/{model}/versions/{version}/artifact"), "application/json", b"")
    };
    let files = |version: &str| {
        let (status, body) = get(version);
        assert_eq!(status, 200, "{version} {}", String::from_utf8_lossy(&body));
        registry::archive::unpack(&body, "", &registry::Config::default()).unwrap()
    };
    assert!(files("words/1").contains_key("metadata/part-00000"));
    assert_eq!(files("words/1"), files("numbered/3"));
    assert_eq!(files("good/1"), [("model.pmml".to_owned(), pmml("dates"))].into());
    let config = ("forebay.toml".to_owned(), b"warm_up = \"none\"\n".to_vec());
    assert_eq!(files("iris/1"), [("iris.pmml".to_owned(), pmml("logistic-iris")), config].into());
    for absent in ["words/2", "iris/7", "good/9", "numbered/1", "nobody/1"] {
        let (status, body) = get(absent);
        assert_eq!(status, 404, "{absent} {}", String::from_utf8_lossy(&body));
    }
    // What is not served is not given out under its number, nor what lies elsewhere.
    temp.write("models/numbered/3/metadata/part-00000", "{}");
    assert!(get("numbered/3").0 == 400 && message(&get("numbered/3").1).contains("not those that were published"));
    std::fs::remove_file(temp.path("models/iris.pmml")).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", temp.path("models/iris.pmml")).unwrap();
    assert!(
        get("iris/1").0 == 400 && message(&get("iris/1").1).contains("symbolic link"),
        "{}",
        message(&get("iris/1").1)
    );
}

#[test]
fn a_cold_version_whose_bytes_changed_says_so_until_they_are_back() {
    let temp = Temp::new();
    temp.copy("examples/models/text", "models/cold/1");
    temp.copy("examples/models/text", "models/other/1");
    let limits = "[models]\nload = 'lazy'\nmemory_bytes_max = 8000\nsettle_ms = 50\npoll_ms = 20\n";
    let config = temp.write("forebay.toml", limits);
    let server = Server::start(&[&temp.path("models"), "--config", &config]).until_ready();
    let ask = |model: &str| server.send("POST", &format!("/api/v1/serve/{model}"), r#"{"text": "spark"}"#);
    let shown = || server.send("GET", "/api/v1/models/cold/versions/1", "").1;
    until(|| ask("cold").0 == 200);
    until(|| ask("other").0 == 200);
    until(|| shown().contains("\"cold\":true"));
    let path = "models/cold/1/metadata/part-00000";
    let old = std::fs::read(temp.path(path)).unwrap();
    temp.write(path, [&old[..], b" "].concat());
    until(|| shown().contains("the old bytes answer as long as they are loaded"));
    for _ in 0..2 {
        let (status, answer) = ask("cold");
        assert!(status == 400 && answer.contains("its bytes are not those that were published"), "{status} {answer}");
    }
    assert!(shown().contains("restore them, or publish a new version"), "{}", shown());
    temp.write(path, old);
    until(|| ask("cold").0 == 200);
    assert!(!shown().contains("health"), "{}", shown());
}

#[test]
fn openscoring_deploys_replaces_shows_and_removes() {
    let temp = Temp::new();
    let (server, _) = served(&temp);
    let read =
        |case: &str| std::fs::read(testkit::files::root().join(format!("conformance/pmml/{case}/model.pmml"))).unwrap();
    let put = |ty: &str, body: &[u8]| {
        let (head, body) = send_whole(&server, "PUT", "/openscoring/model/flowers", ty, body);
        (head, serde_json::from_slice::<Value>(&body).unwrap())
    };
    let fields = |answer: &Value| answer["schema"]["inputFields"].as_array().unwrap().len();
    let (head, answer) = put("text/xml", &read("logistic-iris"));
    assert!(head.starts_with("HTTP/1.1 201") && head.contains("location: /openscoring/model/flowers\r\n"), "{head}");
    assert_eq!((answer["id"].as_str(), fields(&answer)), (Some("flowers"), 4));

    // What stood is replaced; what does not load leaves it as it is.
    let (head, answer) = put("application/xml", &read("dates"));
    assert!(head.starts_with("HTTP/1.1 200") && !head.contains("location"), "{head}");
    assert_eq!(fields(&answer), 2);
    let (head, answer) = put("application/xml", b"<PMML");
    let message = answer["message"].as_str().unwrap();
    assert!(head.starts_with("HTTP/1.1 400") && message.contains("does not load"), "{head}{message}");
    let (head, answer) = put("application/json", b"{}");
    assert!(head.starts_with("HTTP/1.1 400") && answer["message"].as_str().unwrap().contains("xml"), "{answer}");

    let get = |path: &str| send_whole(&server, "GET", path, "application/json", b"");
    let (head, body) = get("/openscoring/model/flowers/pmml");
    assert!(head.contains("content-type: application/xml\r\n"), "{head}");
    assert!(body == read("dates"), "the document that answers, byte for byte");
    let evaluate = r#"{"arguments": {"born": "1959-05-27", "bmi": 32.1}}"#;
    let (status, answer) = server.send("POST", "/openscoring/model/flowers", evaluate);
    assert!(status == 200 && answer.contains("197.2287288092"), "{answer}");

    let delete = || send(&server, "DELETE", "/openscoring/model/flowers", "application/json", b"");
    assert_eq!(delete(), (200, b"{}".to_vec()));
    for (status, body) in [delete(), (get("/openscoring/model/flowers/pmml").0[9..12].parse().unwrap(), delete().1)] {
        let body = String::from_utf8(body).unwrap();
        assert!(status == 404 && body.contains(r#"Model \"flowers\" not found"#), "{status} {body}");
    }
    let (status, body) = {
        run(&["upload", "words", "examples/models/text", "--server", &format!("http://{}", server.address())]).ok();
        send(&server, "GET", "/openscoring/model/words/pmml", "application/json", b"")
    };
    assert!(status == 400 && String::from_utf8_lossy(&body).contains("has no PMML: it is of spark"), "{status}");
}

#[test]
fn what_is_no_artifact_is_refused() {
    let temp = Temp::new();
    let (server, _) = served(&temp);
    let check = |name: &str, ty: &str, body: &[u8], expected: u16, part: &str| {
        let (status, body) = send(&server, "POST", &format!("/api/v1/models/{name}"), ty, body);
        let message = message(&body);
        assert!(status == expected && message.contains(part), "{status} {message}");
    };
    let tars = "application/x-tar";
    // A page of another origin could send this.
    check("m/versions", "text/plain", &tar("a", "b"), 400, "content-type");
    check("m/versions", tars, &tar("a", "b"), 400, "not a model of a known format");
    check("m/versions", tars, b"no archive at all", 400, "archive");
    check("m/versions", tars, b"", 400, "no file");
    check("m/versions?file=..%2Fx", tars, b"x", 400, "no name for a file");
    check("m/versions?colour=blue", tars, b"x", 400, "query key");
    check("123/versions", tars, &tar("a", "b"), 400, "take another name");
    check("v1/versions", tars, &tar("a", "b"), 400, "v1");
    assert_eq!(std::fs::read_dir(temp.path("models")).unwrap().count(), 0, "nothing is left of them");
    let (status, _) = send(&server, "DELETE", "/api/v1/models/m/versions/0", "application/json", b"");
    assert_eq!(status, 400);
}

#[test]
fn changes_are_not_open_by_accident() {
    let temp = Temp::new();
    std::fs::create_dir(temp.path("models")).unwrap();
    let open = |config: &str, expected: u16| {
        let config = temp.write("f.toml", config);
        let server = Server::start_at("0.0.0.0:0", &[&temp.path("models"), "--config", &config]).until_ready();
        let (status, body) = send(&server, "POST", "/api/v1/models/m/versions", "application/x-tar", &tar("a", "b"));
        assert_eq!(status, expected, "{}", message(&body));
    };
    open("", 403);
    open("[admin]\nopen = true\n", 400);
}

#[test]
fn the_admin_api_at_an_address_of_its_own_is_not_open_by_accident() {
    let temp = Temp::new();
    std::fs::create_dir(temp.path("models")).unwrap();
    let configured = |address: &str, more: &str| {
        temp.write("f.toml", format!("{more}[[server.listeners]]\naddress = '{address}'\ndialects = ['admin']\n"))
    };
    let open = configured("0.0.0.0:0", "");
    run(&["serve", &temp.path("models"), "--http", "127.0.0.1:0", "--config", &open]).fails(2, "nobody has keys");

    // Others ask for predictions, and whoever is on this machine changes models.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = configured(&format!("127.0.0.1:{port}"), "");
    let server = Server::start_at("0.0.0.0:0", &[&temp.path("models"), "--config", &config]).until_ready();
    let upload = |url: &str| run(&["upload", "words", "examples/models/text", "--server", url]);
    upload(&format!("http://{}", server.address())).fails(1, "models are changed at a listener of their own");
    let admin = format!("http://127.0.0.1:{port}");
    assert_eq!(upload(&admin).ok(), "words version 1 available\n");
    assert_eq!(server.send("POST", "/api/v1/serve/words", r#"{"text": "spark"}"#).0, 200);
    assert_eq!(server.send("DELETE", "/api/v1/models/words", "").0, 404);
    let listed = run(&["models", "--server", &admin]).ok();
    assert_eq!(run(&["models", "--server", &format!("http://{}", server.address())]).ok(), listed);
    assert_eq!(run(&["labels", "words", "stable=1", "--server", &admin]).ok(), "stable 1\n");
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    run(&["models", "--server", &format!("http://{gone}")]).fails(1, &format!("http://{gone}: "));
    run(&["models", "--server", "nonsense"]).fails(2, "expected http://HOST:PORT");
}
