//! [`Engine`]: a model that an engine of others runs, behind the [`Predictor`] door.
//!
//! A thread of its own starts the child, sends it one call after the other, and starts another child when one is lost.
//! Callers wait for a promise, so no thread of theirs does.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use model::{
    Batch, Call, Field, ModelFiles, PredictError, Predictor, Reply, Signature, Takes, Type, Value, Whole, stack,
};
use tracing::{info, warn};

use crate::{
    EngineError, Engines, Form, Kind, Limits,
    folder::Folder,
    host::{Child, Lost},
    promise::{Give, promise},
    wire::{Code, Load, Run, Told},
};

/// A model to be run by an engine of others.
#[derive(Clone, Debug)]
pub struct Artifact {
    pub files: ModelFiles,
    pub form: Form,
    /// What it takes and gives; a field's `declared.tensor` is the name in the graph. An output of the type `None` has
    /// whatever type the engine says.
    pub signatures: Vec<Signature>,
    /// Outputs whose type nobody but the engine knows, by signature and place.
    pub open: Vec<(usize, usize)>,
}

/// A model that answers from a child.
pub struct Engine {
    kind: Kind,
    signatures: Vec<Signature>,
    /// `None` when it is being dropped.
    jobs: Option<SyncSender<Box<Job>>>,
    stop: Arc<AtomicBool>,
    /// Closed when the child has ended and its folder is gone.
    ended: Mutex<Receiver<()>>,
    waiting_max: usize,
}

/// How long whoever drops an engine waits for its child to end.
const ENDS_WITHIN: Duration = Duration::from_secs(1);

/// A call on its way.
struct Job {
    call: Call,
    run: Run,
    /// The outputs as callers name them.
    names: Vec<Arc<str>>,
    rows: usize,
    /// Whether the rows were stacked to tensors.
    is_stacked: bool,
    give: Give,
}

/// What the thread needs to start a child, and the one that runs.
struct Driver {
    engines: Engines,
    kind: Kind,
    load: Load,
    /// Ends before its folder goes.
    child: Option<Child>,
    folder: Folder,
    stop: Arc<AtomicBool>,
}

/// What a child says of its model when it is ready.
struct Ready {
    version: String,
    is_confined: bool,
    types: Vec<Option<Type>>,
}

impl Engine {
    /// Starts a child with the model; returns when it is ready.
    pub fn open(engines: &Engines, kind: Kind, artifact: Artifact) -> Result<Engine, EngineError> {
        let library = engines.library(kind).ok_or(EngineError::NotConfigured(kind))?.to_owned();
        let failed = |what: &str| {
            let what = what.to_owned();
            move |source| EngineError::Start { kind, what, source }
        };
        let folder = Folder::new(&engines.scratch, &artifact.files)
            .map_err(failed("the model's files cannot be laid out below the folder for temporary files"))?;
        let mut signatures = artifact.signatures;
        let open = artifact.open.iter().filter_map(|(s, o)| signatures.get(*s)?.outputs.get(*o));
        let load = Load {
            kind,
            library,
            folder: folder.path().display().to_string(),
            form: artifact.form,
            outputs: open.map(tensor).collect(),
            threads: engines.limits.threads,
            memory_bytes_max: engines.limits.memory_bytes_max,
            cpu_seconds_max: engines.limits.cpu_seconds_max,
            answer_bytes_max: engines.limits.answer_bytes_max,
        };
        let stop: Arc<AtomicBool> = Arc::default();
        let driver = Driver { engines: engines.clone(), kind, load, child: None, folder, stop: stop.clone() };
        let waiting_max = engines.limits.waiting_max.max(1);
        let (jobs, waiting) = sync_channel(waiting_max);
        let (tell, told) = sync_channel(1);
        let (ending, ended) = sync_channel(0);
        let drive = move || {
            driver.run(&tell, &waiting);
            drop(ending);
        };
        thread::Builder::new()
            .name(format!("engine-{kind}"))
            .spawn(drive)
            .map_err(failed("no thread could be made"))?;
        let ready = told.recv().map_err(|_| EngineError::Ending(kind))??;
        for ((signature, output), ty) in artifact.open.iter().zip(ready.types) {
            let field = signatures.get_mut(*signature).and_then(|signature| signature.outputs.get_mut(*output));
            if let (Some(field), Some(ty)) = (field, ty) {
                field.takes = Takes::One(ty);
            }
        }
        info!(engine = %kind, version = ready.version, confined = ready.is_confined, "an engine runs a model");
        Ok(Engine { kind, signatures, jobs: Some(jobs), stop, ended: Mutex::new(ended), waiting_max })
    }

    /// Returns the call as the child takes it.
    fn job(&self, call: Call, give: Give) -> Result<Box<Job>, PredictError> {
        call.check()?;
        let signature = self.signature(call.signature.as_deref())?;
        let takes_whole = |name: &str| signature.input(name).is_some_and(|(_, field)| field.whole);
        let rows = call.batch.rows();
        let is_stacked = stack::is_due(takes_whole, &call.batch);
        let call = if is_stacked { stack::stacked(takes_whole, &call)? } else { call };
        let mut inputs = Vec::with_capacity(signature.inputs.len());
        for field in &signature.inputs {
            inputs.push((tensor(field), fitting(field, &call.batch)?.clone()));
        }
        let outputs: Vec<&Field> = match &call.outputs {
            None => signature.outputs.iter().filter(|field| field.default).collect(),
            Some(names) => names.iter().map(|name| output(signature, name)).collect::<Result<_, _>>()?,
        };
        let run = Run { inputs, outputs: outputs.iter().map(|field| tensor(field)).collect() };
        let names = outputs.iter().map(|field| field.name.clone()).collect();
        let call = Call { batch: Batch::new(0), ..call };
        Ok(Box::new(Job { call, run, names, rows, is_stacked, give }))
    }

    fn signature(&self, name: Option<&str>) -> Result<&Signature, PredictError> {
        let found = match name {
            None => self.signatures.first(),
            Some(name) => self.signatures.iter().find(|signature| *signature.name == *name),
        };
        found.ok_or_else(|| {
            let known: Vec<&str> = self.signatures.iter().map(|signature| &*signature.name).collect();
            let got = name.unwrap_or("default");
            PredictError::invalid(None, format!("a signature among {}", known.join(", ")), got)
        })
    }
}

/// Returns the graph's name of a field.
fn tensor(field: &Field) -> String {
    field.declared.as_ref().map_or(&*field.name, |declared| &*declared.tensor).to_owned()
}

fn output<'s>(signature: &'s Signature, name: &str) -> Result<&'s Field, PredictError> {
    signature.output(name).map(|(_, field)| field).ok_or_else(|| {
        let known: Vec<&str> = signature.outputs.iter().map(|field| &*field.name).collect();
        PredictError::invalid(None, format!("outputs among {}", known.join(", ")), name)
    })
}

/// Returns the caller's value for an input, where it is of the type.
fn fitting<'b>(field: &Field, batch: &'b Batch) -> Result<&'b Whole, PredictError> {
    let wrong = |got: String| PredictError::invalid(Some(&field.name), field.ty().to_string(), got);
    match batch.value(&field.name) {
        None => Err(wrong("nothing".to_owned())),
        Some(Value::Column { column, .. }) => Err(wrong(column.ty().to_string())),
        Some(Value::Whole(whole)) if is(whole, field.ty()) => Ok(whole),
        Some(Value::Whole(whole)) => Err(wrong(whole.kind())),
    }
}

fn is(whole: &Whole, ty: &Type) -> bool {
    match (whole, ty) {
        (Whole::Tensor(tensor), Type::Fixed { dtype, .. }) => tensor.dtype() == Some(*dtype),
        (Whole::Tensor(tensor), Type::Bytes | Type::Text) => tensor.dtype().is_none(),
        (Whole::Sequence(items), Type::List(item)) => items.iter().all(|whole| is(whole, item)),
        _ => false,
    }
}

impl Predictor for Engine {
    fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    fn call(&self, call: Call) -> Reply {
        let (give, wait) = promise();
        let job = match self.job(call, give) {
            Ok(job) => job,
            Err(error) => return Reply::Now(Err(error)),
        };
        let sent = self.jobs.as_ref().map(|jobs| jobs.try_send(job));
        match sent {
            Some(Ok(())) => Reply::Later(Box::pin(wait)),
            Some(Err(TrySendError::Full(_))) => Reply::Now(Err(PredictError::Overloaded {
                message: format!("{} calls wait for the engine {} (engines.waiting_max)", self.waiting_max, self.kind),
                retry_after: None,
            })),
            Some(Err(TrySendError::Disconnected(_))) | None => Reply::Now(Err(EngineError::Ending(self.kind).into())),
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.jobs = None;
        // A child that is asked nothing ends at once, one that computes is killed; the folder goes with it.
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = ended.recv_timeout(ENDS_WITHIN);
    }
}

// === impl Driver ===

impl Driver {
    fn run(mut self, tell: &SyncSender<Result<Ready, EngineError>>, jobs: &Receiver<Box<Job>>) {
        let ready = self.start();
        let is_ready = ready.is_ok();
        if tell.send(ready).is_err() || !is_ready {
            return;
        }
        for job in jobs {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            if job.give.is_abandoned() {
                continue;
            }
            self.answer(*job);
        }
    }

    /// Starts a child and has it load the model.
    fn start(&mut self) -> Result<Ready, EngineError> {
        let (kind, limits) = (self.kind, &self.engines.limits);
        let Limits { load_ms_max, answer_bytes_max, .. } = *limits;
        let failed = |source| EngineError::Start { kind, what: "its process".to_owned(), source };
        let bytes_max = answer_bytes_max.saturating_add(ANSWER_HEAD_BYTES);
        let child = Child::start(&self.engines.program, &self.engines.args, self.folder.path(), bytes_max);
        let mut child = child.map_err(failed)?;
        let stop = self.stop.clone();
        let until = Instant::now() + Duration::from_millis(load_ms_max);
        let answer = child.ask(self.load.encode(), until, &|| !stop.load(Ordering::Relaxed));
        let hangs =
            EngineError::Hangs { kind, what: "load the model", within_ms: load_ms_max, key: "engines.load_ms_max" };
        match told(kind, answer, hangs)? {
            Told::Loaded { version, is_confined, types } => {
                self.child = Some(child);
                Ok(Ready { version, is_confined, types })
            }
            _ => Err(EngineError::Garbled { kind, what: "an answer before it was asked".to_owned() }),
        }
    }

    /// Answers one call.
    fn answer(&mut self, job: Job) {
        let Job { call, run, names, rows, is_stacked, give } = job;
        let wanted = run.outputs.len();
        let begun = call.check().and_then(|()| Ok(self.alive()?)).and_then(|()| call.check());
        if let Err(error) = begun {
            return give.give(Err(error));
        }
        let Some(child) = &mut self.child else { return give.give(Err(EngineError::Ending(self.kind).into())) };
        let (kind, within_ms) = (self.kind, self.engines.limits.call_ms_max);
        let own = Instant::now() + Duration::from_millis(within_ms);
        let until = call.deadline.map_or(own, |deadline| deadline.min(own));
        let stop = self.stop.clone();
        let goes_on = || !stop.load(Ordering::Relaxed);
        let mut give = Some(give);
        let mut answer = child.ask(run.encode(), until, &goes_on);
        if answer == Err(Lost::Late) && until < own {
            // The caller's time is over, the child's is not: it finishes for nobody, and is there for the next.
            if let Some(give) = give.take() {
                give.give(Err(PredictError::DeadlineExceeded));
            }
            answer = child.wait(own, &goes_on);
        }
        let late = EngineError::Hangs { kind, what: "answer", within_ms, key: "engines.call_ms_max" };
        let told = told(kind, answer, late).and_then(|told| match told {
            Told::Answer(values) if values.len() == wanted => Ok(values),
            _ => Err(EngineError::Garbled { kind, what: "other outputs than were asked".to_owned() }),
        });
        if let Err(error) = &told
            && !matches!(error, EngineError::Refused { .. })
        {
            warn!(engine = %kind, %error, "an engine's process was lost");
            self.child = None;
        }
        if let Some(give) = give {
            let answer = told.map_err(PredictError::from);
            give.give(answer.and_then(|values| batch(kind, names, values, rows, is_stacked)));
        }
    }

    /// Makes sure that there is a child.
    fn alive(&mut self) -> Result<(), EngineError> {
        if self.child.as_mut().is_some_and(Child::is_alive) {
            return Ok(());
        }
        if let Some(mut dead) = self.child.take() {
            warn!(engine = %self.kind, how = dead.last_words(), "an engine's process ended; another one is started");
        }
        self.start().map(|_| ())
    }
}

/// Returns what a child said, or why it said nothing.
fn told(kind: Kind, answer: Result<Vec<u8>, Lost>, late: EngineError) -> Result<Told, EngineError> {
    let told = match answer {
        Ok(frame) => Told::decode(&frame),
        Err(Lost::Died(how)) => return Err(EngineError::Died { kind, how }),
        Err(Lost::Garbled(what)) => return Err(EngineError::Garbled { kind, what }),
        Err(Lost::Late) => return Err(late),
        Err(Lost::Unwanted) => return Err(EngineError::Ending(kind)),
    };
    match told {
        Ok(Told::Refused { code, message }) => Err(EngineError::Refused { kind, code, message }),
        Ok(told) => Ok(told),
        Err(garbled) => Err(EngineError::Garbled { kind, what: garbled.to_string() }),
    }
}

/// Bytes of an answer besides its values.
const ANSWER_HEAD_BYTES: u64 = 1 << 16;

/// Returns the answer under its callers' names, columns again where rows were stacked.
fn batch(
    kind: Kind,
    names: Vec<Arc<str>>,
    values: Vec<Whole>,
    rows: usize,
    is_stacked: bool,
) -> Result<Batch, PredictError> {
    let mut batch = Batch::new(rows);
    for (name, value) in names.into_iter().zip(values) {
        batch.push_whole(name, value);
    }
    if !is_stacked {
        return Ok(batch);
    }
    let wrong = |message: String| EngineError::Refused { kind, code: Code::Failed, message }.into();
    stack::unstacked(batch, rows).map_err(|error| wrong(error.to_string()))
}
