//! Elements by their places and by their order.

mod count;
mod order;
mod pick;
mod rows;
mod scatter;
mod segment;
mod sort;
mod sparse;
mod suppress;

use model::{Tensor, each_element, tensor::Element};
use plan::tensor::IndexOp;

use super::{
    Args, Done, axis, ints,
    layout::{View, shape_of, strided, transpose},
    refuse, refuse_type, shape, too_large, write_ints,
};

/// An op of the family, ready to run.
pub(super) struct IndexKernel(IndexOp);

impl IndexKernel {
    pub(super) fn new(op: &IndexOp) -> IndexKernel {
        IndexKernel(op.clone())
    }

    pub(super) fn run(&self, args: &Args<'_>) -> Done {
        args.call.check()?;
        match &self.0 {
            IndexOp::TopK { axis, largest, dtype } => return sort::top_k(args, *axis, *largest, *dtype),
            IndexOp::Unique { axis, sorted, dtype } => return sort::unique(args, *axis, *sorted, *dtype),
            IndexOp::SparseReshape => return rows::reshape(args),
            IndexOp::SparseFillRows => return rows::fill_empty(args),
            IndexOp::SparseReorder => return rows::reorder(args),
            IndexOp::DynamicPartition { parts } => return segment::partition(args, *parts),
            _ => {}
        }
        let Some(mut out) = args.out(0) else { return Ok(()) };
        match &self.0 {
            IndexOp::DynamicStitch => segment::stitch(args, &mut out),
            IndexOp::RaggedToTensor { parts } => sparse::ragged(args, parts, &mut out),
            _ => self.write(args, &*args.get(0)?, &mut out),
        }
    }

    fn write(&self, args: &Args<'_>, x: &Tensor, out: &mut Tensor) -> Done {
        match &self.0 {
            IndexOp::Gather { axis, batch, from_end } => {
                let axis = match args.ints(2)?.as_deref() {
                    None => *axis,
                    Some([axis]) => *axis,
                    Some(more) => return Err(refuse("one axis", format!("{more:?}"))),
                };
                gather(x, &*args.get(1)?, axis, *batch, *from_end, out)
            }
            IndexOp::GatherElements { axis } => scatter::gather_elements(x, &*args.get(1)?, *axis, out),
            IndexOp::GatherNd { batch, from_end } => scatter::gather_nd(x, &*args.get(1)?, *batch, *from_end, out),
            IndexOp::ScatterElements { axis, merge } => {
                scatter::scatter_elements([x, &*args.get(1)?, &*args.get(2)?], *axis, *merge, out)
            }
            IndexOp::ScatterNd { merge, from_end } => {
                scatter::scatter_nd([x, &*args.get(1)?, &*args.get(2)?], *merge, *from_end, out)
            }
            IndexOp::TensorScatter { axis, circular } => {
                scatter::tensor_scatter(x, &*args.get(1)?, args.ints(2)?.as_deref(), *axis, *circular, out)
            }
            IndexOp::OneHot { axis, from_end } => {
                pick::one_hot([x, &*args.get(1)?, &*args.get(2)?, &*args.get(3)?], *axis, *from_end, out)
            }
            IndexOp::NonZero { rows } => pick::non_zero(x, *rows, out),
            IndexOp::Compress { axis } => pick::compress(x, &*args.get(1)?, *axis, out),
            IndexOp::Extreme { least, axis, keep, last, dtype } => {
                let axis = match args.ints(1)?.as_deref() {
                    None => *axis,
                    Some([axis]) => *axis,
                    Some(more) => return Err(refuse("one axis", format!("{more:?}"))),
                };
                sort::extreme(x, (*least, *last), axis, *keep, *dtype, out)
            }
            IndexOp::SearchSorted { right, dtype } => sort::search_sorted(x, &*args.get(1)?, *right, *dtype, out),
            IndexOp::InTopK => sort::in_top_k(x, &*args.get(1)?, &*args.get(2)?, out),
            IndexOp::Bincount { binary, rows } => {
                count::bincount(x, &*args.get(1)?, &*args.get(2)?, *binary, *rows, out)
            }
            IndexOp::InvertPermutation => count::invert(x, out),
            IndexOp::SparseToDense { check } => {
                sparse::to_dense(x, &*args.get(1)?, &*args.get(2)?, &*args.get(3)?, *check, out)
            }
            IndexOp::SparseMatMul { transpose } => {
                sparse::mat_mul([x, &*args.get(1)?, &*args.get(2)?, &*args.get(3)?], *transpose, out)
            }
            IndexOp::SparseReduce { max, keep } => {
                let axes = args.ints(3)?.unwrap_or_default();
                sparse::reduce([x, &*args.get(1)?, &*args.get(2)?], &axes, *max, *keep, out)
            }
            IndexOp::Segment { fold } => segment::segment(x, &*args.get(1)?, args.ints(2)?.as_deref(), *fold, out),
            IndexOp::NonMaxSuppression { center } => suppress::run(args, x, *center, out),
            _ => Err(refuse("an op on one tensor", self.0.name())),
        }
    }
}

/// Returns the place that an index means among `length`.
pub(super) fn place(index: i64, length: usize, from_end: bool) -> Result<usize, model::PredictError> {
    let at = if from_end && index < 0 { index + length as i64 } else { index };
    match usize::try_from(at) {
        Ok(at) if at < length => Ok(at),
        _ => Err(refuse(format!("indices below {length}"), index.to_string())),
    }
}

/// Writes slices along an axis.
fn gather(data: &Tensor, indices: &Tensor, along: i64, batch: usize, from_end: bool, out: &mut Tensor) -> Done {
    let along = axis(along, data.rank())?;
    let common = batch <= along && batch <= indices.rank() && data.shape()[..batch] == indices.shape()[..batch];
    if !common {
        let expected = format!("indices whose first {batch} dimensions are those of {}", data.shape());
        return Err(refuse(expected, indices.shape().to_string()));
    }
    let length = data.shape()[along];
    let places = ints(indices)?;
    let places = places.into_iter().map(|i| place(i, length, from_end)).collect::<Result<Vec<_>, _>>()?;
    let dims = [&data.shape()[..along], &indices.shape()[batch..], &data.shape()[along + 1..]].concat();
    let to = shape(&dims)?;
    let batches: usize = data.shape()[..batch].iter().product();
    let outer: usize = data.shape()[batch..along].iter().product();
    let inner: usize = data.shape()[along + 1..].iter().product();
    let each = places.len() / batches.max(1);
    fn of<T: Element>(
        from: &[T],
        to: model::Shape,
        places: &[usize],
        (batches, outer, length, inner, each): (usize, usize, usize, usize, usize),
        out: &mut Tensor,
    ) -> Done {
        let result = out.make::<T>(to).map_err(too_large)?;
        let mut begin = 0;
        for b in 0..batches {
            for o in 0..outer {
                let base = (b * outer + o) * length;
                for &place in &places[b * each..(b + 1) * each] {
                    let at = (base + place) * inner;
                    result[begin..begin + inner].clone_from_slice(&from[at..at + inner]);
                    begin += inner;
                }
            }
        }
        Ok(())
    }
    each_element!(data.data(), elements => of(elements, to, &places, (batches, outer, length, inner, each), out))
}
