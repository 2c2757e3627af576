//! The access log: a line a request, with who asked what and how it went, and no value of an input.
//!
//! A line is a JSON object. It is made where the request is counted, goes over a bounded queue and is written by a thread of its
//! own; where that cannot keep up, lines are dropped and counted. A sample is even: of a part of 0.1 it is each tenth.

mod config;

use std::{
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::{Duration, SystemTime},
};

use http::{StatusCode, header, request::Parts};
use model::RequestId;
use tracing::{info, warn};

pub use config::Config;

use crate::{
    answer::{Object, rfc3339},
    api::Dialect,
    context::Context,
    error::cut,
    rotate::Rotating,
};

/// Lines that wait to be written.
const WAITING_MAX: usize = 4096;

/// Where lines go.
enum To {
    Nowhere,
    Log,
    File { lines: Option<SyncSender<String>>, thread: Option<JoinHandle<()>> },
}

/// The log.
pub(crate) struct AccessLog {
    to: To,
    sample: f64,
    seen: AtomicU64,
    dropped: AtomicU64,
}

/// What is known of a request when it comes.
#[derive(Debug)]
pub(crate) struct Line {
    log: Arc<AccessLog>,
    at: SystemTime,
    id: RequestId,
    method: String,
    path: String,
    peer: Option<SocketAddr>,
    key: Arc<str>,
    bytes_in: Option<u64>,
}

/// What is known of it when it was answered.
pub(crate) struct Outcome<'a> {
    pub dialect: Dialect,
    pub model: &'a str,
    /// 0 where it is not known.
    pub version: u64,
    pub status: StatusCode,
    pub rows: usize,
    pub bytes_out: usize,
    pub took: Duration,
}

impl std::fmt::Debug for AccessLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessLog").finish_non_exhaustive()
    }
}

impl AccessLog {
    /// Opens the log.
    pub fn start(config: &Config) -> Result<AccessLog, String> {
        config.check()?;
        let to = match &*config.to {
            "" => To::Nowhere,
            "log" => To::Log,
            file => {
                let opened = Rotating::open(Path::new(file), config.file_bytes_max, config.files_kept);
                let file = opened.map_err(|error| format!("access_log.to: cannot write {file}: {error}"))?;
                let (lines, waiting) = sync_channel(WAITING_MAX);
                let thread = std::thread::Builder::new().name("access-log".to_owned());
                let thread = thread.spawn(move || write(file, &waiting)).map_err(|error| error.to_string())?;
                To::File { lines: Some(lines), thread: Some(thread) }
            }
        };
        Ok(AccessLog { to, sample: config.sample, seen: AtomicU64::new(0), dropped: AtomicU64::new(0) })
    }

    /// Returns how many lines were lost.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }

    /// Begins the line of a request, where there is a log.
    pub fn begin(self: &Arc<AccessLog>, head: &Parts, context: &Context) -> Option<Box<Line>> {
        if matches!(self.to, To::Nowhere) {
            return None;
        }
        let length = head.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        Some(Box::new(Line {
            log: self.clone(),
            at: SystemTime::now(),
            id: context.id.clone(),
            method: head.method.as_str().to_owned(),
            path: cut(head.uri.path()),
            peer: context.peer,
            key: context.caller.as_ref().map_or_else(|| "".into(), |caller| caller.name.clone()),
            bytes_in: length,
        }))
    }

    /// Returns whether the next request that went well is one of the sample.
    fn is_sampled(&self) -> bool {
        let n = self.seen.fetch_add(1, Relaxed) as f64;
        ((n + 1.0) * self.sample).floor() > (n * self.sample).floor()
    }
}

impl Line {
    pub fn set_bytes_in(&mut self, bytes: usize) {
        self.bytes_in = Some(bytes as u64);
    }

    /// Writes the line, where its request is one of the sample or failed.
    pub fn end(self, outcome: &Outcome<'_>) {
        if !(outcome.status.as_u16() >= 400 || self.log.is_sampled()) {
            return;
        }
        let mut text = String::with_capacity(320);
        self.put(&mut text, outcome);
        match &self.log.to {
            To::Nowhere => {}
            To::Log => info!(target: "access", "{text}"),
            To::File { lines, .. } => {
                text.push('\n');
                if lines.as_ref().is_none_or(|lines| lines.try_send(text).is_err()) {
                    self.log.dropped.fetch_add(1, Relaxed);
                }
            }
        }
    }

    fn put(&self, text: &mut String, outcome: &Outcome<'_>) {
        let mut object = Object::new(text);
        object.text("time", &rfc3339(self.at));
        object.text("request_id", self.id.as_str());
        object.text("dialect", outcome.dialect.name());
        object.text("method", &self.method);
        object.text("path", &self.path);
        if !outcome.model.is_empty() {
            object.text("model", outcome.model);
        }
        if outcome.version > 0 {
            object.plain("version", outcome.version);
        }
        object.plain("code", outcome.status.as_u16());
        object.plain("rows", outcome.rows);
        if let Some(bytes) = self.bytes_in {
            object.plain("bytes_in", bytes);
        }
        object.plain("bytes_out", outcome.bytes_out);
        object.plain("us", outcome.took.as_micros());
        if let Some(peer) = self.peer {
            object.text("peer", &peer.to_string());
        }
        if !self.key.is_empty() {
            object.text("key", &self.key);
        }
        object.end();
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        if let To::File { lines, thread } = &mut self.to {
            // Without a sender the thread writes what waits, and ends.
            drop(lines.take());
            if let Some(thread) = thread.take() {
                let _ = thread.join();
            }
        }
    }
}

fn write(mut file: Rotating, lines: &Receiver<String>) {
    let mut failed = false;
    while let Ok(first) = lines.recv() {
        let mut batch = std::iter::once(first).chain(lines.try_iter().take(WAITING_MAX));
        let written = batch.try_for_each(|line| file.write(&line)).and_then(|()| file.flush());
        // Told once, not with every line.
        match (written, failed) {
            (Err(error), false) => {
                warn!(%error, "the access log cannot be written");
                failed = true;
            }
            (written, _) => failed = written.is_err(),
        }
    }
}
