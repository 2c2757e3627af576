//! Captured calls: what models were asked and what they answered, as rows in files.
//!
//! A captured row has the inputs by their names, the outputs by theirs (with `_out` behind a name that an input has), and `_request_id`,
//! `_time`, `_version`; so a file of them is an input of `forebay score`. A call is captured at its border: [`Tapped`] stands around what reads
//! the body and writes the answer. Columns are shared, not copied; they go over a bounded queue to a thread that writes. Where it
//! cannot keep up calls are dropped and counted: no request waits.

mod config;
mod write;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::SystemTime,
};

use bytes::Bytes;
use gateway::Routed;
use model::{Batch, RequestId, Table};

pub use config::Config;

use crate::{
    auth::Patterns,
    context::Context,
    error::ServeError,
    predict::{Decoded, Wire},
};

/// Calls that wait to be written.
const WAITING_MAX: usize = 256;

/// Rows of one call; those of larger ones are not captured.
const ROWS_MAX: usize = 4096;

/// One call as it was asked and answered.
struct Taken {
    model: Arc<str>,
    version: u64,
    id: RequestId,
    at: SystemTime,
    inputs: Batch,
    outputs: Batch,
}

/// Rows that were written, calls that were not, and rows whose files were deleted for newer ones.
#[derive(Debug, Default)]
struct Counts {
    rows: AtomicU64,
    dropped: AtomicU64,
    pruned: AtomicU64,
}

/// Where captured calls go.
pub(crate) struct Capture {
    sample: f64,
    models: Option<Patterns>,
    seen: AtomicU64,
    counts: Arc<Counts>,
    calls: Option<SyncSender<Taken>>,
    thread: Option<JoinHandle<()>>,
}

impl Capture {
    /// Makes the folder and starts to write; nothing where none is configured.
    pub fn start(config: &Config) -> Result<Option<Arc<Capture>>, String> {
        if config.folder.is_empty() {
            return Ok(None);
        }
        config.check()?;
        let counts = Arc::<Counts>::default();
        let writer = write::Writer::new(config, counts.clone())?;
        let (calls, waiting) = sync_channel(WAITING_MAX);
        let thread = std::thread::Builder::new().name("capture".to_owned()).spawn(move || writer.run(&waiting));
        Ok(Some(Arc::new(Capture {
            sample: config.sample,
            models: (!config.models.is_empty()).then(|| Patterns::new(&config.models)),
            seen: AtomicU64::new(0),
            counts,
            calls: Some(calls),
            thread: Some(thread.map_err(|error| error.to_string())?),
        })))
    }

    /// Returns the rows that were written, the calls that were dropped, and the rows that were deleted.
    pub fn counts(&self) -> [u64; 3] {
        [&self.counts.rows, &self.counts.dropped, &self.counts.pruned].map(|count| count.load(Relaxed))
    }

    /// Returns whether the next call of this model is one of the sample.
    fn takes(&self, model: &str) -> bool {
        if self.models.as_ref().is_some_and(|models| !models.fit(model)) {
            return false;
        }
        let n = self.seen.fetch_add(1, Relaxed) as f64;
        ((n + 1.0) * self.sample).floor() > (n * self.sample).floor()
    }

    fn send(&self, taken: Taken) {
        if self.calls.as_ref().is_none_or(|calls| calls.try_send(taken).is_err()) {
            self.counts.dropped.fetch_add(1, Relaxed);
        }
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        // Without a sender the thread writes what waits, ends its files, and itself.
        drop(self.calls.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A call that is captured, until its answer is known.
struct Tap {
    capture: Arc<Capture>,
    model: Arc<str>,
    version: u64,
    id: RequestId,
    inputs: Batch,
}

/// A wire whose call may be captured.
pub(crate) struct Tapped<W> {
    wire: W,
    tap: Option<Box<Tap>>,
}

impl<W> Tapped<W> {
    pub fn new(wire: W, capture: Option<&Arc<Capture>>, model: &Routed, context: &Context) -> Tapped<W> {
        let taking = capture.filter(|capture| capture.takes(model.name().as_str()));
        let tap = taking.map(|capture| {
            Box::new(Tap {
                capture: capture.clone(),
                model: model.name().as_str().into(),
                version: model.version().0,
                id: context.id.clone(),
                inputs: Batch::default(),
            })
        });
        Tapped { wire, tap }
    }
}

impl<W: Wire> Wire for Tapped<W> {
    fn decode(&mut self, body: &Bytes) -> Result<Decoded, ServeError> {
        let decoded = self.wire.decode(body)?;
        match &mut self.tap {
            Some(tap) if decoded.batch.rows() <= ROWS_MAX => tap.inputs = decoded.batch.clone(),
            _ => self.tap = None,
        }
        Ok(decoded)
    }

    fn encode(&self, answer: &Batch) -> Result<Vec<u8>, ServeError> {
        if let Some(tap) = &self.tap {
            tap.capture.send(Taken {
                model: tap.model.clone(),
                version: tap.version,
                id: tap.id.clone(),
                at: SystemTime::now(),
                inputs: tap.inputs.clone(),
                outputs: answer.clone(),
            });
        }
        self.wire.encode(answer)
    }

    fn takes_tables(&self) -> bool {
        // What lies in a workspace is gone with the call.
        self.tap.is_none() && self.wire.takes_tables()
    }

    fn encode_table(&self, answer: &dyn Table) -> Result<Vec<u8>, ServeError> {
        self.wire.encode_table(answer)
    }
}
