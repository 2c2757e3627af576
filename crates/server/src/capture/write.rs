//! The thread that writes captured calls: a file at hand for each model and set of columns, and not too many of them.

use std::{
    collections::{HashMap, HashSet},
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use codec::{
    CodecError, Sink, WriteOptions,
    json::{RowWriter, VectorForm},
    parquet::ParquetSink,
};
use model::{Batch, Builder, Column, OnFault, Type, Value};
use tracing::warn;

use super::{Config, Counts, Taken};
use crate::answer::rfc3339;

/// Files at hand, and those of one model; beyond it the one that was written to least lately is ended.
const OPEN_MAX: usize = 64;
const SETS_MAX: usize = 8;

/// How long rows may lie in memory before they are in their file, and how old a file of Parquet gets before it is ended.
const FLUSH: Duration = Duration::from_secs(1);
const PARQUET_AGE_MAX: Duration = Duration::from_secs(60);

/// What a file holds: the model whose calls, and the columns.
type Key = (Arc<str>, Vec<(Arc<str>, Type)>);

/// A file at hand.
struct Open {
    sink: Box<dyn Sink + Send>,
    bytes: Arc<AtomicU64>,
    /// Where it is written, and what it is called when it is whole.
    path: PathBuf,
    named: PathBuf,
    rows: u64,
    began: SystemTime,
    used: u64,
}

pub(super) struct Writer {
    folder: PathBuf,
    is_parquet: bool,
    never: HashSet<String>,
    file_bytes_max: u64,
    files_max: usize,
    total_bytes_max: u64,
    counts: Arc<Counts>,
    open: HashMap<Key, Open>,
    /// The rows of the files that were ended, until they are deleted.
    ended: HashMap<PathBuf, u64>,
    clock: u64,
    failed: bool,
}

/// Counts what is written through it.
struct Counting {
    file: BufWriter<File>,
    bytes: Arc<AtomicU64>,
}

impl Write for Counting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.file.write(bytes)?;
        self.bytes.fetch_add(n as u64, Relaxed);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Rows as JSON, one a line.
struct Lines {
    output: Counting,
    text: Vec<u8>,
}

impl Sink for Lines {
    fn write(&mut self, batch: &Batch) -> Result<(), CodecError> {
        let writer = RowWriter::new(batch, VectorForm::default(), OnFault::MarkRow)?;
        self.text.clear();
        for row in 0..batch.rows() {
            writer.write(row, &mut self.text);
            self.text.push(b'\n');
        }
        // Lines are whole in the file whenever somebody looks.
        Ok(self.output.write_all(&self.text).and_then(|()| self.output.flush())?)
    }

    fn finish(mut self: Box<Self>) -> Result<(), CodecError> {
        Ok(self.output.flush()?)
    }
}

impl Writer {
    pub fn new(config: &Config, counts: Arc<Counts>) -> Result<Writer, String> {
        let folder = PathBuf::from(&config.folder);
        fs::create_dir_all(&folder)
            .map_err(|error| format!("capture.folder: cannot make {}: {error}", config.folder))?;
        Ok(Writer {
            folder,
            is_parquet: config.format == "parquet",
            never: config.fields_never.iter().cloned().collect(),
            file_bytes_max: config.file_bytes_max.max(1),
            files_max: config.files_max.max(1),
            total_bytes_max: config.total_bytes_max,
            counts,
            open: HashMap::new(),
            ended: HashMap::new(),
            clock: 0,
            failed: false,
        })
    }

    /// Writes what comes until nobody sends any more.
    pub fn run(mut self, calls: &Receiver<Taken>) {
        loop {
            match calls.recv_timeout(FLUSH) {
                Ok(taken) => self.take(&taken),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.end_old();
        }
        let keys: Vec<_> = self.open.keys().cloned().collect();
        keys.iter().for_each(|key| self.end(key));
    }

    fn take(&mut self, taken: &Taken) {
        let Some(rows) = self.joined(taken) else {
            self.counts.dropped.fetch_add(1, Relaxed);
            return;
        };
        let key = (taken.model.clone(), columns_of(&rows));
        match self.write(&key, &rows) {
            Ok(()) => {
                self.counts.rows.fetch_add(rows.rows() as u64, Relaxed);
                self.failed = false;
            }
            Err(error) => {
                self.counts.dropped.fetch_add(1, Relaxed);
                self.open.remove(&key);
                // Told once, not with every call.
                if !std::mem::replace(&mut self.failed, true) {
                    warn!(%error, model = &*taken.model, "calls cannot be captured");
                }
            }
        }
    }

    /// Returns inputs and outputs as rows of one table; nothing where they are not of the same rows.
    fn joined(&self, taken: &Taken) -> Option<Batch> {
        let rows = taken.inputs.rows();
        if rows == 0 || taken.outputs.rows() != rows {
            return None;
        }
        let mut joined = Batch::new(rows);
        let mut names = HashSet::new();
        for (batch, suffix) in [(&taken.inputs, ""), (&taken.outputs, "_out")] {
            for (name, value) in batch.values() {
                let Value::Column { domain: 0, column } = value else { continue };
                if self.never.contains(&**name) || column.len() != rows {
                    continue;
                }
                let name = if names.contains(name) { format!("{name}{suffix}").into() } else { name.clone() };
                if names.insert(name.clone()) {
                    joined.push(name, column.clone());
                }
            }
        }
        joined.push("_request_id", repeated(taken.id.as_str(), rows));
        joined.push("_time", repeated(&rfc3339(taken.at), rows));
        joined.push("_version", repeated(&taken.version.to_string(), rows));
        if let Some(marks) = taken.outputs.domains().first().and_then(|domain| domain.marks.clone()) {
            joined.set_marks(marks);
        }
        Some(joined)
    }

    fn write(&mut self, key: &Key, rows: &Batch) -> Result<(), CodecError> {
        let is_full = |open: &Open| open.bytes.load(Relaxed) >= self.file_bytes_max;
        if self.open.get(key).is_some_and(is_full) {
            self.end(key);
        }
        if !self.open.contains_key(key) {
            self.begin(key)?;
        }
        self.clock += 1;
        if let Some(open) = self.open.get_mut(key) {
            open.used = self.clock;
            open.sink.write(rows)?;
            open.rows += rows.rows() as u64;
        }
        Ok(())
    }

    fn begin(&mut self, key: &Key) -> Result<(), CodecError> {
        let model = &key.0;
        self.end_beyond(SETS_MAX.min(self.files_max), |of| of == model);
        self.end_beyond(OPEN_MAX, |_| true);
        self.make_room(model);
        // A model's name is a name of a folder by its grammar.
        let folder = self.folder.join(&**model);
        fs::create_dir_all(&folder)?;
        let began = SystemTime::now();
        let stamp = began.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        let named = folder.join(format!("{stamp:020}.{}", if self.is_parquet { "parquet" } else { "jsonl" }));
        // A file of Parquet is none before its end.
        let path = if self.is_parquet { named.with_extension("parquet.part") } else { named.clone() };
        let bytes = Arc::<AtomicU64>::default();
        let file = BufWriter::with_capacity(64 << 10, File::create_new(&path)?);
        let output = Counting { file, bytes: bytes.clone() };
        let sink: Box<dyn Sink + Send> = if self.is_parquet {
            Box::new(ParquetSink::new(output, &WriteOptions { on_fault: OnFault::MarkRow }))
        } else {
            Box::new(Lines { output, text: Vec::new() })
        };
        self.open.insert(key.clone(), Open { sink, bytes, path, named, rows: 0, began, used: self.clock });
        Ok(())
    }

    /// Ends the file that was written to least lately, where another one would make more than so many of these models.
    fn end_beyond(&mut self, most: usize, is_counted: impl Fn(&Arc<str>) -> bool) {
        let counted = || self.open.iter().filter(|((model, _), _)| is_counted(model));
        let oldest = counted().min_by_key(|(_, open)| open.used).filter(|_| counted().count() >= most);
        if let Some(key) = oldest.map(|(key, _)| key.clone()) {
            self.end(&key);
        }
    }

    /// Ends a file, so that it is whole.
    fn end(&mut self, key: &Key) {
        let Some(open) = self.open.remove(key) else { return };
        self.ended.insert(open.named.clone(), open.rows);
        let ended = open.sink.finish().map_err(|error| error.to_string());
        let ended = ended.and_then(|()| match open.path == open.named {
            true => Ok(()),
            false => fs::rename(&open.path, &open.named).map_err(|error| error.to_string()),
        });
        if let Err(error) = ended {
            warn!(error, path = %open.path.display(), "a file of captured calls was not ended");
        }
    }

    fn end_old(&mut self) {
        if !self.is_parquet {
            return;
        }
        let is_old = |open: &Open| open.began.elapsed().is_ok_and(|age| age > PARQUET_AGE_MAX);
        let old: Vec<_> = self.open.iter().filter(|(_, open)| is_old(open)).map(|(key, _)| key.clone()).collect();
        old.iter().for_each(|key| self.end(key));
    }

    /// Takes the oldest files that were ended out until another one fits.
    fn make_room(&mut self, model: &str) {
        let own = files(&self.folder.join(model));
        let beyond = (own.len() + 1).saturating_sub(self.files_max);
        let ended: Vec<_> = own.into_iter().map(|(path, _)| path).filter(|path| !self.is_open(path)).collect();
        ended.into_iter().take(beyond).for_each(|path| self.prune(&path));
        let folders = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut all: Vec<(PathBuf, u64)> = folders.flat_map(|folder| files(&folder.path())).collect();
        // Their names begin with the time, whatever the model.
        all.sort_by(|a, b| a.0.file_name().cmp(&b.0.file_name()));
        // Others may have taken files out.
        let there: HashSet<&PathBuf> = all.iter().map(|(path, _)| path).collect();
        self.ended.retain(|path, _| there.contains(path));
        let mut total: u64 = all.iter().map(|(_, bytes)| bytes).sum();
        for (path, bytes) in all {
            if total + self.file_bytes_max <= self.total_bytes_max {
                break;
            }
            if !self.is_open(&path) {
                self.prune(&path);
                total -= bytes;
            }
        }
    }

    fn is_open(&self, path: &Path) -> bool {
        self.open.values().any(|open| open.path == path)
    }

    fn prune(&mut self, path: &Path) {
        let _ = fs::remove_file(path);
        self.counts.pruned.fetch_add(self.ended.remove(path).unwrap_or(0), Relaxed);
    }
}

/// Returns the files of a folder, the oldest first, with their sizes.
fn files(folder: &Path) -> Vec<(PathBuf, u64)> {
    let ours = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.len() > 20 && name.as_bytes()[..20].iter().all(u8::is_ascii_digit)
    };
    let all = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut found: Vec<_> = all
        .filter(|path| ours(path))
        .map(|path| (path.clone(), fs::metadata(&path).map_or(0, |about| about.len())))
        .collect();
    found.sort();
    found
}

fn repeated(text: &str, rows: usize) -> Column {
    let mut builder = Builder::new(&Type::Text);
    (0..rows).for_each(|_| builder.push_text(text));
    builder.finish()
}

fn columns_of(batch: &Batch) -> Vec<(Arc<str>, Type)> {
    let of = |(name, value): &(Arc<str>, Value)| match value {
        Value::Column { column, .. } => Some((name.clone(), column.ty())),
        Value::Whole(_) => None,
    };
    batch.values().iter().filter_map(of).collect()
}
