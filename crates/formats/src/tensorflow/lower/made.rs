//! Ops that are made of others: guarded products, checks, diagonals, contrast.

use model::{DType, Type};
use plan::{
    SlotId,
    tensor::{Binary, CheckOp, ComplexFn, ElementOp, Fold, LayoutOp, ReduceOp, SignalOp, Unary, layout::Align},
};

use super::{At, Lower, Row, Slots, row};
use crate::ReadError;

pub(super) const ROWS: &[Row] = &[
    row("MulNoNan", |lower, at| {
        let [x, y] = at.args::<2>()?;
        let product = both(lower, at, Binary::Mul, x, y)?;
        unless_zero(lower, at, y, product)
    }),
    row("Xlog1py", |lower, at| {
        let [x, y] = at.args::<2>()?;
        let log = lower.add(at, ElementOp::Unary(Unary::Log1p), &[y])?;
        let product = both(lower, at, Binary::Mul, x, log)?;
        unless_zero(lower, at, x, product)
    }),
    row("ApproximateEqual", |lower, at| {
        let [x, y] = at.args::<2>()?;
        let apart = both(lower, at, Binary::Sub, x, y)?;
        let apart = lower.add(at, ElementOp::Unary(Unary::Abs), &[apart])?;
        let most = lower.number_like(at, x, at.site.float("tolerance").unwrap_or(1e-5).into())?;
        both(lower, at, Binary::Less, apart, most).map(|slot| vec![slot])
    }),
    row("L2Loss", |lower, at| {
        let [x] = at.args::<1>()?;
        let sum = fold(lower, at, Fold::SumSquare, None, x)?;
        let two = lower.number_like(at, x, 2.0)?;
        both(lower, at, Binary::Div, sum, two).map(|slot| vec![slot])
    }),
    row("CheckNumerics", finite),
    row("CheckNumericsV2", finite),
    row("Empty", |lower, at| {
        let [shape] = at.args::<1>()?;
        let dtype = at.dtype("dtype", DType::F32)?;
        let zero = super::value::scalar(dtype, 0.0).ok_or_else(|| at.unimplemented(format_args!("`dtype` {dtype}")))?;
        let zero = lower.constant(zero);
        lower.add(at, LayoutOp::Fill, &[shape, zero]).map(|slot| vec![slot])
    }),
    row("Diag", diag),
    row("DiagPart", diag_part),
    row("ConjugateTranspose", |lower, at| {
        let [x, order] = at.args::<2>()?;
        let turned = lower.add(at, LayoutOp::Transpose { order: None }, &[x, order])?;
        if lower.dtype(turned) != Some(DType::C64) {
            return Ok(vec![turned]);
        }
        lower.add(at, SignalOp::Of(ComplexFn::Conj), &[turned]).map(|slot| vec![slot])
    }),
    row("ParallelConcat", |lower, at| {
        at.arg(0)?;
        lower.add(at, LayoutOp::Concat { axis: 0 }, &at.inputs).map(|slot| vec![slot])
    }),
    row("AdjustContrastv2", |lower, at| {
        let [images, by] = at.args::<2>()?;
        let mean = fold(lower, at, Fold::Mean, Some(vec![-3, -2]), images)?;
        let apart = both(lower, at, Binary::Sub, images, mean)?;
        let apart = both(lower, at, Binary::Mul, apart, by)?;
        both(lower, at, Binary::Add, apart, mean).map(|slot| vec![slot])
    }),
];

type Slot = Result<SlotId, ReadError>;

fn both(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, op: Binary, a: SlotId, b: SlotId) -> Slot {
    lower.add(at, ElementOp::Binary(op), &[a, b])
}

fn fold(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, fold: Fold, axes: Option<Vec<i64>>, x: SlotId) -> Slot {
    let keep = axes.is_some();
    lower.add(at, ReduceOp::Reduce { fold, axes, keep, none_is_none: false }, &[x])
}

/// Returns 0 where a factor is, whatever the other is.
fn unless_zero(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, factor: SlotId, product: SlotId) -> Slots {
    let zero = lower.number_like(at, factor, 0.0)?;
    let is_zero = both(lower, at, Binary::Equal, factor, zero)?;
    lower.add(at, ElementOp::Select, &[is_zero, zero, product]).map(|slot| vec![slot])
}

/// The value, where it has no NaN and nothing infinite.
fn finite(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let [x] = at.args::<1>()?;
    let is_finite = lower.add(at, ElementOp::Unary(Unary::IsFinite), &[x])?;
    lower.add(at, CheckOp::Require, &[x, is_finite]).map(|slot| vec![slot])
}

fn shape_of(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, x: SlotId) -> Slot {
    lower.add(at, LayoutOp::Shape { start: 0, end: None, dtype: DType::I64 }, &[x])
}

fn reshaped(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, x: SlotId, shape: SlotId) -> Slot {
    lower.add(at, LayoutOp::Reshape { allow_zero: true }, &[x, shape])
}

const LEFT: Align = Align { upper_right: false, lower_right: false };

/// A tensor on the diagonal of one of twice its dimensions.
fn diag(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let [x] = at.args::<1>()?;
    let shape = shape_of(lower, at, x)?;
    let all = lower.ints(&[-1]);
    let flat = reshaped(lower, at, x, all)?;
    let matrix = lower.add(at, LayoutOp::MatrixDiag { align: LEFT }, &[flat])?;
    let twice = lower.add(at, LayoutOp::Concat { axis: 0 }, &[shape, shape])?;
    reshaped(lower, at, matrix, twice).map(|slot| vec![slot])
}

fn diag_part(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let [x] = at.args::<1>()?;
    let shape = shape_of(lower, at, x)?;
    let split = LayoutOp::Split { axis: 0, outputs: 2, uneven: false };
    let halves = lower.add_many(at, split, &[Some(shape)])?;
    let sizes = [halves[0], halves[1]].map(|half| {
        let size = lower.add(
            at,
            ReduceOp::Reduce { fold: Fold::Prod, axes: None, keep: false, none_is_none: false },
            &[half],
        )?;
        let axis = lower.ints(&[1]);
        reshaped(lower, at, size, axis)
    });
    let [rows, columns] = sizes;
    let sizes = lower.add(at, LayoutOp::Concat { axis: 0 }, &[rows?, columns?])?;
    let matrix = reshaped(lower, at, x, sizes)?;
    let part = lower.add(at, LayoutOp::MatrixDiagPart { align: LEFT }, &[matrix])?;
    reshaped(lower, at, part, halves[0]).map(|slot| vec![slot])
}

/// Returns the value as another type.
pub(super) fn cast(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, x: SlotId, to: DType) -> Slot {
    if lower.dtype(x) == Some(to) {
        return Ok(x);
    }
    lower.add(at, ElementOp::Cast { to: Type::scalar(to), saturate: false }, &[x])
}
