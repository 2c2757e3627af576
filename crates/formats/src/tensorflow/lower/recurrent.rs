//! Cells of recurrent networks that are one op: made of products and functions of gates.

use std::sync::Arc;

use model::{DType, Tensor};
use plan::{
    ControlOp, SlotId,
    tensor::{Binary, DenseOp, ElementOp, IndexOp, LayoutOp, ListOp, Unary},
};

use super::{At, Lower, Row, Slots, row};
use crate::ReadError;

pub(super) const ROWS: &[Row] = &[
    row("LSTMBlockCell", lstm_cell),
    row("GRUBlockCell", gru_cell),
    row("BlockLSTM", |lower, at| {
        let number = |name: &str, default: f32| at.site.float(name).unwrap_or(default);
        let (forget_bias, clip) = (number("forget_bias", 1.0), number("cell_clip", 3.0));
        lstm(lower, at, &Cell { peephole: at.flag("use_peephole"), forget_bias, clip, forget_first: false })
    }),
    row("BlockLSTMV2", |lower, at| {
        let clip = at.site.float("cell_clip").unwrap_or(0.0);
        lstm(lower, at, &Cell { peephole: at.flag("use_peephole"), forget_bias: 0.0, clip, forget_first: true })
    }),
];

type Slot = Result<SlotId, ReadError>;

fn apply(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, op: Unary, value: SlotId) -> Slot {
    lower.add(at, ElementOp::Unary(op), &[value])
}

fn both(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, op: Binary, a: SlotId, b: SlotId) -> Slot {
    lower.add(at, ElementOp::Binary(op), &[a, b])
}

/// What attributes say of a cell, and the order of its gates.
struct Cell {
    peephole: bool,
    forget_bias: f32,
    clip: f32,
    /// Forget before cell: input, forget, cell, output; else input, cell, forget, output.
    forget_first: bool,
}

/// The inputs of a cell's step.
struct Step {
    x: SlotId,
    cell: SlotId,
    state: SlotId,
    weights: SlotId,
    /// Peepholes of the gates input, forget and output.
    peepholes: [SlotId; 3],
    bias: SlotId,
}

fn lstm_cell(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let [x, cell, state, weights, of_input, of_forget, of_output, bias] = at.args::<8>()?;
    let number = |name: &str, default: f32| at.site.float(name).unwrap_or(default);
    let of = Cell {
        peephole: at.flag("use_peephole"),
        forget_bias: number("forget_bias", 1.0),
        clip: number("cell_clip", 3.0),
        forget_first: false,
    };
    let step = Step { x, cell, state, weights, peepholes: [of_input, of_forget, of_output], bias };
    lstm_step(lower, at, &of, &step).map(Vec::from)
}

/// One step. Outputs: i, cs, f, o, ci, co, h. Source of the rule: `LSTMBlockCell` in TensorFlow's `rnn_ops.cc`.
fn lstm_step(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, of: &Cell, step: &Step) -> Result<[SlotId; 7], ReadError> {
    let joined = lower.add(at, LayoutOp::Concat { axis: 1 }, &[step.x, step.state])?;
    let gates = lower.add(at, DenseOp::MatMul { transpose: [false; 2] }, &[joined, step.weights])?;
    let gates = both(lower, at, Binary::Add, gates, step.bias)?;
    let axis = lower.constant(Tensor::scalar(1_i64));
    let split = LayoutOp::Split { axis: 0, outputs: 4, uneven: false };
    let gates = lower.add_many(at, split, &[Some(gates), None, Some(axis)])?;
    let &[mut input, second, third, mut output] = &gates[..] else {
        return Err(at.fault("has other than four gates"));
    };
    let (fresh, mut forget) = if of.forget_first { (third, second) } else { (second, third) };
    let look = |lower: &mut Lower<'_, '_>, gate: &mut SlotId, place: usize, cell: SlotId| -> Result<(), ReadError> {
        if of.peephole {
            let seen = both(lower, at, Binary::Mul, cell, step.peepholes[place])?;
            *gate = both(lower, at, Binary::Add, *gate, seen)?;
        }
        Ok(())
    };
    let more = lower.number_like(at, forget, of.forget_bias.into())?;
    forget = both(lower, at, Binary::Add, forget, more)?;
    look(lower, &mut input, 0, step.cell)?;
    look(lower, &mut forget, 1, step.cell)?;
    let input = apply(lower, at, Unary::Sigmoid, input)?;
    let fresh = apply(lower, at, Unary::Tanh, fresh)?;
    let forget = apply(lower, at, Unary::Sigmoid, forget)?;
    let taken = both(lower, at, Binary::Mul, fresh, input)?;
    let kept = both(lower, at, Binary::Mul, step.cell, forget)?;
    let mut next = both(lower, at, Binary::Add, taken, kept)?;
    if 0.0 < of.clip {
        let low = lower.number_like(at, next, (-of.clip).into())?;
        let high = lower.number_like(at, next, of.clip.into())?;
        next = lower.add(at, ElementOp::Clip, &[next, low, high])?;
    }
    look(lower, &mut output, 2, next)?;
    let output = apply(lower, at, Unary::Sigmoid, output)?;
    let shown = apply(lower, at, Unary::Tanh, next)?;
    let state = both(lower, at, Binary::Mul, shown, output)?;
    Ok([input, next, forget, output, fresh, shown, state])
}

/// The steps of sequences `[time, batch, in]`, as many as input 0 says; after them all outputs are 0.
fn lstm(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, of: &Cell) -> Slots {
    let [steps, x, cell, state, weights, of_input, of_forget, of_output, bias] = at.args::<9>()?;
    let trips = super::made::cast(lower, at, steps, DType::I64)?;
    let first = lower.constant(Tensor::scalar(true));
    let dims = |lower: &mut Lower<'_, '_>, slot: SlotId, end: Option<i64>| {
        lower.add(at, LayoutOp::Shape { start: 0, end, dtype: DType::I64 }, &[slot])
    };
    let (each, count) = (dims(lower, cell, None)?, dims(lower, x, Some(1))?);
    let scalar = lower.ints(&[]);
    let count = lower.add(at, LayoutOp::Reshape { allow_zero: true }, &[count, scalar])?;
    let item = lower.ty(cell).clone();
    let list = lower.add(at, ListOp::Reserve { item }, &[count])?;
    let mut carried = vec![cell, state];
    carried.extend([list; 7]);
    let around = [x, weights, of_input, of_forget, of_output, bias];
    let plan = lower.body(&[&carried[..], &around].concat(), |inner, place, own| {
        let (before, around) = own.split_at(carried.len());
        let x = inner.add(at, IndexOp::Gather { axis: 0, batch: 0, from_end: false }, &[around[0], place])?;
        let step = Step {
            x,
            cell: before[0],
            state: before[1],
            weights: around[1],
            peepholes: [around[2], around[3], around[4]],
            bias: around[5],
        };
        let slots = lstm_step(inner, at, of, &step)?;
        let mut next = vec![slots[1], slots[6]];
        for (list, value) in before[2..].iter().zip(slots) {
            next.push(inner.add(at, ListOp::Set { grow: false }, &[*list, place, value])?);
        }
        Ok(next)
    })?;
    let op = ControlOp::Loop { body: Arc::new(plan), carried: carried.len(), steps_max: lower.limits.loop_steps_max };
    let inputs = [&[trips, first], &carried[..], &around].concat();
    let lists = lower.add_op(at.node, op, &inputs)?;
    lists[2..].iter().map(|list| lower.add(at, ListOp::Stack, &[*list, each])).collect()
}

/// One step: gates reset and update, then the candidate of the state that the reset gate leaves. Outputs: r, u, c, h. Source
/// of the rule: `GRUBlockCell` in TensorFlow's `rnn_ops.cc`.
fn gru_cell(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let [x, state, of_gates, of_candidate, gates_bias, candidate_bias] = at.args::<6>()?;
    let layer = |lower: &mut Lower<'_, '_>, state: SlotId, weights: SlotId, bias: SlotId| -> Slot {
        let joined = lower.add(at, LayoutOp::Concat { axis: 1 }, &[x, state])?;
        let product = lower.add(at, DenseOp::MatMul { transpose: [false; 2] }, &[joined, weights])?;
        both(lower, at, Binary::Add, product, bias)
    };
    let gates = layer(lower, state, of_gates, gates_bias)?;
    let gates = apply(lower, at, Unary::Sigmoid, gates)?;
    let axis = lower.constant(Tensor::scalar(1_i64));
    let split = LayoutOp::Split { axis: 0, outputs: 2, uneven: false };
    let gates = lower.add_many(at, split, &[Some(gates), None, Some(axis)])?;
    let &[reset, update] = &gates[..] else { return Err(at.fault("has other than two gates")) };
    let left = both(lower, at, Binary::Mul, state, reset)?;
    let candidate = layer(lower, left, of_candidate, candidate_bias)?;
    let candidate = apply(lower, at, Unary::Tanh, candidate)?;
    let one = lower.number_like(at, update, 1.0)?;
    let rest = both(lower, at, Binary::Sub, one, update)?;
    let (kept, fresh) = (both(lower, at, Binary::Mul, update, state)?, both(lower, at, Binary::Mul, rest, candidate)?);
    let next = both(lower, at, Binary::Add, kept, fresh)?;
    Ok(vec![reset, update, candidate, next])
}
