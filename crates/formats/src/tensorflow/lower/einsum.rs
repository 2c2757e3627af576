//! Sums of products by letters (Einsum), of one tensor or two, as transposes, products of matrices and reshapes.
//!
//! Letters of two operands are parted in four: those of a batch (in both and in the result), those that are summed over (in both
//! alone), and those of one side. Both become stacks of matrices, whose product is reshaped and brought in order.

use model::DType;
use plan::{
    SlotId,
    tensor::{DenseOp, Fold, LayoutOp, ReduceOp},
};

use super::{At, Lower, Row, Slots, row};
use crate::ReadError;

pub(super) const ROWS: &[Row] = &[row("Einsum", einsum)];

/// A tensor whose dimensions have letters.
struct Operand {
    slot: SlotId,
    letters: Vec<char>,
}

fn einsum(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let equation = at.site.text("equation").ok_or_else(|| at.fault("has no attribute `equation`"))?;
    let plain: String = equation.chars().filter(|c| !c.is_whitespace()).collect();
    let (inputs, result) = plain.split_once("->").ok_or_else(|| at.unimplemented(format_args!("{equation:?}")))?;
    let letters = |part: &str| -> Result<Vec<char>, ReadError> {
        let all: Vec<char> = part.chars().collect();
        let once = all.iter().enumerate().all(|(i, c)| c.is_ascii_alphabetic() && !all[..i].contains(c));
        if once { Ok(all) } else { Err(at.unimplemented(format_args!("{equation:?}: an ellipsis or a letter twice"))) }
    };
    let result = letters(result)?;
    let mut operands = Vec::new();
    for (part, slot) in inputs.split(',').zip(&at.inputs) {
        operands.push(Operand { slot: *slot, letters: letters(part)? });
    }
    if operands.len() != at.inputs.len() || result.iter().any(|c| !operands.iter().any(|o| o.letters.contains(c))) {
        return Err(at.fault(format_args!("its equation {equation:?} does not fit its inputs")));
    }
    let all = match <[Operand; 2]>::try_from(operands) {
        Ok([a, b]) => {
            let a = sum_out(lower, at, a, |c| b.letters.contains(c) || result.contains(c))?;
            let b = sum_out(lower, at, b, |c| a.letters.contains(c) || result.contains(c))?;
            product(lower, at, &a, &b, &result)?
        }
        Err(mut others) => match (others.pop(), others.is_empty()) {
            (Some(one), true) => sum_out(lower, at, one, |c| result.contains(c))?,
            _ => return Err(at.unimplemented("more than two operands")),
        },
    };
    Ok(vec![ordered(lower, at, &all, &result)?])
}

/// Sums over the letters that nobody else has.
fn sum_out(
    lower: &mut Lower<'_, '_>,
    at: &At<'_, '_>,
    operand: Operand,
    stays: impl Fn(&char) -> bool,
) -> Result<Operand, ReadError> {
    let axes: Vec<i64> =
        operand.letters.iter().enumerate().filter(|(_, c)| !stays(c)).map(|(axis, _)| axis as i64).collect();
    if axes.is_empty() {
        return Ok(operand);
    }
    let op = ReduceOp::Reduce { fold: Fold::Sum, axes: Some(axes), keep: false, none_is_none: true };
    let slot = lower.add(at, op, &[operand.slot])?;
    Ok(Operand { slot, letters: operand.letters.into_iter().filter(stays).collect() })
}

/// Returns the tensor with its dimensions in this order.
fn ordered(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, of: &Operand, order: &[char]) -> Result<SlotId, ReadError> {
    let places = order.iter().map(|c| of.letters.iter().position(|known| known == c)).collect::<Option<Vec<_>>>();
    let places = places.filter(|places| places.len() == of.letters.len());
    let places = places.ok_or_else(|| at.fault("its equation does not fit its inputs"))?;
    if places.is_sorted() {
        return Ok(of.slot);
    }
    lower.add(at, LayoutOp::Transpose { order: Some(places) }, &[of.slot])
}

/// Returns the lengths of some dimensions, int64.
fn dims(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, of: SlotId, from: usize, to: usize) -> Result<SlotId, ReadError> {
    let op = LayoutOp::Shape { start: from as i64, end: Some(to as i64), dtype: DType::I64 };
    lower.add(at, op, &[of])
}

/// Returns the product of lengths, as a vector of one.
fn length(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, dims: SlotId) -> Result<SlotId, ReadError> {
    let op = ReduceOp::Reduce { fold: Fold::Prod, axes: Some(vec![0]), keep: true, none_is_none: true };
    lower.add(at, op, &[dims])
}

fn product(
    lower: &mut Lower<'_, '_>,
    at: &At<'_, '_>,
    a: &Operand,
    b: &Operand,
    result: &[char],
) -> Result<Operand, ReadError> {
    let pick = |of: &Operand, is: &dyn Fn(&char) -> bool| -> Vec<char> {
        of.letters.iter().copied().filter(|c| is(c)).collect()
    };
    let batch = pick(a, &|c| b.letters.contains(c) && result.contains(c));
    let summed = pick(a, &|c| b.letters.contains(c) && !result.contains(c));
    let (left, right) = (pick(a, &|c| !b.letters.contains(c)), pick(b, &|c| !a.letters.contains(c)));
    let left_side = ordered(lower, at, a, &[&batch[..], &left, &summed].concat())?;
    let right_side = ordered(lower, at, b, &[&batch[..], &summed, &right].concat())?;
    let (n, l, s) = (batch.len(), left.len(), summed.len());
    let of_batch = dims(lower, at, left_side, 0, n)?;
    let of_left = dims(lower, at, left_side, n, n + l)?;
    let of_sum = dims(lower, at, left_side, n + l, n + l + s)?;
    let of_right = dims(lower, at, right_side, n + s, n + s + right.len())?;
    let mut lengths = Vec::new();
    for of in [of_batch, of_left, of_sum, of_right] {
        lengths.push(length(lower, at, of)?);
    }
    let mut matrices = Vec::new();
    for (side, shape) in [(left_side, [0, 1, 2]), (right_side, [0, 2, 3])] {
        let shape = lower.add(at, LayoutOp::Concat { axis: 0 }, &shape.map(|i: usize| lengths[i]))?;
        matrices.push(lower.add(at, LayoutOp::Reshape { allow_zero: true }, &[side, shape])?);
    }
    let all = lower.add(at, DenseOp::MatMul { transpose: [false; 2] }, &matrices)?;
    let shape = lower.add(at, LayoutOp::Concat { axis: 0 }, &[of_batch, of_left, of_right])?;
    let slot = lower.add(at, LayoutOp::Reshape { allow_zero: true }, &[all, shape])?;
    Ok(Operand { slot, letters: [batch, left, right].concat() })
}
