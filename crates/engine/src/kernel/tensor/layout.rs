//! What moves elements without computing on them.

use model::{
    DType, PredictError, Shape, Tensor, each_element,
    tensor::{Element, RANK_MAX},
};
use plan::tensor::LayoutOp;

use super::{Args, Done, axis, refuse, shape, too_large};

/// An op of the family, ready to run.
pub(super) struct LayoutKernel(LayoutOp);

impl LayoutKernel {
    pub(super) fn new(op: &LayoutOp) -> LayoutKernel {
        LayoutKernel(op.clone())
    }

    pub(super) fn run(&self, args: &Args<'_>) -> Done {
        match &self.0 {
            LayoutOp::Identity => {
                let value = args.whole(0).ok_or_else(|| refuse("a value", "nothing"))?.clone();
                args.put(0, value);
            }
            LayoutOp::Reshape { allow_zero } => {
                let x = args.get(0)?;
                let to = args.ints(1)?.unwrap_or_default();
                let to = reshaped(x.shape(), &to, *allow_zero)?;
                args.put(0, x.reshaped(to).map_err(too_large)?);
            }
            LayoutOp::Transpose { order } => {
                let Some(mut out) = args.out(0) else { return Ok(()) };
                let x = args.get(0)?;
                let order = match (args.ints(1)?, order) {
                    (Some(order), _) => order.iter().map(|&at| axis(at, x.rank())).collect::<Result<Vec<_>, _>>()?,
                    (None, Some(order)) => order.clone(),
                    (None, None) => (0..x.rank()).rev().collect(),
                };
                transpose(&x, &order, &mut out)?;
            }
            LayoutOp::Shape { start, end, dtype } => {
                let Some(mut out) = args.out(0) else { return Ok(()) };
                let x = args.get(0)?;
                let rank = x.rank() as i64;
                let place = |at: i64| (if at < 0 { at + rank } else { at }).clamp(0, rank) as usize;
                let (start, end) = (place(*start), end.map_or(x.rank(), place));
                dims(&x.shape()[start..end.max(start)], *dtype, &mut out)?;
            }
            LayoutOp::Concat { axis: along } => {
                let Some(mut out) = args.out(0) else { return Ok(()) };
                let tensors = (0..args.count()).map(|i| args.get(i)).collect::<Result<Vec<_>, _>>()?;
                let tensors: Vec<&Tensor> = tensors.iter().map(|tensor| &**tensor).collect();
                concat(&tensors, *along, &mut out)?;
            }
        }
        Ok(())
    }
}

/// Returns the shape that the dimensions mean for a tensor of this one.
pub(super) fn reshaped(from: &Shape, to: &[i64], allow_zero: bool) -> Result<Shape, PredictError> {
    let wrong = || refuse(format!("a shape for the elements of {from}"), format!("{to:?}"));
    if to.len() > RANK_MAX {
        return Err(too_large(model::tensor::TensorError::Rank(to.len())));
    }
    let mut dims = [0; RANK_MAX];
    let mut rest = None;
    for (i, &dim) in to.iter().enumerate() {
        dims[i] = match dim {
            -1 if rest.is_none() => {
                rest = Some(i);
                1
            }
            0 if !allow_zero => *from.get(i).ok_or_else(wrong)?,
            dim => usize::try_from(dim).map_err(|_| wrong())?,
        };
    }
    let mut shape = shape(&dims[..to.len()])?;
    let elements = from.elements();
    if let Some(rest) = rest {
        let others = shape.checked_elements().filter(|&n| n > 0 && elements.is_multiple_of(n)).ok_or_else(wrong)?;
        shape = shape.with(rest, elements / others);
    }
    if shape.checked_elements() == Some(elements) { Ok(shape) } else { Err(wrong()) }
}

fn dims(dims: &[usize], dtype: DType, out: &mut Tensor) -> Done {
    let of = shape(&[dims.len()])?;
    match dtype {
        DType::I32 => {
            let to = out.make::<i32>(of).map_err(too_large)?;
            to.iter_mut().zip(dims).for_each(|(to, &dim)| *to = i32::try_from(dim).unwrap_or(i32::MAX));
        }
        _ => {
            let to = out.make::<i64>(of).map_err(too_large)?;
            to.iter_mut().zip(dims).for_each(|(to, &dim)| *to = dim as i64);
        }
    }
    Ok(())
}

/// Writes the tensor with its axes in this order.
pub(super) fn transpose(x: &Tensor, order: &[usize], out: &mut Tensor) -> Done {
    let rank = x.rank();
    let mut seen = [false; RANK_MAX];
    let fits = order.len() == rank && order.iter().all(|&at| at < rank && !std::mem::replace(&mut seen[at], true));
    if !fits {
        return Err(refuse(format!("each axis of a tensor of rank {rank} once"), format!("{order:?}")));
    }
    let mut strides = [1; RANK_MAX];
    for i in (0..rank.saturating_sub(1)).rev() {
        strides[i] = strides[i + 1] * x.shape()[i + 1];
    }
    let dims: Vec<usize> = order.iter().map(|&at| x.shape()[at]).collect();
    let steps: Vec<usize> = order.iter().map(|&at| strides[at]).collect();
    let to = shape(&dims)?;
    fn of<T: Element>(from: &[T], to: Shape, steps: &[usize], out: &mut Tensor) -> Done {
        let result = out.make::<T>(to).map_err(too_large)?;
        strided(&to, steps, |begin, length, from_begin, step| {
            for (i, to) in result[begin..begin + length].iter_mut().enumerate() {
                *to = from[from_begin + i * step].clone();
            }
        });
        Ok(())
    }
    each_element!(x.data(), elements => of(elements, to, &steps, out))
}

/// Calls `run` with the innermost runs of a shape whose axes lie `steps` apart in another buffer: where the run begins here,
/// its length, where it begins there, and its step there.
pub(super) fn strided(shape: &Shape, steps: &[usize], mut run: impl FnMut(usize, usize, usize, usize)) {
    if shape.elements() == 0 {
        return;
    }
    let Some((&length, outer)) = shape.split_last() else { return run(0, 1, 0, 1) };
    let step = steps[outer.len()];
    let mut at = [0; RANK_MAX];
    let (mut begin, mut from) = (0, 0);
    loop {
        run(begin, length, from, step);
        begin += length;
        let mut i = outer.len();
        loop {
            if i == 0 {
                return;
            }
            i -= 1;
            at[i] += 1;
            from += steps[i];
            if at[i] < outer[i] {
                break;
            }
            from -= steps[i] * outer[i];
            at[i] = 0;
        }
    }
}

fn concat(tensors: &[&Tensor], along: i64, out: &mut Tensor) -> Done {
    let Some(first) = tensors.first() else { return Err(refuse("one tensor at least", "none")) };
    let along = axis(along, first.rank())?;
    let mut length = 0usize;
    for tensor in tensors {
        let alike = tensor.rank() == first.rank() && tensor.shape().with(along, 0) == first.shape().with(along, 0);
        if !alike || tensor.dtype() != first.dtype() {
            let expected = format!("tensors that differ from {} along axis {along} alone", first.shape());
            return Err(refuse(expected, tensor.shape().to_string()));
        }
        length = length.saturating_add(tensor.shape()[along]);
    }
    let to = first.shape().with(along, length);
    fn of<T: Element>(_: &[T], tensors: &[&Tensor], to: Shape, along: usize, out: &mut Tensor) -> Done {
        let result = out.make::<T>(to).map_err(too_large)?;
        let inner: usize = to[along + 1..].iter().product();
        let outer: usize = to[..along].iter().product();
        let row = to[along] * inner;
        let mut begin = 0;
        for tensor in tensors {
            let from = tensor.get::<T>().expect("of one type, as was just seen");
            let part = tensor.shape()[along] * inner;
            for i in 0..outer {
                let at = i * row + begin;
                result[at..at + part].clone_from_slice(&from[i * part..(i + 1) * part]);
            }
            begin += part;
        }
        Ok(())
    }
    each_element!(first.data(), elements => of(elements, tensors, to, along, out))
}
