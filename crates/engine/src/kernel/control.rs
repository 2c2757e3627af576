//! Structured control flow: bodies run inside the frame of the run they belong to.

use model::PredictError;

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
                let condition = env.frame.whole(inputs[0]).cells.first().copied();
                let body = if condition == Some(1) { then } else { otherwise };
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
        Store::Whole(s) => s.clear(),
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

/// Copies a whole value.
fn copy(frame: &Frame, from: Home, to: Home) {
    if from != to {
        frame.whole_mut(to).copy_from(&frame.whole(from));
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

fn scalar(frame: &Frame, home: Home) -> Option<u64> {
    frame.whole(home).cells.first().copied()
}

fn set_scalar(frame: &Frame, home: Home, cell: u64) {
    let mut whole = frame.whole_mut(home);
    whole.clear();
    whole.cells.push(cell);
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
        let trips = scalar(frame, inputs[0]).map_or(0, |cell| (cell as i64).max(0) as u64);
        let (step_home, condition_home) = (self.own[0], self.own[1]);
        let carried = &self.own[2..];
        copy(frame, inputs[1], condition_home);
        for (from, to) in inputs[2..].iter().zip(carried) {
            copy(frame, *from, *to);
        }
        let stacked = &outputs[self.carried..];
        self.begin_stacks(frame, stacked);
        let mut step = 0;
        while step < trips && scalar(frame, condition_home) == Some(1) {
            if step >= self.steps_max {
                return Err(self.over_budget());
            }
            env.call.check()?;
            set_scalar(frame, step_home, step);
            run_body(&self.body, frame, env.call)?;
            let (condition, results) = self.body.outputs.split_first().expect("a loop's body gives its condition");
            let go_on = scalar(frame, *condition).unwrap_or(0);
            self.advance(frame, results, carried, stacked)?;
            set_scalar(frame, condition_home, go_on);
            step += 1;
        }
        self.finish(frame, carried, outputs, step);
        Ok(())
    }

    fn run_scan(&self, env: &Env<'_>, inputs: &[Home], outputs: &[Option<Home>]) -> Result<(), PredictError> {
        let frame = env.frame;
        let (carried, elements) = self.own.split_at(self.carried);
        let scanned = &inputs[self.carried..];
        for (from, to) in inputs.iter().zip(carried) {
            copy(frame, *from, *to);
        }
        let lengths: Vec<usize> = scanned.iter().map(|h| frame.whole(*h).shape.first().copied().unwrap_or(0)).collect();
        let steps = lengths.first().copied().unwrap_or(0);
        if lengths.iter().any(|&n| n != steps) {
            return Err(PredictError::invalid(None, "scanned values of one length", format!("{lengths:?}")));
        }
        if steps as u64 > self.steps_max {
            return Err(self.over_budget());
        }
        let stacked = &outputs[self.carried..];
        self.begin_stacks(frame, stacked);
        for step in 0..steps {
            env.call.check()?;
            for (from, to) in scanned.iter().zip(elements) {
                let from = frame.whole(*from);
                let mut to = frame.whole_mut(*to);
                let size = from.cells.len() / steps;
                to.clear();
                to.shape.extend_from_slice(&from.shape[1..]);
                to.cells.extend_from_slice(&from.cells[step * size..(step + 1) * size]);
            }
            run_body(&self.body, frame, env.call)?;
            self.advance(frame, &self.body.outputs, carried, stacked)?;
        }
        self.finish(frame, carried, outputs, steps as u64);
        Ok(())
    }

    fn begin_stacks(&self, frame: &Frame, stacked: &[Option<Home>]) {
        stacked.iter().flatten().for_each(|home| frame.whole_mut(*home).clear());
    }

    /// Takes over a step's results: the carried values together, the stacked ones appended.
    fn advance(
        &self,
        frame: &Frame,
        results: &[Home],
        carried: &[Home],
        stacked: &[Option<Home>],
    ) -> Result<(), PredictError> {
        let (values, stack) = results.split_at(self.carried);
        values.iter().zip(&self.next).for_each(|(from, to)| copy(frame, *from, *to));
        self.next.iter().zip(carried).for_each(|(from, to)| copy(frame, *from, *to));
        for (from, to) in stack.iter().zip(stacked) {
            let Some(to) = to else { continue };
            let (from, mut to) = (frame.whole(*from), frame.whole_mut(*to));
            if to.cells.is_empty() && to.shape.is_empty() {
                to.shape.extend_from_slice(&from.shape);
            } else if to.shape != from.shape {
                let (expected, got) = (format!("{:?} at every step", to.shape), format!("{:?}", from.shape));
                return Err(PredictError::invalid(None, expected, got));
            }
            to.cells.extend_from_slice(&from.cells);
        }
        Ok(())
    }

    /// Hands out the last carried values and the stacks, which get their first dimension.
    fn finish(&self, frame: &Frame, carried: &[Home], outputs: &[Option<Home>], steps: u64) {
        let (values, stacked) = outputs.split_at(self.carried);
        for (from, to) in carried.iter().zip(values) {
            if let Some(to) = to {
                copy(frame, *from, *to);
            }
        }
        for to in stacked.iter().flatten() {
            frame.whole_mut(*to).shape.insert(0, steps as usize);
        }
    }
}
