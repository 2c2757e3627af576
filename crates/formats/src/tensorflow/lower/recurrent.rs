//! Cells of recurrent networks that are one op: made of products and functions of gates.

use model::Tensor;
use plan::{
    SlotId,
    tensor::{Binary, DenseOp, ElementOp, LayoutOp, Unary},
};

use super::{At, Lower, Row, Slots, row};
use crate::ReadError;

pub(super) const ROWS: &[Row] = &[row("LSTMBlockCell", lstm_cell)];

type Slot = Result<SlotId, ReadError>;

fn apply(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, op: Unary, value: SlotId) -> Slot {
    lower.add(at, ElementOp::Unary(op), &[value])
}

fn both(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, op: Binary, a: SlotId, b: SlotId) -> Slot {
    lower.add(at, ElementOp::Binary(op), &[a, b])
}

/// One step: gates input, cell, forget, output in the order of the weights. Outputs: i, cs, f, o, ci, co, h. Source of the
/// rule: `LSTMBlockCell` in TensorFlow's `rnn_ops.cc`.
fn lstm_cell(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let [x, cell, state, weights, of_input, of_forget, of_output, bias] = at.args::<8>()?;
    let peephole = at.flag("use_peephole");
    let joined = lower.add(at, LayoutOp::Concat { axis: 1 }, &[x, state])?;
    let gates = lower.add(at, DenseOp::MatMul { transpose: [false; 2] }, &[joined, weights])?;
    let gates = both(lower, at, Binary::Add, gates, bias)?;
    let axis = lower.constant(Tensor::scalar(1_i64));
    let split = LayoutOp::Split { axis: 0, outputs: 4, uneven: false };
    let gates = lower.add_many(at, split, &[Some(gates), None, Some(axis)])?;
    let &[mut input, fresh, mut forget, mut output] = &gates[..] else {
        return Err(at.fault("has other than four gates"));
    };
    let look = |lower: &mut Lower<'_, '_>, gate: &mut SlotId, weights: SlotId, cell: SlotId| -> Result<(), ReadError> {
        if peephole {
            let seen = both(lower, at, Binary::Mul, cell, weights)?;
            *gate = both(lower, at, Binary::Add, *gate, seen)?;
        }
        Ok(())
    };
    let more = at.site.float("forget_bias").unwrap_or(1.0);
    let more = lower.number_like(at, forget, more.into())?;
    forget = both(lower, at, Binary::Add, forget, more)?;
    look(lower, &mut input, of_input, cell)?;
    look(lower, &mut forget, of_forget, cell)?;
    let input = apply(lower, at, Unary::Sigmoid, input)?;
    let fresh = apply(lower, at, Unary::Tanh, fresh)?;
    let forget = apply(lower, at, Unary::Sigmoid, forget)?;
    let (taken, kept) = (both(lower, at, Binary::Mul, fresh, input)?, both(lower, at, Binary::Mul, cell, forget)?);
    let mut next = both(lower, at, Binary::Add, taken, kept)?;
    let clip = at.site.float("cell_clip").unwrap_or(3.0);
    if 0.0 < clip {
        let low = lower.number_like(at, next, (-clip).into())?;
        let high = lower.number_like(at, next, clip.into())?;
        next = lower.add(at, ElementOp::Clip, &[next, low, high])?;
    }
    look(lower, &mut output, of_output, next)?;
    let output = apply(lower, at, Unary::Sigmoid, output)?;
    let shown = apply(lower, at, Unary::Tanh, next)?;
    let state = both(lower, at, Binary::Mul, shown, output)?;
    Ok(vec![input, next, forget, output, fresh, shown, state])
}
