//! Elements by their places.

use model::{Tensor, each_element, tensor::Element};
use plan::tensor::IndexOp;

use super::{Args, Done, axis, ints, refuse, shape, too_large};

/// An op of the family, ready to run.
pub(super) struct IndexKernel(IndexOp);

impl IndexKernel {
    pub(super) fn new(op: &IndexOp) -> IndexKernel {
        IndexKernel(op.clone())
    }

    pub(super) fn run(&self, args: &Args<'_>) -> Done {
        let Some(mut out) = args.out(0) else { return Ok(()) };
        match &self.0 {
            IndexOp::Gather { axis, batch, from_end } => {
                gather(&*args.get(0)?, &*args.get(1)?, *axis, *batch, *from_end, &mut out)
            }
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
