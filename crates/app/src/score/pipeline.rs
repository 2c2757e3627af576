//! Chunks through threads: one reads, several score, the calling one writes, in the order of the input.
//!
//! The reader deals chunks to the scorers in turn and the writer takes their answers in the same turn, so the order needs
//! no numbers and no waiting room; every channel is bounded, so is the memory, whatever the size of the input.

use std::{
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

use codec::{Chunk, CodecError, Sink};
use model::{Batch, OnFault};

use super::{
    scorer::{ScoreError, Scored, Scorer},
    table::Tables,
};
use crate::{
    failure::Failure,
    progress::{Progress, Tally},
};

/// Chunks that wait before and after each scorer.
const WAITING_MAX: usize = 2;

/// What happens around the scoring of chunks.
pub struct Run<'a> {
    pub scorer: &'a Scorer<'a>,
    /// How messages call the input and the output.
    pub input: &'a str,
    pub output: &'a str,
    pub on_fault: OnFault,
    pub progress: &'a Progress,
}

impl Run<'_> {
    /// Scores chunk after chunk on this thread.
    pub fn alone(&self, mut source: Tables, sink: &mut dyn Sink) -> Result<Tally, Failure> {
        let mut done = Tally::default();
        while let Some(chunk) = source.next_chunk().map_err(|error| self.failed(error.into()))? {
            self.write(self.scorer.score(chunk), sink, &mut done)?;
        }
        Ok(done)
    }

    /// Scores the whole input at once, for plans whose rows depend on each other.
    pub fn whole(&self, mut source: Tables, rows_max: usize, sink: &mut dyn Sink) -> Result<Tally, Failure> {
        let mut done = Tally::default();
        if let Some(chunk) = gather(&mut source, rows_max).map_err(|error| self.failed(error.into()))? {
            self.write(self.scorer.score(chunk), sink, &mut done)?;
        }
        Ok(done)
    }

    /// Scores chunks on so many threads, beside one that reads.
    pub fn together(&self, source: Tables, threads: usize, sink: &mut dyn Sink) -> Result<Tally, Failure> {
        thread::scope(|scope| {
            let (mut dealt, mut answers, mut at_work) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..threads.max(1) {
                let (deal, chunks) = sync_channel(WAITING_MAX);
                let (answer, answered) = sync_channel(WAITING_MAX);
                at_work.push(scope.spawn(move || self.answer(&chunks, &answer)));
                dealt.push(deal);
                answers.push(answered);
            }
            at_work.push(scope.spawn(move || deal(source, &dealt)));
            let mut done = Tally::default();
            for answered in (0..answers.len()).cycle() {
                let Ok(scored) = answers[answered].recv() else { break };
                self.write(scored, sink, &mut done)?;
            }
            // Channels close at the end, and when a thread dies.
            drop(answers);
            let died = at_work.into_iter().filter_map(|thread| thread.join().err()).count();
            if died == 0 { Ok(done) } else { Err(Failure::refused("internal error, this is a bug: a thread panicked")) }
        })
    }

    fn answer(&self, chunks: &Receiver<Result<Chunk, CodecError>>, answer: &SyncSender<Result<Scored, ScoreError>>) {
        for chunk in chunks {
            let scored = chunk.map_err(ScoreError::Read).and_then(|chunk| self.scorer.score(chunk));
            // Nobody takes answers after the first failure.
            if answer.send(scored).is_err() {
                return;
            }
        }
    }

    /// Writes one answer; where a refused row ends the run, the rows before it.
    fn write(&self, scored: Result<Scored, ScoreError>, sink: &mut dyn Sink, done: &mut Tally) -> Result<(), Failure> {
        let scored = scored.map_err(|error| self.failed(error))?;
        let written = |error| Failure::sink(self.output, error);
        if let (OnFault::FailCall, Some(refusal)) = (self.on_fault, &scored.refusal) {
            if refusal.place > 0 {
                sink.write(&scored.batch.slice(0, refusal.place)).map_err(written)?;
            }
            let hint = "; --on-error=row marks such rows and goes on";
            return Err(Failure::refused(format_args!("{}: {}{hint}", self.input, refusal.message)));
        }
        sink.write(&scored.batch).map_err(written)?;
        done.rows += scored.tally.rows;
        done.refused += scored.tally.refused;
        done.dropped += scored.tally.dropped;
        self.progress.show(*done, scored.bytes_read);
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

/// Returns the whole input as one chunk.
fn gather(source: &mut Tables, rows_max: usize) -> Result<Option<Chunk>, CodecError> {
    let (mut batches, mut bad, mut rows, mut bytes_read) = (Vec::new(), Vec::new(), 0, 0);
    while let Some(mut chunk) = source.next_chunk()? {
        chunk.bad.iter_mut().for_each(|fault| fault.row += rows);
        rows += chunk.batch.rows();
        if rows > rows_max {
            let what = "an input that the model needs as a whole".to_owned();
            return Err(CodecError::TooLarge { what, got: rows as u64, limit: rows_max as u64, key: "rows_max" });
        }
        bad.append(&mut chunk.bad);
        bytes_read = chunk.bytes_read;
        batches.push(chunk.batch);
    }
    let batch = (!batches.is_empty()).then(|| Batch::concat(&batches));
    Ok(batch.map(|batch| Chunk { batch, bad, first_row: 0, bytes_read }))
}
