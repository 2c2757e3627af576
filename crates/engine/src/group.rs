//! Groups: the rows of a call become a table of aggregates, on which another program goes on.
//!
//! The rows run in tiles as ever; what each tile gives for keys and arguments is taken out of the frame and added up
//! ([`keys`], [`accumulator`]), in the order of the rows, so the answer does not depend on where tiles end. What the groups
//! hold is bounded by [`HELD_BYTES_MAX`].

use std::{ops::Range, sync::Arc};

use model::{Batch, Builder, Call, Column, OnFault, PredictError, Type};
use plan::{GroupOp, Grouped, Plan, ValueType};

use crate::{frame::Frame, load, program::Program, run, workspace::Workspace};

mod accumulator;
mod keys;
mod moments;
mod values;

use accumulator::{Accumulator, Refused};
use keys::{Keys, Seen};

/// Most bytes of keys and values that the groups of one call hold.
const HELD_BYTES_MAX: u64 = 1 << 30;

/// What becomes of the rows of a program whose plan ends in groups.
pub(crate) struct GroupProgram {
    step: Arc<str>,
    /// The types of what the rows' program leaves: the keys, then the arguments of the aggregates.
    columns: Vec<Type>,
    keys: usize,
    /// How the program behind calls the keys.
    key_names: Vec<Arc<str>>,
    /// Those that somebody asked for.
    aggregates: Vec<AggregateProgram>,
    /// What is computed from the groups.
    pub then: Program,
}

/// One aggregate that is computed.
struct AggregateProgram {
    op: GroupOp,
    distinct: bool,
    /// Which columns are its arguments.
    args: Range<usize>,
    /// How the program behind calls it.
    name: Arc<str>,
    /// How faults call what it is computed from.
    field: Arc<str>,
}

/// Bytes that may still be held.
pub(crate) struct Budget {
    left: u64,
}

/// The groups so far.
struct Groups<'a> {
    program: &'a GroupProgram,
    keys: Keys,
    /// Of each aggregate: its state, and where only different values count, those it has seen.
    aggregates: Vec<(Accumulator, Option<Seen>)>,
    budget: Budget,
}

// === impl GroupProgram ===

impl GroupProgram {
    /// Returns what follows the rows of `plan`, whose slots have these types; `needed` says which of its inputs the program
    /// behind reads.
    pub fn new(
        grouped: &Grouped,
        plan: &Plan,
        types: &[Option<ValueType>],
        needed: &[bool],
        then: Program,
    ) -> GroupProgram {
        let keys = grouped.keys.len();
        let ty = |slot: plan::SlotId| types[slot.index()].clone().expect("a needed slot has a type").ty;
        let mut at = keys;
        let aggregates = grouped.aggregates.iter().zip(&grouped.then.inputs[keys..]).zip(&needed[keys..]);
        let aggregates = aggregates.filter(|(_, needed)| **needed).map(|((aggregate, input), _)| {
            let args = at..at + aggregate.inputs.len();
            at = args.end;
            let field = aggregate.inputs.first().map_or(&input.name, |slot| &plan.slots[slot.index()].name);
            let (name, field) = (input.name.clone(), field.clone());
            AggregateProgram { op: aggregate.op, distinct: aggregate.distinct, args, name, field }
        });
        GroupProgram {
            step: grouped.step.clone(),
            aggregates: aggregates.collect(),
            columns: grouped.reads(needed).map(ty).collect(),
            keys,
            key_names: grouped.then.inputs[..keys].iter().map(|input| input.name.clone()).collect(),
            then,
        }
    }

    /// Answers the whole call with the program of the rows. A row that is refused refuses the call, whatever the caller asks
    /// to do with rows: no group is right without it. What is refused of the groups is a row of the answer;
    /// groups that are dropped (HAVING) leave no trace.
    pub fn answer(&self, rows: &Program, call: &Call, workspace: &mut Workspace) -> Result<Batch, PredictError> {
        let all = call.batch.rows();
        let tile = if rows.is_separable { rows.tile_rows } else { all };
        let mut groups = Groups::new(self);
        let mut faults = Vec::new();
        let mut start = 0;
        loop {
            let now = (all - start).min(tile);
            let answer = rows.run(call, start, now, workspace)?;
            faults.extend(answer.refused());
            if faults.is_empty() {
                groups.take(rows, answer.frame(), start)?;
            }
            start += now;
            if start >= all {
                break;
            }
        }
        if let Some(error) = rows.failure(&faults, &call.batch, OnFault::FailCall) {
            return Err(error);
        }
        let call = Call {
            batch: groups.finish()?,
            on_fault: call.on_fault,
            deadline: call.deadline,
            cancel: call.cancel.clone(),
            seed: call.seed,
            ..Call::default()
        };
        self.then.predict(&call, workspace.then()).map(run::without_skipped)
    }
}

// === impl Groups ===

impl<'a> Groups<'a> {
    fn new(program: &'a GroupProgram) -> Groups<'a> {
        let state = |aggregate: &AggregateProgram| {
            let types = &program.columns[aggregate.args.clone()];
            (Accumulator::new(aggregate.op, types), aggregate.distinct.then(Seen::default))
        };
        let mut aggregates: Vec<_> = program.aggregates.iter().map(state).collect();
        let keys = Keys::new(&program.columns[..program.keys]);
        (0..keys.len()).for_each(|_| aggregates.iter_mut().for_each(|(state, _)| state.begin()));
        Groups { program, keys, aggregates, budget: Budget { left: HELD_BYTES_MAX } }
    }

    /// Adds the rows of a tile, which begins at row `start` of the call.
    fn take(&mut self, rows: &Program, frame: &Frame, start: usize) -> Result<(), PredictError> {
        let homes = rows.body.outputs.iter().zip(&self.program.columns);
        let columns: Vec<Column> = homes
            .map(|(home, ty)| {
                let mut builder = Builder::new(ty);
                load::unload(frame, *home, &mut builder);
                builder.finish()
            })
            .collect();
        let keys = &columns[..self.program.keys];
        for row in (0..frame.rows()).filter(|&row| frame.is_live(row)) {
            let (group, is_new) = self.keys.find(keys, row, &mut self.budget)?;
            for ((state, seen), aggregate) in self.aggregates.iter_mut().zip(&self.program.aggregates) {
                if is_new {
                    state.begin();
                }
                let args = &columns[aggregate.args.clone()];
                if let Some(seen) = seen
                    && !seen.is_first(group, args, row, &mut self.budget)?
                {
                    continue;
                }
                let added = state.add(group, args, row, &mut self.budget)?;
                added.map_err(|refused| self.program.refused(aggregate, start + row, refused))?;
            }
        }
        Ok(())
    }

    /// Returns the table of the groups.
    fn finish(mut self) -> Result<Batch, PredictError> {
        let mut batch = Batch::new(self.keys.len());
        for (name, key) in self.program.key_names.iter().zip(self.keys.finish()) {
            batch.push(name.clone(), key);
        }
        for ((state, _), aggregate) in self.aggregates.into_iter().zip(&self.program.aggregates) {
            batch.push(aggregate.name.clone(), state.finish(&mut self.budget)?);
        }
        Ok(batch)
    }
}

impl GroupProgram {
    fn refused(&self, aggregate: &AggregateProgram, row: usize, Refused(kind, value): Refused) -> PredictError {
        let (field, step) = (aggregate.field.clone(), self.step.clone());
        PredictError::Refused { fault: Box::new(model::RowFault { row, field, step, kind, value }), refused: 1 }
    }
}

// === impl Budget ===

impl Budget {
    fn spend(&mut self, bytes: usize) -> Result<(), PredictError> {
        match self.left.checked_sub(bytes as u64) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(PredictError::TooLarge {
                what: "the bytes that groups hold".to_owned(),
                got: HELD_BYTES_MAX - self.left + bytes as u64,
                limit: HELD_BYTES_MAX,
                key: "fixed",
            }),
        }
    }
}
