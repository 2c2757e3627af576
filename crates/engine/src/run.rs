//! Running a program on a call, tile by tile.

use std::{sync::Arc, time::Instant};

use model::{
    Batch, Builder, Call, Column, DType, Datum, FaultKind, FaultValue, Mark, OnFault, Part, PredictError, RowFault,
    Spans, Table, Type, Value, Whole,
};
use plan::{Place, ValueType};

use crate::{
    frame::{Env, Fault, Frame, VALID},
    load,
    program::{Body, Instruction, Program, ProgramInput, Source},
    workspace::Workspace,
};

/// Runs the instructions of a body on the rows that are live.
pub(crate) fn run_body(body: &Body, frame: &Frame, call: &Call) -> Result<(), PredictError> {
    run_instructions(&body.instructions, frame, call)
}

fn run_instructions(instructions: &[Instruction], frame: &Frame, call: &Call) -> Result<(), PredictError> {
    for instruction in instructions {
        let env = Env { frame, call, node: instruction.node };
        instruction.kernel.run(&env, &instruction.inputs, &instruction.outputs)?;
    }
    Ok(())
}

/// The answer of one tile, still in the workspace: read it, or copy it with [`Answer::append_to`].
pub struct Answer<'a> {
    program: &'a Program,
    frame: &'a Frame,
    batch: &'a Batch,
    start: usize,
}

impl Program {
    /// Runs the rows `start..start + rows` of the call's batch: at most a tile of them, or all where rows cannot be cut.
    pub fn run<'a>(
        &'a self,
        call: &'a Call,
        start: usize,
        rows: usize,
        workspace: &'a mut Workspace,
    ) -> Result<Answer<'a>, PredictError> {
        call.check()?;
        let frame = workspace.frame(self, rows);
        frame.begin(rows);
        for (place, input) in self.inputs.iter().enumerate() {
            let Some(home) = input.home else { continue };
            match value(&call.batch, place, input)? {
                Value::Column { column, .. } => load::load(frame, home, column, start, rows),
                Value::Whole(whole) => *frame.whole_mut(home) = whole.clone(),
            }
        }
        match &call.spans {
            None => run_body(&self.body, frame, call)?,
            Some(spans) => self.run_traced(frame, call, spans)?,
        }
        Ok(Answer { program: self, frame, batch: &call.batch, start })
    }

    /// Runs the instructions, and says what each step took: its instructions that follow one another together.
    fn run_traced(&self, frame: &Frame, call: &Call, spans: &Spans) -> Result<(), PredictError> {
        let step = |instruction: &Instruction| &self.nodes[instruction.node as usize].step;
        for part in self.body.instructions.chunk_by(|a, b| step(a) == step(b)) {
            let begun = Instant::now();
            let result = run_instructions(part, frame, call);
            spans.add(Part::Step, step(&part[0]), begun, begun.elapsed());
            result?;
        }
        Ok(())
    }

    /// Answers the whole call.
    pub fn predict(&self, call: &Call, workspace: &mut Workspace) -> Result<Batch, PredictError> {
        if let Some(groups) = &self.groups {
            return groups.answer(self, call, workspace);
        }
        let rows = call.batch.rows();
        let tile = if self.is_separable { self.tile_rows } else { rows };
        let mut builders: Vec<Option<Builder>> = self.outputs.iter().map(|o| builder(&o.ty, o.source)).collect();
        let mut wholes = Vec::new();
        let mut faults: Vec<Fault> = Vec::new();
        let mut start = 0;
        loop {
            let now = (rows - start).min(tile);
            let answer = self.run(call, start, now, workspace)?;
            answer.append_to(&mut builders);
            within_offsets(&builders)?;
            faults.extend(answer.frame.faults().iter().map(|f| Fault { row: f.row + start as u32, ..f.clone() }));
            if start + now >= rows {
                wholes.extend(answer.wholes());
                break;
            }
            if start == 0 {
                // The first tile tells how large the others will be.
                builders.iter_mut().flatten().for_each(|builder| builder.make_room(rows));
            }
            start += now;
        }
        let mut batch = Batch::new(rows);
        let mut wholes = wholes.into_iter();
        for (output, builder) in self.outputs.iter().zip(builders) {
            match (output.source, builder) {
                (Source::Input(place), _) => match value(&call.batch, place, &self.inputs[place])? {
                    Value::Column { column, .. } => batch.push(output.name.clone(), column.clone()),
                    Value::Whole(whole) => batch.push_whole(output.name.clone(), whole.clone()),
                },
                (Source::Home(_), Some(builder)) => batch.push(output.name.clone(), builder.finish()),
                (Source::Home(_), None) => {
                    batch.push_whole(output.name.clone(), wholes.next().expect("a whole value for each such output"));
                }
            }
        }
        if faults.is_empty() { Ok(batch) } else { self.settle(batch, faults, call) }
    }

    /// Returns whether one run answers a call of so many rows, in columns alone.
    pub(crate) fn shows(&self, rows: usize) -> bool {
        let one_run = !self.is_separable || rows <= self.tile_rows;
        one_run && rows > 0 && self.groups.is_none() && self.outputs.iter().all(|o| o.ty.place == Place::Rows(0))
    }

    /// Returns the error of a run with refused rows, if the caller wants the call to fail then.
    pub(crate) fn failure(&self, faults: &[Fault], brought: &Batch, on_fault: OnFault) -> Option<PredictError> {
        let refused = || faults.iter().filter(|f| f.refusal.is_some() && on_fault == OnFault::FailCall);
        let first = refused().min_by_key(|f| f.row)?;
        let fault = Box::new(self.render(first, brought).expect("a refusal, as was just seen"));
        Some(PredictError::Refused { fault, refused: refused().count() })
    }

    /// Does with refused and dropped rows what the caller asked.
    fn settle(&self, batch: Batch, faults: Vec<Fault>, call: &Call) -> Result<Batch, PredictError> {
        let on_fault = call.on_fault;
        if let Some(error) = self.failure(&faults, &call.batch, on_fault) {
            return Err(error);
        }
        if on_fault == OnFault::FailCall {
            let mut keep = vec![true; batch.rows()];
            faults.iter().for_each(|fault| keep[fault.row as usize] = false);
            return Ok(only(&batch, &keep));
        }
        let mut marks = vec![Mark::Live; batch.rows()];
        for fault in &faults {
            let refused = self.render(fault, &call.batch).map(|f| Mark::Refused(Arc::new(f)));
            marks[fault.row as usize] = refused.unwrap_or(Mark::Skipped);
        }
        let mut batch = batch;
        batch.set_marks(marks.into());
        Ok(batch)
    }

    /// Returns the fault of a row of this batch with its names; nothing where the row is dropped.
    pub fn render(&self, fault: &Fault, brought: &Batch) -> Option<RowFault> {
        let (kind, value) = fault.refusal.clone()?;
        let names = &self.nodes[fault.node as usize];
        let field = names.inputs.get(fault.input as usize).cloned().unwrap_or_else(|| names.step.clone());
        let value = match kind {
            FaultKind::Rule(VALID) => as_brought(brought, &field, fault.row as usize).unwrap_or(value),
            _ => value,
        };
        Some(RowFault { row: fault.row as usize, field, step: names.step.clone(), kind, value })
    }
}

/// Returns what the caller brought as this input, where it is a text or a number.
fn as_brought(batch: &Batch, name: &str, row: usize) -> Option<FaultValue> {
    match batch.column(name).filter(|column| column.is_valid(row))? {
        Column::Text(texts) => Some(FaultValue::text(texts.text(row))),
        Column::Fixed(numbers) if numbers.shape().is_empty() => match numbers.dtype() {
            DType::I64 => Some(FaultValue::Int(numbers.values::<i64>()[row])),
            DType::F32 => Some(number(numbers.values::<f32>()[row].into())),
            DType::F64 => Some(number(numbers.values::<f64>()[row])),
            _ => None,
        },
        _ => None,
    }
}

/// A text that says no number was read as NaN.
fn number(value: f64) -> FaultValue {
    if value.is_nan() { FaultValue::Kind("no number".into()) } else { FaultValue::Number(value) }
}

/// Refuses an answer before its columns outgrow their offsets, which are 32 bits wide: no tile adds as much again.
fn within_offsets(builders: &[Option<Builder>]) -> Result<(), PredictError> {
    const EXTENT_MAX: usize = 1 << 30;
    match builders.iter().flatten().map(Builder::extent).max() {
        Some(extent) if extent > EXTENT_MAX => Err(PredictError::TooLarge {
            what: "a column of the answer".to_owned(),
            got: extent as u64,
            limit: EXTENT_MAX as u64,
            key: "fixed",
        }),
        _ => Ok(()),
    }
}

/// Returns the batch without the rows that are marked as dropped: of groups, which keep no places for them.
pub(crate) fn without_skipped(batch: Batch) -> Batch {
    let Some(marks) = &batch.domains()[0].marks else { return batch };
    let keep: Vec<bool> = marks.iter().map(|mark| *mark != Mark::Skipped).collect();
    let kept: Vec<Mark> = marks.iter().filter(|mark| **mark != Mark::Skipped).cloned().collect();
    let mut out = only(&batch, &keep);
    out.set_marks(kept.into());
    out
}

/// Returns the rows of the batch that are kept.
fn only(batch: &Batch, keep: &[bool]) -> Batch {
    let mut out = Batch::new(keep.iter().filter(|k| **k).count());
    for (name, value) in batch.values() {
        match value {
            Value::Whole(whole) => out.push_whole(name.clone(), whole.clone()),
            Value::Column { column, .. } => {
                let mut builder = Builder::new(&column.ty());
                for row in (0..keep.len()).filter(|&row| keep[row]) {
                    builder.append_row(column, row);
                }
                out.push(name.clone(), builder.finish());
            }
        }
    }
    out
}

fn builder(ty: &ValueType, source: Source) -> Option<Builder> {
    let computed = matches!(source, Source::Home(_)) && ty.place != Place::Whole;
    computed.then(|| Builder::new(&ty.ty))
}

/// Returns the caller's value for an input; callers mostly bring them in the plan's order, so its place is tried first.
#[inline]
pub(crate) fn value<'a>(batch: &'a Batch, place: usize, input: &ProgramInput) -> Result<&'a Value, PredictError> {
    let is_it = |name: &Arc<str>| Arc::ptr_eq(name, &input.name) || *name == input.name;
    let at_place = batch.values().get(place).filter(|(name, _)| is_it(name)).map(|(_, value)| value);
    let value = at_place.or_else(|| batch.value(&input.name));
    let missing = || PredictError::invalid(Some(&input.name), input.ty.to_string(), "nothing");
    let value = value.ok_or_else(missing)?;
    let fits = match (value, input.ty.place) {
        (Value::Column { domain: 0, column }, Place::Rows(0)) => match (column, &input.ty.ty) {
            (Column::Fixed(c), Type::Fixed { dtype, shape }) => c.dtype() == *dtype && same_shape(c.shape(), shape),
            (column, ty) => is(column, ty),
        },
        (Value::Whole(whole), Place::Whole) => is_whole(whole, &input.ty.ty),
        _ => false,
    };
    let got = || match value {
        Value::Column { column, .. } => column.ty().to_string(),
        Value::Whole(whole) => format!("whole {}", whole.kind()),
    };
    if fits { Ok(value) } else { Err(PredictError::invalid(Some(&input.name), input.ty.to_string(), got())) }
}

/// Compares shapes one by one: they are short, mostly empty, and a call to compare nothing would cost more than the rest.
fn same_shape(a: &[usize], b: &[usize]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(x, y)| x == y)
}

/// Returns whether the column is of the type (vectors of any size are vectors).
fn is(column: &Column, ty: &Type) -> bool {
    match (column, ty) {
        (Column::Fixed(c), Type::Fixed { dtype, shape }) => c.dtype() == *dtype && same_shape(c.shape(), shape),
        (Column::Text(_), Type::Text) | (Column::Bytes(_), Type::Bytes) | (Column::Vector(_), Type::Vector { .. }) => {
            true
        }
        (Column::List(c), Type::List(item)) => is(c.child(), item),
        (column @ (Column::Struct(_) | Column::Map(_)), ty) => column.ty() == *ty,
        _ => false,
    }
}

/// Returns whether the whole value is of the type. What is not there is of any: the plan knows whether it may be missing.
pub(crate) fn is_whole(whole: &Whole, ty: &Type) -> bool {
    match (whole, ty) {
        (Whole::Tensor(tensor), Type::Fixed { dtype, shape }) => shape.is_empty() && tensor.dtype() == Some(*dtype),
        (Whole::Tensor(tensor), Type::Bytes) => tensor.dtype().is_none(),
        (Whole::Sequence(items), Type::List(item)) => items.iter().all(|whole| is_whole(whole, item)),
        (Whole::Map(map), Type::Map(key, value)) => map.0.ty() == **key && map.1.ty() == **value,
        (Whole::Absent, _) => true,
        _ => false,
    }
}

// === impl Answer ===

impl Answer<'_> {
    /// Returns the rows of the tile.
    pub fn rows(&self) -> usize {
        self.frame.rows()
    }

    /// Returns the first row of the tile in the call's batch.
    pub fn start(&self) -> usize {
        self.start
    }

    /// Returns the rows refused and dropped, in the tile's own counting.
    pub fn faults(&self) -> std::cell::Ref<'_, Vec<Fault>> {
        self.frame.faults()
    }

    /// Copies the rows of the computed columns, one builder an output; `None` for whole values and for inputs that are
    /// handed through.
    pub fn append_to(&self, builders: &mut [Option<Builder>]) {
        for (output, builder) in self.program.outputs.iter().zip(builders) {
            if let (Some(builder), Source::Home(home)) = (builder, output.source) {
                load::unload(self.frame, home, builder);
            }
        }
    }

    pub(crate) fn frame(&self) -> &Frame {
        self.frame
    }

    /// Returns the rows refused, in the call's counting.
    pub(crate) fn refused(&self) -> Vec<Fault> {
        let faults = self.frame.faults();
        let refused = faults.iter().filter(|fault| fault.refusal.is_some());
        refused.map(|fault| Fault { row: fault.row + self.start as u32, ..fault.clone() }).collect()
    }

    /// Returns the answer's batch: the tile's rows alone.
    pub fn batch(&self) -> &Batch {
        self.batch
    }

    fn wholes(&self) -> impl Iterator<Item = model::Whole> {
        self.program.outputs.iter().filter(|o| o.ty.place == Place::Whole).filter_map(|o| match o.source {
            Source::Home(home) => Some(self.frame.whole(home).clone()),
            Source::Input(_) => None,
        })
    }
}

impl Table for Answer<'_> {
    fn rows(&self) -> usize {
        self.frame.rows()
    }

    fn is_all_live(&self) -> bool {
        self.frame.faults().is_empty()
    }

    fn mark(&self, row: usize) -> Mark {
        if self.frame.is_live(row) {
            return Mark::Live;
        }
        match self.frame.faults().iter().find(|f| f.row as usize == row) {
            None => Mark::Live,
            Some(fault) => {
                let fault = Fault { row: fault.row + self.start as u32, ..fault.clone() };
                self.program.render(&fault, self.batch).map_or(Mark::Skipped, |fault| Mark::Refused(Arc::new(fault)))
            }
        }
    }

    fn columns(&self) -> usize {
        self.program.outputs.len()
    }

    fn name(&self, column: usize) -> &str {
        &self.program.outputs[column].name
    }

    fn ty(&self, column: usize) -> Type {
        self.program.outputs[column].ty.ty.clone()
    }

    fn visit(&self, column: usize, row: usize, see: &mut dyn FnMut(Datum<'_>)) {
        match self.program.outputs[column].source {
            Source::Home(home) => load::show(self.frame, home, row, see),
            Source::Input(place) => match value(self.batch, place, &self.program.inputs[place]) {
                Ok(Value::Column { column, .. }) => see(Datum::Entry(column, self.start + row)),
                _ => unreachable!("the inputs of a run were checked when it began"),
            },
        }
    }
}
