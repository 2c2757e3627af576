//! Elements by their places and their order: gathering, scattering, sorting, counting; sparse and ragged tensors.

use model::{DType, Tensor};
use plan::tensor::{
    ElementOp, IndexOp, LayoutOp,
    index::{Merge, RowPart, SegmentFold},
};

use super::{At, Lower, Row, Slots, row};

/// Returns the row of a fold by segments.
macro_rules! segment {
    ($name:literal, $fold:expr) => {
        row($name, |lower, at| any(lower, at, IndexOp::Segment { fold: $fold }))
    };
}

/// Returns the row of a scatter onto a tensor.
macro_rules! scatter {
    ($name:literal, $merge:expr) => {
        row($name, |lower, at| any(lower, at, IndexOp::ScatterNd { merge: $merge, from_end: false }))
    };
}

pub(super) const ROWS: &[Row] = &[
    row("Gather", |lower, at| any(lower, at, IndexOp::Gather { axis: 0, batch: 0, from_end: false })),
    row("GatherV2", |lower, at| {
        let batch = batch(at)?;
        any(lower, at, IndexOp::Gather { axis: 0, batch, from_end: false })
    }),
    row("ResourceGather", |lower, at| {
        let batch = batch(at)?;
        any(lower, at, IndexOp::Gather { axis: batch as i64, batch, from_end: false })
    }),
    row("GatherNd", |lower, at| {
        let batch = batch(at)?;
        any(lower, at, IndexOp::GatherNd { batch, from_end: false })
    }),
    row("ResourceGatherNd", |lower, at| any(lower, at, IndexOp::GatherNd { batch: 0, from_end: false })),
    row("ScatterNd", scatter),
    scatter!("TensorScatterUpdate", Merge::Put),
    scatter!("TensorScatterAdd", Merge::Add),
    scatter!("TensorScatterSub", Merge::Sub),
    scatter!("TensorScatterMax", Merge::Max),
    scatter!("TensorScatterMin", Merge::Min),
    row("OneHot", |lower, at| {
        let [index, depth, on, off] = at.args::<4>()?;
        let op = IndexOp::OneHot { axis: at.site.int("axis").unwrap_or(-1), from_end: false };
        lower.add(at, op, &[index, depth, off, on]).map(|slot| vec![slot])
    }),
    row("Where", |lower, at| any(lower, at, IndexOp::NonZero { rows: true })),
    row("TopKV2", |lower, at| {
        let args = at.args::<2>()?.map(Some);
        lower.add_many(at, IndexOp::TopK { axis: -1, largest: true, dtype: DType::I32 }, &args)
    }),
    row("TopK", |lower, at| {
        let k = at.site.int("k").ok_or_else(|| at.fault("has no attribute `k`"))?;
        let k = lower.constant(Tensor::scalar(k));
        let args = [Some(at.arg(0)?), Some(k)];
        lower.add_many(at, IndexOp::TopK { axis: -1, largest: true, dtype: DType::I32 }, &args)
    }),
    row("InTopK", |lower, at| {
        let k = at.site.int("k").ok_or_else(|| at.fault("has no attribute `k`"))?;
        let ([scores, targets], k) = (at.args::<2>()?, lower.constant(Tensor::scalar(k)));
        lower.add(at, IndexOp::InTopK, &[scores, targets, k]).map(|slot| vec![slot])
    }),
    row("UniqueV2", |lower, at| {
        let dtype = at.dtype("out_idx", DType::I32)?;
        let op = IndexOp::Unique { axis: None, sorted: false, dtype };
        let slots = lower.add_many(at, op, &at.args::<2>()?.map(Some))?;
        Ok(vec![slots[0], slots[2]])
    }),
    row("UniqueWithCountsV2", |lower, at| {
        let dtype = at.dtype("out_idx", DType::I32)?;
        let op = IndexOp::Unique { axis: None, sorted: false, dtype };
        let slots = lower.add_many(at, op, &at.args::<2>()?.map(Some))?;
        Ok(vec![slots[0], slots[2], slots[3]])
    }),
    row("InTopKV2", |lower, at| any(lower, at, IndexOp::InTopK)),
    row("Unique", |lower, at| {
        let dtype = at.dtype("out_idx", DType::I32)?;
        let op = IndexOp::Unique { axis: None, sorted: false, dtype };
        let slots = lower.add_many(at, op, &[Some(at.arg(0)?)])?;
        Ok(vec![slots[0], slots[2]])
    }),
    row("UniqueWithCounts", |lower, at| {
        let dtype = at.dtype("out_idx", DType::I32)?;
        let op = IndexOp::Unique { axis: None, sorted: false, dtype };
        let slots = lower.add_many(at, op, &[Some(at.arg(0)?)])?;
        Ok(vec![slots[0], slots[2], slots[3]])
    }),
    row("ArgMax", |lower, at| extreme(lower, at, false)),
    row("ArgMin", |lower, at| extreme(lower, at, true)),
    row("LowerBound", |lower, at| {
        let dtype = at.dtype("out_type", DType::I32)?;
        any(lower, at, IndexOp::SearchSorted { right: false, dtype })
    }),
    row("UpperBound", |lower, at| {
        let dtype = at.dtype("out_type", DType::I32)?;
        any(lower, at, IndexOp::SearchSorted { right: true, dtype })
    }),
    row("Bucketize", bucketize),
    row("Bincount", |lower, at| any(lower, at, IndexOp::Bincount { binary: false, rows: false })),
    row("DenseBincount", |lower, at| {
        let binary = at.flag("binary_output");
        any(lower, at, IndexOp::Bincount { binary, rows: true })
    }),
    row("InvertPermutation", |lower, at| any(lower, at, IndexOp::InvertPermutation)),
    row("DynamicPartition", |lower, at| {
        let parts = at.site.int("num_partitions").and_then(|parts| usize::try_from(parts).ok());
        let parts = parts.filter(|parts| 0 < *parts && *parts <= 1 << 16);
        let parts = parts.ok_or_else(|| at.fault("has no usable attribute `num_partitions`"))?;
        let args = at.args::<2>()?.map(Some);
        lower.add_many(at, IndexOp::DynamicPartition { parts }, &args)
    }),
    row("DynamicStitch", |lower, at| any(lower, at, IndexOp::DynamicStitch)),
    row("ParallelDynamicStitch", |lower, at| any(lower, at, IndexOp::DynamicStitch)),
    row("SparseToDense", |lower, at| {
        let check = at.site.bool("validate_indices").unwrap_or(true);
        any(lower, at, IndexOp::SparseToDense { check })
    }),
    row("SparseTensorDenseMatMul", |lower, at| {
        let transpose = [at.flag("adjoint_a"), at.flag("adjoint_b")];
        any(lower, at, IndexOp::SparseMatMul { transpose })
    }),
    row("SparseReduceSum", |lower, at| {
        let keep = at.flag("keep_dims");
        any(lower, at, IndexOp::SparseReduce { max: false, keep })
    }),
    row("SparseReduceMax", |lower, at| {
        let keep = at.flag("keep_dims");
        any(lower, at, IndexOp::SparseReduce { max: true, keep })
    }),
    row("RaggedTensorToTensor", ragged),
    segment!("SegmentSum", SegmentFold::Sum),
    segment!("SegmentMean", SegmentFold::Mean),
    segment!("SegmentProd", SegmentFold::Prod),
    segment!("SegmentMax", SegmentFold::Max),
    segment!("SegmentMin", SegmentFold::Min),
    segment!("UnsortedSegmentSum", SegmentFold::Sum),
    segment!("UnsortedSegmentProd", SegmentFold::Prod),
    segment!("UnsortedSegmentMax", SegmentFold::Max),
    segment!("UnsortedSegmentMin", SegmentFold::Min),
    row("SparseSegmentSum", |lower, at| sparse_segment(lower, at, SegmentFold::Sum)),
    row("SparseSegmentMean", |lower, at| sparse_segment(lower, at, SegmentFold::Mean)),
    row("SparseSegmentSqrtN", |lower, at| sparse_segment(lower, at, SegmentFold::RootMean)),
];

fn any(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, op: IndexOp) -> Slots {
    at.arg(0)?;
    lower.add(at, op, &at.inputs).map(|slot| vec![slot])
}

fn batch(at: &At<'_, '_>) -> Result<usize, crate::ReadError> {
    let batch = at.site.int("batch_dims").unwrap_or(0);
    usize::try_from(batch).map_err(|_| at.unimplemented("negative `batch_dims`"))
}

/// Onto zeros.
fn scatter(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let [indices, updates, shape] = at.args::<3>()?;
    let zero = lower.number_like(at, updates, 0.0)?;
    let zeros = lower.add(at, LayoutOp::Fill, &[shape, zero])?;
    let op = IndexOp::ScatterNd { merge: Merge::Add, from_end: false };
    lower.add(at, op, &[zeros, indices, updates]).map(|slot| vec![slot])
}

fn extreme(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, least: bool) -> Slots {
    let dtype = at.dtype("output_type", DType::I64)?;
    let args = at.args::<2>()?;
    let op = IndexOp::Extreme { least, axis: 0, keep: false, last: false, dtype };
    lower.add(at, op, &args).map(|slot| vec![slot])
}

/// Bounds are float32, and so are integers when they are compared with them.
fn bucketize(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let [mut value] = at.args::<1>()?;
    let bounds = at.site.list("boundaries").map(|list| list.floats.clone()).unwrap_or_default();
    let bounds = match lower.dtype(value) {
        Some(DType::F64) => Tensor::vector(bounds.into_iter().map(f64::from).collect()),
        Some(DType::F32) => Tensor::vector(bounds),
        _ => {
            let cast = ElementOp::Cast { to: model::Type::F32, saturate: false };
            value = lower.add(at, cast, &[value])?;
            Tensor::vector(bounds)
        }
    };
    let bounds = lower.constant(bounds);
    let op = IndexOp::SearchSorted { right: true, dtype: DType::I32 };
    lower.add(at, op, &[bounds, value]).map(|slot| vec![slot])
}

fn ragged(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let types = at.site.list("row_partition_types").map(|list| list.bytes.clone()).unwrap_or_default();
    let part = |name: &[u8]| match name {
        b"FIRST_DIM_SIZE" => Ok(RowPart::FirstDim),
        b"VALUE_ROWIDS" => Ok(RowPart::RowIds),
        b"ROW_SPLITS" => Ok(RowPart::RowSplits),
        other => Err(at.fault(format_args!("has rows parted by {:?}", String::from_utf8_lossy(other)))),
    };
    let parts = types.into_iter().map(part).collect::<Result<Vec<_>, _>>()?;
    any(lower, at, IndexOp::RaggedToTensor { parts })
}

fn sparse_segment(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, fold: SegmentFold) -> Slots {
    let [data, places, segments] = at.args::<3>()?;
    let taken = lower.add(at, IndexOp::Gather { axis: 0, batch: 0, from_end: false }, &[data, places])?;
    lower.add(at, IndexOp::Segment { fold }, &[taken, segments]).map(|slot| vec![slot])
}
