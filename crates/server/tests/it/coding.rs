//! Bodies that come and go compressed, in every dialect.

use codec::coding::Coding;
use server::{Config, MistConfig};

use crate::world::{Answer, World, ask_bytes};

fn post(world: &World, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    ask_bytes(&mut world.connect(), "POST", path, headers, body)
}

#[test]
fn every_dialect_reads_packed_bodies() {
    let world = World::new(Config::default(), MistConfig::default());
    let v2 = r#"{"inputs": [{"name": "x", "shape": [1], "datatype": "FP64", "data": [1.5]}]}"#;
    for (path, body, expected) in [
        ("/api/v1/serve/double", r#"{"x": 1.5}"#, r#"{"y":3.0}"#),
        ("/api/double?serve", r#"{"x": [1.5]}"#, r#"[{"y":3.0}]"#),
        ("/v2/models/double/infer", v2, r#""data":[3.0]"#),
        ("/v1/models/double:predict", r#"{"instances": [1.5]}"#, r#"{"predictions":[3.0]}"#),
    ] {
        for coding in Coding::ALL {
            let packed = coding.pack(body.as_bytes()).unwrap();
            let answer = post(&world, path, &[("content-encoding", coding.name())], &packed);
            assert!(answer.status == 200 && answer.body.contains(expected), "{path}: {answer:?}");
        }
    }
}

#[test]
fn a_bomb_is_refused_by_the_name_of_its_limit() {
    let config = Config { expanded_bytes_max: 1 << 20, ..Config::default() };
    let world = World::new(config, MistConfig::default());
    for coding in Coding::ALL {
        let packed = coding.pack(&vec![b' '; 32 << 20]).unwrap();
        let answer = post(&world, "/api/v1/serve/double", &[("content-encoding", coding.name())], &packed);
        assert_eq!(answer.status, 413, "{answer:?}");
        assert!(answer.body.contains("server.expanded_bytes_max"), "{answer:?}");
    }
    let damaged = &Coding::Gzip.pack(b"{}").unwrap()[..9];
    assert_eq!(post(&world, "/api/v1/serve/double", &[("content-encoding", "gzip")], damaged).status, 400);
}

#[test]
fn answers_are_packed_as_the_caller_takes_them() {
    let config = Config { inline_bytes_max: 16 << 10, ..Config::default() };
    let world = World::new(config, MistConfig::default());
    for rows in [1, 1000, 10_000] {
        let body = format!("[{}]", vec![r#"{"x":1.25}"#; rows].join(","));
        let plain = post(&world, "/api/v1/serve/double", &[], body.as_bytes());
        assert_eq!(plain.header("content-encoding"), None);
        for (accept, coding) in [("gzip, br", Coding::Gzip), ("gzip, zstd", Coding::Zstd), ("deflate", Coding::Deflate)]
        {
            let answer = post(&world, "/api/v1/serve/double", &[("accept-encoding", accept)], body.as_bytes());
            if rows == 1 {
                assert_eq!((answer.header("content-encoding"), &answer.body), (None, &plain.body));
                continue;
            }
            assert_eq!(answer.header("content-encoding"), Some(coding.name()));
            assert_eq!(answer.header("vary"), Some("accept-encoding"));
            let unpacked = coding.unpack(&answer.bytes, 1 << 20, "").unwrap();
            assert_eq!(unpacked, plain.bytes);
        }
    }
}
