//! Recurrent cells over sequences.
//!
//! The products of all steps' inputs with their weights are made at once, those of the state a step at a time for the whole
//! batch; both by [`super::product`], so that a sequence has the same bits alone and among others. A gate is `(x w + b) + h r`.

mod cell;

use std::sync::Arc;

use model::{
    PredictError, Tensor,
    tensor::{Data, TENSOR_BYTES_MAX, TensorError},
};
use plan::tensor::{
    RecurrentOp,
    recurrent::{Cell, Curve, Direction},
};

use super::{
    Args, Done, Site,
    float::{Float, by_float, elements, make, narrow, widened},
    ints,
    product::{Bias, End, Number, Product, ends, multiply, pack},
    refuse, shape, too_large,
};

/// An op of the family, ready to run.
pub(super) struct RecurrentKernel {
    op: RecurrentOp,
    /// The weights of each direction where they never change, of float32.
    sides: Option<Arc<Vec<Side<f32>>>>,
}

/// The weights of one direction, in panels.
struct Side<T> {
    input: usize,
    hidden: usize,
    /// Gates of all steps: `[in, gates * hidden]`.
    of_input: Vec<T>,
    /// Gates that the state goes into as it is.
    of_state: Vec<T>,
    /// Of a GRU, the hidden gate's, where the reset gate comes first.
    of_reset: Vec<T>,
}

/// A call's sizes.
#[derive(Clone, Copy)]
struct Sizes {
    steps: usize,
    batch: usize,
    input: usize,
    hidden: usize,
    directions: usize,
    batch_first: bool,
}

/// What one direction is run with.
struct Run<'a, T> {
    cell: Cell,
    curves: &'a [Curve],
    clip: Option<T>,
    sizes: Sizes,
    side: &'a Side<T>,
    /// Of both products, one after the other.
    bias: Option<&'a [T]>,
    peepholes: Option<&'a [T]>,
    lengths: &'a [usize],
    is_reverse: bool,
}

impl RecurrentKernel {
    pub(super) fn new(op: &RecurrentOp, site: &Site<'_>) -> RecurrentKernel {
        let constant = |i: usize| site.constants.get(i).copied().flatten().and_then(|whole| whole.as_tensor());
        let RecurrentOp::Recurrent { cell, .. } = op;
        let sides = constant(1).zip(constant(2)).and_then(|(w, r)| match (w.data(), r.data()) {
            (Data::F32(_), Data::F32(_)) => sides::<f32>(*cell, w, r).ok().map(Arc::new),
            _ => None,
        });
        RecurrentKernel { op: op.clone(), sides }
    }

    pub(super) fn run(&self, args: &Args<'_>) -> Done {
        let given = args.get(0)?;
        let x = widened(&given);
        let RecurrentOp::Recurrent { cell, .. } = &self.op;
        match (&self.sides, x.data()) {
            (Some(sides), Data::F32(_)) => self.of::<f32>(args, &x, sides)?,
            _ => by_float!(x, T => {
                let sides = sides::<T>(*cell, &widened(&*args.get(1)?), &widened(&*args.get(2)?))?;
                self.of::<T>(args, &x, &sides)
            })?,
        }
        for i in 0..3 {
            if let Some(mut out) = args.out(i) {
                narrow(&mut out, given.dtype())?;
            }
        }
        Ok(())
    }

    fn of<T: Float + Number>(&self, args: &Args<'_>, x: &Tensor, sides: &[Side<T>]) -> Done {
        let RecurrentOp::Recurrent { cell, direction, curves, clip, batch_first } = &self.op;
        let sizes = Sizes::new(x, sides, *direction, *batch_first)?;
        let each = cell.curves().len();
        if curves.len() != each * sizes.directions {
            return Err(refuse(format!("{} functions of gates", each * sizes.directions), curves.len().to_string()));
        }
        let lengths = sizes.lengths(args.opt(4).as_deref())?;
        let (gates, hidden) = (cell.gates(), sizes.hidden);
        let optional = |i: usize| args.opt(i).map(|tensor| widened(&tensor));
        let (bias, first, cells, peepholes) = (optional(3), optional(5), optional(6), optional(7));
        let part = |tensor: &'_ Option<Tensor>, size: usize| match tensor {
            Some(tensor) if tensor.len() != sizes.directions * size => {
                let expected = format!("{} numbers for each direction", size);
                Err(refuse(expected, tensor.shape().to_string()))
            }
            _ => Ok(()),
        };
        part(&bias, 2 * gates * hidden)?;
        part(&first, sizes.batch * hidden)?;
        part(&cells, sizes.batch * hidden)?;
        part(&peepholes, 3 * hidden)?;
        fn numbers<T: Float>(tensor: &Option<Tensor>) -> Result<Option<&[T]>, PredictError> {
            tensor.as_ref().map(elements::<T>).transpose()
        }
        let (bias, peepholes) = (numbers::<T>(&bias)?, numbers::<T>(&peepholes)?);
        let (first, cells) = (numbers::<T>(&first)?, numbers::<T>(&cells)?);
        let from = elements::<T>(x)?;
        let mut all = args.out(0);
        let mut all = all.as_deref_mut().map(|out| make::<T>(out, sizes.all()?)).transpose()?;
        if let Some(all) = &mut all {
            all.fill(<T as Float>::ZERO);
        }
        let one = sizes.batch * hidden;
        let count = sizes.room::<T>(gates)?;
        T::with_room(|room| -> Done {
            if room.len() < count {
                room.resize(count, <T as Float>::ZERO);
            }
            let (states, rest) = room.split_at_mut(sizes.directions * one);
            let (last_cells, rest) = rest.split_at_mut(sizes.directions * one);
            sizes.bring(first, states);
            sizes.bring(cells, last_cells);
            for (d, side) in sides.iter().enumerate() {
                args.call.check()?;
                let run = Run {
                    cell: *cell,
                    curves: &curves[d * each..(d + 1) * each],
                    clip: clip.map(|clip| T::from_f64(clip.into())),
                    sizes,
                    side,
                    bias: bias.map(|bias| &bias[d * 2 * gates * hidden..][..2 * gates * hidden]),
                    peepholes: peepholes.map(|peepholes| &peepholes[d * 3 * hidden..][..3 * hidden]),
                    lengths: &lengths,
                    is_reverse: d == 1 || *direction == Direction::Reverse,
                };
                let own = d * one..(d + 1) * one;
                run.steps(from, d, &mut states[own.clone()], &mut last_cells[own], rest, all.as_deref_mut());
            }
            for (i, last) in [(1, states), (2, last_cells)] {
                if let Some(mut out) = args.out(i) {
                    let to = make::<T>(&mut out, sizes.last()?)?;
                    sizes.each_state(|own, given| to[given..given + hidden].copy_from_slice(&last[own..own + hidden]));
                }
            }
            Ok(())
        })
    }
}

/// Lays the weights of each direction into panels.
fn sides<T: Number + Float>(cell: Cell, w: &Tensor, r: &Tensor) -> Result<Vec<Side<T>>, PredictError> {
    let ([directions, rows, input], [also, same, hidden]) = (&w.shape()[..], &r.shape()[..]) else {
        return Err(refuse("weights of rank 3", format!("{} and {}", w.shape(), r.shape())));
    };
    let (directions, rows, input, hidden) = (*directions, *rows, *input, *hidden);
    if directions != *also || rows != *same || hidden.checked_mul(cell.gates()) != Some(rows) || hidden == 0 {
        let expected = format!("{} gates of {hidden} in each direction", cell.gates());
        return Err(refuse(expected, format!("{} and {}", w.shape(), r.shape())));
    }
    let (of_w, of_r) = (elements::<T>(w)?, elements::<T>(r)?);
    let sides = (0..directions).map(|d| {
        let (w, r) = (&of_w[d * rows * input..][..rows * input], &of_r[d * rows * hidden..][..rows * hidden]);
        let mut side = Side { input, hidden, of_input: Vec::new(), of_state: Vec::new(), of_reset: Vec::new() };
        pack(w, (input, rows), (1, input), &mut side.of_input);
        // The reset gate scales the state before the hidden gate's product.
        let apart = if cell == (Cell::Gru { linear_before_reset: false }) { hidden } else { 0 };
        pack(r, (hidden, rows - apart), (1, hidden), &mut side.of_state);
        pack(&r[(rows - apart) * hidden..], (hidden, apart), (1, hidden), &mut side.of_reset);
        side
    });
    Ok(sides.collect())
}

// === impl Sizes ===

impl Sizes {
    fn new<T>(x: &Tensor, sides: &[Side<T>], direction: Direction, batch_first: bool) -> Result<Sizes, PredictError> {
        let [a, b, input] = x.shape()[..] else {
            return Err(refuse("steps, batch and inputs", x.shape().to_string()));
        };
        let (steps, batch) = if batch_first { (b, a) } else { (a, b) };
        let directions = direction.count();
        match sides {
            [side, ..] if sides.len() == directions && side.input == input => {
                Ok(Sizes { steps, batch, input, hidden: side.hidden, directions, batch_first })
            }
            _ => Err(refuse(
                format!("weights of {directions} directions for {input} inputs"),
                format!("{}", sides.len()),
            )),
        }
    }

    fn all(&self) -> Result<model::Shape, PredictError> {
        match self.batch_first {
            false => shape(&[self.steps, self.directions, self.batch, self.hidden]),
            true => shape(&[self.batch, self.steps, self.directions, self.hidden]),
        }
    }

    fn last(&self) -> Result<model::Shape, PredictError> {
        match self.batch_first {
            false => shape(&[self.directions, self.batch, self.hidden]),
            true => shape(&[self.batch, self.directions, self.hidden]),
        }
    }

    /// Returns the row of x of a step.
    fn row(&self, step: usize, batch: usize) -> usize {
        if self.batch_first { batch * self.steps + step } else { step * self.batch + batch }
    }

    /// Returns where the state of a step is written.
    fn place(&self, step: usize, direction: usize, batch: usize) -> usize {
        let row = match self.batch_first {
            false => (step * self.directions + direction) * self.batch + batch,
            true => (batch * self.steps + step) * self.directions + direction,
        };
        row * self.hidden
    }

    /// Calls the function with where each state stands here, `[directions, batch, hidden]`, and as it is given.
    fn each_state(&self, mut work: impl FnMut(usize, usize)) {
        for (d, b) in (0..self.directions).flat_map(|d| (0..self.batch).map(move |b| (d, b))) {
            let own = d * self.batch + b;
            let given = if self.batch_first { b * self.directions + d } else { own };
            work(own * self.hidden, given * self.hidden);
        }
    }

    /// Brings the states at first; zeros where none are given.
    fn bring<T: Float>(&self, given: Option<&[T]>, states: &mut [T]) {
        match given {
            Some(from) => {
                self.each_state(|own, at| states[own..own + self.hidden].copy_from_slice(&from[at..at + self.hidden]))
            }
            None => states.fill(T::ZERO),
        }
    }

    /// Returns how many numbers a run needs room for: states and cells, the gates of all steps, of one, and of one example.
    fn room<T>(&self, gates: usize) -> Result<usize, PredictError> {
        let rows = self.steps * self.batch + self.batch + 4;
        let states = 2 * self.directions * self.batch;
        let count =
            rows.checked_mul(gates).and_then(|n| n.checked_add(states)).and_then(|n| n.checked_mul(self.hidden));
        let fits = |n: &usize| n.checked_mul(size_of::<T>()).is_some_and(|bytes| bytes <= TENSOR_BYTES_MAX);
        let shape = || format!("[{rows}, {}]", gates * self.hidden);
        count.filter(fits).ok_or_else(|| too_large(TensorError::Bytes(shape())))
    }

    fn lengths(&self, given: Option<&Tensor>) -> Result<Vec<usize>, PredictError> {
        let Some(given) = given else { return Ok(vec![self.steps; self.batch]) };
        let lengths = ints(given)?;
        let within = |n: &i64| usize::try_from(*n).ok().filter(|n| *n <= self.steps);
        let checked: Option<Vec<usize>> = lengths.iter().map(within).collect();
        checked.filter(|checked| checked.len() == self.batch).ok_or_else(|| {
            refuse(format!("{} lengths of at most {} steps", self.batch, self.steps), format!("{lengths:?}"))
        })
    }
}
