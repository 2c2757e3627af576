//! `forebay config`, and which layer wins.

use crate::support::{Temp, command, finish, run};

fn show(file: &str, variables: &[(&str, &str)]) -> String {
    let mut command = command(&["config", "show", "--config", file]);
    command.envs(variables.iter().copied());
    finish(command, b"").ok()
}

#[test]
fn environment_wins_over_file_over_default() {
    let temp = Temp::new();
    let file = temp.write("f.toml", "[server]\nhttp = '127.0.0.1:1'\nidle_timeout_ms = 5\n");
    let shown = show(&file, &[("FOREBAY_SERVER__HTTP", "127.0.0.1:2"), ("FOREBAY_PORT", "tcp://other")]);
    for line in [
        "http = \"127.0.0.1:2\"  # FOREBAY_SERVER__HTTP".to_owned(),
        format!("idle_timeout_ms = 5  # {file}"),
        "level = \"info\"  # default".to_owned(),
    ] {
        assert!(shown.lines().any(|l| l == line), "{line}\n{shown}");
    }
    assert_eq!(run(&["config", "check", &temp.write("shown.toml", &shown)]).ok(), "", "what is shown can be read");
}

#[test]
fn every_scalar_key_has_a_variable() {
    let temp = Temp::new();
    let file = temp.write("f.toml", "");
    let shown = show(&file, &[]);
    let mut table = "";
    let mut keys = 0;
    for line in shown.lines() {
        if let Some(name) = line.strip_prefix('[') {
            table = name.trim_end_matches(']');
        } else if let Some((key, value)) = line.split_once(" = ").filter(|(_, value)| !value.starts_with(['[', '{'])) {
            let value = value.split("  # ").next().unwrap().trim_matches('"');
            let name = format!("FOREBAY_{table}__{key}").to_ascii_uppercase();
            assert!(show(&file, &[(&name, value)]).contains(&format!("  # {name}\n")), "{name}");
            keys += 1;
        }
    }
    assert!(keys > 20, "{shown}");
}

#[test]
fn a_whole_number_is_a_number() {
    let temp = Temp::new();
    let file = temp.write("f.toml", "[trace]\nsample = 1\n[capture]\nsample = 1\n[access_log]\nsample = 0\n");
    assert_eq!(run(&["config", "check", &file]).ok(), "");
    let shown = show(&file, &[]);
    assert!(shown.contains("[trace]") && shown.matches(&format!("sample = 1.0  # {file}")).count() == 2, "{shown}");
}

#[test]
fn what_is_wrong_is_named_with_code_2() {
    let temp = Temp::new();
    let check = |text: &str, part: &str| {
        run(&["config", "check", &temp.write("f.toml", text)]).fails(2, part);
    };
    check("[server]\nrow_max = 1\n", "line 2: unknown key `server.row_max`; did you mean `server.rows_max`?");
    check("[log]\nlevel = 3\n", "log.level: expected a string, got an integer");
    check("[gateway]\ndeadline_ms = 0\n", "deadline_ms");
    check("[server]\nhttp = '127.0.0.1:x'\n", "server.http: cannot listen on 127.0.0.1:x: no HOST:PORT");
    check("[server]\ngrpc = ':9000'\n", "server.grpc: cannot listen on :9000");
    check("[server]\ngrpc = '127.0.0.1:8080'\n", "server.grpc: cannot listen on 127.0.0.1:8080 twice");
    let listener =
        |address: &str, dialects: &str| format!("[[server.listeners]]\naddress = '{address}'\ndialects = {dialects}\n");
    check(&listener("127.0.0.1:9", "[]"), "server.listeners: 127.0.0.1:9 has no dialects");
    check(&listener("127.0.0.1", "['v2']"), "server.listeners: cannot listen on 127.0.0.1: no HOST:PORT");
    check("[capture]\nsample = 2\n", "capture.sample is 2; a number from 0 to 1");
    check("[capture]\nformat = 'csv'\n", "capture.format is \"csv\"; use jsonl or parquet");
    check("[access_log]\nsample = -1\n", "access_log.sample is -1; a number from 0 to 1");
    check("[[mist.routes]]\nroute = 'x'\n", "unknown field `route`");
    check("= 1", "line 1");
    run(&["config", "check", "no/such.toml"]).fails(2, "cannot read the configuration no/such.toml");
    let mut command = command(&["config", "show"]);
    command.env("FOREBAY_SERVER__HTP", "x");
    finish(command, b"").fails(2, "unknown key `server.htp`; did you mean `server.http` (FOREBAY_SERVER__HTTP)?");
}
