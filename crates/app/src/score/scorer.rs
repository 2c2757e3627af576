//! One chunk of rows to its answer.

use std::sync::Arc;

use codec::{Chunk, CodecError};
use model::{Batch, Call, Domain, Mark, OnFault, PredictError, Predictor};

use crate::{progress::Tally, wait};

/// Answers chunks; any number of threads use one.
pub struct Scorer<'a> {
    pub predictor: &'a dyn Predictor,
    pub signature: Option<Arc<str>>,
    pub outputs: Option<Arc<[Arc<str>]>>,
    /// Whether nobody wants the answers themselves: they are computed, and only what became of the rows is kept.
    pub discard: bool,
    /// The answer's rows are groups of the input's.
    pub grouped: bool,
}

/// Rows of an answer that is computed and not kept: a tile holds them, whatever the plan.
const DISCARDED_ROWS: usize = 256;

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
        if let Some(first) = bad.first().filter(|_| self.grouped) {
            // There is no place to mark it, and no group is right without it.
            let (fault, refused) = (Box::new(first.clone()), bad.len());
            return Err(ScoreError::Predict(PredictError::Refused { fault, refused }));
        }
        let call = Call {
            batch,
            signature: self.signature.clone(),
            outputs: self.outputs.clone(),
            on_fault: OnFault::MarkRow,
            ..Call::default()
        };
        let mut batch = self.answer(call).map_err(ScoreError::Predict)?;
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

impl Scorer<'_> {
    fn answer(&self, call: Call) -> Result<Batch, PredictError> {
        if let Some(discarded) = self.discard.then(|| self.discarded(&call)).flatten() {
            return discarded;
        }
        wait::answer(self.predictor.call(call))
    }

    /// Computes the answer where it lies and keeps the marks of its rows; nothing where it can only be had as a batch.
    fn discarded(&self, call: &Call) -> Option<Result<Batch, PredictError>> {
        let rows = call.batch.rows();
        let mut marks = Vec::new();
        for start in (0..rows).step_by(DISCARDED_ROWS) {
            let mut part = Call {
                batch: call.batch.slice(start, DISCARDED_ROWS.min(rows - start)),
                signature: call.signature.clone(),
                outputs: call.outputs.clone(),
                on_fault: call.on_fault,
                ..Call::default()
            };
            let shown = self.predictor.show(&mut part, &mut |table| {
                if !table.is_all_live() {
                    marks.resize(start, Mark::Live);
                    marks.extend((0..table.rows()).map(|row| table.mark(row)));
                }
            });
            if let Err(error) = shown? {
                return Some(Err(error));
            }
        }
        let mut batch = Batch::new(rows);
        if !marks.is_empty() {
            marks.resize(rows, Mark::Live);
            batch.set_marks(marks.into());
        }
        Some(Ok(batch))
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

#[cfg(test)]
mod tests {
    use engine::Servable;
    use model::{Column, FaultKind, FaultValue, Fixed, Takes, Type};
    use plan::{Aggregation, GroupOp, Model, PlanBuilder, Provenance};

    use super::*;

    fn chunk(rows: Vec<i64>, bad: Vec<model::RowFault>) -> Chunk {
        let mut batch = Batch::new(rows.len());
        batch.push("k", Column::Fixed(Fixed::from_vec(model::DType::I64, rows)));
        Chunk { batch, bad, first_row: 0, bytes_read: 0 }
    }

    #[test]
    fn groups_have_no_place_for_rows_that_do_not_fit() {
        let mut b = PlanBuilder::new();
        let k = b.input("k", Takes::One(Type::I64));
        let mut then = PlanBuilder::new();
        let slots = ["k", "rows"].map(|name| then.input(name, Takes::One(Type::I64)));
        then.output("k", slots[0]);
        then.output("rows", slots[1]);
        let rows = Aggregation { op: GroupOp::Rows, inputs: Vec::new(), distinct: false };
        b.group("groups", &[k], vec![rows], then.finish().expect("a plan"));
        let model = Model::single(b.finish().expect("a plan"), Provenance::default());
        let servable = Servable::new(&model).expect("a plan that runs");
        let scorer = Scorer { predictor: &servable, signature: None, outputs: None, discard: false, grouped: true };
        // As many groups as rows: these are not their marks all the same.
        let fault = |row| model::RowFault {
            row,
            field: "k".into(),
            step: "".into(),
            kind: FaultKind::Type { expected: "int64" },
            value: FaultValue::Null,
        };
        let refused = scorer.score(chunk(vec![1, 2, 3], vec![fault(1), fault(2)])).err().map(|e| e.to_string());
        assert_eq!(refused.as_deref(), Some("row 1: column `k`: expected int64, got null (and 1 more row)"));
        let scored = scorer.score(chunk(vec![5, 6, 5], Vec::new())).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((scored.batch.rows(), scored.tally.rows), (2, 3));
    }
}
