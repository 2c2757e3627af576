//! Chunks through threads: one reads, several score, the calling one writes, in the order of the input.
//!
//! The reader deals chunks to the scorers in turn and the writer takes their answers in the same turn, so the order needs
//! no numbers and no waiting room; every channel is bounded, so is the memory, whatever the size of the input.

use std::{
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

use codec::{Chunk, CodecError};
use model::{Batch, Column, OnFault, Value, column::Row};

use super::{
    scorer::{Refusal, ScoreError, Scored, Scorer},
    table::{Answer, Tables, Writer, lines},
};
use crate::{
    failure::Failure,
    progress::{Progress, Tally},
};

/// Chunks that wait before and after each scorer.
const WAITING_MAX: usize = 2;

/// How long a scorer that waits for a chunk may take to see that the run has ended.
const STOP_SEEN_WITHIN: Duration = Duration::from_millis(50);

/// What happens around the scoring of chunks.
pub struct Run<'a> {
    pub scorer: &'a Scorer<'a>,
    /// How messages call the input and the output.
    pub input: &'a str,
    pub output: &'a str,
    pub on_fault: OnFault,
    /// Whether the scoring threads make JSON lines of their answers.
    pub as_lines: bool,
    pub progress: &'a Progress,
}

/// The answer to one chunk, ready to be written.
struct Ready {
    /// Where a refused row ends the run, the rows before it.
    answer: Answer,
    tally: Tally,
    /// Why the run ends here.
    end: Option<String>,
    bytes_read: u64,
}

impl Run<'_> {
    /// Scores chunk after chunk on this thread.
    pub fn alone(&self, mut source: Tables, writer: &mut Writer) -> Result<Tally, Failure> {
        let mut done = Tally::default();
        while let Some(chunk) = source.next_chunk().map_err(|error| self.failed(error.into()))? {
            self.write(self.score(chunk), writer, &mut done)?;
        }
        Ok(done)
    }

    /// Scores the whole input at once, for plans whose rows depend on each other; an empty one as `none`, if that has an
    /// answer.
    pub fn whole(
        &self,
        mut source: Tables,
        rows_max: usize,
        none: Option<Batch>,
        writer: &mut Writer,
    ) -> Result<Tally, Failure> {
        let mut done = Tally::default();
        let all = gather(&mut source, rows_max).map_err(|error| self.failed(error.into()))?;
        let none = none.map(|batch| Chunk { batch, bad: Vec::new(), first_row: 0, bytes_read: 0 });
        if let Some(chunk) = all.or(none) {
            self.write(self.score(chunk), writer, &mut done)?;
        }
        Ok(done)
    }

    /// Scores chunks on so many threads, beside one that reads.
    pub fn together(&self, source: Tables, threads: usize, writer: &mut Writer) -> Result<Tally, Failure> {
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            let (mut dealt, mut answers, mut scorers) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..threads.max(1) {
                let (deal, chunks) = sync_channel(WAITING_MAX);
                let (answer, answered) = sync_channel(WAITING_MAX);
                let stop = &stop;
                scorers.push(scope.spawn(move || self.answer(&chunks, &answer, stop)));
                dealt.push(deal);
                answers.push(answered);
            }
            // Not of this scope: after a failure nobody waits for an input that is slow to give more.
            let reader = thread::spawn(move || deal(source, &dealt));
            let mut done = Tally::default();
            for answered in (0..answers.len()).cycle() {
                let Ok(ready) = answers[answered].recv() else { break };
                self.write(ready, writer, &mut done).inspect_err(|_| stop.store(true, Ordering::Relaxed))?;
            }
            // Channels close at the end, and when a thread dies.
            drop(answers);
            let scored = scorers.into_iter().filter_map(|thread| thread.join().err()).count() == 0;
            if reader.join().is_ok() && scored {
                return Ok(done);
            }
            Err(Failure::refused("internal error, this is a bug: a thread panicked"))
        })
    }

    fn answer(
        &self,
        chunks: &Receiver<Result<Chunk, CodecError>>,
        answer: &SyncSender<Result<Ready, ScoreError>>,
        stop: &AtomicBool,
    ) {
        while !stop.load(Ordering::Relaxed) {
            let chunk = match chunks.recv_timeout(STOP_SEEN_WITHIN) {
                Ok(chunk) => chunk,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let ready = chunk.map_err(ScoreError::Table).and_then(|chunk| self.score(chunk));
            // Nobody takes answers after the first failure.
            if answer.send(ready).is_err() {
                return;
            }
        }
    }

    /// Scores one chunk and makes its answer ready to be written.
    fn score(&self, chunk: Chunk) -> Result<Ready, ScoreError> {
        let Scored { mut batch, tally, refusal, bytes_read } = self.scorer.score(chunk)?;
        let refusal = refusal.filter(|_| self.on_fault == OnFault::FailCall);
        if let Some(Refusal { place, .. }) = refusal {
            // A table of other rows than the request's is whole or nothing.
            let is_own = batch.domains().len() == 1 && !self.scorer.grouped;
            batch = if is_own { batch.slice(0, place) } else { Batch::default() };
        }
        let answer = if self.as_lines { Answer::Lines(lines(&batch, self.on_fault)?) } else { Answer::Rows(batch) };
        Ok(Ready { answer, tally, end: refusal.map(|refusal| refusal.message), bytes_read })
    }

    /// Writes one answer, in the order of the input.
    fn write(&self, ready: Result<Ready, ScoreError>, writer: &mut Writer, done: &mut Tally) -> Result<(), Failure> {
        let Ready { answer, tally, end, bytes_read } = ready.map_err(|error| self.failed(error))?;
        writer.write(&answer).map_err(|error| Failure::sink(self.output, error))?;
        if let Some(message) = end {
            let hint = "; --on-error=row marks such rows and goes on";
            return Err(Failure::refused(format_args!("{}: {message}{hint}", self.input)));
        }
        done.rows += tally.rows;
        done.refused += tally.refused;
        done.dropped += tally.dropped;
        self.progress.show(*done, bytes_read);
        Ok(())
    }

    fn failed(&self, error: ScoreError) -> Failure {
        Failure::refused(format_args!("{}: {error}", self.input))
    }
}

/// Gives the source's chunks to the scorers in turn, then closes their channels.
fn deal(mut source: Tables, scorers: &[SyncSender<Result<Chunk, CodecError>>]) {
    for scorer in scorers.iter().cycle() {
        let Some(chunk) = source.next_chunk().transpose() else { return };
        let last = chunk.is_err();
        if scorer.send(chunk).is_err() || last {
            return;
        }
    }
}

/// Most bytes of an input that is scored as a whole: offsets into a column are 32 bits wide.
const WHOLE_BYTES_MAX: usize = 1 << 30;

/// Returns the whole input as one chunk.
fn gather(source: &mut Tables, rows_max: usize) -> Result<Option<Chunk>, CodecError> {
    let (mut batches, mut bad, mut rows, mut bytes, mut bytes_read) = (Vec::new(), Vec::new(), 0, 0, 0);
    let within = |what: &str, got: usize, limit: usize| {
        let what = format!("{what} of an input that the model needs as a whole");
        let error = || CodecError::TooLarge { what, got: got as u64, limit: limit as u64, key: "fixed" };
        if got <= limit { Ok(()) } else { Err(error()) }
    };
    while let Some(mut chunk) = source.next_chunk()? {
        chunk.bad.iter_mut().for_each(|fault| fault.row += rows);
        rows += chunk.batch.rows();
        bytes += chunk.batch.values().iter().map(|(_, value)| size(value)).sum::<usize>();
        within("the number of rows", rows, rows_max)?;
        within("the bytes", bytes, WHOLE_BYTES_MAX)?;
        bad.append(&mut chunk.bad);
        bytes_read = chunk.bytes_read;
        batches.push(chunk.batch);
    }
    let batch = (!batches.is_empty()).then(|| Batch::concat(&batches));
    Ok(batch.map(|batch| Chunk { batch, bad, first_row: 0, bytes_read }))
}

/// Returns about how many bytes a value takes.
fn size(value: &Value) -> usize {
    match value {
        Value::Column { column, .. } => (0..column.len()).map(|row| entry_size(column, row)).sum(),
        Value::Whole(_) => 0,
    }
}

fn entry_size(column: &Column, row: usize) -> usize {
    let own = size_of::<u32>();
    match column {
        Column::Fixed(fixed) => fixed.dtype().width() * fixed.shape().iter().product::<usize>(),
        Column::Text(texts) | Column::Bytes(texts) => own + texts.bytes(row).len(),
        Column::List(lists) | Column::Map(lists) => {
            own + lists.range(row).map(|item| entry_size(lists.child(), item)).sum::<usize>()
        }
        Column::Vector(vectors) => match vectors.row(row) {
            Row::Dense(values) => own + size_of_val(values),
            Row::Sparse { indices, values, .. } => own + size_of_val(indices) + size_of_val(values),
        },
        Column::Struct(parts) => parts.fields().iter().map(|(_, part)| entry_size(part, row)).sum(),
    }
}
