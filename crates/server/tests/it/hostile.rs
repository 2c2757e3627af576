//! Requests that were tampered with: whatever the bytes, an answer or a closed connection, and a server that goes on.

use std::{io::Write, net::Shutdown};

use server::{Config, MistConfig};

use crate::world::{World, read};

const CASES: usize = 400;

/// A small generator, so that every run sends the same bytes (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % n
    }
}

fn requests() -> Vec<Vec<u8>> {
    let with_body = |head: &str, body: &str| {
        format!("{head}\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
    };
    let chunked = "POST /api/v1/serve/double HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n7\r\n{\"x\":1}\r\n0\r\n\r\n";
    vec![
        with_body(
            "POST /api/v1/serve/double?outputs=y,x&on_error=row HTTP/1.1\r\nx-request-id: a",
            "[{\"x\":1},{\"x\":13}]",
        ),
        with_body(
            "POST /api/classification?serve HTTP/1.1\r\naccept: application/json;q=0.5",
            "{\"x\":[1,2.5e3,\"NaN\"]}",
        ),
        with_body("POST /api/vectors?serve HTTP/1.1\r\nx-forebay-timeout-ms: 1000", "{\"x\":[1]}"),
        with_body(
            "GET /api/v1/models/double HTTP/1.1\r\ntraceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "",
        ),
        with_body(
            "POST /v1/models/half:regress HTTP/1.1",
            "{\"context\":{\"a\":[1,2]},\"examples\":[{\"x\":[1.5,NaN]},{\"y\":{\"b64\":\"/w==\"}}]}",
        ),
        with_body("POST /v1/models/double:predict HTTP/1.1", "{\"instances\":[{\"x\":1},{\"x\":-Infinity}]}"),
        with_body(
            "POST /openscoring/model/double/batch HTTP/1.1",
            "{\"id\":\"a\",\"requests\":[{\"id\":\"b\",\"arguments\":{\"x\":1}},{\"arguments\":{\"x\":13}}]}",
        ),
        with_body("POST /openscoring/model/double/csv HTTP/1.1\r\ncontent-type: text/plain", "Id;x\na;1\nb;14\n"),
        with_body("POST /api/v1/serve/double?form=split HTTP/1.1", "{\"columns\":[\"x\"],\"data\":[[1],[2.5]]}"),
        with_body("POST /api/v1/serve/double HTTP/1.1\r\ncontent-type: text/csv", "x,y\n1,a\n\"2\",b\n"),
        with_body(
            "POST /invocations HTTP/1.1",
            "{\"dataframe_split\":{\"columns\":[\"x\"],\"data\":[[1],[NaN]]},\"params\":{}}",
        ),
        chunked.as_bytes().to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec(),
    ]
}

fn tamper(bytes: &mut Vec<u8>, random: &mut Random) {
    const PIECES: [&[u8]; 10] =
        [b"\r\n", b"%", b"%ff", b"\0", b"[[[[[[[[[[[[[[", b"1e999", b"\"", b"\xc3", b"&&=", b": 99999999999999999999"];
    for _ in 0..1 + random.below(4) {
        if bytes.len() < 2 {
            return;
        }
        let at = random.below(bytes.len());
        match random.below(4) {
            0 => bytes[at] = random.below(256) as u8,
            1 => drop(bytes.remove(at)),
            2 => bytes.truncate(at.max(1)),
            _ => {
                let piece = PIECES[random.below(PIECES.len())];
                bytes.splice(at..at, piece.iter().copied());
            }
        }
    }
}

#[test]
fn no_bytes_make_it_panic_or_stop() {
    let config = Config { compute_threads: 1, default_model: "double".into(), ..Config::default() };
    let world = World::new(config, MistConfig::default());
    let (requests, mut random) = (requests(), Random(0x5eed));
    let mut answered = 0;
    for case in 0..CASES {
        let mut bytes = requests[case % requests.len()].clone();
        tamper(&mut bytes, &mut random);
        let mut stream = world.connect();
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(Shutdown::Write);
        if let Some(answer) = read(&mut stream, false) {
            answered += 1;
            assert!((200..500).contains(&answer.status), "{answer:?} to {:?}", String::from_utf8_lossy(&bytes));
        }
    }
    assert!(answered > CASES / 4, "{answered} of {CASES}: the bytes hardly reach the server");
    let page = world.get("/metrics").body;
    assert!(page.contains("\nforebay_panics_total 0\n"), "{page}");
}

#[test]
fn what_is_nested_without_end_is_refused_in_every_dialect() {
    let config = Config { default_model: "double".into(), ..Config::default() };
    let world = World::new(config, MistConfig::default());
    let deep = "[".repeat(200_000);
    let closed = deep.clone() + &"]".repeat(200_000);
    for deep in [deep, closed] {
        for (path, begin, end) in [
            ("/api/v1/serve/double", "{\"x\":", "}"),
            ("/api/v1/serve/double?form=columns", "{\"x\":", "}"),
            ("/api/v1/serve/double?form=split", "{\"columns\":[\"x\"],\"data\":", "}"),
            ("/v1/models/double:predict", "{\"instances\":", "}"),
            ("/v1/models/echo:predict", "{\"inputs\":", "}"),
            ("/v1/models/half:regress", "{\"examples\":", "}"),
            ("/invocations", "{\"dataframe_split\":{\"columns\":[\"x\"],\"data\":", "}}"),
            ("/invocations", "{\"dataframe_records\":", "}"),
            ("/invocations", "{\"inputs\":", "}"),
            ("/openscoring/model/double", "{\"arguments\":", "}"),
            ("/openscoring/model/double/batch", "{\"requests\":[{\"arguments\":", "}]}"),
            ("/api/double?serve", "{\"x\":", "}"),
        ] {
            let answer = world.post(path, &format!("{begin}{deep}{end}"));
            assert_eq!(answer.status, 400, "{path} {begin}");
        }
    }
    assert!(world.get("/metrics").body.contains("\nforebay_panics_total 0\n"));
}
