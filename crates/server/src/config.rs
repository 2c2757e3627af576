//! What can be set about the listener: limits, times and the compute pool.
//!
//! Everything a caller can make large or slow has a field here. Times are in milliseconds, sizes in bytes. All fields
//! need a restart to change.

use std::time::Duration;

use codec::json::Limits;
use serde::{Deserialize, Serialize};

use crate::{
    api::{Dialect, Dialects},
    tls::Tls,
};

/// The table `[server]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address and port of the HTTP listener (HTTP/1.1 and HTTP/2).
    pub http: String,
    /// Address and port of a further listener, for gRPC clients that want one of their own; empty is none. Both listeners answer both.
    pub grpc: String,
    /// Connections held at once; further ones wait in the kernel's backlog.
    pub connections_max: usize,
    /// Streams one HTTP/2 connection may have open.
    pub streams_max: u32,
    /// Headers of one request.
    pub headers_max: usize,
    /// Bytes of a request's head; at least 8192.
    pub head_bytes_max: usize,
    /// Time from the opening of a connection to the end of its first request's head.
    pub head_timeout_ms: u64,
    /// Time a connection may stay without a request in flight; the head of its next request falls into it, and an answer
    /// that its peer is slow to read.
    pub idle_timeout_ms: u64,
    /// Bytes of one request's body.
    pub body_bytes_max: usize,
    /// Bytes of all bodies being received or worked on that came in more than one piece.
    pub bodies_bytes_max: usize,
    /// Bytes of one body that came compressed (gzip, deflate, zstd), once it is unpacked.
    pub expanded_bytes_max: usize,
    /// Answers of at least so many bytes are compressed where the caller takes it (`accept-encoding`); 0 compresses none.
    pub compress_bytes_min: usize,
    /// Time to receive one body.
    pub body_timeout_ms: u64,
    /// Rows of one request.
    pub rows_max: usize,
    /// Levels of arrays and objects in a JSON body; at most 120.
    pub json_depth_max: usize,
    /// Time from a request's head to its answer; a caller may ask for less. The gateway's `deadline_ms` holds for the
    /// call alone.
    pub timeout_ms: u64,
    /// A call expected to take at most so many microseconds runs on the thread that read it.
    pub inline_max_us: u64,
    /// A body of at most so many bytes is decoded on the thread that read it.
    pub inline_bytes_max: usize,
    /// Threads of the compute pool; 0 is one per core.
    pub compute_threads: usize,
    /// Calls waiting for a compute thread; beyond it they are refused as overloaded.
    pub compute_queue_max: usize,
    /// A call that would wait longer for a compute thread is refused as overloaded; one that would wait beyond its own time
    /// is, whatever stands here.
    pub compute_wait_ms_max: u64,
    /// After the signal to stop: how long `/health/ready` says no while the listener still accepts, so that balancers
    /// notice in time.
    pub drain_delay_ms: u64,
    /// How long requests in flight may then take to finish before their connections are closed.
    pub drain_ms: u64,
    /// The model that answers where a protocol names none (`POST /invocations`), `NAME` or `NAME@LABEL`; the only one where this is
    /// empty.
    pub default_model: String,
    /// Further listeners, each with its dialects: `[[server.listeners]]` below.
    pub listeners: Vec<Listener>,
    /// Encryption of `http` and `grpc`: `[server.tls]` below.
    pub tls: Tls,
    /// Which pages of other origins may ask: `[server.cors]` below.
    pub cors: Cors,
}

/// One `[[server.listeners]]` table: an address that answers some protocols only, so that clients with fixed ports need no
/// change. Paths of other protocols are not found there. Needs a restart to change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    /// Address and port.
    pub address: String,
    /// What is answered there: `native`, `admin` (changes of models; no listener that does not name it answers those any more), `mist`,
    /// `v2`, `tfs`, `v2-grpc`, `tfs-grpc`, `mlflow`, `openscoring`, `ops` (health and metrics).
    pub dialects: Vec<Dialect>,
    /// Encryption of this address, as in `[server.tls]`; without it there is none.
    #[serde(default)]
    pub tls: Tls,
}

/// The table `[server.cors]`. Needs a restart to change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cors {
    /// Origins whose pages may ask, such as `https://console.example.com`; `*` is all of them, none are the default.
    pub origins: Vec<String>,
}

/// The table `[batching]`: concurrent calls of few rows to one model are answered together where that was measured to take less.
/// Needs a restart to change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Batching {
    /// Whether calls that wait for a compute thread are joined at all.
    pub enabled: bool,
    /// Rows of calls that are answered together; a call of more than half of them is answered alone.
    pub rows_max: usize,
    /// Microseconds that a call waits for others before it is computed. With 0 nobody waits for others: those are joined that
    /// wait for a thread anyway.
    pub wait_us: u64,
}

impl Default for Batching {
    fn default() -> Batching {
        Batching { enabled: true, rows_max: 256, wait_us: 0 }
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            http: "127.0.0.1:8080".to_owned(),
            grpc: String::new(),
            connections_max: 10_000,
            streams_max: 256,
            headers_max: HEADERS_DEFAULT,
            head_bytes_max: 64 << 10,
            head_timeout_ms: 10_000,
            idle_timeout_ms: 75_000,
            body_bytes_max: 16 << 20,
            bodies_bytes_max: 256 << 20,
            expanded_bytes_max: 64 << 20,
            compress_bytes_min: 8 << 10,
            body_timeout_ms: 30_000,
            rows_max: 65_536,
            json_depth_max: 32,
            timeout_ms: 60_000,
            inline_max_us: 100,
            inline_bytes_max: 64 << 10,
            compute_threads: 0,
            compute_queue_max: 1024,
            compute_wait_ms_max: 5_000,
            drain_delay_ms: 0,
            drain_ms: 30_000,
            default_model: String::new(),
            listeners: Vec::new(),
            tls: Tls::default(),
            cors: Cors::default(),
        }
    }
}

/// The limit that hyper keeps on the stack; any other costs an allocation per request.
pub(crate) const HEADERS_DEFAULT: usize = 100;

impl Config {
    /// Returns whether a listener answers the admin API, so that those which do not name it leave it to that one.
    pub fn admin_is_apart(&self) -> bool {
        self.listeners.iter().any(|listener| listener.dialects.contains(&Dialect::Admin))
    }

    /// Returns what one of `listeners` answers.
    pub fn dialects_of(&self, listener: &Listener) -> Dialects {
        let dialects = Dialects::of(&listener.dialects);
        match self.admin_is_apart() && !dialects.has(Dialect::Admin) {
            true => dialects.without_changes(),
            false => dialects,
        }
    }

    /// Returns what `http` and `grpc` answer.
    pub fn dialects(&self) -> Dialects {
        match self.admin_is_apart() {
            true => Dialects::ALL.without_changes(),
            false => Dialects::ALL,
        }
    }

    /// Returns what is wrong beyond the types of the values.
    pub fn check(&self) -> Result<(), String> {
        if let Some(listener) = self.listeners.iter().find(|listener| listener.dialects.is_empty()) {
            let address = &listener.address;
            return Err(format!(
                "server.listeners: {address} has no dialects; say what is answered there, such as [\"native\"]"
            ));
        }
        let further = self.listeners.iter().map(|listener| ("server.listeners", &listener.address));
        let grpc = (!self.grpc.is_empty()).then_some(("server.grpc", &self.grpc));
        let mut taken = Vec::new();
        for (key, address) in [("server.http", &self.http)].into_iter().chain(grpc).chain(further) {
            let Some(port) = port(address) else {
                return Err(format!("{key}: cannot listen on {address}: no HOST:PORT, such as 127.0.0.1:8080"));
            };
            // Any number of listeners may take free ports.
            if port > 0 && taken.contains(&address) {
                return Err(format!(
                    "{key}: cannot listen on {address} twice; give each listener an address of its own"
                ));
            }
            taken.push(address);
        }
        Ok(())
    }

    pub(crate) fn threads(&self) -> usize {
        match self.compute_threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            n => n,
        }
    }

    pub(crate) fn compute_wait(&self) -> Duration {
        Duration::from_millis(self.compute_wait_ms_max)
    }

    pub(crate) fn json_limits(&self) -> Limits {
        Limits { depth_max: self.json_depth_max, rows_max: self.rows_max, ..Limits::default() }
    }

    /// Returns the time a call may take whose caller asked for `asked_ms`.
    pub(crate) fn timeout(&self, asked_ms: Option<u64>) -> Duration {
        Duration::from_millis(asked_ms.map_or(self.timeout_ms, |asked| asked.min(self.timeout_ms)))
    }
}

/// Returns the port of an address with a host.
fn port(address: &str) -> Option<u16> {
    let (host, port) = address.rsplit_once(':')?;
    port.parse().ok().filter(|_| !host.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_are_refused_and_absent_ones_default() {
        let config: Config = serde_json::from_str(r#"{"rows_max": 7}"#).unwrap();
        assert_eq!(config, Config { rows_max: 7, ..Config::default() });
        let error = serde_json::from_str::<Config>(r#"{"row_max": 7}"#).unwrap_err().to_string();
        assert!(error.contains("unknown field `row_max`"), "{error}");
    }

    #[test]
    fn a_caller_may_ask_for_less_time() {
        let config = Config { timeout_ms: 5, ..Config::default() };
        assert_eq!([None, Some(3), Some(90)].map(|asked| config.timeout(asked).as_millis()), [5, 3, 5]);
    }
}
