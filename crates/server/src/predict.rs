//! One prediction: decode, call, encode, each on the thread where it belongs.
//!
//! A dialect brings a [`Wire`] (how its bodies are read and written) and an [`Ask`] (what is asked of which version). A small
//! body whose call is expected to be cheap is answered on the thread that read it; a dear call, and a large body from its
//! first byte on, goes to the compute pool. An answer that comes later is awaited, never blocked on. When the caller goes
//! away the future is dropped: a later answer is cancelled by that, a computation by its flag.

use std::{
    future::Future,
    hash::{DefaultHasher, Hash, Hasher},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use gateway::{Routed, join};
use model::{
    Batch, Call, Cancel, Mark, OnFault, Part, PredictError, Predictor, Reply, RowFault, Signature, Spans, Table, Value,
    Whole, call::Later,
};
use tokio::{
    sync::oneshot,
    time::{Instant, timeout_at},
};

use crate::{
    capture::Tapped,
    compute::{Alike, Joined, NotRun, Terms, Waiter},
    config::Batching,
    context::Context,
    error::{ServeError, asked},
    state::State,
};

/// Rows of a later answer that are still written on the network thread.
const INLINE_ROWS_MAX: usize = 256;

/// Room for an answer at first; one of few rows grows no further.
pub(crate) const ANSWER_BYTES: usize = 512;

/// How one request's body is read and its answer written.
pub(crate) trait Wire: Send + 'static {
    /// Reads the rows; all that does not fit the signature comes back in one error.
    fn decode(&mut self, body: &Bytes) -> Result<Decoded, ServeError>;

    /// Writes the answer.
    fn encode(&self, answer: &Batch) -> Result<Vec<u8>, ServeError>;

    /// Returns whether answers may be written from where they lie.
    fn takes_tables(&self) -> bool {
        true
    }

    /// Writes the answer from where it lies.
    fn encode_table(&self, answer: &dyn Table) -> Result<Vec<u8>, ServeError>;
}

/// A body that was read.
pub(crate) struct Decoded {
    pub batch: Batch,
    /// Rows that do not fit, where such rows are marked and not the call refused; null in the batch.
    pub bad: Vec<RowFault>,
    /// The outputs that the body asks for, where it does.
    pub outputs: Option<Arc<[Arc<str>]>>,
    /// The signature that the body asks for, where it does.
    pub signature: Option<Arc<str>>,
}

/// What is asked of a version.
pub(crate) struct Ask {
    pub model: Routed,
    /// The place of the signature among the predictor's.
    signature: usize,
    pub outputs: Option<Arc<[Arc<str>]>>,
    pub on_fault: OnFault,
    pub timeout: Duration,
}

impl Ask {
    /// Returns the question, its signature and outputs checked against what the version has.
    pub fn new(model: Routed, signature: Option<&str>, outputs: Option<&str>) -> Result<Ask, ServeError> {
        let signatures = model.signatures();
        let place = match signature {
            None => 0,
            Some(name) => signatures
                .iter()
                .position(|s| &*s.name == name)
                .ok_or_else(|| asked("signature", name, one_of(signatures.iter().map(|s| &*s.name))))?,
        };
        let Some(chosen) = signatures.get(place) else {
            return Err(internal(format!("{model:?} has no signature")));
        };
        let outputs = outputs.map(|names| choose(chosen, names.split(',').map(str::trim))).transpose()?;
        Ok(Ask { model, signature: place, outputs, on_fault: OnFault::FailCall, timeout: Duration::ZERO })
    }

    pub fn signature(&self) -> &Signature {
        &self.model.signatures()[self.signature]
    }
}

/// Returns the outputs of these names.
pub(crate) fn choose<'a>(
    signature: &Signature,
    names: impl Iterator<Item = &'a str>,
) -> Result<Arc<[Arc<str>]>, ServeError> {
    let mut chosen: Vec<Arc<str>> = Vec::new();
    for name in names {
        let known = || one_of(signature.outputs.iter().map(|f| &*f.name));
        let (_, field) = signature.output(name).ok_or_else(|| asked("outputs", name, known()))?;
        if chosen.contains(&field.name) {
            return Err(asked("outputs", name, "each output once"));
        }
        chosen.push(field.name.clone());
    }
    Ok(chosen.into())
}

fn one_of<'a>(names: impl Iterator<Item = &'a str>) -> String {
    format!("one of {}", names.collect::<Vec<_>>().join(", "))
}

fn internal(message: String) -> ServeError {
    PredictError::Internal { message }.into()
}

/// What a call came to, for the meters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub rows: usize,
    pub row_faults: usize,
}

/// A call under way, with all that its answer needs.
struct Job<W> {
    ask: Ask,
    call: Call,
    wire: W,
    body: Bytes,
    is_decoded: bool,
    rows: usize,
    /// What the call counts as.
    counted: usize,
    bad: Vec<RowFault>,
}

enum Step<W> {
    Done(Vec<u8>, Tally),
    Later(Later, Box<Job<W>>),
}

impl<W: Wire> Job<W> {
    fn decode(&mut self) -> Result<(), ServeError> {
        let traced = Traced::begin(&self.call);
        let decoded = self.wire.decode(&self.body);
        traced.end(Part::Decode, "decode");
        let Decoded { batch, bad, outputs, signature } = decoded?;
        if signature.is_some() {
            self.call.signature = signature;
        }
        if let Some(first) = bad.first().filter(|_| self.ask.signature().grouped) {
            // There is no place to mark it, and no group is right without it.
            let (fault, refused) = (Box::new(first.clone()), bad.len());
            return Err(PredictError::Refused { fault, refused }.into());
        }
        self.rows = batch.rows();
        self.counted = counted(&batch, self.signature());
        if outputs.is_some() {
            self.call.outputs = outputs;
        }
        (self.call.batch, self.bad) = (batch, bad);
        self.body = Bytes::new();
        self.is_decoded = true;
        Ok(())
    }

    /// Returns the signature that answers.
    fn signature(&self) -> &Signature {
        let named = self.call.signature.as_ref();
        let named = named.and_then(|name| self.ask.model.signatures().iter().find(|one| one.name == *name));
        named.unwrap_or_else(|| self.ask.signature())
    }

    /// Returns what the pool is to know of the call.
    fn terms(&self, state: &State, until: std::time::Instant) -> Terms {
        let until = Some(until);
        if !self.is_decoded {
            return Terms { until, ..Terms::default() };
        }
        let expect_us = self.ask.model.cost().expect_us(self.rows).max(0.0);
        let expect = Duration::try_from_secs_f64(expect_us / 1e6).ok();
        Terms { expect, until, alike: self.alike(state) }
    }

    /// Returns which calls may be answered together with this one, where any may.
    fn alike(&self, state: &State) -> Option<Alike> {
        let Batching { enabled, rows_max, wait_us } = state.batching;
        let model = &self.ask.model;
        if !enabled || 2 * self.rows > rows_max || !join::is_part(&self.call) || !model.is_joinable(&self.call) {
            return None;
        }
        let mut hasher = DefaultHasher::new();
        (model.handle().load(), join::likeness(&self.call)).hash(&mut hasher);
        let (like, known) = (hasher.finish(), state.models.of(model.name().as_str()));
        let linger = Duration::from_micros(wait_us);
        Some(Alike { like, rows: self.rows, rows_max, linger, paying: known.paying(like), known })
    }

    fn is_cheap(&self, inline_max_us: u64) -> bool {
        let cost = self.ask.model.cost();
        !cost.unbounded && cost.expect_us(self.rows) <= inline_max_us as f64
    }

    /// Calls, and writes the answer if it is there.
    fn call(mut self) -> Result<Step<W>, ServeError> {
        let mut call = std::mem::take(&mut self.call);
        call.check()?;
        if self.bad.is_empty()
            && self.wire.takes_tables()
            && let Some(done) = self.show(&mut call)
        {
            let (bytes, tally) = done?;
            return Ok(Step::Done(bytes, tally));
        }
        let traced = Traced::begin(&call);
        // Encoding is traced too, after the call was given away.
        self.call.spans = call.spans.clone();
        match self.ask.model.call(call) {
            Reply::Now(answer) => {
                traced.end(Part::Predict, "predict");
                let (bytes, tally) = self.encode(answer?)?;
                Ok(Step::Done(bytes, tally))
            }
            Reply::Later(later) => Ok(Step::Later(traced.until(later), Box::new(self))),
        }
    }

    /// Calls, and writes the answer from where it lies if it can be had so.
    fn show(&self, call: &mut Call) -> Option<Result<(Vec<u8>, Tally), ServeError>> {
        let mut written = (Ok(Vec::new()), Tally::default());
        let spans = call.spans.clone();
        let mut traced = Some(Traced::of(spans.clone()));
        let shown = self.ask.model.show(call, &mut |table| {
            if let Some(predict) = traced.take() {
                predict.end(Part::Predict, "predict");
            }
            let writing = Traced::of(spans.clone());
            let refused = |row: &usize| matches!(table.mark(*row), Mark::Refused(_));
            let row_faults = if table.is_all_live() { 0 } else { (0..table.rows()).filter(refused).count() };
            written = (self.wire.encode_table(table), Tally { rows: self.counted, row_faults });
            writing.end(Part::Encode, "encode");
        });
        shown.map(|result| {
            result?;
            Ok((written.0?, written.1))
        })
    }

    fn encode(mut self, mut answer: Batch) -> Result<(Vec<u8>, Tally), ServeError> {
        mark(&mut answer, std::mem::take(&mut self.bad));
        let marks = answer.domains().first().and_then(|domain| domain.marks.as_deref()).unwrap_or_default();
        let row_faults = marks.iter().filter(|mark| matches!(mark, Mark::Refused(_))).count();
        let traced = Traced::begin(&self.call);
        let bytes = self.wire.encode(&answer);
        traced.end(Part::Encode, "encode");
        Ok((bytes?, Tally { rows: self.counted, row_faults }))
    }
}

/// Returns how many rows a call counts as: those it has; of tensors, the length of the first dimension where the model leaves it
/// open, else one.
fn counted(batch: &Batch, signature: &Signature) -> usize {
    let is_open = |name: &str| {
        let declared = signature.input(name).and_then(|(_, field)| field.declared.as_ref()?.shape.as_ref());
        declared.is_none_or(|shape| shape.first().is_some_and(|&length| length < 0))
    };
    let is_whole = |value: &Value| matches!(value, Value::Whole(_));
    if batch.rows() > 0 || !batch.values().iter().any(|(_, value)| is_whole(value)) {
        return batch.rows();
    }
    let length = |(name, value): &(Arc<str>, Value)| match value {
        Value::Whole(Whole::Tensor(tensor)) if is_open(name) => tensor.shape().first().copied(),
        _ => None,
    };
    batch.values().iter().find_map(length).unwrap_or(1)
}

/// Marks the rows that were refused before the model saw them.
fn mark(answer: &mut Batch, bad: Vec<RowFault>) {
    if bad.is_empty() {
        return;
    }
    let domain = &answer.domains()[0];
    let mut marks: Vec<Mark> = (0..domain.rows).map(|row| domain.mark(row).clone()).collect();
    for fault in bad {
        if let Some(mark) = marks.get_mut(fault.row) {
            *mark = Mark::Refused(Arc::new(fault));
        }
    }
    answer.set_marks(marks.into());
}

/// Answers one request.
pub(crate) async fn answer<W: Wire>(
    state: &State,
    context: &Context,
    ask: Ask,
    wire: W,
    body: Bytes,
) -> Result<(Vec<u8>, Tally), ServeError> {
    context.asked.set(ask.model.version());
    let wire = Tapped::new(wire, state.capture.as_ref(), &ask.model, context);
    let deadline = context.begun + ask.timeout;
    let call = Call {
        // The default signature is asked for by asking for none, which no predictor needs to look up.
        signature: (ask.signature > 0).then(|| ask.signature().name.clone()),
        outputs: ask.outputs.clone(),
        on_fault: ask.on_fault,
        deadline: Some(deadline),
        request_id: Some(context.id.clone()),
        trace: Some(context.trace.clone()),
        spans: context.spans.clone(),
        ..Call::default()
    };
    let mut job = Job { ask, call, wire, body, is_decoded: false, rows: 0, counted: 0, bad: Vec::new() };
    let pool = Pool { state, deadline: deadline.into() };
    let step = if job.body.len() > state.config.inline_bytes_max {
        pool.call(job).await?
    } else {
        job.decode()?;
        if job.is_cheap(state.config.inline_max_us) { job.call()? } else { pool.call(job).await? }
    };
    match step {
        Step::Done(bytes, tally) => Ok((bytes, tally)),
        Step::Later(later, job) => {
            let answer = timeout_at(deadline.into(), later).await.map_err(|_| PredictError::DeadlineExceeded)??;
            if answer.rows() <= INLINE_ROWS_MAX {
                job.encode(answer)
            } else {
                pool.run(move || job.encode(answer)).await?
            }
        }
    }
}

/// A part of a call being timed, where the call is traced.
struct Traced(Option<(Arc<Spans>, std::time::Instant)>);

impl Traced {
    fn begin(call: &Call) -> Traced {
        Traced::of(call.spans.clone())
    }

    fn of(spans: Option<Arc<Spans>>) -> Traced {
        Traced(spans.map(|spans| (spans, std::time::Instant::now())))
    }

    fn end(self, part: Part, name: &str) {
        if let Some((spans, begun)) = self.0 {
            spans.add(part, &name.into(), begun, begun.elapsed());
        }
    }

    /// Ends with the answer.
    fn until(self, later: Later) -> Later {
        if self.0.is_none() {
            return later;
        }
        Box::pin(async move {
            let answer = later.await;
            self.end(Part::Predict, "predict");
            answer
        })
    }
}

/// Raises the flag when the future that waits is dropped or ends.
struct CancelOnDrop(Cancel);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// The compute pool, for one request.
pub(crate) struct Pool<'a> {
    pub state: &'a State,
    pub deadline: Instant,
}

impl Pool<'_> {
    /// Makes the call on a compute thread, together with others like it where that pays.
    async fn call<W: Wire>(&self, mut job: Job<W>) -> Result<Step<W>, ServeError> {
        let cancel = CancelOnDrop(Cancel::new());
        job.call.cancel = cancel.0.clone();
        let queued = Some(Traced::begin(&job.call));
        let terms = job.terms(self.state, self.deadline.into());
        let call = self.state.compute.call(terms, |answer| Box::new(Seat { job, queued, answer }));
        self.within(call).await?
    }

    pub async fn run<T: Send + 'static>(&self, run: impl FnOnce() -> T + Send + 'static) -> Result<T, ServeError> {
        self.within(self.state.compute.run(run)).await
    }

    async fn within<T>(&self, work: impl Future<Output = Result<T, NotRun>>) -> Result<T, ServeError> {
        match timeout_at(self.deadline, work).await {
            Ok(done) => done.map_err(|why| not_run(self.state, why)),
            Err(_) => Err(PredictError::DeadlineExceeded.into()),
        }
    }
}

/// Returns why the pool did not do what it was asked, as callers see it.
pub(crate) fn not_run(state: &State, why: NotRun) -> ServeError {
    let message = match why {
        NotRun::Full { waiting } => format!("{waiting} calls wait for a compute thread (server.compute_queue_max)"),
        NotRun::Slow { wait } => {
            format!("calls come faster than they are answered, this one would wait {} ms", wait.as_millis())
        }
        NotRun::Late => return PredictError::DeadlineExceeded.into(),
        NotRun::Panicked => {
            state.metrics.count_panic();
            return internal("the computation panicked".to_owned());
        }
    };
    PredictError::Overloaded { message, retry_after: None }.into()
}

/// A call that waits for a compute thread.
struct Seat<W> {
    job: Job<W>,
    queued: Option<Traced>,
    answer: oneshot::Sender<Result<Result<Step<W>, ServeError>, NotRun>>,
}

impl<W: Wire> Seat<W> {
    /// Gives the caller what the work comes to; returns whether that is an answer.
    fn give(
        answer: oneshot::Sender<Result<Result<Step<W>, ServeError>, NotRun>>,
        work: impl FnOnce() -> Result<Step<W>, ServeError>,
    ) -> bool {
        let result = catch_unwind(AssertUnwindSafe(work)).map_err(|_| NotRun::Panicked);
        let well = matches!(result, Ok(Ok(Step::Done(..))));
        // The caller may have gone meanwhile; then nobody wants the answer.
        let _ = answer.send(result);
        well
    }
}

impl<W: Wire> Waiter for Seat<W> {
    fn is_gone(&self) -> bool {
        self.answer.is_closed()
    }

    fn begin(&mut self) {
        if let Some(queued) = self.queued.take() {
            queued.end(Part::Queue, "queue");
        }
    }

    fn run(self: Box<Self>) -> bool {
        let Seat { mut job, answer, .. } = *self;
        Seat::give(answer, move || {
            if !job.is_decoded {
                job.decode()?;
            }
            job.call()
        })
    }

    fn refuse(self: Box<Self>, why: NotRun) {
        let _ = self.answer.send(Err(why));
    }

    fn call(&self) -> Option<(&dyn Predictor, &Call)> {
        Some((&self.job.ask.model, &self.job.call))
    }

    fn settle(self: Box<Self>, batch: Result<Batch, PredictError>, joined: Joined<'_>) {
        let Seat { job, answer, .. } = *self;
        if let Some(spans) = &job.call.spans {
            let name = format!("predict, {} calls joined", joined.calls);
            spans.add(Part::Predict, &name.into(), joined.begun, joined.took);
            joined.spans.iter().for_each(|span| spans.add(span.part, &span.name, span.begun, span.took));
        }
        Seat::give(answer, move || job.encode(batch?).map(|(bytes, tally)| Step::Done(bytes, tally)));
    }
}

#[cfg(test)]
mod tests {
    use model::{Data, Declared, Field, Tensor, Type};

    use super::*;
    use crate::known::field;

    fn check(declared: Option<&[i64]>, sent: &[usize], expected: usize) {
        let tensor = Declared { tensor: "x:0".into(), shape: declared.map(Arc::from) };
        let field = Field { whole: true, declared: Some(tensor), ..field("x", Type::F64) };
        let signature =
            Signature { name: "s".into(), inputs: vec![field], outputs: Vec::new(), grouped: false, method: None };
        let mut batch = Batch::new(0);
        let elements = vec![0.0; sent.iter().product()];
        batch.push_whole("x", Whole::Tensor(Tensor::new(sent, Data::from(elements)).unwrap()));
        assert_eq!(counted(&batch, &signature), expected, "{declared:?} {sent:?}");
    }

    #[test]
    fn tensors_count_by_the_dimension_that_is_open() {
        check(Some(&[-1, 2]), &[3, 2], 3);
        check(Some(&[4, -1]), &[4, 7], 1);
        check(Some(&[]), &[], 1);
        check(Some(&[-1, 2]), &[0, 2], 0);
        check(None, &[5], 5);
        check(None, &[], 1);
    }
}
