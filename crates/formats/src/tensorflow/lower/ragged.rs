//! Sparse and ragged tensors that stay so: crosses of features, joins, parts, sums, counts, rows.

use model::{DType, Tensor};
use plan::{
    SlotId,
    tensor::{Binary, Crossing, ElementOp, Fold, IndexOp, LayoutOp, Merge, ReduceOp, SparseOp},
};

use super::{At, Lower, Row, Slots, row};
use crate::ReadError;

pub(super) const ROWS: &[Row] = &[
    row("SparseCross", |lower, at| {
        let how = match at.flag("hashed_output") {
            false => Crossing::Text { separator: (*b"_X_").into() },
            true => {
                let key = at.site.int("hash_key").unwrap_or(0) as u64;
                Crossing::Keyed { buckets: buckets(at, at.site.int("num_buckets").unwrap_or(0))?, key }
            }
        };
        cross(lower, at, 0, how)
    }),
    row("SparseCrossV2", |lower, at| {
        let separator = at.inputs.last().and_then(|slot| lower.known_text(*slot));
        let separator = separator.ok_or_else(|| at.unimplemented("a separator that is computed"))?;
        cross(lower, at, 1, Crossing::Text { separator })
    }),
    row("SparseCrossHashed", cross_hashed),
    row("SparseConcat", |lower, at| {
        let (axis, count) = (at.site.int("concat_dim").unwrap_or(0), count(at, "N")?);
        several(lower, at, SparseOp::Concat { axis, count })
    }),
    row("SparseSlice", |lower, at| several(lower, at, SparseOp::Slice)),
    row("SparseAdd", |lower, at| several(lower, at, SparseOp::Add)),
    row("SparseDenseCwiseAdd", |lower, at| with_dense(lower, at, Binary::Add)),
    row("SparseDenseCwiseMul", |lower, at| with_dense(lower, at, Binary::Mul)),
    row("SparseDenseCwiseDiv", |lower, at| with_dense(lower, at, Binary::Div)),
    row("SparseTensorDenseAdd", |lower, at| {
        let [indices, values, _, dense] = at.args::<4>()?;
        let op = IndexOp::ScatterNd { merge: Merge::Add, from_end: false };
        lower.add(at, op, &[dense, indices, values]).map(|slot| vec![slot])
    }),
    row("SparseBincount", |lower, at| {
        let [indices, values, shape, size, weights] = at.args::<5>()?;
        // All axes but the last, of which there is one at most, are those of the result.
        let (none, last, axis) = (lower.ints(&[0]), lower.ints(&[-1]), lower.ints(&[1]));
        let outer = lower.add(at, LayoutOp::Slice, &[shape, none, last])?;
        let rows = lower.add(at, LayoutOp::Slice, &[indices, none, last, axis])?;
        let fold = ReduceOp::Reduce { fold: Fold::Sum, axes: Some(vec![1]), keep: false, none_is_none: false };
        let rows = lower.add(at, fold, &[rows])?;
        counted(lower, at, [rows, outer, values, size, weights])
    }),
    row("RaggedBincount", |lower, at| {
        let [splits, values, size, weights] = at.args::<4>()?;
        let count = lower.add(at, LayoutOp::Size { dtype: DType::I64 }, &[values])?;
        let (zero, one) = (lower.constant(Tensor::scalar(0_i64)), lower.constant(Tensor::scalar(1_i64)));
        let places = lower.add(at, LayoutOp::Range { strict: true }, &[zero, count, one])?;
        let splits = super::made::cast(lower, at, splits, DType::I64)?;
        let behind = lower.add(at, IndexOp::SearchSorted { right: true, dtype: DType::I64 }, &[splits, places])?;
        let rows = both(lower, at, Binary::Sub, behind, one)?;
        let shape = lower.add(at, LayoutOp::Shape { start: 0, end: None, dtype: DType::I64 }, &[splits])?;
        let outer = both(lower, at, Binary::Sub, shape, one)?;
        counted(lower, at, [rows, outer, values, size, weights])
    }),
    row("RaggedRange", |lower, at| {
        let splits = at.dtype("Tsplits", DType::I64)?;
        several(lower, at, SparseOp::Range { splits })
    }),
    row("RaggedGather", |lower, at| {
        let (splits, outputs) = (count(at, "PARAMS_RAGGED_RANK")?, count(at, "OUTPUT_RAGGED_RANK")?);
        if splits == 0 || at.inputs.len() != splits + 2 || outputs < splits {
            return Err(at.fault(format_args!("has {} inputs and a ragged rank of {outputs}", at.inputs.len())));
        }
        several(lower, at, SparseOp::Gather { splits, outputs })
    }),
    row("RaggedTensorToSparse", |lower, at| {
        let splits = count(at, "RAGGED_RANK")?;
        if splits == 0 || at.inputs.len() != splits + 1 {
            return Err(at.fault(format_args!("has {} inputs", at.inputs.len())));
        }
        several(lower, at, SparseOp::FromRagged { splits })
    }),
];

fn several(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, op: SparseOp) -> Slots {
    let inputs: Vec<Option<SlotId>> = at.inputs.iter().copied().map(Some).collect();
    lower.add_many(at, op, &inputs)
}

fn both(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, op: Binary, a: SlotId, b: SlotId) -> Result<SlotId, ReadError> {
    lower.add(at, ElementOp::Binary(op), &[a, b])
}

/// Returns an attribute that counts inputs or outputs.
fn count(at: &At<'_, '_>, name: &str) -> Result<usize, ReadError> {
    let count = at.site.int(name).and_then(|count| usize::try_from(count).ok());
    let count = count.filter(|count| *count <= at.inputs.len());
    count.ok_or_else(|| at.fault(format_args!("has no usable number in its attribute `{name}`")))
}

fn buckets(at: &At<'_, '_>, buckets: i64) -> Result<u64, ReadError> {
    u64::try_from(buckets).map_err(|_| at.fault(format_args!("has {buckets} buckets")))
}

/// Crosses the columns that are all inputs but the last ones.
fn cross(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, behind: usize, how: Crossing) -> Slots {
    let sparse = count(at, "N")?;
    let columns = at.inputs.len().checked_sub(behind).and_then(|count| Some((count, count.checked_sub(3 * sparse)?)));
    let (all, dense) = columns.ok_or_else(|| at.fault(format_args!("has {} inputs", at.inputs.len())))?;
    let inputs: Vec<Option<SlotId>> = at.inputs[..all].iter().copied().map(Some).collect();
    lower.add_many(at, SparseOp::Cross { sparse, dense, how }, &inputs)
}

fn cross_hashed(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let Some(&[.., number, strong, salt]) = at.inputs.get(..) else { return Err(at.fault("has too few inputs")) };
    let known = |what: &str| at.unimplemented(format_args!("{what} that is computed"));
    let number = lower.known_ints(number).ok_or_else(|| known("a number of buckets"))?;
    let strong = lower.constants.get(&strong).and_then(|whole| whole.as_tensor()?.get::<bool>()?.first().copied());
    let salt = match strong.ok_or_else(|| known("a kind of hash"))? {
        false => None,
        true => match lower.known_ints(salt).ok_or_else(|| known("a salt"))?[..] {
            [a, b] => Some([a as u64, b as u64]),
            _ => return Err(at.fault("has a salt of other than two numbers")),
        },
    };
    let buckets = buckets(at, number.first().copied().unwrap_or(0))?;
    cross(lower, at, 3, Crossing::Hashed { buckets, salt })
}

/// Each value with the element of a dense tensor that stands at its place.
fn with_dense(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, op: Binary) -> Slots {
    let [indices, values, shape, dense] = at.args::<4>()?;
    let dense = lower.add(at, LayoutOp::Expand { both: false }, &[dense, shape])?;
    let elements = lower.add(at, IndexOp::GatherNd { batch: 0, from_end: false }, &[dense, indices])?;
    both(lower, at, op, values, elements).map(|slot| vec![slot])
}

/// Counts values by their rows: of a size for each row, those that are not below it passed over.
fn counted(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, [rows, outer, values, size, weights]: [SlotId; 5]) -> Slots {
    let binary = at.flag("binary_output");
    let values = super::made::cast(lower, at, values, DType::I64)?;
    let size = super::made::cast(lower, at, size, DType::I64)?;
    let vector = lower.ints(&[1]);
    let sizes = lower.add(at, LayoutOp::Reshape { allow_zero: true }, &[size, vector])?;
    let shape = lower.add(at, LayoutOp::Concat { axis: 0 }, &[outer, sizes])?;
    let fold = ReduceOp::Reduce { fold: Fold::Prod, axes: None, keep: false, none_is_none: false };
    let all = lower.add(at, fold, &[shape])?;
    let begins = both(lower, at, Binary::Mul, rows, size)?;
    let places = both(lower, at, Binary::Add, begins, values)?;
    let is_below = both(lower, at, Binary::Less, values, size)?;
    let places = lower.add(at, ElementOp::Select, &[is_below, places, all])?;
    // A negative value is refused wherever its row is.
    let zero = lower.constant(Tensor::scalar(0_i64));
    let is_negative = both(lower, at, Binary::Less, values, zero)?;
    let places = lower.add(at, ElementOp::Select, &[is_negative, values, places])?;
    let counts = lower.add(at, IndexOp::Bincount { binary, rows: false }, &[places, all, weights])?;
    lower.add(at, LayoutOp::Reshape { allow_zero: true }, &[counts, shape]).map(|slot| vec![slot])
}
