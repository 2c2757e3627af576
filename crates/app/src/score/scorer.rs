//! One chunk of rows to its answer.

use std::sync::Arc;

use codec::{Chunk, CodecError};
use engine::Servable;
use model::{Batch, Call, Domain, Mark, OnFault, PredictError, Predictor};

use crate::progress::Tally;

/// Answers chunks; any number of threads use one.
pub struct Scorer<'a> {
    pub servable: &'a Servable,
    pub signature: Option<Arc<str>>,
    pub outputs: Option<Arc<[Arc<str>]>>,
}

/// The answer to one chunk, its rows in their places, the refused and dropped ones marked.
pub struct Scored {
    pub batch: Batch,
    pub tally: Tally,
    /// Where the first refused row lies in the batch, with its number in the input and why.
    pub refusal: Option<Refusal>,
    pub bytes_read: u64,
}

/// A row that the model or its input type refuses.
pub struct Refusal {
    pub place: usize,
    pub message: String,
}

/// Why a run stops before its end.
#[derive(Debug, thiserror::Error)]
pub enum ScoreError {
    #[error("{0}")]
    Table(#[from] CodecError),
    #[error("{0}")]
    Predict(PredictError),
}

impl Scorer<'_> {
    /// Answers the chunk.
    pub fn score(&self, chunk: Chunk) -> Result<Scored, ScoreError> {
        let Chunk { batch, bad, first_row, bytes_read } = chunk;
        let rows = batch.rows();
        let call = Call {
            batch,
            signature: self.signature.clone(),
            outputs: self.outputs.clone(),
            on_fault: OnFault::MarkRow,
            ..Call::default()
        };
        let model::Reply::Now(answer) = self.servable.call(call) else {
            let message = "a compiled plan answered later".to_owned();
            return Err(ScoreError::Predict(PredictError::Internal { message }));
        };
        let mut batch = answer.map_err(ScoreError::Predict)?;
        if !bad.is_empty() && batch.rows() == rows {
            // What does not fit its field was scored as null; the row's own fault is the one to tell.
            let mut marks: Vec<Mark> = (0..rows).map(|row| batch.domains()[0].mark(row).clone()).collect();
            for mut fault in bad {
                let row = fault.row;
                fault.row = row + first_row as usize;
                marks[row] = Mark::Refused(Arc::new(fault));
            }
            batch.set_marks(marks.into());
        }
        let (tally, refusal) = tally(&batch.domains()[0], rows, first_row);
        Ok(Scored { batch, tally, refusal, bytes_read })
    }
}

fn tally(domain: &Domain, rows: usize, first_row: u64) -> (Tally, Option<Refusal>) {
    let mut tally = Tally { rows: rows as u64, ..Tally::default() };
    let mut refusal = None;
    for (place, mark) in domain.marks.iter().flat_map(|marks| marks.iter().enumerate()) {
        match mark {
            Mark::Live => {}
            Mark::Skipped => tally.dropped += 1,
            Mark::Refused(fault) => {
                tally.refused += 1;
                refusal.get_or_insert_with(|| Refusal {
                    place,
                    message: format!("row {}: {fault}", first_row + place as u64),
                });
            }
        }
    }
    (tally, refusal)
}
