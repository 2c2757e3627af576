//! Structured control flow: bodies run inside the frame of the run they belong to.

use model::{PredictError, Shape, Tensor, Whole, tensor::Element};

use super::tensor::{self, part};

use crate::{
    frame::{Env, Frame, Home},
    program::Body,
    run::run_body,
    store::Store,
};

/// Control flow with its bodies compiled.
pub enum ControlKernel {
    Branch { arms: Vec<ArmBody>, otherwise: Option<Body> },
    If { then: Body, otherwise: Body },
    Loop(LoopBody),
    Scan(LoopBody),
}

/// One way of a branch.
pub struct ArmBody {
    pub(crate) test: Body,
    pub(crate) body: Body,
}

/// The body of a loop or scan, and the homes it works with.
pub struct LoopBody {
    pub(crate) body: Body,
    /// Of a loop: the step, the condition, the carried values. Of a scan: the carried values, one element of each scanned one.
    pub(crate) own: Vec<Home>,
    /// Where the carried values of the next step wait until all are there.
    pub(crate) next: Vec<Home>,
    pub(crate) carried: usize,
    pub(crate) steps_max: u64,
}

impl ControlKernel {
    pub(crate) fn run(&self, env: &Env<'_>, inputs: &[Home], outputs: &[Option<Home>]) -> Result<(), PredictError> {
        match self {
            ControlKernel::Branch { arms, otherwise } => branch(env, arms, otherwise.as_ref(), outputs),
            ControlKernel::If { then, otherwise } => {
                let condition = scalar::<bool>(env.frame, inputs[0])?;
                let body = if condition { then } else { otherwise };
                run_body(body, env.frame, env.call)?;
                for (from, to) in body.outputs.iter().zip(outputs) {
                    if let Some(to) = to {
                        copy_any(env.frame, *from, *to);
                    }
                }
                Ok(())
            }
            ControlKernel::Loop(body) => body.run_loop(env, inputs, outputs),
            ControlKernel::Scan(body) => body.run_scan(env, inputs, outputs),
        }
    }
}

/// Runs every arm on the rows it concerns, then puts the arms' rows together.
///
/// The masks of the rows lie on the frame's stack: first all rows, then those not yet taken, then those of each arm.
fn branch(
    env: &Env<'_>,
    arms: &[ArmBody],
    otherwise: Option<&Body>,
    outputs: &[Option<Home>],
) -> Result<(), PredictError> {
    let frame = env.frame;
    let live = frame.live_words();
    let words = frame.rows().div_ceil(64);
    let base = frame.masks().len();
    let save = || frame.masks().extend(live[..words].iter().map(|w| w.get()));
    let mask = |k: usize, word: usize| frame.masks()[base + k * words + word];
    let restore = |k: usize| (0..words).for_each(|w| live[w].set(mask(k, w)));
    save();
    save();
    // Rows that a test or a body refused or dropped leave the saved masks too.
    let forget_dead = |asked: &dyn Fn(usize) -> u64| {
        for w in 0..words {
            let dead = asked(w) & !live[w].get();
            let mut masks = frame.masks();
            masks[base + w] &= !dead;
            masks[base + words + w] &= !dead;
        }
    };
    for arm in arms {
        restore(1);
        run_body(&arm.test, frame, env.call)?;
        forget_dead(&|w| mask(1, w));
        let test = frame.cells(arm.test.outputs[0]);
        for (w, word) in live[..words].iter().enumerate() {
            let mut taken = 0;
            let mut bits = word.get();
            while bits != 0 {
                let bit = bits.trailing_zeros() as usize;
                taken |= u64::from(test.get(w * 64 + bit) == Some(1)) << bit;
                bits &= bits - 1;
            }
            word.set(taken);
            frame.masks()[base + words + w] &= !taken;
        }
        save();
        let taken = frame.masks().len() - words;
        run_body(&arm.body, frame, env.call)?;
        forget_dead(&|w| frame.masks()[taken + w]);
    }
    if let Some(body) = otherwise {
        restore(1);
        run_body(body, frame, env.call)?;
        forget_dead(&|w| mask(1, w));
    }
    restore(0);
    let source = |row: usize| {
        let bit = |k: usize| mask(k, row / 64) >> (row % 64) & 1 == 1;
        if let Some(arm) = (0..arms.len()).find(|&k| bit(2 + k)) {
            return Some(&arms[arm].body);
        }
        otherwise.filter(|_| bit(1))
    };
    for (i, to) in outputs.iter().enumerate() {
        let Some(to) = to else { continue };
        clear(frame, *to);
        for row in 0..frame.rows() {
            let from = source(row).filter(|_| frame.is_live(row)).map(|body| body.outputs[i]);
            copy_row(frame, from, *to, row);
        }
    }
    frame.masks().truncate(base);
    Ok(())
}

fn clear(frame: &Frame, home: Home) {
    let Home::Store(_) = home else { return };
    match &mut *frame.store_mut(home) {
        Store::Text(s) | Store::Bytes(s) => s.clear(),
        Store::Wide(s) => s.clear(),
        Store::List(s) => s.clear(),
        Store::Vector(s) => s.clear(),
        Store::Whole(whole) => *whole = Whole::Absent,
    }
}

/// Writes row `row` of `to`: that of `from`, or null.
fn copy_row(frame: &Frame, from: Option<Home>, to: Home, row: usize) {
    if let Home::Cells { .. } = to {
        let cell = from.and_then(|from| frame.cells(from).get(row));
        return frame.cells(to).set(row, cell);
    }
    let from = from.map(|from| frame.store_ref(from));
    match (&mut *frame.store_mut(to), from.as_deref()) {
        (Store::Text(to), Some(Store::Text(from))) if from.is_valid(row) => to.push(from.text(row)),
        (Store::Text(to), _) => to.push_null(),
        (Store::Bytes(to), Some(Store::Bytes(from))) => {
            to.push_bytes(from.is_valid(row).then(|| from.row_bytes(row)));
        }
        (Store::Bytes(to), _) => to.push_null(),
        (Store::Wide(to), Some(Store::Wide(from))) => to.push(from.get(row)),
        (Store::Wide(to), _) => to.push(None),
        (Store::Vector(to), Some(Store::Vector(from))) if from.is_valid(row) => to.push(from.row(row)),
        (Store::Vector(to), _) => to.push_null(),
        (Store::List(to), Some(Store::List(from))) => to.push_row(from, row),
        (Store::List(to), _) => to.push_null(),
        (Store::Whole(_), _) => unreachable!("a branch gives columns"),
    }
}

/// Copies a whole value: both homes share it.
fn copy(frame: &Frame, from: Home, to: Home) {
    if from != to {
        let whole = frame.whole(from).clone();
        *frame.whole_mut(to) = whole;
    }
}

/// Copies a column or a whole value.
fn copy_any(frame: &Frame, from: Home, to: Home) {
    let is_whole = matches!(to, Home::Store(_)) && matches!(&*frame.store_ref(to), Store::Whole(_));
    if is_whole {
        return copy(frame, from, to);
    }
    clear(frame, to);
    for row in 0..frame.rows() {
        copy_row(frame, Some(from).filter(|_| frame.is_live(row)), to, row);
    }
}

/// Returns the one element of a tensor.
fn scalar<T: Element>(frame: &Frame, home: Home) -> Result<T, PredictError> {
    let whole = frame.whole(home);
    let elements = whole.as_tensor().and_then(Tensor::get::<T>);
    match elements {
        Some([element]) => Ok(element.clone()),
        _ => Err(PredictError::invalid(None, "one element for a condition or a number of steps", whole.kind())),
    }
}

fn set_scalar<T: Element>(frame: &Frame, home: Home, value: T) {
    let mut tensor = frame.tensor_mut(home);
    let elements = tensor.make::<T>(Shape::SCALAR).expect("one element is few");
    elements[0] = value;
}

impl LoopBody {
    fn over_budget(&self) -> PredictError {
        PredictError::TooLarge {
            what: "loop steps".to_owned(),
            got: self.steps_max + 1,
            limit: self.steps_max,
            key: "steps_max",
        }
    }

    fn run_loop(&self, env: &Env<'_>, inputs: &[Home], outputs: &[Option<Home>]) -> Result<(), PredictError> {
        let frame = env.frame;
        let trips = scalar::<i64>(frame, inputs[0])?.max(0) as u64;
        let (step_home, condition_home) = (self.own[0], self.own[1]);
        let carried = &self.own[2..];
        copy(frame, inputs[1], condition_home);
        for (from, to) in inputs[2..].iter().zip(carried) {
            copy(frame, *from, *to);
        }
        let stacked = &outputs[self.carried..];
        let mut stacks: Vec<Vec<Whole>> = vec![Vec::new(); stacked.len()];
        let mut step = 0;
        while step < trips && scalar::<bool>(frame, condition_home)? {
            if step >= self.steps_max {
                return Err(self.over_budget());
            }
            env.call.check()?;
            set_scalar(frame, step_home, step as i64);
            run_body(&self.body, frame, env.call)?;
            let (condition, results) = self.body.outputs.split_first().expect("a loop's body gives its condition");
            let go_on = scalar::<bool>(frame, *condition)?;
            self.advance(frame, results, carried, stacked, &mut stacks);
            set_scalar(frame, condition_home, go_on);
            step += 1;
        }
        self.finish(frame, carried, outputs, stacks)
    }

    fn run_scan(&self, env: &Env<'_>, inputs: &[Home], outputs: &[Option<Home>]) -> Result<(), PredictError> {
        let frame = env.frame;
        let (carried, elements) = self.own.split_at(self.carried);
        for (from, to) in inputs.iter().zip(carried) {
            copy(frame, *from, *to);
        }
        let tensor = |home: &Home| {
            let whole = frame.whole(*home);
            whole.as_tensor().cloned().ok_or_else(|| PredictError::invalid(None, "a tensor to scan", whole.kind()))
        };
        let scanned = inputs[self.carried..].iter().map(tensor).collect::<Result<Vec<Tensor>, _>>()?;
        let lengths: Vec<usize> = scanned.iter().map(|tensor| tensor.shape().first().copied().unwrap_or(0)).collect();
        let steps = lengths.first().copied().unwrap_or(0);
        if lengths.iter().any(|&n| n != steps) {
            return Err(PredictError::invalid(None, "scanned values of one length", format!("{lengths:?}")));
        }
        if steps as u64 > self.steps_max {
            return Err(self.over_budget());
        }
        let stacked = &outputs[self.carried..];
        let mut stacks: Vec<Vec<Whole>> = vec![Vec::new(); stacked.len()];
        for step in 0..steps {
            env.call.check()?;
            for (from, to) in scanned.iter().zip(elements) {
                part(from, step, &mut frame.tensor_mut(*to))?;
            }
            run_body(&self.body, frame, env.call)?;
            self.advance(frame, &self.body.outputs, carried, stacked, &mut stacks);
        }
        self.finish(frame, carried, outputs, stacks)
    }

    /// Takes over a step's results: the carried values together, the stacked ones appended.
    fn advance(
        &self,
        frame: &Frame,
        results: &[Home],
        carried: &[Home],
        stacked: &[Option<Home>],
        stacks: &mut [Vec<Whole>],
    ) {
        let (values, stack) = results.split_at(self.carried);
        // First: what is stacked may be a value that was carried into this step.
        for ((from, to), stack) in stack.iter().zip(stacked).zip(stacks) {
            if to.is_some() {
                stack.push(frame.whole(*from).clone());
            }
        }
        values.iter().zip(&self.next).for_each(|(from, to)| copy(frame, *from, *to));
        for (from, to) in self.next.iter().zip(carried) {
            // What was carried before is the next place: its room is free again.
            std::mem::swap(&mut *frame.whole_mut(*from), &mut *frame.whole_mut(*to));
        }
    }

    /// Hands out the last carried values and the stacks.
    fn finish(
        &self,
        frame: &Frame,
        carried: &[Home],
        outputs: &[Option<Home>],
        stacks: Vec<Vec<Whole>>,
    ) -> Result<(), PredictError> {
        let (values, stacked) = outputs.split_at(self.carried);
        for (from, to) in carried.iter().zip(values) {
            if let Some(to) = to {
                copy(frame, *from, *to);
            }
        }
        for (to, stack) in stacked.iter().zip(stacks) {
            if let Some(to) = to {
                tensor::stack(&stack, &mut frame.tensor_mut(*to))?;
            }
        }
        Ok(())
    }
}
